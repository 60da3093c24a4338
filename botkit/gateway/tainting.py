"""What follows when a bot has read what others wrote: which calls a person approves first, and which results taint.

Pure functions over settings. Rights are decided elsewhere and are the same with and without a taint.
"""

from __future__ import annotations

__all__ = ["asks_first", "taint_of"]

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from botkit.core.taint import source
from botkit.core.tools import Principal, Tool, ToolCall
from botkit.gateway.settings import GatewaySettings, HostedSettings, Review, WorkspaceSettings
from botkit.gateway.views import Listed


def asks_first(settings: GatewaySettings, principal: Principal, workspace: str, listed: Listed) -> bool:
    """Whether a person must approve calls because of what the bot has read. Any workspace a call passes may say so."""
    if not principal.taint or listed.definition is None:
        return False
    return any(
        _counted(tool) in passed.taint.approve
        and not any(fnmatchcase(tool.name, pattern) for pattern in passed.taint.exempt)
        for passed, tool, _ in _passed(settings, workspace, listed)
    )


def taint_of(settings: GatewaySettings, call: ToolCall, listed: Listed) -> str:
    """What the result of a call taints whoever reads it with; empty: it is the operator's own.

    Every review on the way has to agree that it is; where none says anything, servers speak for others when they are
    not hosted by us or the tool itself says that it reaches into the open world.
    """
    passed = list(_passed(settings, call.workspace, listed))
    if call.method != "tools/call" or not any(workspace.taint.results for workspace, _, _ in passed):
        return ""
    said = [review.trusted_results for _, _, review in passed if review.trusted_results is not None]
    trusted = all(said) if said else isinstance(listed.server, HostedSettings) and not _open_world(listed)
    return "" if trusted else source("the tool", call.tool)


def _passed(
    settings: GatewaySettings, workspace: str, listed: Listed
) -> Iterator[tuple[WorkspaceSettings, Tool, Review]]:
    yield settings.workspaces[workspace], listed.tool, listed.review
    for one in listed.inner:
        yield settings.workspaces[one.workspace], one.tool, one.review


def _counted(tool: Tool) -> str:
    return "destructive" if tool.tool_class == "unreviewed" else tool.tool_class


def _open_world(listed: Listed) -> bool:
    """Hints of servers are not believed, except where they ask for more care."""
    annotations: Any = listed.definition.raw.get("annotations") if listed.definition is not None else None
    return isinstance(annotations, dict) and annotations.get("openWorldHint") is True  # pyright: ignore[reportUnknownMemberType]
