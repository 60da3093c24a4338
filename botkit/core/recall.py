"""A conversation as it is stored, for channels whose people come back to it: after a reload, or a broken network."""

from __future__ import annotations

__all__ = ["Conversations", "Heard", "Recalled", "Said"]

from collections.abc import Sequence
from typing import Protocol

from botkit.core.data import Data
from botkit.core.events import Event
from botkit.core.messages import Part


class Heard(Data):
    """Something people did."""

    event: Event
    at: int
    """When it was stored, in microseconds, UTC."""


class Said(Data):
    """A message of ours as it stands now, whatever it said first."""

    part: Part
    at: int
    """When it was last changed, in microseconds, UTC."""


class Recalled(Data):
    """The newest of a conversation; both oldest first."""

    heard: tuple[Heard, ...] = ()
    said: tuple[Said, ...] = ()
    since: int = 0
    """Everything that changed after this time (microseconds) is here; 0: nothing is missing."""


class Conversations(Protocol):
    async def recall(self, channel: str, conversation: str, user_ids: Sequence[str], *, limit: int) -> Recalled:
        """The newest of a private conversation: of at most `limit` runs, and as much around them.

        Args:
            conversation: its key.
            user_ids: the platform accounts that talk in it.
        """
        ...
