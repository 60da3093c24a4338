"""Show limit, use, reservations and what is left of every budget.

Examples:

    botkit budgets list
    botkit budgets list everyone
    botkit budgets list --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("budget", default="")
async def command(out: Output, budget: str) -> None:
    from botkit.cli.money import budget_table
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.budgets.list(budget=budget)
    out.result(found, budget_table(found))
