"""Operators see and forget notes, look up knowledge, and take back messages for later."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.app.operations import Operations
from botkit.core.errors import NotFound
from botkit.core.events import User
from botkit.core.notes import Note
from botkit.testing.clock import ManualClock
from tests.app.conftest import OpenInstance
from tests.app.test_outreach import PLAN, say, write


async def test_notes_are_shown_and_forgotten(opened: OpenInstance) -> None:
    async with opened("command") as instance:
        memory = Operations.of(instance).memory
        ada = await instance.store.people.resolve("sandbox", User(id="a1", name="Ada"))
        for name in ("drink", "town"):
            await instance.store.notes.put(Note(owner=ada.id, name=name, value="x"))
        await instance.store.notes.put(Note(scope="team", owner="helper", name="tip", value=1))
        assert [note.name for note in await memory.list(owner="Ada")] == ["drink", "town"]
        assert await memory.forget(owner="sandbox:a1", name="drink", by="op") == 1
        with pytest.raises(NotFound):
            await memory.forget(owner="Ada", name="drink", by="op")
        assert await memory.forget(owner="Ada", by="op") == 1
        assert [note.name for note in await memory.list(owner="helper", scope="team")] == ["tip"]
        with pytest.raises(NotFound):
            await memory.list(owner="Bob")


async def test_knowledge_is_indexed_and_searched(opened: OpenInstance, folder: Path) -> None:
    (folder / "bots.yaml").write_text("version: 1\nknowledge: {shop: {paths: docs}}\n")
    (folder / "docs").mkdir()
    (folder / "docs/a.md").write_text("Refunds take 14 days.")
    async with opened("command") as instance:
        knowledge = Operations.of(instance).knowledge
        assert (await knowledge.index())["shop"].added == 1
        assert [one.file for one in (await knowledge.search(query="refunds")).passages] == ["docs/a.md"]
        assert [(one.file, one.passages) for one in await knowledge.list(sources=["shop"])] == [("docs/a.md", 1)]
        (passage,) = await knowledge.show(file="docs/a.md")
        assert (passage.text, passage.line) == ("Refunds take 14 days.", 1)
        (view,) = await knowledge.sources()
        assert (view.name, view.workspaces, view.files, view.passages, view.embedding) == (
            "shop",
            ("default",),
            1,
            1,
            "",
        )
        (score,) = await knowledge.evaluate(cases={"docs/a.md": ["How long do refunds take?", "Do you sell tea?"]})
        assert (score.by, score.total, score.recall, score.first) == ("words", 2, 0.5, 0.5)
        assert [(one.text, one.found) for one in score.missed] == [("Do you sell tea?", ())]
        for missing in (knowledge.search(query="refunds", sources=["nope"]), knowledge.show(file="docs/b.md")):
            with pytest.raises(NotFound):
                await missing


async def test_a_message_for_later_is_taken_back(opened: OpenInstance, folder: Path) -> None:
    write(folder, PLAN)
    async with opened(clock=ManualClock()) as instance:
        await say(instance, "remind me")
        schedules = Operations.of(instance).schedules
        (planned,) = await schedules.list(bot="helper")
        assert planned.key == "helper/k"
        assert planned.text.startswith("Time, ")
        await schedules.cancel(key=planned.key, by="op")
        assert await schedules.list() == []
        with pytest.raises(NotFound):
            await schedules.cancel(key=planned.key, by="op")
