"""List runs, the newest first.

Examples:

    botkit runs list
    botkit runs list --state waiting --bot desk
    botkit runs list --workflow refund --state waiting
    botkit runs list --json --limit 500
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output, Table, clock_time

_STATES = ("running", "waiting", "completed", "failed", "cancelled", "limit_reached")


@verb
@click.option("--state", type=click.Choice(_STATES), help="Only runs in this state.")
@click.option("--bot", default="", help="Only runs of this bot.")
@click.option("--person", default="", help="Only runs of this person's id.")
@click.option("--conversation", default="", help="Only runs of this conversation key.")
@click.option("--workflow", default="", help="Only runs of this workflow.")
@click.option("--before", default="", metavar="RUN", help="Only runs older than this one, to page on.")
@limit_option()
async def command(
    out: Output, state: str | None, bot: str, person: str, conversation: str, workflow: str, before: str, limit: int
) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.runs.list(
            state=state or "",
            bot=bot,
            person=person,
            conversation=conversation,
            workflow=workflow,
            before=before,
            limit=limit,
        )
    rows = [
        (
            item.run.id,
            f"{item.run.waiting_for} at {item.waits_at}" if item.waits_at else item.run.waiting_for or item.run.state,
            item.workflow or item.run.bot,
            item.run.conversation,
            item.steps,
            clock_time(item.run.started_at),
            item.text[:60],
        )
        for item in found
    ]
    columns = ("RUN", "STATE", "BOT / WORKFLOW", "CONVERSATION", "STEPS", "STARTED", "MESSAGE")
    out.result(found, Table(columns, rows, empty="No runs. Say something to a bot: botkit chat -m hello"))
