"""Messages nobody asked for just now: what is scheduled, who can be written to, and who wants none."""

from __future__ import annotations

__all__ = ["SCHEDULED", "LastChat", "Later", "Outreach", "OutreachStore", "Planned", "Reach"]

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from botkit.core.data import Data
from botkit.core.events import Event
from botkit.core.journal import PutTimer, Run

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


class Reach(Data):
    """Whether and where a person can be written to now."""

    status: Literal["open", "opted_out", "window_closed", "unreachable"]
    """`window_closed`: the platform takes only approved templates until they write again."""
    person_id: str = ""
    conversation: str = ""
    """Conversation key."""
    channel: str = ""


class Later(Data):
    """A message for later."""

    key: str
    """Its name, unique within the bot; the same again replaces it."""
    at: datetime
    message: dict[str, Any]
    """The fields of `send_proactive`: text, person, to, …"""
    cron: str = ""
    """When it is said again; empty: once."""
    timezone: str = "UTC"
    until: str = ""
    """ISO 8601: the end of repetition; empty: none."""


class Outreach(Protocol):
    """Writing to people who did not just write."""

    async def reach(self, person: str, *, bot: str, channel: str = "", to: str = "") -> Reach:
        """Where to write to a person.

        Args:
            person: a key of `people`, the id of a person, or `channel:user`.
            channel: only there; where they wrote last when empty.
            to: this conversation; whether they want it and the window is open is still looked at.
        """
        ...

    async def with_role(self, role: str) -> Sequence[str]:
        """Ids of everybody who has this role, in a stable order."""
        ...

    def timer(self, run: Run, later: Later) -> PutTimer:
        """The timer of a message for later, and of its repetitions."""
        ...

    def kick(self) -> None:
        """A timer was committed: look when it is due."""
        ...

    def timer_id(self, run: Run, key: str) -> str:
        """Raises `InvalidArguments` for a key that is none."""
        ...

    async def planned(self, id_: str) -> Planned | None:
        """The timer of this id, while it waits."""
        ...

    def next_time(self, cron: str, timezone: str, after: datetime) -> datetime:
        """Raises `InvalidArguments` for a cron expression that is none or never comes."""
        ...
