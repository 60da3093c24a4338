"""List workspaces with their members and URLs.

Examples:

    botkit workspace list
    botkit workspace list --json
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
async def command(out: Output) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.workspaces.list()
    rows = [
        (
            "*" if info.active else "",
            info.slug,
            info.name if info.name != info.slug else "",
            info.servers,
            info.bots,
            info.members,
            info.tokens,
            info.url if info.applied else "after `botkit apply`",
        )
        for info in found
    ]
    columns = ("", "SLUG", "NAME", "SERVERS", "BOTS", "MEMBERS", "TOKENS", "URL")
    empty = "There is no workspace. Make one: botkit workspace create NAME"
    out.result(found, Table(columns, rows, empty=empty))
