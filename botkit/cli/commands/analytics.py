"""Show who used which tool, how often and how well.

Examples:

    botkit analytics
    botkit analytics --server orders --period 30d
    botkit analytics --workspace desk --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import PERIOD
from botkit.cli.output import Output, Table, clock_time


@verb
@click.option("--workspace", default="", help="Only calls in this workspace.")
@click.option("--server", default="", help="Only calls of this server.")
@click.option("--period", type=PERIOD, default="7d", show_default=True, help="How far back.")
async def command(out: Output, workspace: str, server: str, period: float) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.reports.tools(period_s=period, server=server, workspace=workspace)
    rows = [
        (use.user, use.tool, use.calls, use.errors, round(use.average_ms, 1), clock_time(use.last_used))
        for use in found
    ]
    columns = ("USER", "TOOL", "CALLS", "ERRORS", "AVERAGE MS", "LAST USED")
    out.result(found, Table(columns, rows, empty="No tool was called in this time."))
