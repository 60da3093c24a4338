"""The contract of a room that gets another id."""

from __future__ import annotations

__all__ = ["MoveContract"]

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from botkit.core.events import Conversation, Event, User
from botkit.core.journal import (
    Claim,
    Consume,
    Emit,
    Journal,
    MoveRoom,
    OpenWait,
    PutFile,
    PutSession,
    PutTimer,
    Say,
    Session,
    SetPart,
    SetRun,
    StartRun,
    TranscriptRow,
)
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.samples import LANE, ROOM, a_part, a_run, a_wait, an_event, begin_run

NEW = Conversation(channel="desk", room="-100:7")
"""An id with a character that keys escape."""
NEIGHBOUR = Conversation(channel="desk", room="77")
"""Its key begins like that of the room that moves."""
MOVE = MoveRoom(channel="desk", room=ROOM.room, to=NEW.room, lane=LANE)


def a_session(id_: str, lane: str, *, at: int = 1, bot: str = "helper") -> Session:
    return Session(id=id_, lane=lane, bot=bot, channel="desk", conversation=lane, started_at=at, last_at=at)


def said(session: str, text: str) -> Say:
    return Say(row=TranscriptRow(session_id=session, role="user", text=text, at=1))


class MoveContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    @pytest.fixture
    def journal(self, store: Stores) -> Journal:
        return store.journal

    async def _claim(self, journal: Journal, lane: str = LANE) -> Claim:
        claimed = await journal.claim(lane)
        assert claimed is not None
        return claimed.claim

    async def test_the_conversation_goes_on_in_the_new_room(self, journal: Journal) -> None:
        claim = await self._claim(journal)
        await journal.commit(claim, [PutSession(session=a_session("s1", LANE)), said("s1", "I am Ada")])
        await journal.commit(claim, [MOVE], release=True)
        there, here = await journal.context(NEW.key), await journal.context(LANE)
        assert there.session is not None
        assert (there.session.id, there.session.conversation) == ("s1", NEW.key)
        assert [row.text for row in there.history] == ["I am Ada"]
        assert here.session is None

    async def test_what_was_said_in_the_new_room_before_the_word_came_is_part_of_it(self, journal: Journal) -> None:
        claim = await self._claim(journal)
        former = msgspec.structs.replace(a_session("s1", LANE), summary="Ada likes tea")
        run = a_run(session_id="s1")
        paused = SetRun(run_id=run.id, state="waiting", at=1, waiting_for="approval")
        await journal.commit(claim, [PutSession(session=former), said("s1", "first"), StartRun(run=run), paused])
        await self._claim(journal, NEW.key)  # a turn is under way there
        await journal.commit(None, [PutSession(session=a_session("s2", NEW.key, at=5)), said("s2", "second")])
        await journal.commit(claim, [MOVE])
        there = await journal.context(NEW.key)
        assert there.session is not None
        assert (there.session.id, there.session.summary) == ("s2", "Ada likes tea")
        assert [row.text for row in there.history] == ["first", "second"]
        opened = await journal.load_run(run.id)
        assert opened is not None
        assert opened.run.session_id == "s2"

    async def test_another_bots_talk_in_the_new_room_stays_its_own(self, journal: Journal) -> None:
        claim = await self._claim(journal)
        await journal.commit(claim, [PutSession(session=a_session("s1", LANE)), said("s1", "first")])
        await journal.commit(None, [PutSession(session=a_session("s2", NEW.key, at=5, bot="other"))])
        await journal.commit(claim, [MOVE])
        there = await journal.context(NEW.key)
        assert there.session is not None
        assert there.session.id == "s2"

    async def test_undone_events_wait_in_the_new_lane_in_their_order(self, journal: Journal) -> None:
        accepted = await journal.accept(an_event("word"), LANE)
        assert accepted.claimed is not None
        for key in ("u1", "u2"):
            await journal.accept(an_event(key), LANE)
        done = Consume(event_ids=(accepted.id,), outcome="moved")
        committed = await journal.commit(accepted.claimed.claim, [done, MOVE], release=True)
        assert not committed.more
        claimed = await journal.claim(NEW.key)
        assert claimed is not None
        assert [row.event.dedupe_key for row in claimed.events] == ["u1", "u2"]
        assert {row.event.conversation for row in claimed.events} == {NEW}
        assert not (await journal.accept(an_event("u1"), LANE)).new

    async def test_a_waiting_run_is_asked_and_woken_in_the_new_room(self, journal: Journal) -> None:
        run = a_run(conversation_kind="group")
        wait = a_wait(run, conversation=LANE, part_id="q.0", expires_at=9)
        timer = Event(
            channel="@wake",
            dedupe_key=wait.id,
            kind="wake",
            conversation=ROOM,
            sender=User(id="@timer"),
            occurred_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        )
        question = Emit(part=a_part("q.0"))
        late = PutTimer(id=wait.id, at=1, lane=LANE, event=timer)
        claim, _, _ = await begin_run(journal, "u1", OpenWait(wait=wait), question, late, run=run)
        sent = SetPart(part_id="q.0", state="sent", at=1, message_id="m-9")
        await journal.commit(claim, [SetRun(run_id=run.id, state="waiting", at=2, waiting_for="reply"), sent, MOVE])

        (moved,) = (await journal.context(NEW.key)).waits
        assert (moved.id, moved.lane, moved.conversation) == (wait.id, NEW.key, NEW.key)
        opened = await journal.load_run(run.id)
        assert opened is not None
        assert (opened.run.lane, opened.run.conversation) == (NEW.key, NEW.key)
        woken, _ = await journal.fire_timers()
        assert list(woken) == [NEW.key]
        # The question stands in the old room, where nothing can be edited any more: what edits it is a new message.
        await journal.commit(None, [Emit(part=a_part("d.0", room=NEW, edit_of="q.0"))])
        decided = await journal.send_next(NEW.key)
        assert decided is not None
        assert (decided.edit_of, decided.message_id) == ("q.0", "")

    async def test_parts_to_deliver_go_to_the_new_room_as_messages_of_their_own(self, journal: Journal) -> None:
        claim = await self._claim(journal)
        await journal.commit(claim, [Emit(part=a_part("a.0")), Emit(part=a_part("b.0"))])
        first = await journal.send_next(LANE)
        assert first is not None
        await journal.commit(claim, [SetPart(part_id="b.0", state="pending", at=1, message_id="stream"), MOVE])
        on_its_way = SetPart(part_id="a.0", state="sent", at=2, message_id="m-1")
        assert await journal.send_next(LANE, done=on_its_way) is None
        second = await journal.send_next(NEW.key)
        assert second is not None
        assert (second.id, second.conversation, second.message_id) == ("b.0", NEW, "")

    async def test_a_room_whose_id_begins_alike_stays(self, journal: Journal) -> None:
        await journal.commit(None, [PutSession(session=a_session("s1", NEIGHBOUR.key))])
        await journal.accept(an_event("u1", room=NEIGHBOUR), NEIGHBOUR.key, claim=False)
        await journal.commit(await self._claim(journal), [MOVE])
        claimed = await journal.claim(NEIGHBOUR.key)
        assert claimed is not None
        assert len(claimed.events) == 1
        assert claimed.context.session is not None

    async def test_lanes_of_persons_and_threads_move_too_unless_somebody_works_on_them(self, journal: Journal) -> None:
        idle, busy = f"{LANE}:ada", f"{LANE}:bob"
        for name, lane in (("s1", idle), ("s2", busy)):
            await journal.commit(None, [PutSession(session=a_session(name, lane))])
        await self._claim(journal, busy)
        claim = await self._claim(journal)
        await journal.commit(claim, [MOVE])
        assert (await journal.context(f"{NEW.key}:ada")).session is not None
        assert (await journal.context(busy)).session is not None
        assert (await journal.context(f"{NEW.key}:bob")).session is None

    async def test_files_of_the_old_room_are_files_of_the_new_one(self, store: Stores) -> None:
        run = a_run(lane=NEW.key, conversation=NEW.key)
        kept = PutFile(file_id="f1", lane=LANE, person_id="p", name="a", mime="", size_bytes=1, sha256="s", at=1)
        await store.journal.commit(await self._claim(store.journal), [kept, StartRun(run=run), MOVE])
        assert await store.records.run_file(run.id, "f1") is not None

    async def test_repeating_a_move_changes_nothing(self, journal: Journal) -> None:
        claim = await self._claim(journal)
        await journal.commit(claim, [PutSession(session=a_session("s1", LANE)), said("s1", "hi"), MOVE])
        await journal.commit(claim, [MOVE, MOVE])
        there = await journal.context(NEW.key)
        assert there.session is not None
        assert [row.text for row in there.history] == ["hi"]
