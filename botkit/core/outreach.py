"""Messages nobody asked for just now: what is scheduled, who can be written to, and who wants none."""

from __future__ import annotations

__all__ = ["SCHEDULED", "LastChat", "OutreachStore", "Planned"]

from collections.abc import Sequence
from typing import Protocol

from botkit.core.data import Data
from botkit.core.events import Event

SCHEDULED = "message:"
"""How the ids of timers of scheduled messages begin: `message:{bot}/{key}`."""


class LastChat(Data):
    """Where a person wrote to a bot in private last."""

    channel: str
    conversation: str
    """Conversation key."""
    bot: str
    heard_at: int
    """When they wrote last, in microseconds, UTC."""


class Planned(Data):
    """A message that waits for its time."""

    id: str
    at: int
    """Microseconds, UTC."""
    lane: str
    event: Event
    """The event that will begin the run that sends it."""


class OutreachStore(Protocol):
    async def opted_out(self, person_ids: Sequence[str], bot: str) -> frozenset[str]:
        """Those of these people who want no unasked messages of this bot."""
        ...

    async def last_chats(self, person_id: str) -> Sequence[LastChat]:
        """One for each channel and bot, the latest first."""
        ...

    async def planned(self, *, bot: str = "", limit: int = 200) -> Sequence[Planned]:
        """Scheduled messages, the next first."""
        ...

    async def find_planned(self, id_: str) -> Planned | None: ...
