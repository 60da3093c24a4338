"""Speak in place of the bot in a conversation, until you release it.

What the person writes meanwhile is shown to the approvers (`settings.approvals`) and kept in the transcript; answer
with `botkit conversations say`, or by replying to it in the approvers' chat.

Examples:

    botkit conversations take support:4711: --reason "angry customer"
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("conversation")
@click.option("--reason", default="", help="Shown to the approvers.")
async def command(out: Output, conversation: str, reason: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        taken = await ops.conversations.take(conversation=conversation, by=whoami(), reason=reason)
    begins = "From now on" if taken.taken_over else "When botkit runs next,"
    until = f"botkit conversations release {conversation}"
    out.result(taken, f"{begins} the bot is silent in {taken.conversation}, until: {until}")
