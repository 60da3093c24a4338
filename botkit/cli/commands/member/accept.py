"""Come in by an invitation: prints the first token this once.

Examples:

    botkit member accept mwi_ada_4f0c
    botkit member accept mwi_ada_4f0c --name laptop --client claude-code
"""

from __future__ import annotations

import click

from botkit.cli.clients import CLIENT_CHOICE, shown_blocks
from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("code")
@click.option("--name", default="", metavar="NAME", help="Of the token, such as the machine it is for.")
@click.option("--client", type=CLIENT_CHOICE, help="Print the settings of this client only.")
async def command(out: Output, code: str, name: str, client: str | None) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        made = await ops.members.accept(code=code, token_name=name)
    out.note("This is the only time the token is shown; what is stored cannot be turned back into it.")
    out.result(
        made, [made.token, "", f"For {made.member} ({made.role}) at {made.url}", *shown_blocks(made.clients, client)]
    )
