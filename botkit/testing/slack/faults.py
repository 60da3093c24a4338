"""A request of the app, and which requests a fault hits."""

from __future__ import annotations

__all__ = ["Call", "SlackFaults"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botkit.testing.faults import Faulty
from botkit.testing.slack.world import ApiError

_SHOWS = frozenset(
    {"chat.postMessage", "chat.update", "chat.startStream", "chat.stopStream", "files.completeUploadExternal"}
)


@dataclass(slots=True)
class Call:
    """One request of the app."""

    method: str
    args: dict[str, Any]
    token: str = ""


class SlackFaults(Faulty[Call]):
    """Orders narrow by `method`, such as `chat.update`."""

    def calls_where(self, *, method: str = "", **where: Any) -> Callable[[Call], bool]:
        if where:
            raise TypeError(f"faults of Slack know no {sorted(where)}: say method")
        return lambda call: call.method == method if method else call.method in _SHOWS

    def rate_limit(self, times: int = 1, retry_after: int = 1, *, after: int = 0, method: str = "") -> None:
        """The next `times` calls answer 429."""
        error = ApiError("ratelimited", status=429, retry_after=retry_after)
        self.order("error", times, after, error=error, method=method)

    def fail(
        self,
        error: str = "internal_error",
        times: int = 1,
        *,
        method: str = "",
        after: int = 0,
        applied: bool = False,
        **more: Any,
    ) -> None:
        """The next calls answer an error; with `applied` their effect happened all the same.

        Args:
            more: fields of the answer, such as `needed`; `status` is that of HTTP.
        """
        kind = "error_after" if applied else "error"
        self.order(kind, times, after, error=ApiError(error, **more), method=method)
