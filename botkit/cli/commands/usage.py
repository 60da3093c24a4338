"""Show tokens and money spent on language models.

Examples:

    botkit usage
    botkit usage --by model --period 30d
    botkit usage --by day --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import PERIOD
from botkit.cli.output import Output, Table


@verb
@click.option(
    "--by",
    type=click.Choice(("bot", "model", "person", "channel", "day")),
    default="bot",
    show_default=True,
    help="One row for each.",
)
@click.option("--period", type=PERIOD, default="30d", show_default=True, help="How far back.")
async def command(out: Output, by: str, period: float) -> None:
    from typing import cast

    from botkit.app.operations.reports import UsageKey
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.reports.usage(period_s=period, by=cast("UsageKey", by))
    rows = [
        (row.key, row.calls, row.input_tokens, row.output_tokens, f"{row.cost_cents / 100:.4f}")
        for row in (*found.rows, *((found.total,) if found.rows else ()))
    ]
    columns = (by.upper(), "CALLS", "INPUT TOKENS", "OUTPUT TOKENS", "COST")
    out.result(found, Table(columns, rows, empty="No model was called in this time."))
