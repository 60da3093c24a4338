"""The requests of MCP that reach a server, and where each names its target.

tools/call           params.name                    arguments
prompts/get          params.name                    arguments
resources/read       params.uri
completion/complete  params.ref.name or .ref.uri
"""

from __future__ import annotations

__all__ = ["SUBSCRIPTIONS", "TARGETS", "TargetKind", "kind_of", "readdressed", "target_of"]

from collections.abc import Mapping
from typing import Any, Literal, cast

from botkit.core.errors import InvalidArguments
from botkit.core.tools import ToolCall

TargetKind = Literal["tool", "prompt", "resource"]

TARGETS: dict[str, TargetKind | Literal[""]] = {
    "tools/call": "tool",
    "prompts/get": "prompt",
    "resources/read": "resource",
    "resources/subscribe": "resource",
    "resources/unsubscribe": "resource",
    "completion/complete": "",
}
"""What each names; empty where its `ref` says so."""
SUBSCRIPTIONS = ("resources/subscribe", "resources/unsubscribe")
_REFS: dict[object, TargetKind] = {"ref/prompt": "prompt", "ref/resource": "resource"}


def kind_of(method: str, params: Mapping[str, Any]) -> TargetKind:
    """What a request names. Raises `InvalidArguments` for a `ref` of another kind."""
    kind = TARGETS.get(method) or _REFS.get(_ref(params).get("type"))
    if not kind:
        raise InvalidArguments(f"{method} names nothing that can be found.")
    return kind


def target_of(method: str, params: Mapping[str, Any]) -> str:
    """The name or URI. Raises `InvalidArguments` when it is missing."""
    kind = kind_of(method, params)
    holder = _ref(params) if method == "completion/complete" else params
    name = holder.get("uri" if kind == "resource" else "name")
    if not isinstance(name, str) or not name:
        raise InvalidArguments(f"{method} needs a {'uri' if kind == 'resource' else 'name'}.")
    return name


def readdressed(call: ToolCall, upstream_name: str) -> dict[str, Any]:
    """The parameters as the server gets them: its own name for the target, everything else as it came."""
    if call.method == "tools/call":
        return {**call.params, "name": upstream_name, "arguments": call.arguments}
    if call.method == "prompts/get":
        given = {"arguments": call.arguments} if call.arguments else {}
        return {**call.params, **given, "name": upstream_name}
    if call.method == "completion/complete":
        ref = _ref(call.params)
        key = "uri" if ref.get("type") == "ref/resource" else "name"
        return {**call.params, "ref": {**ref, key: upstream_name}}
    return {**call.params, "uri": upstream_name}


def _ref(params: Mapping[str, Any]) -> dict[str, Any]:
    ref: Any = params.get("ref")
    return cast("dict[str, Any]", ref) if isinstance(ref, dict) else {}
