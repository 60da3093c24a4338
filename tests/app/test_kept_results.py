"""Large results are read on by whoever got them, where they got them, and by nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.app.instance import Instance
from botkit.core.data import encode
from botkit.core.journal import Run, SetRun, StartRun, StepDone
from botkit.core.own_tools import READ_RESULT
from botkit.core.tools import CallRecord, Principal, Result, ToolCall, result_text
from tests.app.conftest import OpenInstance

ORDERS = {"orders": [{"id": f"ORD-{n}", "total": n} for n in range(2_000)]}
TEXT = json.dumps(ORDERS)


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "bots.yaml").write_text("version: 1\nbots: {helper: {memory: true, tools: {allow: [memory__recall]}}}\n")
    return folder


async def a_run(
    instance: Instance,
    run_id: str,
    *,
    person: str = "ada",
    session: str = "ses_1",
    tool: str = "memory__recall",
    workspace: str = "default",
    **more: Any,
) -> None:
    """A run with what its tool answered."""
    run = Run(
        id=run_id,
        lane=f"cli:{run_id}:",
        conversation=f"cli:{run_id}:",
        channel="cli",
        bot="helper",
        person_id=person,
        session_id=session,
        trace_id="trc_1",
        started_at=1,
    )
    record = CallRecord(id=f"call_{run_id}", at=1, workspace=workspace, tool=tool, step="turn/0/tool/0")
    result = Result(content={"content": [{"type": "text", "text": TEXT}]}, record=record, **more)
    raw = msgspec.Raw(encode(result))
    step = StepDone(run_id=run_id, key="turn/0/tool/0", name=tool, result=raw, started_at=1, ended_at=1)
    await instance.store.journal.commit(None, [StartRun(run=run, event_ids=()), step])


async def read(instance: Instance, run_id: str, ref: str, *, person: str = "ada", **given: Any) -> Result:
    principal = Principal(id=person, roles=("guest",), bot="helper")
    made = ToolCall(
        id=f"c{len(given)}{run_id}{person}",
        workspace="default",
        tool=READ_RESULT,
        arguments={"ref": ref, **given},
        principal=principal,
        run_id=run_id,
    )
    events = [event async for event in instance.gateway.call(made)]
    assert isinstance(events[-1], Result)
    return events[-1]


REF = "run_1/turn/0/tool/0"


async def test_pages_passages_and_paths_of_a_result(opened: OpenInstance, project: Path) -> None:
    async with opened() as instance:
        await a_run(instance, "run_1")
        first = result_text((await read(instance, "run_1", REF)).content)
        last = result_text((await read(instance, "run_1", REF, page=first_pages(first))).content)
        found = result_text((await read(instance, "run_1", REF, find="ORD-1234")).content)
        value = result_text((await read(instance, "run_1", REF, path="orders[1999].id")).content)
        wrong = await read(instance, "run_1", REF, path="customers")

        assert first.split("\n", 1)[1] == TEXT[:6_000]
        assert TEXT.endswith(last.split("\n", 1)[1])
        assert '"id": "ORD-1234"' in found
        assert value == '"ORD-1999"'
        assert wrong.is_error
        assert "orders: list of 2,000" in result_text(wrong.content)


def first_pages(text: str) -> int:
    return int(text.split("]", 1)[0].rsplit(" ", 1)[1])


async def test_a_later_turn_of_the_same_person_in_the_same_conversation_may_read_it(
    opened: OpenInstance, project: Path
) -> None:
    async with opened() as instance:
        await a_run(instance, "run_1", taint="the tool web__fetch")
        await a_run(instance, "run_2")
        again = await read(instance, "run_2", REF)

        assert not again.is_error
        assert again.taint == "the tool web__fetch"  # reading on is reading


@pytest.mark.parametrize(
    ("run", "ref"),
    [
        ({"person": "bob"}, REF),
        ({"session": "ses_2"}, REF),
        ({"session": ""}, REF),
        ({}, "run_1/turn/0/model"),
        ({}, "run_9/turn/0/tool/0"),
        ({}, "../../etc/passwd"),
    ],
)
async def test_nobody_else_can_read_it_nor_learn_that_it_is_there(
    opened: OpenInstance, project: Path, run: dict[str, str], ref: str
) -> None:
    async with opened() as instance:
        await a_run(instance, "run_1")
        await a_run(instance, "run_2", **run)
        refused = await read(instance, "run_2", ref, person=run.get("person", "ada"))

        assert refused.is_error
        assert result_text(refused.content).startswith("There is no such result here")


async def test_it_is_in_no_list_and_members_have_no_use_for_it(opened: OpenInstance, project: Path) -> None:
    async with opened() as instance:
        person, member = Principal(id="ada", bot="helper"), Principal(kind="member", id="mem_1", roles=("admin",))

        assert [tool.name for tool in await instance.gateway.list_tools("default", person)] == ["memory__recall"]
        assert await instance.gateway.find_tool("default", person, READ_RESULT) is not None
        assert await instance.gateway.find_tool("default", member, READ_RESULT) is None


async def test_a_result_goes_with_its_run(opened: OpenInstance, project: Path) -> None:
    async with opened() as instance:
        await a_run(instance, "run_1")
        await a_run(instance, "run_2")
        ended = SetRun(run_id="run_1", state="completed", at=1)
        await instance.store.journal.commit(None, [ended])
        await instance.store.lifecycle.expire(runs_before=2)
        gone = await read(instance, "run_2", REF)

        assert result_text(gone.content).startswith("There is no such result here")


@pytest.mark.parametrize("got", [{"tool": "memory__forget"}, {"workspace": "office"}])
async def test_what_may_not_be_asked_here_any_more_may_not_be_read(
    opened: OpenInstance, project: Path, got: dict[str, str]
) -> None:
    async with opened() as instance:
        await a_run(instance, "run_1", **got)
        refused = await read(instance, "run_1", REF)

        assert result_text(refused.content).startswith("There is no such result here")
