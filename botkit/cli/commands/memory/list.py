"""Show what is remembered of a person, a conversation or a team.

OWNER is a person's id, name or CHANNEL:USER; with --scope chat a conversation key, with --scope team a bot.

Examples:

    botkit memory list ada
    botkit memory list desk --scope team --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table, clock_time
from botkit.core.notes import NoteScope, note_text


@verb
@click.argument("owner")
@click.option("--scope", type=click.Choice(["person", "chat", "team"]), default="person", help="Whose notes.")
async def command(out: Output, owner: str, scope: NoteScope) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.memory.list(owner=owner, scope=scope)
    rows = [(note.name, note_text(note.value)[:80], note.by, clock_time(note.updated_at)) for note in found]
    out.result(found, Table(("NAME", "VALUE", "BY", "AT"), rows, empty="Nothing is remembered."))
