"""Show the log of tool calls, or of what administrators did.

Arguments and results are not in the log; `botkit runs show` has those of a run. A workspace with `record_payloads`
keeps those of all its calls, sealed: `--payload` opens them for one call, and leaves a row in `--admin`.

Examples:

    botkit logs
    botkit logs --follow --server orders
    botkit logs --status error --since 24h
    botkit logs --workspace desk --member ada
    botkit logs --since 30d --csv
    botkit logs --admin
    botkit logs --payload call_0mbm2k
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

from botkit.cli.command import verb
from botkit.cli.options import PERIOD, limit_option
from botkit.cli.output import Output, Table, clock_time
from botkit.cli.spreadsheet import csv_line

if TYPE_CHECKING:
    from botkit.app.operations.calls import CallPayload

_STATUSES = ("ok", "error", "denied", "limited", "timeout", "unavailable", "invalid", "waiting", "cancelled")
_CLASSES = ("read-only", "write", "destructive", "unreviewed")


@verb
@click.option("--admin", is_flag=True, help="Administrative acts instead of tool calls.")
@click.option("--payload", metavar="CALL", default="", help="What this call carried, where its workspace records it.")
@click.option("--follow", "-f", is_flag=True, help="Go on as calls happen, until Ctrl-C.")
@click.option("--workspace", default="", help="Only calls in this workspace.")
@click.option("--server", default="", help="Only calls of this server.")
@click.option("--tool", default="", help="Only calls of this tool.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only calls that ended so.")
@click.option("--class", "tool_class", type=click.Choice(_CLASSES), help="Only calls of tools of this class.")
@click.option("--method", default="", help="Only this MCP request, such as resources/read.")
@click.option("--member", "--person", "member", default="", help="Only calls of this member or person, by name or id.")
@click.option("--token", default="", help="Only calls with the token of this id.")
@click.option("--bot", default="", help="Only calls of this bot.")
@click.option("--trace", default="", help="Only calls of this trace id.")
@click.option("--since", type=PERIOD, help="Only so far back, such as 24h.")
@click.option("--csv", "export", flag_value="csv", help="Export every row as comma-separated values, oldest first.")
@click.option("--jsonl", "export", flag_value="jsonl", help="Export every row as one JSON object a line, oldest first.")
@limit_option(100)
async def command(
    out: Output,
    admin: bool,
    payload: str,
    follow: bool,
    workspace: str,
    server: str,
    tool: str,
    status: str | None,
    tool_class: str | None,
    method: str,
    member: str,
    token: str,
    bot: str,
    trace: str,
    since: float | None,
    export: Literal["csv", "jsonl"] | None,
    limit: int,
) -> None:
    from botkit.cli.session import operations, whoami
    from botkit.core.analytics import CallFilter

    if (admin or payload) and (follow or export):
        raise click.UsageError("--follow, --csv and --jsonl are for tool calls, not for --admin or --payload")
    if admin and payload:
        raise click.UsageError("give --admin or --payload")
    if export and (follow or out.json):
        raise click.UsageError("an export goes without --follow and --json")
    wanted = CallFilter(
        workspace=workspace,
        server=server,
        tool=tool,
        status=status or "",
        tool_class=tool_class or "",
        method=method,
        token=token,
        bot=bot,
        trace=trace,
        since=int((time.time() - since) * 1_000_000) if since else 0,
    )
    async with operations() as ops:
        if payload:
            opened = await ops.calls.payload(call=payload, by=whoami())
            out.result(opened, _payload(opened))
            return
        if admin:
            _audits(out, await ops.reports.audits(limit=limit))
            return
        if export:
            await _export(export, ops.calls.export(wanted=wanted, member=member))
            return
        found = await ops.calls.list(wanted=wanted, member=member, limit=limit)
        names = {} if out.json else await ops.calls.names()
        rows = [_row(record, names) for record in reversed(found)]
        out.result(list(reversed(found)) if follow else found, Table(_COLUMNS, rows, empty="No tool was called."))
        if follow:
            async for record in ops.calls.follow(wanted=wanted, member=member):
                if out.json:
                    out.emit(record)
                else:
                    click.echo("  ".join(str(value) for value in _row(record, names)))


async def _export(export: Literal["csv", "jsonl"], rows: Any) -> None:
    """Row by row: an export may be larger than memory."""
    import msgspec

    from botkit.cli.output import plain
    from botkit.core.clock import from_micros
    from botkit.core.tools import CallRecord

    names = CallRecord.__struct_fields__
    if export == "csv":
        click.echo(csv_line(names))
    async for record in rows:
        values = {**plain(record), "at": from_micros(record.at).isoformat(timespec="microseconds")}
        if export == "csv":
            click.echo(csv_line(values[name] for name in names))
        else:
            click.echo(msgspec.json.encode(values))


_COLUMNS = ("AT", "STATUS", "TOOL", "FOR", "BOT", "MS", "CODE", "RUN", "CALL")


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
        record.id,
    )


def _payload(opened: CallPayload) -> list[str]:
    """Piece by piece, as indented JSON; control characters stay escaped."""
    import msgspec

    lines = [f"{opened.call_id} in {opened.workspace}, {clock_time(opened.at)}"]
    for name in ("arguments", "params", "answers", "result"):
        value = getattr(opened, name)
        if name in opened.cut:
            lines += [f"{name} (cut; the whole was {opened.cut[name]} bytes):", str(value)]
        elif value is not None:
            lines += [f"{name}:", msgspec.json.format(msgspec.json.encode(value), indent=2).decode()]
    return lines


def _audits(out: Output, found: Any) -> None:
    rows = [(clock_time(a.at), a.actor, a.via, a.action, a.target, _details(a.detail)) for a in found]
    out.result(found, Table(("AT", "WHO", "VIA", "ACT", "TARGET", "DETAIL"), rows, empty="Nothing was changed yet."))


def _details(detail: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in detail.items())
