"""Faults a test orders in advance. Nothing here counts seconds: a delay lasts until the test releases it."""

from __future__ import annotations

__all__ = ["Call", "Fault", "Faults", "Hold"]

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from botkit.testing.slack.world import ApiError

FaultKind = Literal["drop_before", "drop_after", "error", "error_after", "hold"]
_SHOWS = frozenset({"chat.postMessage", "chat.update", "files.completeUploadExternal"})


@dataclass(slots=True)
class Call:
    """One request of the app."""

    method: str
    args: dict[str, Any]
    token: str = ""


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
    method: str = ""
    """Empty: anything that shows or changes a message. Else one method's name."""
    times: int = 1
    after: int = 0
    """Matching calls to let through first."""
    error: ApiError | None = None
    hold: Hold | None = None

    def matches(self, call: Call) -> bool:
        return call.method == self.method if self.method else call.method in _SHOWS


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
