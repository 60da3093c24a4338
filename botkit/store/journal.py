"""The journal on a SQL database: the port of `core.journal`, every call one unit of the writer.

Reads that a turn depends on go through the writer too, so they see what was committed before them.
"""

from __future__ import annotations

__all__ = ["Lease", "SqlJournal"]

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec
from sqlalchemy import delete, func, select, update

from botkit.core.clock import Clock
from botkit.core.data import decode
from botkit.core.errors import Fenced
from botkit.core.events import Event
from botkit.core.ids import new_id
from botkit.core.journal import (
    Accepted,
    Claim,
    Claimed,
    Committed,
    InboxRow,
    LaneContext,
    OpenRun,
    Recovered,
    SetPart,
    SetRun,
    Signal,
    TranscriptRow,
    Wait,
    Write,
)
from botkit.core.messages import Part
from botkit.store.codec import clean, dump_event
from botkit.store.contexts import load_claimed, load_context, load_history, load_run, undone
from botkit.store.lanes import check_claim, extend_lease, free_dead, give_up, lock_lane, take_lane
from botkit.store.query import Query, Tx, arg, const
from botkit.store.rows import PART_COLUMNS, WAIT_COLUMNS, read_part, read_wait
from botkit.store.schema import inbox, is_undelivered, parts, timers, waits
from botkit.store.signals import PostgresSignals, announce
from botkit.store.writer import Writer
from botkit.store.writes import Act, apply_write, put_event
from botkit.store.writes.runs import FINAL_STATES

_FIRST = parts.alias("first")
_FIND_EVENT = Query(
    "channel dedupe_key",
    lambda _: select(inbox.c.id).where(inbox.c.channel == arg("channel"), inbox.c.dedupe_key == arg("dedupe_key")),
)
_BEGIN_SEND = Query(
    "now conversation owner",
    lambda _: (
        update(parts)
        .values(state=const("sending"), attempts=parts.c.attempts + const(1), updated_at=arg("now"))
        .where(
            parts.c.seq
            == select(_FIRST.c.seq)
            .where(
                _FIRST.c.conversation == arg("conversation"),
                _FIRST.c.state == const("pending"),
                is_undelivered(_FIRST.c.state),
                _FIRST.c.owner == arg("owner"),
            )
            .order_by(_FIRST.c.seq)
            .limit(const(1))
            .scalar_subquery(),
            # Again, for whoever changed it since: PostgreSQL asks this of the row as it is when it is locked.
            parts.c.state == const("pending"),
            parts.c.owner == arg("owner"),
        )
        .returning(*PART_COLUMNS)
    ),
)
_MESSAGE_ID = Query("id", lambda _: select(parts.c.message_id).where(parts.c.id == arg("id")))
_WAIT_BY_ID = Query("id", lambda _: select(*WAIT_COLUMNS).where(waits.c.id == arg("id")))
_WAIT_BY_TOKEN = Query(
    "token", lambda _: select(*WAIT_COLUMNS).where(waits.c.token == arg("token"), waits.c.token != const(""))
)
_DUE = Query(
    "now limit",
    lambda _: (
        select(timers.c.id, timers.c.lane, timers.c.event)
        .where(timers.c.at <= arg("now"))
        .order_by(timers.c.at, timers.c.id)
        .limit(arg("limit"))
        .with_for_update(skip_locked=True)
    ),
)
_FIRED = Query("id", lambda _: delete(timers).where(timers.c.id == arg("id")))
_NEXT_TIMER = Query("", lambda _: select(func.min(timers.c.at)))


class Lease:
    """How long this process may believe that it is alive.

    Args:
        seconds: length of a lease; 0 when a lock proves that we are the only one (SQLite), so that nothing
            needs to be renewed.
    """

    def __init__(self, clock: Clock, seconds: float):
        self._clock = clock
        self.seconds = seconds
        self.until = 0
        self._deadline = 0.0
        self._lost = False
        self.renewed()

    def next(self) -> int:
        """The end of a lease that begins now."""
        return self._clock.micros() + int(self.seconds * 1_000_000)

    def renewed(self, until: int | None = None) -> None:
        self.until = self.next() if until is None else until
        self._deadline = self._clock.monotonic() + self.seconds

    def lost(self) -> None:
        self._lost = True

    @property
    def valid(self) -> bool:
        """By both clocks: the wall clock is what others judge by, the monotonic one does not jump."""
        if self.seconds == 0:
            return True
        return not self._lost and self._clock.micros() < self.until and self._clock.monotonic() < self._deadline


class SqlJournal:
    """Implements `botkit.core.journal.Journal`.

    Args:
        writer: an open writer.
        clock: times of rows and of leases. With several processes on PostgreSQL their clocks must agree to
            well within a lease.
        owner: id of this process's row in `owners`.
        signals: hears what other processes announce; None on a database of one process.
    """

    def __init__(
        self, writer: Writer, clock: Clock, *, owner: str, lease: Lease, signals: PostgresSignals | None = None
    ):
        self._signals = signals
        self._writer = writer
        self._clock = clock
        self._owner = owner
        self._lease = lease

    @property
    def owner(self) -> str:
        return self._owner

    # ── taking in ────────────────────────────────────────────────────────────────────────────────────────

    async def accept(self, event: Event, lane: str, *, claim: bool = True, history_limit: int = 20) -> Accepted:
        now = self._clock.micros()
        id_ = new_id("in")
        event, body = dump_event(event)
        claim = claim and self._lease.valid  # a process others may declare dead takes no new work

        def unit(tx: Tx) -> Accepted:
            held = lock_lane(tx, lane)
            seq = put_event(tx, event, lane, id_=id_, now=now, body=body)
            if seq is None:
                row = tx(_FIND_EVENT, event.channel, clean(event.dedupe_key)).fetchone()
                return Accepted(id=row[0] if row is not None else "", new=False)
            claimed = take_lane(tx, lane, held, self._owner, now) if claim else None
            if claimed is None:
                holder = held[0] if held is not None else ""
                if holder != self._owner:
                    signal = Signal(kind="lane", lane=lane, event_id=id_)
                    announce(tx, signal, sender=self._owner, receiver=holder)
                return Accepted(id=id_, new=True)
            stored = InboxRow(id=id_, seq=seq, lane=lane, event=event, received_at=now)
            return Accepted(id=id_, new=True, claimed=load_claimed(tx, claimed, history_limit, known=stored))

        return await self._writer.run(unit, key=lane)

    async def claim(self, lane: str, *, history_limit: int = 20) -> Claimed | None:
        if not self._lease.valid:
            raise Fenced(f"process {self._owner} has lost its lease and may not take work", owner=self._owner)
        now = self._clock.micros()

        def unit(tx: Tx) -> Claimed | None:
            claimed = take_lane(tx, lane, lock_lane(tx, lane), self._owner, now)
            return None if claimed is None else load_claimed(tx, claimed, history_limit)

        return await self._writer.run(unit, key=lane)

    # ── working ──────────────────────────────────────────────────────────────────────────────────────────

    async def pending(self, claim: Claim) -> Sequence[InboxRow]:
        def unit(tx: Tx) -> Sequence[InboxRow]:
            check_claim(tx, claim)
            return undone(tx, claim.lane)

        return await self._writer.run(unit)

    async def context(self, lane: str, *, history_limit: int = 20) -> LaneContext:
        return await self._writer.run(lambda tx: load_context(tx, lane, history_limit))

    async def history(self, session_id: str, *, before_seq: int, limit: int) -> Sequence[TranscriptRow]:
        return await self._writer.run(lambda tx: load_history(tx, session_id, before_seq, limit))

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        act = Act(owner=self._owner, now=self._clock.micros())
        writes = tuple(writes)
        alive = self._lease.valid

        def unit(tx: Tx) -> Committed:
            if claim is not None:
                check_claim(tx, claim)
            for write in writes:
                apply_write(tx, write, act)
                if claim is None and isinstance(write, SetRun) and write.state in FINAL_STATES:
                    announce(tx, Signal(kind="run", run_id=write.run_id), sender=act.owner)
            part = _begin_send(tx, send, act) if send and alive else None
            if claim is not None and release:
                return Committed(more=give_up(tx, claim.lane), part=part)
            return Committed(part=part) if send else _COMMITTED

        return await self._writer.run(unit, key="" if claim is None else claim.lane)

    async def load_run(self, run_id: str) -> OpenRun | None:
        return await self._writer.run(lambda tx: load_run(tx, run_id))

    # ── sending ──────────────────────────────────────────────────────────────────────────────────────────

    async def send_next(self, conversation: str, *, done: SetPart | None = None) -> Part | None:
        act = Act(owner=self._owner, now=self._clock.micros())
        alive = self._lease.valid  # otherwise somebody else may be about to send it

        def unit(tx: Tx) -> Part | None:
            if done is not None:
                apply_write(tx, done, act)
            return _begin_send(tx, conversation, act) if alive else None

        return await self._writer.run(unit)

    # ── waking ───────────────────────────────────────────────────────────────────────────────────────────

    async def find_wait(self, *, wait_id: str = "", token: str = "") -> Wait | None:
        def unit(tx: Tx) -> Wait | None:
            found = tx(_WAIT_BY_ID, wait_id) if wait_id else tx(_WAIT_BY_TOKEN, token)
            row = found.fetchone()
            return None if row is None else read_wait(row)

        return await self._writer.run(unit)

    async def fire_timers(self, *, limit: int = 500) -> tuple[Sequence[str], int]:
        now = self._clock.micros()

        def unit(tx: Tx) -> tuple[Sequence[str], int]:
            woken: dict[str, None] = {}
            for timer_id, lane, event in tx(_DUE, now, limit).fetchall():
                put_event(tx, decode(event, Event), lane, id_=new_id("in"), now=now, body=event)
                tx(_FIRED, timer_id)
                woken[lane] = None
            row = tx(_NEXT_TIMER).fetchone()
            return tuple(woken), int(row[0] or 0) if row is not None else 0

        return await self._writer.run(unit)

    # ── living ───────────────────────────────────────────────────────────────────────────────────────────

    async def heartbeat(self) -> None:
        if self._lease.seconds == 0:
            return
        until = self._lease.next()
        try:
            await self._writer.run(lambda tx: extend_lease(tx, self._owner, until))
        except Fenced:
            self._lease.lost()
            raise
        self._lease.renewed(until)

    async def recover(self) -> Recovered:
        now = self._clock.micros()
        return await self._writer.run(lambda tx: free_dead(tx, self._owner, now))

    async def has_lease(self) -> bool:
        return self._lease.valid

    async def signals(self) -> AsyncGenerator[Signal]:
        if self._signals is not None:
            async with aclosing(self._signals.listen()) as signals:
                async for signal in signals:
                    yield signal


def _begin_send(tx: Tx, conversation: str, act: Act) -> Part | None:
    """Mark the first pending part of a conversation as being sent."""
    row = tx(_BEGIN_SEND, act.now, conversation, act.owner).fetchone()
    if row is None:
        return None
    part = read_part(row)
    if part.edit_of and not part.message_id:
        target = tx(_MESSAGE_ID, part.edit_of).fetchone()
        part = msgspec.structs.replace(part, message_id=target[0] if target is not None else "")
    return part


_COMMITTED = Committed()
