"""Taking a workspace away, by whichever of its two names the command is called."""

from __future__ import annotations

__all__ = ["remove_workspace"]

from botkit.cli.options import ask_yes
from botkit.cli.output import Output


async def remove_workspace(out: Output, workspace: str, *, yes: bool) -> None:
    """Ask, remove, and say what became of it."""
    from botkit.cli.session import operations, whoami

    ask_yes(f"Remove the workspace {workspace} with all its members and tokens?", yes=yes)
    async with operations() as ops:
        change = await ops.workspaces.remove(workspace=workspace, by=whoami())
    lines = [f"{workspace} is out of {', '.join(change.files)}; {change.members_ended} memberships ended."]
    if not change.applied:
        lines.append("Bots stop using it after `botkit apply`, or when botkit starts.")
    out.result(change, lines)
