"""Notes are kept with the step, found again, and are only ever those of the run's own person and chat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.notebook import MemoryNotes, Notebook
from botkit.core.notes import NOTES_LIMIT, DropNotes, Note, NoteKey, PutNote
from botkit.core.redact import NoRedaction
from botkit.sdk.nodes import NodeFailed, Outcome
from botkit.testing.clock import ManualClock
from botkit.testing.nodes import NodeBench
from botkit.workflows.graph import Graph, GraphEdge, GraphNode
from botkit.workflows.nodes.action import Action
from botkit.workflows.nodes.memory import Memory
from tests.workflows.memory import MemoryRun

ADA, CHAT = NoteKey(owner="ada"), NoteKey(scope="chat", owner="fake:room:")


class Kept:
    """One instance: its notes, and runs that use them one after the other."""

    def __init__(self, *, redactor: Any = None, kinds: tuple[str, ...] = ()) -> None:
        self.clock = ManualClock()
        self.notes = MemoryNotes(self.clock)
        self.notebook = Notebook(self.notes, self.clock, redactor or NoRedaction(), lambda: kinds)

    def bench(self, data: dict[str, Any], *, cls: Any = Memory, **facts: Any) -> NodeBench:
        node = NodeBench(cls, data, services={"notes": self.notebook}, clock=self.clock, variables={"n": 5})
        node.ctx.run = replace(node.ctx.run, **facts)
        node.ctx.ctx.run = node.ctx.run
        return node

    async def do(self, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A whole run, whose commit is applied."""
        node = self.bench(data, **more)
        outcome = await node.run()
        for write in node.ctx.writes:
            self.notes.apply(write)
        assert isinstance(outcome, Outcome)
        return cast("dict[str, Any]", outcome.output)


async def test_a_note_is_written_with_the_step_and_once() -> None:
    kept = Kept()
    node = kept.bench({"operation": "set", "name": "size", "value": "{{ n }}"})
    first = await node.run()
    assert first == await node.again()
    (write,) = node.ctx.writes
    assert isinstance(write, PutNote)
    note = write.note
    assert (note.scope, note.owner, note.name, note.value) == ("person", "ada", "size", 5)
    assert (note.by, note.run_id) == ("workflow:test/node", "run_1")
    assert await kept.notes.list(ADA) == []


async def test_what_one_run_keeps_another_finds() -> None:
    kept = Kept()
    await kept.do({"operation": "set", "name": "drink", "value": "green tea"})
    await kept.do({"operation": "set", "name": "town", "value": {"name": "Paris"}})
    assert await kept.do({"name": "drink"}) == {"found": True, "value": "green tea", "notes": [], "text": ""}
    assert (await kept.do({"name": "shoe", "default": 7}))["value"] == 7
    listed = await kept.do({"operation": "list"})
    assert listed["text"] == 'drink: green tea\ntown: {"name":"Paris"}'
    found = await kept.do({"operation": "search", "query": "which tea"})
    assert [note["name"] for note in found["notes"]] == ["drink"]
    assert found["notes"][0]["score"] > 0
    assert (await kept.do({"operation": "forget", "name": "drink"}))["found"] is True
    assert (await kept.do({"operation": "forget", "name": "drink"}))["found"] is False
    await kept.do({"operation": "forget", "name": "*"})
    assert await kept.notes.list(ADA) == []


async def test_a_note_may_have_its_time() -> None:
    kept = Kept()
    await kept.do({"operation": "set", "name": "code", "value": 1, "keep_for": "2h"})
    await kept.clock.advance(7200)
    assert (await kept.do({"name": "code"}))["found"] is False


@given(
    name=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30),
    value=st.recursive(st.none() | st.integers(-9, 9) | st.text(max_size=9), st.lists, max_leaves=3),
    person=st.sampled_from(["bob", "ada2", "ada'--", "%", "ada:"]) | st.text(min_size=1, max_size=9),
    scope=st.sampled_from(["person", "chat", "team"]),
)
async def test_no_run_reaches_the_notes_of_another_person(name: str, value: Any, person: str, scope: str) -> None:
    kept = Kept()
    await kept.notes.put(Note(owner="ada", name=name, value="hers"))
    who = {"person_id": "ada\N{ZERO WIDTH SPACE}" if person == "ada" else person}
    if not person.startswith("@"):
        assert (await kept.do({"name": _raw(name), "scope": "person"}, **who))["found"] is False
        await kept.do({"operation": "set", "name": _raw(name), "value": value if value is not None else 0}, **who)
        await kept.do({"operation": "forget", "name": "*"}, **who)
    await kept.do({"operation": "forget", "name": "*", "scope": scope if scope != "person" else "chat"})
    mine = await kept.notes.get(ADA, name)
    assert mine is not None
    assert mine.value == "hers"


def _raw(text: str) -> str:
    """A text in which nothing is filled in."""
    return text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")


async def test_where_nobody_talks_there_is_nobody_to_remember() -> None:
    kept = Kept()
    for facts in ({"person_id": ""}, {"person_id": "@webhook"}):
        with pytest.raises(NodeFailed) as failed:
            await kept.bench({"name": "x"}, **facts).run()
        assert failed.value.code == "no_person"
    with pytest.raises(NodeFailed) as failed:
        await kept.bench({"name": "x", "scope": "chat"}, conversation="", channel="@webhook").run()
    assert failed.value.code == "no_conversation"
    await kept.do({"operation": "set", "name": "x", "value": 1, "scope": "team"}, person_id="", conversation="", bot="")
    assert await kept.notes.list(NoteKey(scope="team", owner="workflow:test")) != []


async def test_what_does_not_fit_is_refused() -> None:
    kept = Kept()
    for data, code in (
        ({"name": "big", "value": "x" * 9000}, "invalid_note"),
        ({"name": "a\nb", "value": 1}, "invalid_note"),
    ):
        with pytest.raises(NodeFailed) as failed:
            await kept.bench({"operation": "set", **data}).run()
        assert failed.value.code == code
    for number in range(NOTES_LIMIT):
        await kept.notes.put(Note(owner="ada", name=f"n{number}", value=1))
    with pytest.raises(NodeFailed) as failed:
        await kept.bench({"operation": "set", "name": "one more", "value": 1}).run()
    assert failed.value.code == "memory_full"
    assert (await kept.do({"operation": "set", "name": "n1", "value": 2}))["value"] == 2


class Hides(NoRedaction):
    def text(self, value: str) -> str:
        return value.replace("hunter2", "[redacted]")


async def test_secrets_and_chosen_personal_data_are_not_kept() -> None:
    kept = Kept(redactor=Hides(), kinds=("email",))
    value = {"ada@example.com": ["password hunter2", "mail ada@example.com"]}
    await kept.do({"operation": "set", "name": "hunter2", "value": value})
    (note,) = await kept.notes.list(ADA)
    assert (note.name, note.value) == ("[redacted]", {"[email]": ["password [redacted]", "mail [email]"]})


async def test_a_killed_run_neither_loses_nor_doubles_a_note() -> None:
    nodes = (
        GraphNode(id="seen", type="memory", data={"name": "visits", "default": 0}),
        GraphNode(
            id="more", type="memory", data={"operation": "set", "name": "visits", "value": "{{ seen.value + 1 }}"}
        ),
        GraphNode(id="now", type="memory", data={"name": "visits"}),
    )
    edges = (GraphEdge(source="seen", target="more"), GraphEdge(source="more", target="now"))
    graph = Graph(name="visits", nodes=nodes, edges=edges, reply="{{ now.value }}")
    whole = MemoryRun(graph)
    outcome = await whole.finish()
    assert outcome.text == "1"
    for commit in range(1, whole.commits + 1):
        for after in (False, True):
            run = MemoryRun(graph)
            run.die_at, run.die_after_commit = commit, after
            assert (await run.finish()).text == "1"
            note = await run.notes.get(ADA, "visits")
            assert note is not None
            assert note.value == 1


def test_each_operation_says_what_it_needs() -> None:
    assert Memory.check({"operation": "set", "name": "a"}) == [("value", "`set` needs value")]
    assert Memory.check({}) == [("name", "`get` needs name")]
    assert Memory.check({"operation": "search"}) == [("query", "`search` needs query")]
    assert Memory.check({"operation": "list"}) == []


async def test_the_action_keeps_notes_in_the_same_place() -> None:
    kept = Kept()
    assert await kept.do({"actionType": "set_memory", "name": "size", "value": "{{ n }}"}, cls=Action) == 5
    await kept.do({"action_type": "set_memory", "name": "topic", "value": "x", "scope": "conversation"}, cls=Action)
    assert (await kept.do({"name": "size"}))["value"] == 5
    assert [note.name for note in await kept.notes.list(CHAT)] == ["topic"]
    forget = kept.bench({"action_type": "forget_memory", "name": "size"}, cls=Action)
    await forget.run()
    assert forget.ctx.writes == [DropNotes(key=ADA, name="size")]
    other = kept.bench({"action_type": "set_memory", "name": "size", "value": 1, "person": "bob"}, cls=Action)
    with pytest.raises(NodeFailed) as failed:
        await other.run()
    assert failed.value.code == "not_allowed"
