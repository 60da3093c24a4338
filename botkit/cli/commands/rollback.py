"""Go back to an earlier revision of bots.yaml: rewrite its files and apply them.

Without a revision: the one that ran before. Edits that were never applied are kept as a revision of their own.

Examples:

    botkit rollback --list
    botkit rollback
    botkit rollback 3f2a91
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output, Table, clock_time


@verb
@click.argument("revision", required=False, default="")
@click.option("--list", "show", is_flag=True, help="List revisions instead, the newest first.")
@limit_option(20)
async def command(out: Output, revision: str, show: bool, limit: int) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        if show:
            found = await ops.config.revisions(limit=limit)
            rows = [(r.id[:12], clock_time(r.at), r.actor, "runs" if r.active else "", r.note) for r in found]
            table = Table(("REVISION", "AT", "BY", "", "NOTE"), rows, empty="No revision was recorded yet.")
            out.result(found, table)
            return
        applied = await ops.config.rollback(revision=revision, by=whoami())
    out.result(
        applied,
        [
            f"Revision {applied.revision[:12]} runs; it was {applied.previous[:12]}.",
            *(f"Rewritten: {path}" for path in applied.files),
            *(f"Note: {note}" for note in applied.notes),
        ],
    )
