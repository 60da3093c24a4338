"""Show the log of tool calls, or of what administrators did.

Arguments and results are not in the log; `botkit runs show` has those of a run.

Examples:

    botkit logs
    botkit logs --follow --server orders
    botkit logs --status error --since 24h
    botkit logs --admin
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from botkit.cli.command import verb
from botkit.cli.options import PERIOD, limit_option
from botkit.cli.output import Output, Table, clock_time

_STATUSES = ("ok", "error", "denied", "limited", "timeout", "unavailable", "invalid", "waiting", "cancelled")


@verb
@click.option("--admin", is_flag=True, help="Administrative acts instead of tool calls.")
@click.option("--follow", "-f", is_flag=True, help="Go on as calls happen, until Ctrl-C.")
@click.option("--server", default="", help="Only calls of this server.")
@click.option("--tool", default="", help="Only calls of this tool.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only calls that ended so.")
@click.option("--person", default="", help="Only calls for this person's id.")
@click.option("--since", type=PERIOD, help="Only so far back, such as 24h.")
@limit_option(100)
async def command(
    out: Output,
    admin: bool,
    follow: bool,
    server: str,
    tool: str,
    status: str | None,
    person: str,
    since: float | None,
    limit: int,
) -> None:
    from botkit.cli.session import operations

    if admin and follow:
        raise click.UsageError("--follow is for tool calls, not for --admin")
    async with operations() as ops:
        if admin:
            _audits(out, await ops.reports.audits(limit=limit))
            return
        start = int((time.time() - since) * 1_000_000) if since else 0
        found = await ops.reports.calls(
            server=server, tool=tool, status=status or "", person=person, since=start, limit=limit
        )
        names = {} if out.json else await ops.reports.people()
        rows = [_row(record, names) for record in reversed(found)]
        out.result(list(reversed(found)) if follow else found, Table(_COLUMNS, rows, empty="No tool was called."))
        if follow:
            async for record in ops.reports.follow_calls(server=server, tool=tool, status=status or ""):
                if out.json:
                    out.emit(record)
                else:
                    click.echo("  ".join(str(value) for value in _row(record, names)))


_COLUMNS = ("AT", "STATUS", "TOOL", "FOR", "BOT", "MS", "CODE", "RUN")


def _row(record: Any, names: Mapping[str, str]) -> tuple[Any, ...]:
    return (
        clock_time(record.at),
        record.status,
        record.tool or record.server,
        names.get(record.principal, record.principal),
        record.bot,
        round(record.duration_ms, 1),
        record.code,
        record.run_id,
    )


def _audits(out: Output, found: Any) -> None:
    rows = [(clock_time(a.at), a.actor, a.via, a.action, a.target, _details(a.detail)) for a in found]
    out.result(found, Table(("AT", "WHO", "VIA", "ACT", "TARGET", "DETAIL"), rows, empty="Nothing was changed yet."))


def _details(detail: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in detail.items())
