"""A request of the bot, the errors it can meet, and which requests a fault hits."""

from __future__ import annotations

__all__ = ["ApiError", "Call", "DiscordFaults", "invalid"]

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botkit.testing.faults import Faulty

_SHOWS = re.compile(r"/channels/\d+/messages(/\d+)?$|/webhooks/.*")


class ApiError(Exception):
    """An answer of the API that is an error: `{"message": …, "code": …}`."""

    def __init__(self, status: int, code: int, message: str, **more: Any):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more

    def as_json(self) -> dict[str, Any]:
        if self.status == 429:
            return {"message": self.message, **self.more}
        return {"message": self.message, "code": self.code, **self.more}


def invalid(where: str, code: str, message: str) -> ApiError:
    """50035, with the field it is about."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(where.split(".")):
        errors = {name: errors}
    return ApiError(400, 50035, "Invalid Form Body", errors=errors)


@dataclass(slots=True)
class Call:
    """One request of the bot."""

    method: str
    path: str
    """Without the `/api/v10` in front."""
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    files: list[tuple[str, bytes, str]] = field(default_factory=list[tuple[str, bytes, str]])
    """(name, bytes, content type), in the order of their numbers."""
    query: dict[str, str] = field(default_factory=dict[str, str])
    token: str = ""
    """Of the Authorization header, without `Bot `."""

    @property
    def shows(self) -> bool:
        """It shows or changes a message."""
        return self.method in {"POST", "PATCH"} and bool(_SHOWS.fullmatch(self.path))


class DiscordFaults(Faulty[Call]):
    """Orders narrow by `path`, a regular expression on `METHOD /path`."""

    def calls_where(self, *, path: str = "", **where: Any) -> Callable[[Call], bool]:
        if where:
            raise TypeError(f"faults of Discord know no {sorted(where)}: say path")
        if not path:
            return lambda call: call.shows
        return lambda call: re.search(path, f"{call.method} {call.path}") is not None

    def rate_limit(
        self, times: int = 1, retry_after: float = 1, *, after: int = 0, path: str = "", everywhere: bool = False
    ) -> None:
        """The next `times` calls answer 429, as a bucket's limit or as the global one."""
        more = {"retry_after": retry_after, "global": everywhere}
        self.order("error", times, after, error=ApiError(429, 0, "You are being rate limited.", **more), path=path)

    def fail(
        self,
        times: int = 1,
        *,
        status: int = 500,
        code: int = 0,
        message: str = "500: Internal Server Error",
        path: str = "",
        after: int = 0,
        applied: bool = False,
    ) -> None:
        """The next calls answer an error; with `applied` their effect happened all the same."""
        kind = "error_after" if applied else "error"
        self.order(kind, times, after, error=ApiError(status, code, message), path=path)
