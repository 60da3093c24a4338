"""What the node `action` asks of botkit: tags of people, and events that start other workflows."""

from __future__ import annotations

__all__ = ["EVENT_NAME", "EVENT_PATTERN", "EventFacts", "Tagged", "Told", "WorkflowActions"]

import re
from collections.abc import Sequence
from typing import Any, Protocol

from botkit.core.data import Data
from botkit.core.journal import Run, Write

EVENT_NAME = "1 to 100 letters, digits, `.`, `-` and `_`, such as `order.paid`"
EVENT_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EventFacts(Data):
    """Something that happened in a run."""

    name: str
    data: Any = None
    """JSON."""
    key: str
    """The same for a repeat of the same occasion, which starts nothing a second time."""
    bot: str = ""
    """That the run acts for."""
    taint: tuple[str, ...] = ()
    """Whose words may be in `data` (`botkit.core.taint`)."""


class Tagged(Data):
    tags: tuple[str, ...]
    """All that the person has then, in alphabetical order."""
    writes: tuple[Write, ...]


class Told(Data):
    workflows: tuple[str, ...]
    """Those that begin, by name."""
    lanes: tuple[str, ...]
    """Where they run: `start` them once the writes are committed."""
    writes: tuple[Write, ...]


class WorkflowActions(Protocol):
    """Nothing is done until the writes are committed, so that it happens with its step or not at all."""

    async def tag(self, run: Run, person_id: str, tags: Sequence[str], *, remove: bool) -> Tagged:
        """Put tags on a person, or take them away.

        Raises:
            NotFound: there is no such person.
            InvalidArguments: a tag cannot be kept.
            LimitReached: the person would have too many.
        """
        ...

    def tagged(self, person_id: str) -> None:
        """The tags of this person were committed."""
        ...

    async def tell(self, run: Run, event: EventFacts) -> Told:
        """Start every workflow with a trigger for this event.

        Raises:
            InvalidArguments: the name or the data cannot be kept.
            LimitReached: workflows start each other by events, on and on.
        """
        ...

    async def start(self, lanes: Sequence[str]) -> None:
        """Work on the runs of an event that was committed. What is not started here is found at the next start."""
        ...
