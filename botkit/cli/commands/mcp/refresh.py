"""Ask a server, or all of them, for its tools now, and forget past failures.

Examples:

    botkit mcp refresh
    botkit mcp refresh github
"""

from __future__ import annotations

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output, Table


@verb
@click.argument("server", required=False, default="")
async def command(out: Output, server: str) -> int:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.mcp.refresh(server=server)
    rows = [(one.name, one.state, one.tools, one.error) for one in found]
    out.result(found, Table(("NAME", "STATE", "TOOLS", "ERROR"), rows, empty="There is no server."))
    return EXIT_FAILED if any(one.error for one in found) else 0
