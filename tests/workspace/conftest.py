"""The sample servers, in memory and as the processes they are in production."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mcp import Client

SERVERS = Path(__file__).parents[2] / "workspace" / "servers"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has its own data folder."""
    monkeypatch.setenv("BOTKIT_SERVER_DATA", str(tmp_path))
    monkeypatch.delenv("BOTKIT_WEB_ALLOW", raising=False)
    return tmp_path


@pytest.fixture
def load() -> Callable[[str], ModuleType]:
    """Import `workspace/servers/{name}.py` as a module, once."""

    def _load(name: str) -> ModuleType:
        full = f"sample_server_{name}"
        if full not in sys.modules:
            spec = importlib.util.spec_from_file_location(full, SERVERS / f"{name}.py")
            assert spec is not None
            assert spec.loader is not None
            sys.modules[full] = module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        return sys.modules[full]

    return _load


@pytest.fixture
def ask(load: Callable[[str], ModuleType]) -> Callable[..., Awaitable[Any]]:
    """Call a tool in memory, over a connection of its own: its structured answer, or the text of its error."""

    async def _ask(server: str, tool: str, meta: Any = None, **arguments: Any) -> Any:
        async with Client(load(server).server) as client:
            result = await client.call_tool(tool, arguments, meta=meta)
        if result.is_error:
            return " ".join(str(getattr(block, "text", "")) for block in result.content)
        return result.structured_content

    return _ask
