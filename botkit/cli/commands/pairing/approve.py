"""Let the person in who was given this code.

Examples:

    botkit pairing approve 7KQ2MN
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("code")
async def command(out: Output, code: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        approved = await ops.pairing.approve(code=code, by=whoami())
    out.result(approved, f"{approved.name or approved.user_id} may write on {approved.channel} now.")
