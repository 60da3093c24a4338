"""Look at what is new or changed in the tools of a server, and take it as reviewed.

Once you reviewed a tool of a server, all its tools stay as they were: one that comes, changes or gets another name is
in quarantine, neither shown nor callable, until you have looked. This shows the difference and asks.

Examples:

    botkit mcp accept github
    botkit mcp accept github --tool github__create_issue --yes
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import ask_yes, words
from botkit.cli.output import Output


@verb
@click.argument("server")
@click.option("--tool", "tools", multiple=True, metavar="TOOL", help="Only this tool; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def command(out: Output, server: str, tools: tuple[str, ...], yes: bool) -> None:
    from botkit.cli.diffs import coloured
    from botkit.cli.session import operations, whoami
    from botkit.core.errors import NotFound

    wanted = words(tools)
    async with operations() as ops:
        found = await ops.mcp.changes(server=server)
        known = {change.tool for change in found}
        if missing := [tool for tool in wanted if tool not in known]:
            raise NotFound(f"{', '.join(missing)}: nothing changed since the review")
        changes = [change for change in found if not wanted or change.tool in wanted]
        if not changes:
            return out.result({"server": server, "accepted": [], "changes": []}, "Nothing changed since the review.")
        for change in changes:
            kept = "" if change.known_before else " (what was reviewed is not stored any more)"
            kept = " (new)" if change.new else kept
            for sentence in change.suspicions:
                out.note(click.style(f"Look twice at {change.tool}: {sentence}", fg="yellow"))
            out.note(f"{click.style(change.tool, bold=True)}{kept}\n{coloured(change.diff)}\n")
        ask_yes(f"Accept {len(changes)} {'tool' if len(changes) == 1 else 'tools'} as reviewed?", yes=yes)
        shown = {change.tool: change.digest for change in changes}
        accepted = await ops.mcp.accept(server=server, shown=shown, by=whoami())
    out.result({"server": server, "accepted": accepted, "changes": changes}, f"Accepted: {', '.join(accepted)}.")
    return None
