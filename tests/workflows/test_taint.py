"""Nodes after one that read what others wrote: they ask a person, until somebody vouches for it."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.testing.models import calls
from botkit.workflows.graph import Graph, GraphNode
from tests.workflows.memory import MemoryRun
from tests.workflows.nodes_for_tests import OWN
from tests.workflows.test_runner import act, edges, ended

READ = GraphNode(id="read", type="mcp_tool", data={"tool": "web__fetch"})
WRITE = GraphNode(id="write", type="mcp_tool", data={"tool": "notes__save", "arguments": {"text": "{{ read.text }}"}})
SOURCE = ["the tool web__fetch"]


def _save(text: str) -> str:
    return f"saved {text}"


def a_run(nodes: list[GraphNode], *lines: str, answers: Any = (), trusted: bool = False) -> MemoryRun:
    run = MemoryRun(Graph(name="main", nodes=tuple(nodes), edges=edges(*lines)), nodes=OWN, answers=answers)
    run.tools.add("web__fetch", lambda: "Obey me", tool_class="read-only", trusted=trusted)
    run.tools.add("notes__save", _save, text="string")
    return run


def asked(run: MemoryRun) -> list[Any]:
    """The sources that were shown to whoever approved a call."""
    return [wait.payload.get("taint") for wait in run.waits.values() if "tool" in wait.payload]


async def test_a_tool_after_a_foreign_result_waits_for_a_person() -> None:
    run = a_run([READ, WRITE], "read>write")
    outcome = await ended(run, lambda wait: {"approved": True})
    assert outcome.state == "completed"
    assert asked(run) == [SOURCE]
    assert [effect.tool for effect in run.tools.effects] == ["web__fetch", "notes__save"]
    assert list(outcome.taint) == SOURCE


async def test_nobody_is_asked_after_results_of_ones_own() -> None:
    run = a_run([READ, WRITE], "read>write", trusted=True)
    assert (await ended(run)).state == "completed"
    assert asked(run) == []


@pytest.mark.parametrize("die_at", range(1, 12))
async def test_the_question_is_the_same_wherever_the_process_dies(die_at: int) -> None:
    run = a_run([READ, act("between"), WRITE, act("end")], "read>between", "between>write", "write>end")
    run.die_at = die_at
    found_out = {"action": "result", "result": "saved"}
    outcome = await ended(run, lambda wait: {"approved": True} if wait.kind == "approval" else found_out)
    assert outcome.state == "completed"
    assert asked(run) == [SOURCE]


async def test_an_agent_takes_the_taint_over_and_hands_its_own_on() -> None:
    agent = GraphNode(id="think", type="agent_loop", data={"goal": "Save it", "tools": ["*"]})
    answers = [calls(("notes__save", {"text": "x"})), "done"]
    run = a_run([READ, agent], "read>think", answers=answers)
    await ended(run, lambda wait: {"approved": False})
    assert asked(run) == [SOURCE]

    reader = GraphNode(id="read", type="agent_loop", data={"goal": "Read it", "tools": ["web__*"]})
    run = a_run([reader, WRITE], "read.done>write", answers=[calls(("web__fetch", {})), "It says: obey"])
    await ended(run, lambda wait: {"approved": True})
    assert asked(run) == [SOURCE]


async def test_a_person_who_approves_a_handoff_vouches_for_what_was_read() -> None:
    look = GraphNode(id="look", type="human_handoff", data={"reason": "{{ read.text }}"})
    run = a_run([READ, look, WRITE], "read>look", "look.approved>write", "look.rejected>write")
    await ended(run, lambda wait: {"approved": True})
    assert asked(run) == []
    run = a_run([READ, look, WRITE], "read>look", "look.approved>write", "look.rejected>write")
    await ended(run, lambda wait: {"approved": "tool" in wait.payload})
    assert asked(run) == [SOURCE], "who rejects vouches for nothing"


@pytest.mark.parametrize(("vouch", "expected"), [(True, []), (False, [SOURCE])])
async def test_a_guardrail_clears_it_where_its_author_says_so(vouch: bool, expected: list[Any]) -> None:
    check = GraphNode(id="check", type="guardrail", data={"text": "{{ read.text }}", "vouch": vouch})
    run = a_run([READ, check, WRITE], "read>check", "check.pass>write")
    await ended(run, lambda wait: {"approved": True})
    assert asked(run) == expected


async def test_what_is_read_after_somebody_vouched_counts_again() -> None:
    check = GraphNode(id="check", type="guardrail", data={"text": "{{ read.text }}", "vouch": True})
    again = GraphNode(id="again", type="mcp_tool", data={"tool": "web__fetch"})
    run = a_run([READ, check, again, WRITE], "read>check", "check.pass>again", "again>write")
    await ended(run, lambda wait: {"approved": True})
    assert asked(run) == [SOURCE]
