"""Forget one note, or all that is remembered of a person, a conversation or a team.

OWNER is a person's id, name or CHANNEL:USER; with --scope chat a conversation key, with --scope team a bot.

Examples:

    botkit memory forget ada favourite_drink
    botkit memory forget ada --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import ask_yes
from botkit.cli.output import Output
from botkit.core.notes import NoteScope


@verb
@click.argument("owner")
@click.argument("name", default="")
@click.option("--scope", type=click.Choice(["person", "chat", "team"]), default="person", help="Whose notes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def command(out: Output, owner: str, name: str, scope: NoteScope, yes: bool) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        if not name:
            ask_yes(f"Forget everything about {owner}?", yes=yes)
        gone = await ops.memory.forget(owner=owner, scope=scope, name=name, by=whoami())
    out.result({"forgotten": gone}, f"Forgotten: {gone}.")
