"""Give a conversation back to its bot, which knows what was said meanwhile.

Examples:

    botkit conversations release support:4711:
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("conversation")
@click.option("--comment", default="", help="Kept with the decision.")
async def command(out: Output, conversation: str, comment: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        released = await ops.conversations.release(conversation=conversation, by=whoami(), comment=comment)
    out.result(released, f"The bot answers again in {released.conversation}.")
