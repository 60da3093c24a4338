"""Tokens that nobody ever had, counted by the address they come from: whoever tries many is told to wait.

Only refusals are slowed. A good token is let in however many bad ones came from the same address before, and one that
was good once is told so plainly, so that a program knows that it must log in again. Guessing was hopeless before: what
is saved is work, and a log full of it.
"""

from __future__ import annotations

__all__ = ["Strangers"]

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from botkit.core.clock import Clock

BURST = 20
"""Bad tokens of one address that are answered like any other."""
EVERY_S = 3.0
"""Afterwards one in such a time."""
_REMEMBERED = 10_000


class Strangers:
    """A bucket of attempts for each address; the one not seen for longest is forgotten when there are too many."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """Address → when its bucket will be full again, in monotonic seconds."""

    def __len__(self) -> int:
        return len(self._full_at)

    def may_try(self, address: str) -> bool:
        """Whether another bad token of this address is answered like any other; nothing is counted."""
        return not self._wait_s(_place(address))

    def tried(self, address: str) -> float:
        """Count a bad token. Seconds to wait before the next; 0: this one was within what is answered."""
        place, now = _place(address), self._clock.monotonic()
        wait_s = self._wait_s(place)
        if not wait_s:
            self._full_at[place] = max(now, self._full_at.get(place, now)) + EVERY_S
        self._full_at.move_to_end(place)
        if len(self._full_at) > _REMEMBERED:
            self._full_at.popitem(last=False)
        return wait_s

    def _wait_s(self, place: str) -> float:
        taken_s = self._full_at.get(place, 0.0) - self._clock.monotonic()
        return max(0.0, taken_s - (BURST - 1) * EVERY_S)


def _place(address: str) -> str:
    """Whom to count together: an IPv4 address, or the network that an IPv6 host has all addresses of."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped is not None else f"{found.packed[:8].hex()}/64"
    return str(found)
