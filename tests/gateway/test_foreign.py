"""Servers written by others, where they are installed (`pip install mcp-server-time mcp-server-git …`, `npm i -g …`).

PATH=/where/they/are:$PATH pytest -m slow tests/gateway/test_foreign.py
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from botkit.core.tools import NeedsInput
from botkit.gateway.settings import CommandSettings
from tests.gateway.support import Bench, text_of

pytestmark = pytest.mark.slow


def found(program: str) -> str:
    """The program's path; the test is skipped where it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


async def start(bench: Bench, name: str, *argv: str) -> None:
    await bench.start(CommandSettings(name=name, argv=argv), wait_s=50)
    (status,) = bench.gateway.status()
    assert (status.state, status.left_out, status.error) == ("ready", (), "")
    assert status.tools > 0


async def test_mcp_server_time(bench: Bench) -> None:
    await start(bench, "time", found("mcp-server-time"))
    result = await bench.call("time__get_current_time", timezone="Europe/Berlin")
    assert result.content["structuredContent"]["timezone"] == "Europe/Berlin"
    assert "Invalid timezone" in text_of(await bench.call("time__get_current_time", timezone="Nowhere"))


async def test_mcp_server_git(bench: Bench) -> None:
    repository = str(Path(__file__).parents[2])
    await start(bench, "git", found("mcp-server-git"), "--repository", repository)
    assert "Commit" in text_of(await bench.call("git__git_log", repo_path=repository, max_count=1))


async def test_mcp_server_sqlite(bench: Bench) -> None:
    """Built with the first generation of the SDK."""
    file = bench.folder / "shop.db"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE orders (id)")
    db.close()
    await start(bench, "sqlite", found("mcp-server-sqlite"), "--db-path", str(file))
    assert "orders" in text_of(await bench.call("sqlite__list_tables"))


async def test_mcp_server_everything(bench: Bench) -> None:
    """The reference server, written in TypeScript."""
    await start(bench, "everything", found("mcp-server-everything"), "stdio")
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


async def test_mcp_server_filesystem(bench: Bench) -> None:
    (bench.folder / "hello.txt").write_text("hello")
    await start(bench, "files", found("mcp-server-filesystem"), str(bench.folder))
    assert "hello.txt" in text_of(await bench.call("files__list_directory", path=str(bench.folder)))
    denied = await bench.call("files__read_text_file", path="/etc/passwd")
    assert denied.is_error
