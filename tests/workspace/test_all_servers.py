"""What holds for every sample server."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters

SERVERS = Path(__file__).parents[2] / "workspace" / "servers"
NAMES = sorted(file.stem for file in SERVERS.glob("*.py"))


def test_three_servers_ship() -> None:
    assert NAMES == ["notes", "orders", "web"]


@pytest.mark.parametrize("name", NAMES)
def test_a_server_declares_its_packages_in_its_own_file(name: str) -> None:
    block = re.match(r"# /// script\n((?:#.*\n)+?)# ///\n", (SERVERS / f"{name}.py").read_text())
    assert block is not None
    declared = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE))
    assert "mcp>=2.3,<2.4" in declared["dependencies"]


@pytest.mark.parametrize("name", NAMES)
async def test_tools_explain_themselves_and_state_what_they_touch(name: str, load: Callable[[str], ModuleType]) -> None:
    async with Client(load(name).server) as client:
        tools = (await client.list_tools()).tools
    assert len(tools) >= 2
    for tool in tools:
        assert len(tool.description or "") > 30, tool.name
        assert tool.title
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is not None, tool.name
        assert tool.output_schema is not None, tool.name
        Draft202012Validator.check_schema(tool.input_schema)
        properties: dict[str, dict[str, Any]] = tool.input_schema.get("properties", {})
        for argument, schema in properties.items():
            assert schema.get("description"), f"{tool.name}.{argument}"
        assert "ctx" not in properties


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_server_runs_as_a_process_in_both_protocol_eras(name: str, mode: Any, data: Path) -> None:
    command = StdioServerParameters(
        command=sys.executable, args=[str(SERVERS / f"{name}.py")], env={"BOTKIT_SERVER_DATA": str(data)}
    )
    async with Client(command, mode=mode) as client:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        assert (await client.list_tools()).tools
        if name == "notes":
            added = await client.call_tool("add", {"text": "It runs"})
            assert added.structured_content is not None
            assert added.structured_content["id"] == 1
