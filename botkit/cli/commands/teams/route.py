"""Tell which member of a team would answer a message, and why. Nobody is asked to answer.

Examples:

    botkit teams route support -m "I was charged twice"
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("team")
@click.option("-m", "--message", required=True, help="What a person writes.")
@click.option("--talking-to", default="", metavar="MEMBER", help="Who answered before.")
async def command(out: Output, team: str, message: str, talking_to: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        routed = await ops.teams.route(team=team, text=message, current=talking_to)
    sure = f"{routed.confidence:.0%} sure" if routed.by in ("words", "model") else routed.by
    out.result(routed, f"{routed.member} ({sure}{f': {routed.reason}' if routed.reason else ''})")
