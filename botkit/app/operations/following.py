"""Which run of a room is the one that somebody waits for.

Several runs of one room may be seen at once: one that was resumed by a decision, one of another person, and the one
that answers the message just sent. What is told of each carries its run; whose it is, the journal knows.
"""

from __future__ import annotations

__all__ = ["Following"]

from botkit.core.journal import Journal
from botkit.core.live import LiveEvent
from botkit.core.stores import Records

_ANSWER = "answer: "


class Following:
    """Tells what concerns one message, or one run, from everything else in its room.

    Args:
        message_id: the message whose run is followed; it may begin one, be merged into one, or answer one's question.
        run_id: the run, where it is known.
    """

    def __init__(self, records: Records, journal: Journal, channel: str, *, message_id: str = "", run_id: str = ""):
        self._records = records
        self._journal = journal
        self._channel = channel
        self._message_id = message_id
        self._run_id = run_id
        self._others: set[str] = set()
        self._maybe: set[str] = set()
        """Runs that have begun and are not stored yet: messages sent together become one run, with the id of one."""

    async def concerns(self, event: LiveEvent) -> bool:
        """Whether this event is about what is followed. Call it for every event, in order."""
        if not event.run_id:
            return True  # an answer to a command, a notice
        if not self._run_id:
            await self._look(event)
        if self._run_id:
            return event.run_id == self._run_id
        return event.run_id in self._maybe

    async def _look(self, event: LiveEvent) -> None:
        """Find out whose run it is that an event is about."""
        if event.run_id in self._others or (event.run_id in self._maybe and event.kind != "done"):
            return
        if event.kind == "status" and event.data.get("message_id") == self._message_id:
            self._run_id = event.run_id
            return
        self._run_id = await self._answering()
        if self._run_id:
            return
        if await self._journal.load_run(event.run_id) is not None:  # and it does not answer this message
            self._maybe.discard(event.run_id)
            self._others.add(event.run_id)
        else:
            self._maybe.add(event.run_id)

    async def _answering(self) -> str:
        """The run that took the message; empty while it waits for its turn."""
        row = await self._records.event(self._channel, self._message_id)
        if row is None:
            return ""
        outcome: str = row["outcome"]
        if not outcome.startswith(_ANSWER):
            return str(row["run_id"])
        wait = await self._journal.find_wait(wait_id=outcome.removeprefix(_ANSWER))
        return wait.run_id if wait is not None else ""
