"""Faults a test orders in advance. Nothing here counts seconds: a delay lasts until the test releases it."""

from __future__ import annotations

__all__ = ["ApiError", "Call", "Fault", "Faults", "Hold", "invalid"]

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any, Literal

FaultKind = Literal["drop_before", "drop_after", "error", "error_after", "hold"]
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


@dataclass(slots=True)
class Hold:
    """A call that arrived and waits."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.released.set()


@dataclass(slots=True)
class Fault:
    kind: FaultKind
    path: str = ""
    """A regular expression on `METHOD /path`. Empty: anything that shows or changes a message."""
    times: int = 1
    after: int = 0
    """Matching calls to let through first."""
    error: ApiError | None = None
    hold: Hold | None = None

    def matches(self, call: Call) -> bool:
        if not self.path:
            return call.shows
        return re.search(self.path, f"{call.method} {call.path}") is not None


@dataclass(slots=True)
class Faults:
    """Orders in the sequence they were given; each is used up call by call."""

    pending: list[Fault] = field(default_factory=list[Fault])
    holds: list[Hold] = field(default_factory=list[Hold])

    def add(self, fault: Fault) -> Fault:
        self.pending.append(fault)
        if fault.hold is not None:
            self.holds.append(fault.hold)
        return fault

    def take(self, call: Call) -> Fault | None:
        """The next fault for this call, or None. Counts it as used."""
        for fault in self.pending:
            if not fault.matches(call):
                continue
            if fault.after:
                fault.after -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self.pending.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        """Forget all faults and let everything held go on."""
        for hold in self.holds:
            hold.release()
        self.holds.clear()
        self.pending.clear()
