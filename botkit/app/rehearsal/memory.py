"""A journal in memory for one run, and a clock on which only waiting takes time."""

from __future__ import annotations

__all__ = ["MemoryJournal", "PassingClock"]

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from botkit.core.clock import to_micros
from botkit.core.errors import Conflict
from botkit.core.journal import (
    Claim,
    CloseWait,
    Committed,
    DropTimer,
    Emit,
    Intent,
    OpenWait,
    PutTimer,
    Step,
    StepDone,
    Wait,
    Write,
)
from botkit.core.notebook import MemoryNotes
from botkit.core.notes import DropNotes, PutNote
from botkit.core.outreach import SCHEDULED

_PAUSE_S = 2.0


class PassingClock:
    """Implements `Clock`. Nobody has to wait: whoever sleeps finds that the time has passed."""

    def __init__(self, start: datetime):
        self._start = start
        self._passed_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def micros(self) -> int:
        return to_micros(self.now())

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        """Short pauses pass at once. A long one is a limit on somebody's work, so it lasts as long as it says."""
        if seconds <= _PAUSE_S:
            await asyncio.sleep(0)
            self._passed_s += seconds
        else:
            await asyncio.sleep(seconds)

    def pass_to(self, micros: int) -> None:
        """Somebody waited until then."""
        self._passed_s += max(0.0, (micros - self.micros()) / 1e6)


class MemoryJournal:
    """What a run context asks of a journal.

    Attributes:
        waits: by key, as they are now.
        said: text and conversation key of what was said and asked, in order.
        planned: messages for later, by the id of their timer.
    """

    def __init__(
        self,
        steps: dict[str, Step] | None = None,
        waits: Sequence[Wait] = (),
        *,
        notes: MemoryNotes | None = None,
    ) -> None:
        self._notes = notes
        self.steps: dict[str, Step] = dict(steps or {})
        self.waits: dict[str, Wait] = {wait.key: wait for wait in waits}
        self.said: list[tuple[str, str]] = []
        self.planned: dict[str, PutTimer] = {}
        self._parts: set[str] = set()

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        for write in writes:
            self._apply(write)
        return Committed()

    def _apply(self, write: Write) -> None:
        match write:
            case StepDone():
                known = self.steps.get(write.key)
                if known is not None and known.state == "done":
                    raise Conflict(f"step {write.key} was done before")
                self.steps[write.key] = Step(
                    run_id=write.run_id,
                    key=write.key,
                    name=write.name,
                    result=write.result,
                    started_at=write.started_at,
                    ended_at=write.ended_at,
                )
            case Intent():
                self.steps[write.key] = Step(run_id=write.run_id, key=write.key, name=write.name, state="intent")
            case OpenWait():
                if write.wait.key not in self.waits and (asked := str(write.wait.payload.get("message") or "")):
                    self.said.append((asked, write.wait.conversation))
                self.waits.setdefault(write.wait.key, write.wait)
            case CloseWait():
                found = next((wait for wait in self.waits.values() if wait.id == write.wait_id), None)
                if found is not None and found.state == "open":
                    changed = msgspec.structs.replace(
                        found, state=write.state, answer=write.answer, decided_by=write.by, decided_at=write.at
                    )
                    self.waits[found.key] = changed
            case Emit():
                if write.part.id not in self._parts:
                    self.said.append((write.part.text, write.part.conversation.key))
                self._parts.add(write.part.id)
            case PutNote() | DropNotes():
                if self._notes is not None:
                    self._notes.apply(write)
            case PutTimer() if write.id.startswith(SCHEDULED):
                self.planned[write.id] = write
            case DropTimer():
                self.planned.pop(write.id, None)
            case _:
                pass  # usage, logs and other timers are of no consequence here
