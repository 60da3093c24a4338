"""The contract of the reads for people."""

from __future__ import annotations

__all__ = ["RecordsContract"]

from collections.abc import AsyncIterator

import pytest

from botkit.core.errors import Conflict
from botkit.core.events import Conversation
from botkit.core.ids import new_id
from botkit.core.journal import (
    AddAudit,
    AddUsage,
    Audit,
    Consume,
    Emit,
    LogCall,
    ModelCall,
    OpenWait,
    PutFile,
    PutSession,
    Say,
    Session,
    SetPart,
    SetRun,
    StartRun,
    TranscriptRow,
)
from botkit.core.models import Usage
from botkit.core.stores import FileRow
from botkit.core.tools import CallRecord
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.samples import LANE, a_part, a_run, a_step, a_wait, an_event, begin_run


class RecordsContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_runs_are_listed_newest_first_and_filtered(self, store: Stores) -> None:
        made = [
            a_run(
                state="completed" if n % 2 else "running",
                person_id=f"per_{n % 3}",
                input={"text": f"  question\n number {n}"},
                conversation=LANE if n < 4 else "desk:8:",
            )
            for n in range(6)
        ]
        await store.journal.commit(None, [StartRun(run=run) for run in made])
        await store.journal.commit(None, [a_step(made[5], "a"), a_step(made[5], "b")])
        listed = await store.records.runs()
        assert [summary.run.id for summary in listed] == [run.id for run in reversed(made)]
        assert (listed[0].steps, listed[1].steps, listed[0].text) == (2, 0, "question number 5")
        completed = await store.records.runs(state="completed")
        assert {summary.run.id for summary in completed} == {made[1].id, made[3].id, made[5].id}
        running = await store.records.runs(state="running")
        assert {summary.run.id for summary in running} == {made[0].id, made[2].id, made[4].id}
        assert len(await store.records.runs(person_id="per_0")) == 2
        assert len(await store.records.runs(conversation="desk:8:")) == 2
        assert list(await store.records.runs(bot="nobody")) == []
        page = await store.records.runs(limit=2, before=made[4].id)
        assert [summary.run.id for summary in page] == [made[3].id, made[2].id]

    async def test_runs_of_a_workflow_are_listed_with_the_node_they_wait_at(self, store: Stores) -> None:
        refund = a_run(kind="workflow", input={"workflow": "refund"}, state="waiting", waiting_for="reply")
        others = [
            a_run(kind="workflow", input={"workflow": "refund-2"}),
            a_run(input={"text": 'say "workflow":"refund"'}),
            a_run(kind="workflow", input={"workflow": "refund_2"}),
        ]
        waits = [OpenWait(wait=a_wait(refund, "each/0/ask/wait/0", state="open"))]
        await store.journal.commit(None, [*(StartRun(run=run) for run in [refund, *others]), *waits])
        (found,) = await store.records.runs(workflow="refund")
        assert (found.run.id, found.workflow, found.waits_at) == (refund.id, "refund", "each/0/ask")
        assert [one.run.id for one in await store.records.runs(workflow="refund_2")] == [others[2].id]

    async def test_a_run_is_found_by_an_unambiguous_prefix(self, store: Stores) -> None:
        runs = [a_run("run_0a11"), a_run("run_0a12"), a_run("run_0b")]
        await store.journal.commit(None, [StartRun(run=run) for run in runs])
        for reference, expected in (
            ("run_0a11", "run_0a11"),
            ("run_0b", "run_0b"),
            ("0b", "run_0b"),
            ("0a12", "run_0a12"),
        ):
            found = await store.records.find_run(reference)
            assert found is not None
            assert found.id == expected
        for reference in ("", "run_", "%", "run_0c"):
            assert await store.records.find_run(reference) is None
        with pytest.raises(Conflict):
            await store.records.find_run("0a1")

    async def test_a_trace_joins_everything_about_a_run(self, store: Stores) -> None:
        run = a_run()
        claim, _, row = await begin_run(store.journal, "u1", run=run)
        call = CallRecord(id="c1", at=5, workspace="desk", run_id=run.id, step="turn/0/tool/0")
        usage = Usage(input_tokens=5, output_tokens=2, cached_tokens=1, cost_micros=90, estimated=True)
        model = ModelCall(id="m1", at=4, run_id=run.id, model="demo/offline", usage=usage, latency_ms=2.5)
        part = a_part(run_id=run.id)
        await store.journal.commit(
            claim,
            [
                a_step(run, "turn/0", {"x": 1}),
                OpenWait(wait=a_wait(run)),
                LogCall(record=call),
                AddUsage(call=model),
                Emit(part=part),
                Emit(part=a_part()),
            ],
        )
        trace = await store.records.trace(run.id)
        assert trace is not None
        assert trace.run == await store.journal.load_run(run.id)
        assert trace.calls == (call,)
        assert trace.models == (model,)
        assert [found.id for found in trace.parts] == [part.id]
        (event,) = trace.events
        assert (event["id"], event["dedupe_key"], event["event"]["text"]) == (row.id, "u1", "hello")
        assert event["done_at"] >= event["received_at"] > 0
        assert await store.records.trace("run_none") is None

    async def test_waits_parts_events_and_audits_are_listed(self, store: Stores) -> None:
        run = a_run()
        claim, _, _ = await begin_run(store.journal, "u1", OpenWait(wait=a_wait(run, kind="approval")), run=run)
        other = Conversation(channel="sales", room="1")
        await store.journal.commit(claim, [Emit(part=a_part("p1")), Emit(part=a_part("p2", room=other))])
        await store.journal.commit(None, [SetPart(part_id="p1", state="unknown", at=3)])
        accepted = await store.journal.accept(an_event("u2"), LANE)
        await store.journal.commit(None, [Consume(event_ids=(accepted.id,), outcome="ignored: not addressed")])
        audits = [Audit(at=n, actor="ada", via="cli", action="secrets.set", target=f"t{n}") for n in range(3)]
        await store.journal.commit(None, [AddAudit(audit=audit) for audit in audits])

        assert [wait.kind for wait in await store.records.waits()] == ["approval"]
        assert list(await store.records.waits(kind="reply")) == []
        assert list(await store.records.waits(state="answered")) == []
        assert [part.id for part in await store.records.parts()] == ["p2", "p1"]
        await store.journal.commit(None, [SetPart(part_id="p2", state="pending", at=4, message_id="m7")])
        sent = await store.records.sent("sales", "1", "m7")
        assert sent is not None
        assert sent.id == "p2"
        assert await store.records.sent("sales", "2", "m7") is None
        assert await store.records.sent("sales", "1", "") is None
        found = await store.records.part("p1")
        assert found is not None
        assert (found.id, found.state) == ("p1", "unknown")
        assert await store.records.part("p9") is None
        assert [part.id for part in await store.records.parts(state="unknown")] == ["p1"]
        assert [part.id for part in await store.records.parts(state="pending", channel="sales")] == ["p2"]
        events = await store.records.inbox()
        assert [(event["dedupe_key"], event["outcome"], event["run_id"]) for event in events] == [
            ("u2", "ignored: not addressed", ""),
            ("u1", "run", run.id),
        ]
        assert len(await store.records.inbox(channel="desk", outcome="run")) == 1
        assert await store.records.audits(limit=2) == audits[:0:-1]

    async def test_a_transcript_spans_the_sessions_of_a_conversation(self, store: Stores) -> None:
        for number in range(2):
            session = Session(
                id=f"ses_{number}", lane=LANE, bot="helper", conversation=LANE, started_at=number, last_at=number
            )
            rows = [TranscriptRow(session_id=session.id, role="user", text=f"{number}.{n}", at=n + 1) for n in range(3)]
            await store.journal.commit(None, [PutSession(session=session), *(Say(row=row) for row in rows)])
        rows = await store.records.transcript(LANE, limit=4)
        assert [row.text for row in rows] == ["0.2", "1.0", "1.1", "1.2"]
        assert list(await store.records.transcript("desk:99:")) == []

    async def test_counts_tell_health_at_a_glance(self, store: Stores) -> None:
        empty = await store.records.counts()
        assert set(empty.values()) == {0}
        run, paused = a_run(), a_run(lane="desk:9:")
        claim, _, _ = await begin_run(store.journal, "u1", OpenWait(wait=a_wait(run)), run=run)
        await store.journal.commit(None, [StartRun(run=paused), SetRun(run_id=paused.id, state="waiting", at=1)])
        await store.journal.accept(an_event("u2"), LANE)
        await store.journal.commit(claim, [Emit(part=a_part("p1")), Emit(part=a_part("p2"))])
        await store.journal.commit(None, [SetPart(part_id="p1", state="unknown", at=3)])
        assert await store.records.counts() == {
            "runs_running": 1,
            "runs_waiting": 1,
            "inbox_undone": 1,
            "parts_pending": 1,
            "parts_unknown": 1,
            "waits_open": 1,
            "people": 0,
        }

    async def test_model_calls_are_listed_since_a_time(self, store: Stores) -> None:
        calls = [ModelCall(id=new_id("mc"), at=n, model="demo/offline", person_id="per_1") for n in range(4)]
        await store.journal.commit(None, [AddUsage(call=call) for call in calls])
        assert await store.records.model_calls(since=2) == [calls[3], calls[2]]
        assert await store.records.model_calls(limit=1) == [calls[3]]

    async def test_what_was_said_outside_of_runs_is_read_by_its_conversation(self, store: Stores) -> None:
        journal, other = store.journal, Conversation(channel="desk", room="8")
        _, run, _ = await begin_run(journal, "in a run")
        aside = await journal.accept(an_event("aside"), LANE)
        pending = await journal.accept(an_event("not yet"), LANE)
        elsewhere = await journal.accept(an_event("elsewhere", room=other), other.key)
        done = [Consume(event_ids=(one.id,), outcome="command: new") for one in (aside, elsewhere)]
        said = [Emit(part=a_part(f"{aside.id}.0")), Emit(part=a_part("mine", run_id=run.id)), Emit(part=a_part("n.0"))]
        await journal.commit(None, [*done, *said, Emit(part=a_part("there.0", room=other))])
        found = await store.records.asides(LANE)
        assert [event["id"] for event in found.events] == [aside.id]
        assert found.events[0]["event"]["text"] == "hello"
        assert [part.id for part in found.parts] == [f"{aside.id}.0", "n.0"]
        assert [part.id for part in (await store.records.asides(LANE, limit=1)).parts] == ["n.0"]
        assert pending.new

    async def test_a_run_finds_the_files_of_its_own_conversation_only(self, store: Stores) -> None:
        _, run, _ = await begin_run(store.journal)

        def stored(file_id: str, lane: str, name: str) -> PutFile:
            return PutFile(
                file_id=file_id, lane=lane, person_id="p", name=name, mime="image/png", size_bytes=7, sha256="s", at=1
            )

        both = [stored("f1", LANE, "old.png"), stored("f1", LANE, "receipt.png"), stored("f2", "desk:8:", "theirs.png")]
        await store.journal.commit(None, both)
        found = await store.records.run_file(run.id, "f1")
        assert found == FileRow(file_id="f1", name="receipt.png", mime="image/png", size_bytes=7)
        assert await store.records.run_file(run.id, "f2") is None
        assert await store.records.run_file("run_x", "f1") is None
