"""Servers that nobody here wrote, as upstreams of the gateway: the reference servers of Python and TypeScript."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.core.clock import SystemClock
from botkit.core.tools import NeedsInput
from botkit.gateway.settings import CommandSettings
from tests.gateway.support import Bench, text_of
from tests.interop.environments import Environments

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, SystemClock())
    yield bench
    await bench.gateway.stop()


async def start(bench: Bench, name: str, *argv: str) -> None:
    await bench.start(CommandSettings(name=name, argv=argv), wait_s=50)
    (status,) = bench.gateway.status()
    assert (status.state, status.left_out, status.error) == ("ready", (), "")
    assert status.tools > 0


async def test_mcp_server_time(bench: Bench, installed: Environments) -> None:
    await start(bench, "time", *installed.program("mcp-server-time", "mcp-server-time==2026.10.19"))
    result = await bench.call("time__get_current_time", timezone="Europe/Berlin")
    assert result.content["structuredContent"]["timezone"] == "Europe/Berlin"
    assert "Invalid timezone" in text_of(await bench.call("time__get_current_time", timezone="Nowhere"))


async def test_mcp_server_git(bench: Bench, installed: Environments) -> None:
    repository = str(Path(__file__).parents[2])
    git = installed.program("mcp-server-git", "mcp-server-git==2026.10.19")
    await start(bench, "git", *git, "--repository", repository)
    assert "Commit" in text_of(await bench.call("git__git_log", repo_path=repository, max_count=1))


async def test_mcp_server_sqlite(bench: Bench, installed: Environments) -> None:
    """Built with the first generation of the SDK."""
    file = bench.folder / "shop.db"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE orders (id)")
    db.close()
    program = installed.program("mcp-server-sqlite", "mcp-server-sqlite==2025.4.25", "mcp==1.30.0")
    await start(bench, "sqlite", *program, "--db-path", str(file))
    assert "orders" in text_of(await bench.call("sqlite__list_tables"))


async def test_mcp_server_everything(bench: Bench, installed: Environments) -> None:
    """The reference server, written in TypeScript."""
    everything = installed.node("@modelcontextprotocol/server-everything", "dist/index.js")
    await start(bench, "everything", *everything, "stdio")
    *progress, result = await bench.events("everything__trigger-long-running-operation", duration=0.3, steps=3)
    assert len(progress) == 3
    assert "completed" in text_of(result)
    asked = await bench.call("everything__trigger-elicitation-request")
    assert isinstance(asked, NeedsInput)
    result = await bench.call(
        "everything__trigger-elicitation-request", state=asked.state, answers={"name": "Ada", "check": True}
    )
    assert "Name: Ada" in text_of(result)
    image = await bench.call("everything__get-tiny-image")
    assert "image" in [block["type"] for block in image.content["content"]]


async def test_mcp_server_filesystem(bench: Bench, installed: Environments) -> None:
    (bench.folder / "hello.txt").write_text("hello")
    files = installed.node("@modelcontextprotocol/server-filesystem", "dist/index.js")
    await start(bench, "files", *files, str(bench.folder))
    assert "hello.txt" in text_of(await bench.call("files__list_directory", path=str(bench.folder)))
    denied = await bench.call("files__read_text_file", path="/etc/passwd")
    assert denied.is_error


async def test_mcp_server_memory(bench: Bench, installed: Environments) -> None:
    await start(bench, "memory", *installed.node("@modelcontextprotocol/server-memory", "dist/index.js"))
    entity = {"name": "Ada", "entityType": "person", "observations": ["likes tea"]}
    assert not (await bench.call("memory__create_entities", entities=[entity])).is_error
    found = await bench.call("memory__search_nodes", query="tea")
    assert found.content["structuredContent"]["entities"][0]["name"] == "Ada"
