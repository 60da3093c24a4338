"""Delete a secret. What uses it stops working at once.

Examples:

    botkit secrets delete TELEGRAM_TOKEN
    botkit secrets delete GITHUB_TOKEN --server github --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import ask_yes
from botkit.cli.output import Output
from botkit.cli.scopes import scope_of, scope_options


@verb
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@scope_options
async def command(out: Output, name: str, yes: bool, workspace: str, server: str, person: str) -> None:
    from botkit.cli.session import operations, whoami

    scope = scope_of(workspace=workspace, server=server, person=person)
    ask_yes(f"Delete {name} ({scope})?", yes=yes)
    async with operations() as ops:
        await ops.secrets.delete(name=name, scope=scope, by=whoami())
    out.result({"name": name, "scope": scope}, f"{name} is deleted.")
