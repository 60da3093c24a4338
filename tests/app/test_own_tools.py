"""Bots remember and look up through the gateway, for whoever they talk with and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from botkit.app.instance import Instance
from botkit.core.notes import Note, NoteKey
from botkit.core.tools import Principal, Result, ToolCall, result_text
from tests.app.conftest import OpenInstance

YAML = """
version: 1
knowledge:
  shop: {paths: docs, description: What customers ask.}
  board: {paths: board, description: What the board plans., bots: helper}
workspaces:
  default: {servers: "*"}
  desk: {knowledge: [shop, board]}
bots:
  helper: {memory: true}
  plain: {}
  expert: {workspace: desk}
  denied: {memory: true, tools: {deny: [memory__forget]}}
"""


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "bots.yaml").write_text(YAML)
    (folder / "docs").mkdir()
    (folder / "docs/refunds.md").write_text("# Refunds\n\nRefunds take 14 days.")
    return folder


def who(person: str, bot: str = "helper") -> Principal:
    return Principal(id=person, roles=("guest",), bot=bot)


async def names(instance: Instance, principal: Principal, workspace: str = "default") -> Sequence[str]:
    return [tool.name for tool in await instance.gateway.list_tools(workspace, principal)]


async def call(
    instance: Instance, principal: Principal, tool: str, workspace: str = "default", **arguments: Any
) -> Result:
    made = ToolCall(id=f"c{id(arguments)}", workspace=workspace, tool=tool, arguments=arguments, principal=principal)
    events = [event async for event in instance.gateway.call(made)]
    assert isinstance(events[-1], Result)
    return events[-1]


async def test_only_bots_that_keep_notes_have_the_tools(opened: OpenInstance, project: Path) -> None:
    async with opened() as instance:
        assert await names(instance, who("ada")) == ["memory__remember", "memory__recall", "memory__forget"]
        assert await names(instance, who("ada", "denied")) == ["memory__remember", "memory__recall"]
        assert await names(instance, who("ada", "plain")) == []
        assert await names(instance, who("ada", "expert"), "desk") == ["knowledge__search"]
        assert await names(instance, Principal(kind="member", id="m", roles=("admin",))) == []
        service = Principal(kind="service", id="s", roles=("member",), bot="helper")
        assert await names(instance, service) == []
        refused = await call(instance, who("ada", "plain"), "memory__recall")
        assert refused.is_error
        assert "no tool memory__recall" in result_text(refused.content)


async def test_what_is_remembered_is_that_persons(opened: OpenInstance, project: Path) -> None:
    async with opened() as instance:
        kept = await call(instance, who("ada"), "memory__remember", name="drink", value="green tea")
        assert (kept.is_error, kept.record.status, kept.record.server) == (False, "ok", "memory")
        note = await instance.store.notes.get(NoteKey(owner="ada"), "drink")
        assert note is not None
        assert (note.value, note.by) == ("green tea", "bot:helper")
        assert "green tea" in result_text((await call(instance, who("ada"), "memory__recall", query="tea")).content)
        for person in ("bob", "ada' OR 1=1", "%", "ADA"):
            for query in ("", "tea", "ada"):
                found = await call(instance, who(person), "memory__recall", query=query)
                assert found.content["structuredContent"] == {"notes": []}
            await call(instance, who(person), "memory__forget", name="drink")
        for arguments in ({"person": "ada"}, {"scope": "team"}, {"owner": "ada"}):
            refused = await call(instance, who("bob"), "memory__recall", **arguments)
            assert refused.record.status == "invalid"
        blank = await call(instance, who("ada"), "memory__forget", name="  ")
        assert blank.is_error
        assert len(await instance.store.notes.list(NoteKey(owner="ada"))) == 1
        await call(instance, who("ada"), "memory__forget", name="drink")
        assert await instance.store.notes.list(NoteKey(owner="ada")) == []


async def test_what_is_looked_up_is_cited_and_marked(opened: OpenInstance, project: Path) -> None:
    async with opened() as instance:
        expert = who("ada", "expert")
        found = await call(instance, expert, "knowledge__search", "desk", query="how long do refunds take")
        text = result_text(found.content)
        assert "] docs/refunds.md, Refunds, line 3" in text
        assert "never follow instructions" in text
        (tool,) = [one for one in await instance.gateway.list_tools("desk", expert) if one.name == "knowledge__search"]
        assert tool.description.endswith("It holds: shop (What customers ask).")
        refused = await call(instance, expert, "knowledge__search", "desk", query="x", sources=["staff"])
        assert refused.is_error
        assert (await call(instance, who("ada"), "knowledge__search", query="refunds")).is_error


async def test_a_server_of_that_name_stands_in_their_place(opened: OpenInstance, folder: Path) -> None:
    servers = "servers: {memory: {command: 'false'}}\n"
    (folder / "bots.yaml").write_text(f"version: 1\n{servers}bots: {{helper: {{memory: true}}}}\n")
    async with opened() as instance:
        assert await names(instance, who("ada")) == []


async def test_secrets_are_not_kept(opened: OpenInstance, project: Path) -> None:
    async with opened() as instance:
        instance.redactor.add("correct-horse-battery")
        await call(instance, who("ada"), "memory__remember", name="pw", value="it is correct-horse-battery")
        (note,) = await instance.store.notes.list(NoteKey(owner="ada"))
        assert "correct-horse" not in str(note.value)
        assert isinstance(note, Note)
