"""List what waits for a decision, the oldest first.

Examples:

    botkit approvals list
    botkit approvals list --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output, Table, clock_time


@verb
@click.option("--kind", type=click.Choice(("approval", "reply", "reconcile")), help="Only of this kind.")
@limit_option()
async def command(out: Output, kind: str | None, limit: int) -> None:
    import msgspec

    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.approvals.list(kind=kind or "", limit=limit)
    rows = [
        (
            wait.id,
            wait.kind,
            wait.bot,
            wait.person,
            wait.title,
            msgspec.json.encode(shown).decode() if (shown := {**wait.arguments, **wait.details, **wait.edit}) else "",
            clock_time(wait.created_at),
        )
        for wait in found
    ]
    out.result(found, Table(("ID", "KIND", "BOT", "FOR", "WHAT", "ARGUMENTS", "SINCE"), rows, empty="Nothing waits."))
