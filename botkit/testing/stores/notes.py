"""The contract of notes: kept, found and forgotten by their owner, and by nobody else."""

from __future__ import annotations

__all__ = ["NotesContract"]

from collections.abc import AsyncIterator

import pytest

from botkit.core.errors import LimitReached
from botkit.core.events import User
from botkit.core.journal import SetOptOut
from botkit.core.notes import NOTES_LIMIT, DropNotes, Note, NoteKey, PutNote
from botkit.testing.stores.database import Database, Stores

_DAY = 86_400_000_000
_HOSTILE = ("bob", "ada' OR '1'='1", "ada%", "person:ada", "ada\x00", "ADA", "", "a\ud800da", "ada\\", 'ada"--', "*")


def a_note(owner: str, name: str, value: object = "tea", **more: object) -> Note:
    return Note(owner=owner, name=name, value=value, **more)  # pyright: ignore[reportArgumentType] - fields of a note


class NotesContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_a_note_is_kept_until_it_is_changed_or_forgotten(self, store: Stores, database: Database) -> None:
        ada = NoteKey(owner="ada")
        await store.notes.put(a_note("ada", "drink", {"hot": "tea"}, by="bot:desk", run_id="run_1"))
        first = await store.notes.get(ada, "drink")
        assert first is not None
        assert (first.value, first.by, first.run_id) == ({"hot": "tea"}, "bot:desk", "run_1")
        await database.clock.advance(60)
        await store.notes.put(a_note("ada", "drink", "coffee", by="person:ada"))
        second = await store.notes.get(ada, "drink")
        assert second is not None
        assert (second.value, second.by, second.created_at) == ("coffee", "person:ada", first.created_at)
        assert second.updated_at > first.updated_at
        assert await store.notes.drop(ada, "drink") == 1
        assert await store.notes.drop(ada, "drink") == 0
        assert await store.notes.get(ada, "drink") is None

    async def test_a_note_written_with_a_commit_comes_and_goes_with_it(self, store: Stores) -> None:
        ada = NoteKey(owner="ada")
        with pytest.raises(LimitReached):
            await store.journal.commit(
                None, [*(PutNote(note=a_note("ada", f"n{at}")) for at in range(NOTES_LIMIT + 1))]
            )
        assert await store.notes.list(ada) == []
        await store.journal.commit(None, [PutNote(note=a_note("ada", "b")), PutNote(note=a_note("ada", "a"))])
        assert [note.name for note in await store.notes.list(ada)] == ["a", "b"]
        await store.journal.commit(None, [DropNotes(key=ada)])
        assert await store.notes.list(ada) == []

    async def test_nobody_reads_or_forgets_what_belongs_to_another(self, store: Stores) -> None:
        await store.notes.put(a_note("ada", "secret"))
        for scope in ("person", "chat", "team"):
            for owner in (*_HOSTILE, *(["ada"] if scope != "person" else [])):
                other = NoteKey(scope=scope, owner=owner)
                assert await store.notes.list(other) == []
                assert await store.notes.search(other, "secret tea") == []
                for name in ("secret", "%", "", "' OR 1=1 --", "secret\x00"):
                    assert await store.notes.get(other, name) is None
                    assert await store.notes.drop(other, name) == 0
        assert len(await store.notes.list(NoteKey(owner="ada"))) == 1

    async def test_any_text_is_a_name_and_a_value(self, store: Stores) -> None:
        key = NoteKey(scope="chat", owner="fake:room:")
        for name in ("a'b", "%", "naïve ☕", "x" * 200):
            await store.notes.put(Note(scope="chat", owner="fake:room:", name=name, value=[name, None, 1.5]))
            found = await store.notes.get(key, name)
            assert found is not None
            assert found.value == [name, None, 1.5]
        await store.notes.put(Note(scope="chat", owner="fake:room:", name="odd", value="a\x00b"))
        assert len(await store.notes.list(key)) == 5

    async def test_words_find_the_notes_that_hold_them(self, store: Stores) -> None:
        for name, value in (("favourite_drink", "green tea"), ("birthday", "12 May"), ("pets", {"cat": "Tibbles"})):
            await store.notes.put(a_note("ada", name, value))
        found = await store.notes.search(NoteKey(owner="ada"), "what tea does she drink?")
        assert [one.note.name for one in found] == ["favourite_drink"]
        assert [one.note.name for one in await store.notes.search(NoteKey(owner="ada"), "cats")] == ["pets"]
        assert await store.notes.search(NoteKey(owner="ada"), "' OR *") == []

    async def test_a_note_whose_time_is_over_is_gone(self, store: Stores, database: Database) -> None:
        now = database.clock.micros()
        await store.notes.put(a_note("ada", "short", expires_at=now + 5_000_000))
        await store.notes.put(a_note("ada", "long"))
        await database.clock.advance(5)
        assert [note.name for note in await store.notes.list(NoteKey(owner="ada"))] == ["long"]
        assert await store.notes.get(NoteKey(owner="ada"), "short") is None
        assert await store.lifecycle.expire() == {"notes": 1}
        assert await store.lifecycle.expire(notes_before=now + _DAY) == {"notes": 1}

    async def test_what_is_kept_of_a_person_is_exported_and_erased(self, store: Stores) -> None:
        ada = await store.people.resolve("fake", User(id="1", name="Ada"))
        await store.notes.put(a_note(ada.id, "drink", {"hot": "tea"}))
        await store.notes.put(Note(scope="team", owner="desk", name="tip", value=1, by=f"person:{ada.id}"))
        await store.notes.put(a_note("bob", "drink"))
        await store.journal.commit(None, [SetOptOut(person_id=ada.id, out=True, at=1, via="cli")])
        exported = [row async for row in store.lifecycle.export_person(ada.id) if row["table"] == "notes"]
        assert {row["name"]: row["value"] for row in exported} == {"drink": {"hot": "tea"}, "tip": 1}
        erased = await store.lifecycle.erase_person(ada.id, actor="test")
        assert (erased.rows["notes"], erased.rows["opt_outs"]) == (2, 1)
        assert await store.notes.list(NoteKey(owner=ada.id)) == []
        tip = await store.notes.get(NoteKey(scope="team", owner="desk"), "tip")
        assert tip is not None
        assert tip.by == ""
        assert len(await store.notes.list(NoteKey(owner="bob"))) == 1

    async def test_somebody_who_turns_out_to_be_another_brings_their_notes(self, store: Stores) -> None:
        ada = await store.people.resolve("fake", User(id="1", name="Ada"))
        second = await store.people.resolve("other", User(id="2", name="Ada"))
        await store.notes.put(a_note(ada.id, "drink", "tea"))
        await store.notes.put(a_note(second.id, "drink", "coffee"))
        await store.notes.put(a_note(second.id, "town", "Paris"))
        await store.journal.commit(None, [SetOptOut(person_id=second.id, bot="desk", out=True, at=1)])
        await store.people.link(ada.id, "other", "2")
        notes = {note.name: note.value for note in await store.notes.list(NoteKey(owner=ada.id))}
        assert notes == {"drink": "tea", "town": "Paris"}
        assert await store.notes.list(NoteKey(owner=second.id)) == []
        assert await store.outreach.opted_out([ada.id, second.id], "desk") == {ada.id}

    async def test_who_wants_no_messages_is_remembered_until_they_do(self, store: Stores) -> None:
        for write in (
            SetOptOut(person_id="ada", out=True, at=1),
            SetOptOut(person_id="bob", bot="desk", out=True, at=1),
        ):
            await store.journal.commit(None, [write, write])
        everybody = ["ada", "bob", "cid"]
        assert await store.outreach.opted_out(everybody, "desk") == {"ada", "bob"}
        assert await store.outreach.opted_out(everybody, "shop") == {"ada"}
        await store.journal.commit(None, [SetOptOut(person_id="ada", out=False, at=2)])
        assert await store.outreach.opted_out(everybody, "shop") == frozenset()
