"""Workspaces inside workspaces: chained names, the rights and limits of all, the secrets of the innermost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from botkit.core.config import load_config
from botkit.core.errors import ConfigError
from botkit.core.tools import Principal
from botkit.gateway.settings import GatewaySettings, Inject, Review, RoleRules, ToolFilter, WorkspaceSettings
from tests.gateway.support import ADMIN, Bench, text_of

READ = Review(tool_class="read-only")


async def start(bench: Bench, server: Any, **workspaces: WorkspaceSettings) -> None:
    await bench.gateway.start(GatewaySettings(servers=(server,), workspaces=workspaces))
    await bench.gateway.ready(30)


async def names(bench: Bench, workspace: str, principal: Principal = ADMIN) -> list[str]:
    return [tool.name for tool in await bench.gateway.list_tools(workspace, principal)]


async def test_tools_are_offered_under_a_chained_name_and_one_row_names_the_real_server(bench: Bench) -> None:
    await start(
        bench,
        bench.raw(),
        desk=WorkspaceSettings(servers=("raw",)),
        office=WorkspaceSettings(workspaces=("desk",)),
        house=WorkspaceSettings(workspaces=("office",)),
    )
    assert "desk__raw__echo" in await names(bench, "office")
    assert "office__desk__raw__echo" in await names(bench, "house")
    assert "raw__echo" not in await names(bench, "office")
    done = await bench.call("office__desk__raw__echo", workspace="house", text="hello")
    assert text_of(done) == "hello"
    record = done.record
    assert (record.workspace, record.server, record.tool) == ("house", "raw", "office__desk__raw__echo")


async def test_the_rights_of_both_apply(bench: Bench) -> None:
    guest = Principal(id="gus", roles=("guest",))
    desk = WorkspaceSettings(servers=("raw",), reviews={"raw__echo": READ, "raw__meta": READ, "raw__env": READ})
    office = WorkspaceSettings(
        workspaces=("desk",),
        reviews={
            "desk__raw__meta": Review(tool_class="destructive"),
            "desk__raw__env": Review(enabled=False),
            "desk__raw__effect": READ,  # the desk never reviewed it, so this counts for nothing
        },
    )
    await start(bench, bench.raw(), desk=desk, office=office)
    assert await names(bench, "desk", guest) == ["raw__echo", "raw__meta", "raw__env"]
    assert await names(bench, "office", guest) == ["desk__raw__echo"]
    assert "desk__raw__env" not in await names(bench, "office")
    refused = await bench.call("desk__raw__effect", guest, workspace="office")
    assert refused.record.status == "denied"
    assert bench.effect_lines() == []

    settings = bench.fleet.settings
    narrowed = msgspec.structs.replace(desk, roles={"guest": ToolFilter(deny=("raw__echo",))})
    bench.gateway.apply(
        msgspec.structs.replace(
            settings,
            workspaces={"desk": narrowed, "office": office},
            roles={"guest": RoleRules(classes=("read-only",))},
        )
    )
    assert await names(bench, "office", guest) == []
    assert (await bench.call("desk__raw__echo", guest, workspace="office", text="x")).record.status == "denied"


async def test_an_approval_asked_for_by_either_is_needed(bench: Bench) -> None:
    desk = WorkspaceSettings(servers=("raw",), reviews={"raw__echo": Review(tool_class="read-only", approve=True)})
    office = WorkspaceSettings(workspaces=("desk",), reviews={"desk__raw__meta": Review(approve=True)})
    await start(bench, bench.raw(), desk=desk, office=office)
    for tool in ("desk__raw__echo", "desk__raw__meta"):
        asked = await bench.call(tool, workspace="office", arguments={"text": "x"})
        assert asked.record.status == "waiting"


async def test_the_limits_of_both_apply(bench: Bench) -> None:
    desk = WorkspaceSettings(servers=("raw",), calls_per_minute=2)
    await start(bench, bench.raw(), desk=desk, office=WorkspaceSettings(workspaces=("desk",)))
    statuses = [
        (await bench.call("desk__raw__echo", workspace="office", text="x")).record.status,
        (await bench.call("raw__echo", workspace="desk", text="x")).record.status,
        (await bench.call("desk__raw__echo", workspace="office", text="x")).record.status,
    ]
    assert statuses == ["ok", "ok", "limited"]


async def test_the_secrets_are_those_of_the_innermost(bench: Bench) -> None:
    await bench.vault.put("workspace:desk", "TOKEN", "token-of-the-desk")
    await bench.vault.put("workspace:office", "TOKEN", "token-of-the-office")
    await start(
        bench,
        bench.raw(inject=(Inject(secret="TOKEN"),)),
        desk=WorkspaceSettings(servers=("raw",)),
        office=WorkspaceSettings(workspaces=("desk",)),
    )
    upstreams = bench.fleet.pool._upstreams  # pyright: ignore[reportPrivateUsage]  # nothing outside tells credential sets apart
    assert len(upstreams) == 1
    await bench.call("desk__raw__echo", workspace="office", text="x")
    assert len(upstreams) == 1  # the same credentials as the desk's own calls


async def test_a_circle_ends_at_the_depth_limit(bench: Bench) -> None:
    await start(
        bench,
        bench.raw(),
        a=WorkspaceSettings(servers=("raw",), workspaces=("b",)),
        b=WorkspaceSettings(workspaces=("a",)),
    )
    assert "b__a__raw__echo" in await names(bench, "a")


def test_a_circle_is_a_located_mistake() -> None:
    text = "workspaces:\n  a: {workspaces: [b]}\n  b: {workspaces: [c]}\n  c: {workspaces: [a]}\n"
    with pytest.raises(ConfigError) as caught:
        load_config("bots.yaml", files={"bots.yaml": text})
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (2, "workspaces.a.workspaces")
    assert "a → b → c → a" in problem.message
