"""Begin the count of a budget anew, before its period ends.

Examples:

    botkit budgets reset bots.helper.spending_cap
    botkit budgets reset everyone --who person:ada
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("budget")
@click.option("--who", default="", help="Whose count, as budgets list shows it; not needed where there is one.")
async def command(out: Output, budget: str, who: str) -> None:
    from botkit.cli.money import budget_table
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        rows = await ops.budgets.reset(budget=budget, who=who, by=whoami())
    out.result(rows, budget_table(rows))
