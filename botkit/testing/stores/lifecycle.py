"""The contract of export, erasure and retention."""

from __future__ import annotations

__all__ = ["LifecycleContract"]

from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest

from botkit.core.data import encode
from botkit.core.errors import Conflict, NotFound
from botkit.core.events import Conversation, User
from botkit.core.journal import (
    AddAudit,
    AddUsage,
    Audit,
    CloseWait,
    Emit,
    LogCall,
    ModelCall,
    OpenWait,
    PutFile,
    PutSession,
    PutTimer,
    Run,
    RunState,
    Say,
    Session,
    SetPart,
    SetRun,
    StartRun,
    TranscriptRow,
)
from botkit.core.stores import Person
from botkit.core.tags import SetTags
from botkit.core.tools import CallRecord
from botkit.testing.stores.administration import SEALED
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.members import a_member, a_token, an_act
from botkit.testing.stores.samples import a_part, a_run, a_step, a_wait, an_event

DAY = 86_400_000_000
"""Microseconds."""
GROUP = Conversation(channel="desk", room="-100", kind="group")
MARK = "the-secret-of"
"""Every text of a sample person begins with it, followed by the user id, so that a search finds leftovers."""


class Turn(msgspec.Struct):
    """One finished turn with something in every table."""

    person: Person
    run: Run
    session: Session
    part_id: str
    file_id: str


async def a_turn(
    store: Stores, user: str, room: Conversation, number: int = 0, *, state: RunState = "completed"
) -> Turn:
    """A person says something and is answered; all of it names the person's mark."""
    mark = f"{MARK}-{user}"
    person = await store.people.resolve("desk", User(id=user, name=mark))
    event = an_event(f"{user}-{room.room}-{number}", f"{mark} asks", room=room, sender=user)
    accepted = await store.journal.accept(event, room.key)
    assert accepted.claimed is not None
    now = accepted.claimed.events[0].received_at
    session = Session(
        id=f"ses_{room.room}" if room.kind == "group" else f"ses_{user}",
        lane=room.key,
        bot="helper",
        channel="desk",
        conversation=room.key,
        person_id=person.id,
        started_at=now,
        last_at=now,
        summary=f"{mark} was here",
    )
    run = a_run(
        lane=room.key,
        conversation=room.key,
        conversation_kind=room.kind,
        person_id=person.id,
        session_id=session.id,
        input={"text": f"{mark} asks"},
        started_at=now,
    )
    file_id, size_bytes, sha256 = await store.files.put(f"{mark} file {room.room}".encode(), limit_bytes=1000)
    part = a_part(run_id=run.id, room=room, text=f"{mark} is answered", created_at=now)
    call = CallRecord(id=f"c-{run.id}", at=now, workspace="desk", principal=person.id, run_id=run.id)
    said = TranscriptRow(session_id=session.id, run_id=run.id, role="user", text=mark, person_id=person.id, at=now)
    answered = TranscriptRow(session_id=session.id, run_id=run.id, role="assistant", text=f"to {mark}", at=now)
    await store.journal.commit(
        accepted.claimed.claim,
        [
            StartRun(run=run, event_ids=(accepted.id,)),
            PutSession(session=session),
            Say(row=said),
            Say(row=answered),
            a_step(run, "turn/0", {"text": mark}),
            OpenWait(wait=a_wait(run, payload={"q": mark}, person_id=person.id)),
            PutTimer(id=f"t-{run.id}", at=now + 400 * DAY, lane=room.key, event=an_event(f"t-{run.id}", room=room)),
            LogCall(record=call),
            AddUsage(call=ModelCall(id=f"m-{run.id}", at=now, run_id=run.id, person_id=person.id)),
            PutFile(
                file_id=file_id,
                lane=room.key,
                person_id=person.id,
                name=f"{mark}.txt",
                mime="text/plain",
                size_bytes=size_bytes,
                sha256=sha256,
                at=now,
            ),
            Emit(part=part),
            SetPart(part_id=part.id, state="sent", at=now, message_id="m1"),
            *([SetRun(run_id=run.id, state=state, at=now, output={"text": mark})] if state != "running" else []),
        ],
        release=True,
    )
    return Turn(person, run, session, part.id, file_id)


async def everything(store: Stores, person_id: str) -> list[dict[str, object]]:
    return [record async for record in store.lifecycle.export_person(person_id)]


class LifecycleContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    # ── export ───────────────────────────────────────────────────────────────────────────────────────────

    async def test_an_export_holds_everything_of_one_person_and_nothing_of_others(self, store: Stores) -> None:
        ada = await a_turn(store, "1", Conversation(channel="desk", room="1"))
        await a_turn(store, "2", Conversation(channel="desk", room="2"))
        await store.secrets.put(msgspec.structs.replace(SEALED, scope=f"person:{ada.person.id}"))
        records = await everything(store, ada.person.id)
        tables = Counter(str(record["table"]) for record in records)
        assert {
            "people", "identities", "sessions", "transcript", "inbox", "runs", "steps", "waits", "parts", "files",
            "calls", "model_calls", "secrets", "timers", "lanes",
        } <= set(tables)  # fmt: skip
        assert tables["transcript"] == 2
        text = encode(records).decode()
        assert f"{MARK}-1" in text
        assert f"{MARK}-2" not in text
        assert "sealed" not in text
        (run,) = [record for record in records if record["table"] == "runs"]
        assert run["input"] == {"text": f"{MARK}-1 asks"}

    async def test_an_export_of_nobody_is_empty(self, store: Stores) -> None:
        assert await everything(store, "per_none") == []

    # ── erasure ──────────────────────────────────────────────────────────────────────────────────────────

    async def test_an_erased_person_leaves_nothing_but_anonymous_logs(self, store: Stores) -> None:
        ada = await a_turn(store, "1", Conversation(channel="desk", room="1"))
        bo = await a_turn(store, "2", Conversation(channel="desk", room="2"))
        await store.secrets.put(msgspec.structs.replace(SEALED, scope=f"person:{ada.person.id}"))
        await store.people.mark_welcomed(ada.person.id, "helper")
        for person in (ada.person, bo.person):
            await store.people.tag(SetTags(person_id=person.id, tags=("vip",), at=1))
        await store.pairing.request("desk", User(id="1"), ada.person.id, ttl_s=60)
        for person, name in ((ada.person, "Ada"), (bo.person, "Bo")):
            member = a_member(name, person_id=person.id)
            await store.members.add(member, audit=an_act())
            await store.members.add_token(a_token(member), f"digest-{name}", audit=an_act())
        kept = await everything(store, bo.person.id)
        assert "digest-Bo" not in str(kept)
        assert [row["tag"] for row in kept if row["table"] == "tags"] == ["vip"]

        erased = await store.lifecycle.erase_person(ada.person.id, actor="operator")
        assert erased.rows["runs"] == 1
        assert erased.rows["tags"] == 1
        assert erased.rows["transcript"] == 2
        assert erased.files == 1
        assert await everything(store, ada.person.id) == []
        assert await store.people.get(ada.person.id) is None
        assert await store.journal.load_run(ada.run.id) is None
        assert await store.secrets.list() == []
        assert await store.pairing.list() == []
        assert [member.name for member in await store.members.list(removed=True)] == ["Bo"]
        assert await store.members.holder("digest-Ada") is None
        assert await store.members.holder("digest-Bo") is not None
        with pytest.raises(NotFound):
            await store.files.read(ada.file_id)
        for record in await store.records.calls():
            assert record.principal in ("", bo.person.id)
        assert sorted(call.person_id for call in await store.records.model_calls()) == ["", bo.person.id]

        assert await everything(store, bo.person.id) == kept
        assert await store.files.read(bo.file_id)
        audit = (await store.records.audits())[0]
        assert (audit.action, audit.target, audit.actor) == ("data.erase", ada.person.id, "operator")
        again = await store.lifecycle.erase_person(ada.person.id, actor="operator")
        assert again.rows == {}

    async def test_in_a_group_only_their_words_and_the_answers_to_them_go(self, store: Stores) -> None:
        ada = await a_turn(store, "1", GROUP)
        bo = await a_turn(store, "2", GROUP, 1)
        await store.lifecycle.erase_person(ada.person.id, actor="operator")
        rows = await store.records.transcript(GROUP.key)
        assert [row.run_id for row in rows] == [bo.run.id, bo.run.id]
        context = await store.journal.context(GROUP.key)
        assert context.session is not None
        assert MARK not in context.session.summary  # it told about everybody, so it must be written again
        assert [part.id for part in await store.records.parts()] == [bo.part_id]
        assert MARK + "-1" not in encode([await everything(store, bo.person.id), rows]).decode()

    async def test_a_file_two_people_sent_stays_until_both_are_gone(self, store: Stores, database: Database) -> None:
        file_id, size_bytes, sha256 = await store.files.put(b"the same", limit_bytes=100)
        for person_id in ("per_1", "per_2"):
            row = PutFile(
                file_id=file_id,
                lane="l",
                person_id=person_id,
                name="x",
                mime="",
                size_bytes=size_bytes,
                sha256=sha256,
                at=database.clock.micros(),
            )
            await store.journal.commit(None, [row])
        assert (await store.lifecycle.erase_person("per_1", actor="o")).files == 0
        assert await store.files.read(file_id) == b"the same"
        assert (await store.lifecycle.erase_person("per_2", actor="o")).files == 1

    async def test_nobody_is_erased_in_the_middle_of_a_turn(self, store: Stores) -> None:
        ada = await a_turn(store, "1", Conversation(channel="desk", room="1"), state="running")
        with pytest.raises(Conflict):
            await store.lifecycle.erase_person(ada.person.id, actor="operator")
        assert await store.people.get(ada.person.id) == ada.person
        await store.journal.commit(None, [SetRun(run_id=ada.run.id, state="cancelled", at=1)])
        assert (await store.lifecycle.erase_person(ada.person.id, actor="operator")).rows["runs"] == 1

    async def test_who_was_asked_or_decided_for_others_is_blanked_and_nobody_else_can_answer(
        self, store: Stores
    ) -> None:
        ada = await store.people.resolve("desk", User(id="1", name="Ada"))
        run = a_run(person_id="per_other")
        asked = a_wait(run, "a", person_id=ada.id)
        decided = a_wait(run, "b", person_id="per_other")
        await store.journal.commit(None, [StartRun(run=run), OpenWait(wait=asked), OpenWait(wait=decided)])
        close = CloseWait(wait_id=decided.id, state="answered", at=1, by=ada.id, wake=False)
        await store.journal.commit(None, [close, SetRun(run_id=run.id, state="waiting", at=2)])
        await store.lifecycle.erase_person(ada.id, actor="operator")
        for wait in (asked, decided):
            found = await store.journal.find_wait(wait_id=wait.id)
            assert found is not None
            assert ada.id not in (found.person_id, found.decided_by)
            assert found.person_id != ""

    # ── retention ────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_is_old_is_deleted_and_what_is_new_or_needed_stays(
        self, store: Stores, database: Database
    ) -> None:
        old = await a_turn(store, "1", Conversation(channel="desk", room="1"))
        paused = await a_turn(store, "2", Conversation(channel="desk", room="2"), state="waiting")
        await store.journal.commit(
            None, [AddAudit(audit=Audit(at=database.clock.micros(), actor="a", via="", action="x"))]
        )
        await database.clock.advance(100 * 86_400)
        await store.journal.heartbeat()
        new = await a_turn(store, "3", Conversation(channel="desk", room="3"))
        before = database.clock.micros() - DAY
        deleted = await store.lifecycle.expire(
            messages_before=before, runs_before=before, logs_before=before, files_before=before
        )
        assert deleted == {
            "transcript": 2, "sessions": 1, "inbox": 1, "parts": 1, "runs": 1, "calls": 2, "model_calls": 2,
            "audits": 1, "files": 2,
        }  # fmt: skip
        assert await store.journal.load_run(old.run.id) is None
        for turn in (paused, new):
            loaded = await store.journal.load_run(turn.run.id)
            assert loaded is not None
            assert len(loaded.steps) == 1
            assert len(await store.records.transcript(turn.run.conversation)) == 2
        with pytest.raises(NotFound):
            await store.files.read(old.file_id)
        assert await store.files.read(new.file_id)
        again = await store.lifecycle.expire(
            messages_before=before, runs_before=before, logs_before=before, files_before=before
        )
        assert again == {}

    async def test_each_kind_is_left_alone_unless_asked_for(self, store: Stores, database: Database) -> None:
        turn = await a_turn(store, "1", Conversation(channel="desk", room="1"))
        kept = await everything(store, turn.person.id)
        assert await store.lifecycle.expire() == {}
        assert await everything(store, turn.person.id) == kept
        await database.clock.advance(10 * 86_400)
        assert set(await store.lifecycle.expire(runs_before=database.clock.micros())) == {"runs"}

    async def test_one_call_deletes_no_more_than_asked_for(self, store: Stores, database: Database) -> None:
        for number in range(5):
            await a_turn(store, "1", Conversation(channel="desk", room="1"), number)
        await database.clock.advance(86_400)
        counted: list[int] = []
        while deleted := await store.lifecycle.expire(runs_before=database.clock.micros(), limit=2):
            counted.append(deleted["runs"])
        assert counted == [2, 2, 1]

    async def test_bytes_whose_row_was_never_written_go_too(self, store: Stores, database: Database) -> None:
        file_id, _, _ = await store.files.put(b"orphan", limit_bytes=100)
        await store.lifecycle.expire(files_before=database.clock.micros() - DAY)
        assert await store.files.read(file_id) == b"orphan"
        await database.clock.advance(2 * 86_400)
        await store.lifecycle.expire(files_before=database.clock.micros() - DAY)
        with pytest.raises(NotFound):
            await store.files.read(file_id)

    async def test_history_is_cut_to_the_newest_rows_unless_a_run_needs_them(self, store: Stores) -> None:
        done, open_ = (Session(id=f"ses_{n}", lane=f"l{n}", bot="b", started_at=1, last_at=1) for n in "ab")
        run = a_run(session_id=open_.id)
        rows = [
            TranscriptRow(session_id=session.id, role="user", text=f"{n}", at=n + 1)
            for session in (done, open_)
            for n in range(5)
        ]
        await store.journal.commit(
            None,
            [
                PutSession(session=done),
                PutSession(session=open_),
                StartRun(run=run),
                SetRun(run_id=run.id, state="waiting", at=1),
                *(Say(row=row) for row in rows),
            ],
        )
        assert await store.lifecycle.trim_history(keep=2) == 3
        assert [row.text for row in (await store.journal.context("la")).history] == ["3", "4"]
        assert len((await store.journal.context("lb")).history) == 5
        assert await store.lifecycle.trim_history(keep=2) == 0

    async def test_a_number_never_comes_back_after_its_row_was_deleted(self, store: Stores) -> None:
        session = Session(id="ses_a", lane="la", bot="b", started_at=1, last_at=1)
        row = TranscriptRow(session_id="ses_a", role="user", text="old", at=1)
        await store.journal.commit(None, [PutSession(session=session), Say(row=row)])
        (old,) = (await store.journal.context("la")).history
        assert await store.lifecycle.trim_history(keep=0) == 1
        await store.journal.commit(None, [Say(row=msgspec.structs.replace(row, text="new"))])
        (new,) = (await store.journal.context("la")).history
        assert new.seq > old.seq
