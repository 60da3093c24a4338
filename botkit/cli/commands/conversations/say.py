"""Say something in a conversation you have taken over.

Examples:

    botkit conversations say support:4711: "I am looking into it."
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("conversation")
@click.argument("text")
async def command(out: Output, conversation: str, text: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        said = await ops.conversations.say(conversation=conversation, text=text, by=whoami())
    out.result(said, f"Said in {said.conversation}.")
