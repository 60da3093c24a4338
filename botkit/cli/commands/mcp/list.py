"""List the MCP servers, how each is, and which workspaces offer it.

Examples:

    botkit mcp list
    botkit mcp list --json
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table, clock_time


@verb
async def command(out: Output) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.mcp.list()
    columns = ("NAME", "STATE", "TOOLS", "WORKSPACES", "REFRESHED", "WHERE")
    rows = [(one.name, one.state, one.tools, one.workspaces, clock_time(one.refreshed_at), one.target) for one in found]
    out.result(found, Table(columns, rows, empty="There is no server. Add one: botkit mcp install, mcp register"))
    for one in found:
        for sentence in (one.error, *one.left_out):
            if sentence and not out.json:
                out.note(f"{one.name}: {sentence}")
        if one.needs_review and not out.json:
            tools = ", ".join(one.needs_review)
            out.note(f"{one.name}: in quarantine until you run botkit mcp accept {one.name}: {tools}")
        for sentence in () if out.json else one.suspicious:
            out.note(f"{one.name}: look twice at {sentence}")
