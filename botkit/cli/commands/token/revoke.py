"""End a token at once, everywhere, with the streams it has open. Other tokens go on.

TOKEN is its id, the beginning of it, or its name; never the token itself.

Examples:

    botkit token revoke tok_0192f3
    botkit token revoke laptop --workspace desk
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("token")
@click.option("--workspace", default="", metavar="SLUG", help="Where it is good; needed when names repeat.")
async def command(out: Output, token: str, workspace: str) -> None:
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        ended = await ops.tokens.revoke(token=token, workspace=workspace, by=whoami())
    out.result(ended, f"{ended.name} of {ended.member} is no good in {ended.workspace} any more.")
