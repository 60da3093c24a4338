"""Show tokens and money spent on language models, or calls of tools.

Every call is counted in exactly one row, so the rows add up to the total. A `?` behind the cost: nobody knows the price
of some of these calls, so they cost more; set `models.*.price` for their models.

Examples:

    botkit usage
    botkit usage --by model --period 30d
    botkit usage --by person --team support
    botkit usage --by tool --bot helper
    botkit usage --by purpose --team support
    botkit usage --by day --json
    botkit usage --by workspace --csv
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from botkit.cli.command import verb
from botkit.cli.options import PERIOD
from botkit.cli.output import Output, Table
from botkit.cli.spreadsheet import csv_line

if TYPE_CHECKING:
    from botkit.app.operations.reports import Usage

_CSV_COLUMNS = ("calls", "input_tokens", "output_tokens", "cost", "cached_tokens", "reused", "unpriced")


@verb
@click.option(
    "--by",
    type=click.Choice(("bot", "team", "model", "person", "workspace", "channel", "purpose", "day", "month", "tool")),
    default="bot",
    show_default=True,
    help="One row for each; a purpose is answers, routing of teams, summaries or guardrails.",
)
@click.option("--period", type=PERIOD, default="30d", show_default=True, help="How far back.")
@click.option("--bot", default="", help="Only what this bot used.")
@click.option("--team", default="", help="Only what the bots of this team used.")
@click.option("--person", default="", help="Only for this person, by name or id.")
@click.option("--workspace", default="", help="Only in this workspace.")
@click.option("--channel", default="", help="Only on this channel; not with --by tool.")
@click.option("--model", default="", help="Only this model, as LiteLLM names it; not with --by tool.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
async def command(
    out: Output,
    by: str,
    period: float,
    bot: str,
    team: str,
    person: str,
    workspace: str,
    channel: str,
    model: str,
    as_csv: bool,
) -> None:
    from typing import cast

    from botkit.app.operations.reports import UsageKey
    from botkit.cli.session import operations

    if as_csv and out.json:
        raise click.UsageError("--csv and --json do not go together")
    if by == "tool" and (channel or model):
        raise click.UsageError("calls of tools are not counted by channel or model")
    async with operations() as ops:
        found = await ops.reports.usage(
            period_s=period,
            by=cast("UsageKey", by),
            bot=bot,
            team=team,
            person=person,
            workspace=workspace,
            channel=channel,
            model=model,
        )
    if as_csv:
        _print_csv(by, found)
        return
    out.result(found, _table(by, found))


def _print_csv(by: str, found: Usage) -> None:
    click.echo(csv_line((by, *_CSV_COLUMNS)))
    for row in found.rows:
        cost = round(row.cost_cents / 100, 6)
        counted = (row.calls, row.input_tokens, row.output_tokens, cost, row.cached_tokens, row.reused, row.unpriced)
        click.echo(csv_line((row.key, *counted)))


def _table(by: str, found: Usage) -> Table:
    shown = (*found.rows, *((found.total,) if found.rows else ()))
    if by == "tool":
        return Table(("TOOL", "CALLS"), [(row.key, row.calls) for row in shown], empty="No tool was called.")
    rows = [
        (
            row.key or "(none)",
            row.calls,
            row.reused,
            row.input_tokens,
            row.cached_tokens,
            row.output_tokens,
            f"{row.cost_cents / 100:.4f}{' ?' if row.unpriced else ''}",
        )
        for row in shown
    ]
    columns = (by.upper(), "CALLS", "REUSED", "INPUT TOKENS", "CACHED", "OUTPUT TOKENS", "COST")
    return Table(columns, rows, empty="No model was called in this time.")
