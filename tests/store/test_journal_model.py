"""A journal under random work and random deaths behaves like a few dictionaries."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule

from botkit.core.errors import Conflict, Fenced
from botkit.core.events import Conversation
from botkit.core.journal import Claim, CloseWait, Consume, Emit, Journal, OpenWait, Run, SetPart, SetRun, StartRun
from botkit.store.open import Store, open_store
from botkit.testing.clock import ManualClock
from botkit.testing.stores.samples import a_part, a_run, a_step, a_wait, an_event

T = TypeVar("T")

ROOMS = [Conversation(channel="desk", room=str(n)) for n in range(3)]
FINAL = ("completed", "failed")


@dataclass
class Model:
    """What the journal must hold."""

    accepted: dict[str, str] = field(default_factory=dict[str, str])
    """Event key → id."""
    undone: dict[str, list[str]] = field(default_factory=lambda: {room.key: [] for room in ROOMS})
    """Lane → keys, in order of arrival."""
    runs: dict[str, str] = field(default_factory=dict[str, str])
    steps: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    waits: dict[str, str] = field(default_factory=dict[str, str])
    """Wait id → state."""
    parts: dict[str, str] = field(default_factory=dict[str, str])
    """Part id → state, in order of emission."""


class JournalMachine(RuleBasedStateMachine):
    """Rules act on the store and on the model, and compare what both say."""

    runs = Bundle("runs")
    waits = Bundle("waits")

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.base = Path(tempfile.mkdtemp(prefix="botkit-model-", dir=memory if memory.is_dir() else None))
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.model = Model()
        self.claims: dict[str, Claim] = {}
        self.stale: list[Claim] = []
        self.made: dict[str, Run] = {}
        self.count = 0
        self.store: Store | None = None

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def journal(self) -> Journal:
        assert self.store is not None
        return self.store.journal

    def number(self) -> int:
        self.count += 1
        return self.count

    @initialize()
    def start(self) -> None:
        self.context = open_store(self.base / "home", clock=self.clock)
        self.store = self.do(self.context.__aenter__())

    def teardown(self) -> None:
        if self.store is not None:
            self.die_and_compare()
            self.do(self.context.__aexit__(None, None, None))
        self.runner.close()
        shutil.rmtree(self.base)

    # ── taking in ────────────────────────────────────────────────────────────────────────────────────────

    @rule(room=st.sampled_from(ROOMS), key=st.integers(0, 40))
    def accept(self, room: Conversation, key: int) -> None:
        lane, name = room.key, f"u{key}"
        known = name in self.model.accepted
        accepted = self.do(self.journal.accept(an_event(name, room=room), lane))
        assert accepted.new is not known
        if known:
            assert accepted.id == self.model.accepted[name]
            assert accepted.claimed is None
            return
        self.model.accepted[name] = accepted.id
        self.model.undone[lane].append(name)
        assert (accepted.claimed is None) is (lane in self.claims)
        if accepted.claimed is not None:
            assert [row.event.dedupe_key for row in accepted.claimed.events] == self.model.undone[lane]
            self.claims[lane] = accepted.claimed.claim

    @rule(room=st.sampled_from(ROOMS))
    def claim(self, room: Conversation) -> None:
        claimed = self.do(self.journal.claim(room.key))
        assert (claimed is None) is (room.key in self.claims)
        if claimed is not None:
            assert [row.event.dedupe_key for row in claimed.events] == self.model.undone[room.key]
            running = {id_ for id_, state in self.model.runs.items() if state == "running"}
            mine = {id_ for id_ in running if self.made[id_].lane == room.key}
            assert {opened.run.id for opened in claimed.runs} == mine
            for opened in claimed.runs:
                assert set(opened.steps) == self.model.steps[opened.run.id]
            self.claims[room.key] = claimed.claim

    @rule(room=st.sampled_from(ROOMS))
    def release(self, room: Conversation) -> None:
        if room.key not in self.claims:
            return
        committed = self.do(self.journal.commit(self.claims[room.key], (), release=True))
        assert committed.more is bool(self.model.undone[room.key])
        if not committed.more:
            self.stale.append(self.claims.pop(room.key))

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_stale_claim_writes_nothing(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.stale))
        with pytest.raises(Fenced):
            self.do(self.journal.commit(claim, [Emit(part=a_part(f"stale-{self.number()}"))]))

    @rule(room=st.sampled_from(ROOMS))
    def consume(self, room: Conversation) -> None:
        lane = room.key
        if lane in self.claims and self.model.undone[lane]:
            first = self.do(self.journal.pending(self.claims[lane]))[0]
            assert first.event.dedupe_key == self.model.undone[lane].pop(0)
            self.do(self.journal.commit(self.claims[lane], [Consume(event_ids=(first.id,), outcome="command")]))

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────

    @rule(target=runs, room=st.sampled_from(ROOMS))
    def start_run(self, room: Conversation) -> str:
        lane = room.key
        if lane not in self.claims or not self.model.undone[lane]:
            return ""
        run = a_run(f"run_{self.number():04}", lane=lane, conversation=lane)
        first = self.do(self.journal.pending(self.claims[lane]))[0]
        assert first.event.dedupe_key == self.model.undone[lane].pop(0)
        start = StartRun(run=run, event_ids=(first.id,))
        self.do(self.journal.commit(self.claims[lane], [start, Emit(part=a_part(f"p{self.count:04}", room=room))]))
        self.made[run.id] = run
        self.model.runs[run.id] = "running"
        self.model.steps[run.id] = set()
        self.model.parts[f"p{self.count:04}"] = "pending"
        return run.id

    @rule(run_id=runs, key=st.integers(0, 3))
    def step(self, run_id: str, key: int) -> None:
        claim = self.claims.get(self.made[run_id].lane) if run_id else None
        if claim is None:
            return
        write = a_step(self.made[run_id], f"turn/{key}")
        if f"turn/{key}" in self.model.steps[run_id]:
            with pytest.raises(Conflict):
                self.do(self.journal.commit(claim, [write]))
        else:
            self.do(self.journal.commit(claim, [write]))
            self.model.steps[run_id].add(f"turn/{key}")

    @rule(target=waits, run_id=runs)
    def ask(self, run_id: str) -> str:
        claim = self.claims.get(self.made[run_id].lane) if run_id else None
        if claim is None or self.model.runs[run_id] in FINAL:
            return ""
        wait = a_wait(self.made[run_id], f"ask/{self.number()}")
        waiting = SetRun(run_id=run_id, state="waiting", waiting_for="reply", at=1)
        self.do(self.journal.commit(claim, [OpenWait(wait=wait), waiting]))
        self.model.runs[run_id] = "waiting"
        self.model.waits[wait.id] = "open"
        return wait.id

    @rule(wait_id=waits)
    def answer(self, wait_id: str) -> None:
        if not wait_id:
            return
        close = CloseWait(wait_id=wait_id, state="answered", at=2, answer={"text": "yes"}, by="per_1")
        if self.model.waits[wait_id] == "open":
            self.do(self.journal.commit(None, [close]))
            self.model.waits[wait_id] = "answered"
            lane = self.made[wait_id.partition("/")[0]].lane
            self.model.undone[lane].append(wait_id)
            self.model.accepted[wait_id] = ""
        else:
            with pytest.raises(Conflict):
                self.do(self.journal.commit(None, [close]))

    @rule(run_id=runs, state=st.sampled_from(FINAL))
    def finish(self, run_id: str, state: Any) -> None:
        claim = self.claims.get(self.made[run_id].lane) if run_id else None
        if claim is None:
            return
        write = SetRun(run_id=run_id, state=state, at=3)
        if self.model.runs[run_id] in FINAL:
            with pytest.raises(Conflict):
                self.do(self.journal.commit(claim, [write]))
            return
        self.do(self.journal.commit(claim, [write]))
        self.model.runs[run_id] = state
        for wait_id, wait_state in self.model.waits.items():
            if wait_id.startswith(f"{run_id}/") and wait_state == "open":
                self.model.waits[wait_id] = "cancelled"

    # ── sending ──────────────────────────────────────────────────────────────────────────────────────────

    @rule(room=st.sampled_from(ROOMS), answered=st.booleans())
    def send(self, room: Conversation, answered: bool) -> None:
        part = self.do(self.journal.send_next(room.key))
        pending = [id_ for id_, state in self.model.parts.items() if state == "pending"]
        mine = [id_ for id_ in pending if self.made[f"run_{id_[1:]}"].lane == room.key]
        assert (part.id if part is not None else None) == (mine[0] if mine else None)
        if part is not None:
            self.model.parts[part.id] = "sending"
            if answered:
                sent = SetPart(part_id=part.id, state="sent", at=4, message_id="m", if_state=("sending",))
                self.do(self.journal.commit(None, [sent]))
                self.model.parts[part.id] = "sent"

    # ── dying ────────────────────────────────────────────────────────────────────────────────────────────

    @rule()
    def die_and_compare(self) -> None:
        assert self.store is not None
        self.do(self.store.abandon())
        self.reopen()

    @rule(room=st.sampled_from(ROOMS), count=st.integers(1, 5), turns=st.integers(0, 3))
    def die_while_accepting(self, room: Conversation, count: int, turns: int) -> None:
        """Events under way at a death are stored or not; those that were acknowledged are stored."""
        assert self.store is not None
        store, names = self.store, [f"x{self.number()}" for _ in range(count)]

        async def work() -> list[str]:
            tasks = [asyncio.ensure_future(store.journal.accept(an_event(name, room=room), room.key)) for name in names]
            for _ in range(turns):
                await asyncio.sleep(0)
            await store.abandon()
            for task in tasks:
                task.cancel()  # those that wait for an answer that will never come
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            return [name for name, answer in zip(names, answers, strict=True) if not isinstance(answer, BaseException)]

        acknowledged = self.do(work())
        self.reopen(perhaps=(room.key, names), surely=acknowledged)

    def reopen(self, perhaps: tuple[str, list[str]] | None = None, surely: list[str] | None = None) -> None:
        self.do(self.context.__aexit__(None, None, None))
        self.context = open_store(self.base / "home", clock=self.clock)
        self.store = self.do(self.context.__aenter__())
        self.stale += self.claims.values()
        self.claims.clear()
        if perhaps is not None:
            lane, names = perhaps
            events = self.do(self.store.records.inbox(limit=100_000))
            found = [event["dedupe_key"] for event in reversed(events) if event["dedupe_key"] in names]
            assert set(surely or ()) <= set(found)
            self.model.undone[lane] += found
            self.model.accepted |= {name: next(e["id"] for e in events if e["dedupe_key"] == name) for name in found}
        self.compare()

    def compare(self) -> None:
        """What the next process finds is what the model says."""
        assert self.store is not None
        model = self.model
        recovered = self.do(self.journal.recover())
        busy = {self.made[id_].lane for id_, state in model.runs.items() if state == "running"}
        assert set(recovered.lanes) == busy | {lane for lane, keys in model.undone.items() if keys}
        lost = {id_ for id_, state in model.parts.items() if state == "sending"}
        assert {part.id for part in recovered.unknown_parts} == lost
        model.parts |= dict.fromkeys(lost, "unknown")
        for run_id, state in model.runs.items():
            opened = self.do(self.journal.load_run(run_id))
            assert opened is not None
            assert (opened.run.state, set(opened.steps)) == (state, model.steps[run_id])
        for wait_id, state in model.waits.items():
            wait = self.do(self.journal.find_wait(wait_id=wait_id))
            assert wait is not None
            assert wait.state == state
        events = self.do(self.store.records.inbox(limit=100_000))
        assert {event["dedupe_key"] for event in events} == set(model.accepted)
        for lane, keys in model.undone.items():
            undone = [e["dedupe_key"] for e in reversed(events) if e["lane"] == lane and not e["done_at"]]
            assert undone == keys


TestJournalModel = JournalMachine.TestCase
TestJournalModel.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
