"""How a workspace introduces itself to MCP clients: what it can do, and what it says of itself.

A *transparent* workspace holds one server and shows it as if there were nothing between: its own names, its own
introduction, its own errors.
"""

from __future__ import annotations

__all__ = ["Face", "face_of", "marks_of", "relayable"]

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from botkit import __version__
from botkit.gateway.catalog import Catalogue
from botkit.gateway.composition import DEPTH_LIMIT
from botkit.gateway.settings import GatewaySettings

_TASKS = "io.modelcontextprotocol/tasks"
_INSTRUCTIONS_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Face:
    """What `initialize` and `server/discover` tell."""

    server_info: Mapping[str, Any]
    capabilities: Mapping[str, Any]
    instructions: str
    transparent: str = ""
    """The only server, whose names are shown without a prefix; empty: names are `server__name`."""


def face_of(settings: GatewaySettings, catalogue: Catalogue, workspace: str) -> Face:
    """The face of a workspace as things are now."""
    extras = catalogue.extras(workspace)
    settled = settings.workspaces.get(workspace)
    capabilities: dict[str, Any] = {"tools": {"listChanged": True}}
    for _, one in extras:
        if "resources" in one.capabilities:
            before = capabilities.get("resources", {"listChanged": True})
            subscribe = before.get("subscribe") or _object(one.capabilities["resources"]).get("subscribe")
            capabilities["resources"] = {**before, "subscribe": True} if subscribe else before
        if "prompts" in one.capabilities:
            capabilities["prompts"] = {"listChanged": True}
        for name in ("completions", "logging"):
            if name in one.capabilities:
                capabilities[name] = {}
    if settled is not None and settled.transparent and len(extras) == 1:
        name, one = extras[0]
        if extensions := relayable(one.capabilities).get("extensions"):
            capabilities["extensions"] = extensions
        info = dict(one.server_info) or {"name": name, "version": __version__}
        return Face(info, capabilities, one.instructions, transparent=name)
    info = {"name": "botkit", "title": (settled.title if settled else "") or workspace, "version": __version__}
    parts = [settled.description] if settled is not None and settled.description else []
    parts += [f"## {name}\n{one.instructions}" for name, one in extras if one.instructions]
    return Face(info, capabilities, "\n\n".join(parts)[:_INSTRUCTIONS_CHARS])


def relayable(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """The part of somebody's capabilities that works through us: what a client can be asked, and extensions that
    consist of results and metadata alone. Tasks have methods of their own, which are not served."""
    found = {key: capabilities[key] for key in ("elicitation", "sampling", "roots") if key in capabilities}
    extensions = _object(capabilities.get("extensions"))
    if extensions := {key: value for key, value in extensions.items() if key != _TASKS}:
        found["extensions"] = extensions
    return found


def marks_of(settings: GatewaySettings, catalogue: Catalogue, workspace: str) -> tuple[Any, ...]:
    """Something for each of the lists of tools, prompts and resources that differs when the list may have changed."""
    servers = [name for name, _ in catalogue.extras(workspace) if catalogue.is_offered(name)]
    revision = catalogue.revision

    def of(kind: Any) -> tuple[Any, ...]:
        return tuple((name, revision.get((name, kind), 0)) for name in servers)

    rules = (_with_inner(settings, workspace), settings.roles)
    return (rules, of("tools")), of("prompts"), of("resources")


def _with_inner(settings: GatewaySettings, workspace: str, depth: int = 0) -> tuple[Any, ...]:
    """The rules of a workspace, and of those whose tools it offers."""
    found = settings.workspaces.get(workspace)
    if found is None or depth > DEPTH_LIMIT:
        return (found,)
    return (found, *(_with_inner(settings, inner, depth + 1) for inner in found.workspaces))


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
