"""Show who used which tool, what was slow, what failed, what models cost, and what people thought of answers.

Examples:

    botkit analytics
    botkit analytics --server orders --period 30d
    botkit analytics --workspace desk --member ada
    botkit analytics --tool orders__refund --json
    botkit analytics --csv
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from botkit.cli.command import verb
from botkit.cli.options import PERIOD
from botkit.cli.output import Output, Table, clock_time
from botkit.cli.spreadsheet import csv_line

if TYPE_CHECKING:
    from botkit.app.operations.calls import CallReport

_SHOWN = 20
"""Rows of each of the tables beside the first."""


@verb
@click.option("--workspace", default="", help="Only calls in this workspace.")
@click.option("--server", default="", help="Only calls of this server.")
@click.option("--member", default="", help="Only calls of this member or person, by name or id.")
@click.option("--tool", default="", help="Only calls of this tool, as server__tool.")
@click.option("--period", type=PERIOD, default="7d", show_default=True, help="How far back.")
@click.option("--csv", "as_csv", is_flag=True, help="Print users and tools as comma-separated values.")
async def command(
    out: Output, workspace: str, server: str, member: str, tool: str, period: float, as_csv: bool
) -> None:
    from botkit.cli.session import operations
    from botkit.core.analytics import CallFilter

    if as_csv and out.json:
        raise click.UsageError("--csv and --json do not go together")
    since = int((time.time() - period) * 1_000_000)
    wanted = CallFilter(workspace=workspace, server=server, tool=tool, since=since)
    async with operations() as ops:
        report = await ops.calls.report(wanted=wanted, member=member)
    if as_csv:
        _print_csv(report)
        return
    out.result(report, _tables(report))


def _print_csv(report: CallReport) -> None:
    click.echo(csv_line(("user", "tool", "workspace", "server", "calls", "errors", "average_ms", "last_used")))
    for use in report.uses:
        last_used = _iso(use.last_used)
        row = (
            use.user,
            use.tool,
            use.workspace,
            use.server,
            use.calls,
            use.errors,
            round(use.average_ms, 3),
            last_used,
        )
        click.echo(csv_line(row))


def _iso(micros: int) -> str:
    from botkit.core.clock import from_micros

    return from_micros(micros).isoformat(timespec="milliseconds")


def _tables(report: CallReport) -> list[Table | str]:
    uses = Table(
        ("USER", "TOOL", "CALLS", "ERRORS", "AVERAGE MS", "LAST USED"),
        [
            (use.user, use.tool, use.calls, use.errors, round(use.average_ms, 1), clock_time(use.last_used))
            for use in report.uses
        ],
        empty="No tool was called in this time.",
    )
    blocks: list[Table | str] = [uses]
    if report.tools:
        rows = [
            (one.tool, one.calls, f"{one.error_rate:.1%}", one.p50_ms, one.p95_ms, one.max_ms)
            for one in report.tools[:_SHOWN]
        ]
        blocks += ["\nSlowest tools", Table(("TOOL", "CALLS", "FAILED", "P50 MS", "P95 MS", "MAX MS"), rows)]
    if report.limits:
        hits = [(one.user, one.tool, one.calls, clock_time(one.last_at)) for one in report.limits[:_SHOWN]]
        blocks += ["\nWho hit limits", Table(("USER", "TOOL", "REFUSED", "LAST"), hits)]
    if report.models:
        spent = [
            (one.user, one.bot, one.calls, one.input_tokens, one.output_tokens, f"{one.cost_cents / 100:.4f}")
            for one in report.models[:_SHOWN]
        ]
        columns = ("USER", "BOT", "MODEL CALLS", "INPUT TOKENS", "OUTPUT TOKENS", "COST")
        blocks += ["\nLanguage models", Table(columns, spent)]
    if report.feedback:
        thumbs = [
            (one.bot, one.team, one.model, one.revision[:12], one.up, one.down, f"{one.up / (one.up + one.down):.0%}")
            for one in report.feedback[:_SHOWN]
        ]
        columns = ("BOT", "TEAM", "MODEL", "REVISION", "UP", "DOWN", "LIKED")
        blocks += ["\nThumbs on answers", Table(columns, thumbs)]
    if report.total.calls:
        total = report.total
        blocks.append(f"\n{total.calls} calls by {total.users} users, {total.error_rate:.1%} failed.")
    return blocks
