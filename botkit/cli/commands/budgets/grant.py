"""Add to a budget until its period ends.

Examples:

    botkit budgets grant monthly --spend 5
    botkit budgets grant everyone --who person:ada --tokens 50000
"""

from __future__ import annotations

import re

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("budget")
@click.option("--who", default="", help="Whose count, as budgets list shows it; not needed where there is one.")
@click.option("--spend", default="", help="Money, in settings.currency, such as 2.50.")
@click.option("--tokens", type=click.IntRange(1), default=None, help="Model tokens.")
@click.option("--tool-calls", type=click.IntRange(1), default=None, help="Tool calls.")
async def command(out: Output, budget: str, who: str, spend: str, tokens: int | None, tool_calls: int | None) -> None:
    from botkit.cli.money import budget_table
    from botkit.cli.session import operations, whoami

    if not (spend or tokens or tool_calls):
        raise click.UsageError("say what to add: --spend, --tokens or --tool-calls")
    if spend and not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", spend):
        raise click.UsageError("--spend takes an amount such as 5 or 2.50")
    async with operations() as ops:
        rows = await ops.budgets.grant(
            budget=budget, who=who, spend=spend, tokens=tokens or 0, tool_calls=tool_calls or 0, by=whoami()
        )
    out.result(rows, budget_table(rows))
