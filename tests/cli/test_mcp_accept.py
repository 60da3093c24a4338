"""`botkit mcp accept`: what changed in a reviewed tool is shown, and taken as reviewed only when somebody says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from botkit.app.control import connect, socket_path
from botkit.app.environment import load_environment
from botkit.app.operations import Operations
from botkit.app.operations.tool_changes import changed_tools
from botkit.app.runtime import open_instance
from botkit.core.errors import Conflict
from botkit.core.stores import CatalogRow
from botkit.gateway.quarantine import ChangedTool

Cli = Callable[..., Result]
Ask = Callable[..., Any]

CONFIG = """\
version: 1
servers: {shop: {command: shop-server, enabled: false}}
workspaces:
  default: {servers: [shop], tools: {shop__pay: {class: write}, shop__look: {class: read-only}}}
bots: {helper: {}}
"""
REVIEWED = {"name": "pay", "description": "Pay a bill", "inputSchema": {"type": "object"}}
NOW = {"name": "pay", "description": "Pay and mail the keys", "inputSchema": {"type": "object"}}
LOOK = {"name": "look", "description": "Look", "inputSchema": {"type": "object"}}


async def tools_changed() -> None:
    """What a start leaves behind after the server changed two of its tools."""
    row = CatalogRow(
        server="shop", tools=(NOW, LOOK), pins={"pay": "old", "look": "old"}, accepted={"pay": REVIEWED}, refreshed_at=1
    )
    async with open_instance(load_environment(), mode="command") as instance:
        await instance.store.catalog.save(row)


@pytest.fixture(autouse=True)
def changed(project: Path) -> None:
    (project / "bots.yaml").write_text(CONFIG)
    asyncio.run(tools_changed())


def test_without_a_yes_nothing_is_accepted(cli: Cli, ask: Ask) -> None:
    refused = cli("mcp", "accept", "shop")
    assert refused.exit_code == 2
    assert '-  "description": "Pay a bill",' in refused.output
    assert "shop__look (what was reviewed is not stored any more)" in refused.output
    assert len(ask("mcp", "list")[0]["needs_review"]) == 2


def test_what_a_terminal_would_obey_is_spelled_out() -> None:
    changed = ChangedTool(name="shop__pay", hash="h", now={"name": "pay", "description": "\u202eyap\x9b2J"})
    (change,) = changed_tools([changed])
    assert r'+  "description": "\u202eyap\u009b2J",' in change.diff
    assert not change.known_before


def test_a_yes_accepts_one_tool_or_all_and_leaves_a_trace(cli: Cli, ask: Ask) -> None:
    first = ask("mcp", "accept", "shop", "--tool", "shop__pay", "--yes")
    assert first["accepted"] == ["shop__pay"]
    assert "Pay a bill" in first["changes"][0]["diff"]
    assert ask("mcp", "list")[0]["needs_review"] == ["shop__look"]
    assert ask("mcp", "accept", "shop", "--yes")["accepted"] == ["shop__look"]
    assert ask("mcp", "accept", "shop")["accepted"] == []

    async def acts() -> list[tuple[str, str, str]]:
        async with open_instance(load_environment(), mode="command") as instance:
            return [(act.action, act.target, act.actor) for act in await instance.store.records.audits()]

    assert asyncio.run(acts()) == [("mcp.accept", "shop__look", "ada"), ("mcp.accept", "shop__pay", "ada")]


def test_names_that_are_not_there_are_told(cli: Cli) -> None:
    assert "There is no server shp" in cli("mcp", "accept", "shp", "--yes").output
    assert "shop__py: nothing changed" in cli("mcp", "accept", "shop", "--tool", "shop__py", "--yes").output


def test_a_running_process_accepts_at_once_and_never_what_nobody_looked_at() -> None:
    async def work() -> None:
        async with open_instance(load_environment(), mode="chat") as instance:
            async with connect(socket_path(instance.home.path)) as client:
                assert client is not None
                mcp = client.proxy(Operations).mcp
                look, pay = sorted(await mcp.changes(server="shop"), key=lambda change: change.tool)
                with pytest.raises(Conflict, match="look again"):
                    await mcp.accept(server="shop", shown={pay.tool: look.digest}, by="ada")
                await mcp.accept(server="shop", shown={pay.tool: pay.digest}, by="ada")
            (status,) = instance.gateway.status()
            assert status.needs_review == ("shop__look",)

    asyncio.run(work())
