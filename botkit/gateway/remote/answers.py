"""Reading what a Streamable HTTP server answers: statuses, types, errors, and where a stream stands. No I/O."""

from __future__ import annotations

__all__ = ["RETRY_S", "Position", "content_type", "pause", "refusal", "rpc_error", "says_expired"]

from typing import Any, cast

import httpx2
import msgspec

from botkit.core.errors import ToolError, ToolUnavailable
from botkit.gateway.wire import METHOD_NOT_FOUND, NeverSent, RpcError

RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0
_OPENING = ("initialize", "server/discover")


def refusal(response: httpx2.Response, method: str) -> ToolError:
    """What a status without a message means for the request.

    A `NeverSent` had no effect, an `RpcError` lets an opening try the other era, and any other may have had an effect.
    """
    status = response.status_code
    if status in (401, 403):
        return NeverSent(f"The server refuses our credentials (HTTP {status}).")
    if status == 429:
        wait = response.headers.get("retry-after", "")
        after_s = float(wait) if wait.isdigit() else None
        return NeverSent("The server is asked too often (HTTP 429).", retry_after_s=after_s)
    if status >= 500:
        return ToolUnavailable(f"The server answered with HTTP {status}.")
    if status >= 400:
        reason = f"The server answered with HTTP {status}."
        return RpcError(METHOD_NOT_FOUND, reason) if method in _OPENING else NeverSent(reason)
    where = "it sends requests elsewhere, which is not followed: use the address it names"
    return NeverSent(f"The server answered with HTTP {status}; {where}.")


class Position:
    """Where a stream of events stands."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_s = RETRY_S

    def note(self, event: httpx2.ServerSentEvent) -> None:
        if event.id:
            self.last_id = event.id
        if event.retry is not None:
            self.retry_s = min(_LONGEST_RETRY_S, max(0.0, event.retry / 1000))


def pause(failures: int, retry_s: float) -> float:
    return min(_LONGEST_RETRY_S, retry_s * 2 ** min(failures - 1, 10))


def content_type(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def rpc_error(body: bytes | None) -> dict[str, Any] | None:
    """The JSON-RPC error in the body of a failed request, if it holds one."""
    try:
        message: Any = msgspec.json.decode(body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    error: Any = cast("dict[str, Any]", message).get("error") if isinstance(message, dict) else None
    if isinstance(error, dict) and isinstance(cast("dict[str, Any]", error).get("code"), int):
        return cast("dict[str, Any]", error)
    return None


def says_expired(status: int, body: bytes | None) -> bool:
    """404 says so; some servers say 400 and mention the session."""
    if status == 404:
        error = rpc_error(body)
        return error is None or error["code"] != METHOD_NOT_FOUND
    return status == 400 and b"session" in (body or b"").lower()
