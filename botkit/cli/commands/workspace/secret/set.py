"""Store a secret for the calls of one workspace, or replace its value.

Without VALUE it is typed unseen, or read from standard input. Which server gets it and where is said by
`botkit secrets inject`.

Examples:

    botkit workspace secret set desk GITHUB_TOKEN
    pass show github | botkit workspace secret set desk GITHUB_TOKEN
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output
from botkit.cli.scopes import read_value


@verb
@click.argument("workspace")
@click.argument("name")
@click.argument("value", default="")
async def command(out: Output, workspace: str, name: str, value: str) -> None:
    from botkit.cli.session import operations, whoami

    if value in ("", "-"):
        value = read_value(name)
    async with operations() as ops:
        slug = (await ops.workspaces.show(workspace=workspace)).slug
        stored = await ops.secrets.set(name=name, value=value, scope=f"workspace:{slug}", by=whoami())
    out.result(stored, f"{stored.name} is stored for workspace {slug} (version {stored.version}).")
