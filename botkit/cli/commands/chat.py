"""Talk to a bot: one message with -m, else a conversation.

The message takes the whole path of a real one: inbox, run, steps, tools, outbox, logs. Without BOT: the first bot
of bots.yaml. Messages of one person to one bot make one conversation; --room names another.

Examples:

    botkit chat -m "where is order A-1001?"
    botkit chat desk --as carla
    botkit chat desk -m "refund order A-1001, it arrived broken" --json
    botkit chat -m "what is in this picture?" --file receipt.jpg
    botkit chat --file question.ogg
    echo "hello" | botkit chat
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("bot", required=False, default="")
@click.option("-m", "--message", help="Say this, print the answer, end.")
@click.option(
    "--file",
    "paths",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Attach a picture, a recording, a document; may be repeated. In the conversation: /file PATH.",
)
@click.option("--as", "person", default="operator", show_default=True, metavar="PERSON", help="Who is speaking.")
@click.option("--room", default="", help="Name of the conversation.")
async def command(out: Output, bot: str, message: str | None, paths: tuple[Path, ...], person: str, room: str) -> int:
    from botkit.cli.chat.files import attached
    from botkit.cli.chat.once import say_once
    from botkit.cli.session import operations

    async with operations("chat") as ops:
        overview = await ops.process.overview()
        bot = bot or next((found.name for found in overview.bots), "")
        room = room or f"terminal-{bot}-{person}"
        if message is None and paths:
            message = ""
        if message is None and not sys.stdin.isatty():
            message = sys.stdin.buffer.read().decode("utf-8", "replace").strip()
            if not message:
                raise click.UsageError("standard input is empty: pipe a message in, or use -m")
        if message is not None:
            files = await attached(ops, paths)
            return await say_once(out, ops, bot=bot, person=person, room=room, text=message, files=files)
        if out.json:
            raise click.UsageError("--json is for one message: use -m")
        from botkit.cli.chat.repl import converse

        await converse(out, ops, bot=bot, person=person, room=room)
        return 0
