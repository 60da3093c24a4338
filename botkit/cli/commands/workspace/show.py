"""Show one workspace: servers, bots, members, limits and its URL.

Without WORKSPACE the one that is in use, or the only one.

Examples:

    botkit workspace show
    botkit workspace show desk --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("workspace", default="")
async def command(out: Output, workspace: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        info = await ops.workspaces.show(workspace=workspace)
    limits = [f"{number} {name.replace('_', ' ')}" for name, number in info.limits.items() if number]
    out.result(
        info,
        [
            f"{info.name} ({info.slug}){' – in use' if info.active else ''}",
            *([info.description] if info.description else []),
            f"URL:      {info.url}",
            f"Servers:  {', '.join(info.servers) or 'none yet'}",
            f"Bots:     {', '.join(info.bots) or 'none'}",
            f"Members:  {info.members}, with {info.tokens} good tokens",
            f"Limits:   {', '.join(limits) or 'none'}",
            *(["Records:  arguments and results of all calls, for auditors"] if info.record_payloads else []),
            *([] if info.applied else ["It is served after `botkit apply`."]),
        ],
    )
