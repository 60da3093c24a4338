"""Tools that nobody may see before a person has: on a server with a reviewed tool, what came or changed since.

Functions over the settings and what is known of a server.
"""

from __future__ import annotations

__all__ = ["ChangedTool", "changes", "look_at", "pin", "quarantined"]

from collections.abc import Sequence
from typing import Any

import structlog

from botkit.core.data import Data
from botkit.gateway.definitions import Definition
from botkit.gateway.known import Known
from botkit.gateway.naming import tool_name
from botkit.gateway.rights import review_of
from botkit.gateway.settings import GatewaySettings
from botkit.gateway.suspicions import suspicions

_log = structlog.get_logger("botkit.gateway")


class ChangedTool(Data):
    """A tool in quarantine: it is not the one that was reviewed, or was not there then."""

    name: str
    """With its server."""
    hash: str
    """Of the present definition: what `Catalogue.accept` is told was looked at."""
    now: dict[str, Any]
    """The MCP `Tool` object."""
    before: dict[str, Any] | None = None
    """As it was reviewed; None where that was not kept, and for a new one."""
    new: bool = False
    """It came after the review."""
    suspicions: tuple[str, ...] = ()
    """What in its words is worth a look."""


def changes(settings: GatewaySettings, server: str, known: Known) -> Sequence[ChangedTool]:
    """What is in quarantine, for people."""
    return [
        ChangedTool(
            name=tool_name(server, one.name),
            hash=one.hash,
            now=one.raw,
            before=known.accepted.get(one.name),
            new=one.name not in known.pins,
            suspicions=known.suspicions.get(one.name, ()),
        )
        for one in quarantined(settings, server, known)
    ]


def pin(settings: GatewaySettings, server: str, known: Known) -> bool:
    """Remember the tools of a reviewed server the first time they are seen, and say what came or changed since."""
    pins, accepted = known.pins, known.accepted
    if not _is_pinned(settings, server, known):
        known.pins, known.accepted = {}, {}
    elif not pins:
        known.pins = {one.name: one.hash for one in known.definitions}
        known.accepted = {one.name: one.raw for one in known.definitions}
    else:
        kept = {one.name: one.raw for one in known.definitions if pins.get(one.name) == one.hash}
        known.accepted = {**accepted, **kept}
        advice = f"Look at it, and accept it, with botkit mcp accept {server}."
        for one in quarantined(settings, server, known):
            reason = "changed" if one.name in pins else "new"
            name = tool_name(server, one.name)
            _log.warning("tool_quarantined", server=server, tool=name, reason=reason, advice=advice)
    return known.pins != pins or known.accepted != accepted


def _is_pinned(settings: GatewaySettings, server: str, known: Known) -> bool:
    """Whether somebody reviewed a tool of the server, so that what it offers must stay as it was."""
    found = next((one for one in settings.servers if one.name == server), None)
    if found is None or not found.pin:
        return False
    names = {tool_name(server, name) for name in (*known.pins, *(one.name for one in known.definitions))}
    return any(
        workspace.offers(server) and any(review_of(workspace, name).tool_class is not None for name in names)
        for workspace in settings.workspaces.values()
    )


def quarantined(settings: GatewaySettings, server: str, known: Known) -> Sequence[Definition]:
    """Tools that nobody may see before a person has: new names and other definitions on a reviewed server."""
    different = [one for one in known.definitions if known.pins.get(one.name) != one.hash] if known.pins else []
    return different if different and _is_pinned(settings, server, known) else []


def look_at(server: str, known: Known, tools: Sequence[Any], others: Sequence[str]) -> None:
    """Note what in the words of tools a person should look at; `others` are the tools of other servers."""
    found: dict[str, tuple[str, ...]] = {}
    for raw in tools:
        own: Any = raw.get("name") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # as servers send it
        if isinstance(own, str) and (sentences := suspicions(raw, others)):
            found[own] = tuple(sentences)
    for name in found.keys() - known.suspicions.keys():
        reasons = "; ".join(found[name])
        _log.warning("tool_suspicious", server=server, tool=tool_name(server, name), reasons=reasons)
    known.suspicions = found
