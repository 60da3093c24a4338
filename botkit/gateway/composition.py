"""Tools of one workspace offered by another: `desk__orders__refund` is `orders__refund` of the workspace `desk`.

The rights of both apply, and the limits of both. The call is made as in the inner workspace, with its secrets, and its
one row in the call log names the real server. A tool the inner workspace did not review is unreviewed in the outer one
too, whatever that says: only the inner one is told when its definition changes.
"""

from __future__ import annotations

__all__ = ["DEPTH_LIMIT", "Inner", "composed", "home_of", "name_in"]

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from botkit.core.tools import Tool
from botkit.gateway.naming import tool_name
from botkit.gateway.settings import Review

DEPTH_LIMIT = 4
"""Workspaces inside workspaces; deeper ones are left out."""


@dataclass(frozen=True, slots=True)
class Inner:
    """A workspace a tool comes through, and the tool as that workspace offers it."""

    workspace: str
    tool: Tool
    review: Review


def composed(tool: Tool, inner: Review, outer: Review, name: str) -> tuple[Tool, Review]:
    """A tool of an inner workspace as the outer one offers it under `name`, and what holds there."""
    reviewed = tool.tool_class != "unreviewed"
    merged = replace(
        outer,
        approve=outer.approve or inner.approve,
        timeout_s=outer.timeout_s or inner.timeout_s,
        approvers=outer.approvers if outer.approvers is not None else inner.approvers,
    )
    offered = replace(
        tool,
        name=name,
        definition={**tool.definition, "name": name},
        tool_class=(outer.tool_class or tool.tool_class) if reviewed else "unreviewed",
        idempotent=tool.idempotent if outer.idempotent is None else reviewed and outer.idempotent,
        approve=bool(merged.approve),
    )
    return offered, merged


def name_in(workspace: str, tool: Tool) -> str:
    """The chained name of a workspace's tool."""
    return tool_name(workspace, tool.name)


def home_of(workspace: str, inner: Sequence[Inner]) -> str:
    """The workspace whose secrets serve a call."""
    return inner[-1].workspace if inner else workspace
