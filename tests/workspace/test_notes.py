"""notes.py: notes and tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Ask = Callable[..., Awaitable[Any]]


async def test_a_note_is_found_again_by_any_of_its_words_and_labels(ask: Ask) -> None:
    added = await ask("notes", "add", text="The Zürich office opens at nine", tags=["Office Hours", "#zh"])
    await ask("notes", "add", text="Something else")
    assert added["tags"] == ["office-hours", "zh"]
    for query in ("zurich nine", "OFFICE", "ope", "zh"):
        found = await ask("notes", "search", query=query)
        assert [entry["id"] for entry in found["entries"]] == [added["id"]], query
    listed = await ask("notes", "list", tag="office hours")
    assert listed == {"entries": [added], "total": 1}


async def test_search_syntax_is_only_words(ask: Ask) -> None:
    await ask("notes", "add", text='A "quoted" NOT text* (50%)')
    assert (await ask("notes", "search", query='"quoted" NOT text* -(50%)'))["total"] == 1
    assert "no words" in await ask("notes", "search", query='"*')


async def test_tasks_come_by_due_date_and_leave_the_list_when_done(ask: Ask) -> None:
    late = await ask("notes", "add_task", text="Later", due="2027-01-02")
    undated = await ask("notes", "add_task", text="Some day")
    early = await ask("notes", "add_task", text="Sooner", due="2027-01-01")
    listed = await ask("notes", "list_tasks")
    assert [entry["text"] for entry in listed["entries"]] == ["Sooner", "Later", "Some day"]
    assert (await ask("notes", "list_tasks", due_by="2027-01-01"))["total"] == 1

    done = await ask("notes", "complete", id=early["id"])
    assert done["done"]
    assert await ask("notes", "complete", id=early["id"]) == done
    assert [e["id"] for e in (await ask("notes", "list_tasks"))["entries"]] == [late["id"], undated["id"]]
    assert (await ask("notes", "list_tasks", status="done"))["total"] == 1
    assert (await ask("notes", "list_tasks", status="all"))["total"] == 3


async def test_a_note_is_no_task_and_a_missing_number_is_said(ask: Ask) -> None:
    note = await ask("notes", "add", text="Just a note")
    assert "not a task" in await ask("notes", "complete", id=note["id"])
    assert "no note or task number 99" in await ask("notes", "delete", id=99)


async def test_deleted_entries_are_gone_also_from_search(ask: Ask) -> None:
    note = await ask("notes", "add", text="ephemeral")
    assert (await ask("notes", "delete", id=note["id"]))["text"] == "ephemeral"
    assert (await ask("notes", "search", query="ephemeral"))["total"] == 0


async def test_the_same_idempotency_key_adds_once(ask: Ask) -> None:
    meta = {"io.botkit/idempotency-key": "run_1/step_2"}
    first = await ask("notes", "add", meta, text="Once")
    assert await ask("notes", "add", meta, text="Once") == first
    assert (await ask("notes", "list"))["total"] == 1


async def test_workspaces_do_not_see_each_others_entries(ask: Ask) -> None:
    sales, support = {"io.botkit/workspace": "sales"}, {"io.botkit/workspace": "support"}
    secret = await ask("notes", "add", sales, text="Our margin")
    assert (await ask("notes", "search", support, query="margin"))["total"] == 0
    assert (await ask("notes", "list", support))["total"] == 0
    assert "no note or task" in await ask("notes", "delete", support, id=secret["id"])
    assert (await ask("notes", "list", sales))["total"] == 1


async def test_a_damaged_database_is_named(ask: Ask, data: Path) -> None:
    (data / "notes.db").write_bytes(b"this is not a database, it is a text" * 100)
    answer = await ask("notes", "list")
    assert "damaged" in answer
    assert str(data) in answer
