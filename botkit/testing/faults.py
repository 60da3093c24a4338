"""Bad weather, ordered in advance: one vocabulary for every fake platform.

| order | what happens |
|---|---|
| `rate_limit(times, retry_after)` | the next calls answer 429 |
| `fail(times, …)` | they answer an error; with `applied=True` their effect happened all the same |
| `drop_before(times)`, `drop_after(times)` | the connection breaks before, or after, the effect |
| `hold(times)` | they wait until `release()`: a delay that lasts as long as the test wants |
| `duplicate(times)` | the next things people do reach the bot twice |
| `reorder(count)` | the next `count` things reach it in the opposite order, once all happened |
| `revoke_token()`, `restore_token()` | every call is refused, until it is not |
| `go_offline()`, `come_back()` | nothing can be reached |

Faults hit the next matching call, or with `after=n` the one after n more. What matches unless more is said: what
shows or changes a message. Nothing here counts seconds.
"""

from __future__ import annotations

__all__ = ["Call", "Deliveries", "Dropped", "Fault", "Faults", "Faulty", "Hold"]

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

FaultKind = Literal["drop_before", "drop_after", "error", "error_after", "hold"]
Call = TypeVar("Call")
"""One request of the bot, as its fake reads it."""
Item = TypeVar("Item")


class Dropped(Exception):
    """The connection of this call has to be cut."""


@dataclass(slots=True)
class Hold:
    """A call that arrived and waits."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a matching call arrived."""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.released.set()


@dataclass(slots=True)
class Fault(Generic[Call]):
    kind: FaultKind
    matches: Callable[[Call], bool]
    times: int = 1
    after: int = 0
    """Matching calls to let through first."""
    error: Exception | None = None
    hold: Hold | None = None

    async def begin(self) -> None:
        """What happens before the effect. Raises `Dropped` or the error."""
        if self.hold is not None:
            self.hold.reached.set()
            await self.hold.released.wait()
        self._strike("drop_before", "error")

    def end(self) -> None:
        """What happens after the effect. Raises `Dropped` or the error."""
        self._strike("drop_after", "error_after")

    def _strike(self, drop: FaultKind, error: FaultKind) -> None:
        if self.kind == drop:
            raise Dropped
        if self.kind == error and self.error is not None:
            raise self.error


class Faults(Generic[Call]):
    """Orders in the sequence they were given; each is used up call by call."""

    def __init__(self) -> None:
        self.pending: list[Fault[Call]] = []
        self.holds: list[Hold] = []

    def add(self, fault: Fault[Call]) -> None:
        self.pending.append(fault)
        if fault.hold is not None:
            self.holds.append(fault.hold)

    def take(self, call: Call) -> Fault[Call]:
        """The next fault for this call, else one that does nothing. Counts it as used."""
        for fault in self.pending:
            if not fault.matches(call):
                continue
            if fault.after:
                fault.after -= 1
                break
            fault.times -= 1
            if fault.times <= 0:
                self.pending.remove(fault)
            return fault
        return Fault("hold", lambda _: True)

    def clear(self) -> None:
        """Forget all faults and let everything held go on."""
        for hold in self.holds:
            hold.release()
        self.holds.clear()
        self.pending.clear()


class Deliveries(Generic[Item]):
    """What people cause, on its way to the bot: passed on at once, or twice, or in the opposite order."""

    def __init__(self, deliver: Callable[[Item], None]):
        self._deliver = deliver
        self._twice = 0
        self._turned = 0
        self._waiting: list[Item] = []

    def duplicate(self, times: int = 1) -> None:
        self._twice += times

    def reorder(self, count: int = 2) -> None:
        self._turned = count

    def put(self, item: Item) -> None:
        if not self._turned:
            self._pass(item)
            return
        self._waiting.append(item)
        if len(self._waiting) == self._turned:
            self.clear()

    def clear(self) -> None:
        """Nothing is held back any more."""
        waiting, self._waiting, self._turned = self._waiting, [], 0
        for item in reversed(waiting):
            self._pass(item)

    def _pass(self, item: Item) -> None:
        self._deliver(item)
        if self._twice:
            self._twice -= 1
            self._deliver(item)


class Faulty(ABC, Generic[Call]):
    """The orders that all fakes take. `where` narrows a fault to some calls, in the platform's own words."""

    faults: Faults[Call]
    deliveries: Deliveries[Any]
    revoked: bool = False

    @abstractmethod
    def calls_where(self, **where: Any) -> Callable[[Call], bool]:
        """Whether a call is one of these; without words, whether it shows or changes a message."""

    def order(self, kind: FaultKind, times: int = 1, after: int = 0, **more: Any) -> None:
        """Add a fault. `error` and `hold` are its own, everything else in `more` tells `where`."""
        own = {name: more.pop(name) for name in ("error", "hold") if name in more}
        self.faults.add(Fault(kind, self.calls_where(**more), times, after, **own))

    def drop_before(self, times: int = 1, *, after: int = 0, **where: Any) -> None:
        """Close the connection when the call arrived, before it has any effect."""
        self.order("drop_before", times, after, **where)

    def drop_after(self, times: int = 1, *, after: int = 0, **where: Any) -> None:
        """Close the connection after the effect, instead of an answer."""
        self.order("drop_after", times, after, **where)

    def hold(self, times: int = 1, *, after: int = 0, **where: Any) -> Hold:
        """Let the next calls wait until `release()`; `reached` tells that one arrived."""
        hold = Hold()
        self.order("hold", times, after, hold=hold, **where)
        return hold

    def duplicate(self, times: int = 1) -> None:
        """The next `times` things people do reach the bot twice."""
        self.deliveries.duplicate(times)

    def reorder(self, count: int = 2) -> None:
        """The next `count` things people do reach the bot in the opposite order, after the last of them."""
        self.deliveries.reorder(count)

    def clear_faults(self) -> None:
        """Forget all faults, let every held call go on and deliver what was held back."""
        self.faults.clear()
        self.deliveries.clear()

    def revoke_token(self) -> None:
        """From now on every call is refused."""
        self.revoked = True

    def restore_token(self) -> None:
        self.revoked = False
