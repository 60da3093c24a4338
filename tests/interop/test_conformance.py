"""The official conformance suite, through us and directly: nothing fails that does not fail there."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from botkit.core.clock import SystemClock
from botkit.gateway.settings import CommandSettings, GatewaySettings, WorkspaceSettings
from tests.gateway.serving.support import House
from tests.gateway.support import Bench
from tests.interop.environments import Environments

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]
TARGET = str(Path(__file__).with_name("target.py"))
_RUN = re.compile(r"^(?:server-)?(.*?)-\d{4}-\d{2}-\d{2}T")


@asynccontextmanager
async def direct() -> AsyncGenerator[str]:
    """The target over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = await asyncio.create_subprocess_exec(sys.executable, TARGET, "http", str(port))
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.1)  # it starts in a process of its own
        writer.close()
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def through_us(folder: Path) -> AsyncGenerator[str]:
    """The target behind a transparent workspace that needs no token: the suite can not send one."""
    folder.mkdir()
    bench = Bench(folder, SystemClock())
    server = CommandSettings(name="target", argv=(sys.executable, TARGET))
    workspace = WorkspaceSettings(servers=("target",), transparent=True, calls_per_minute_each=0)
    await bench.gateway.start(GatewaySettings(servers=(server,), workspaces={"main": workspace}))
    await bench.gateway.ready(60)
    house = House(bench)
    house.tokens.admit("", "main")
    try:
        async with house.opened():
            yield house.url
    finally:
        await bench.gateway.stop()


async def suite(installed: Environments, url: str, revision: str, folder: Path) -> dict[tuple[str, str], str]:
    """The outcome of each check, by scenario and check."""
    program = installed.node("@modelcontextprotocol/conformance", "dist/index.js")
    argv = (*program, "server", "--url", url, "--requirements", revision, "-o", str(folder))
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    await process.wait()
    found: dict[tuple[str, str], str] = {}
    for file in folder.rglob("checks.json"):
        named = _RUN.match(file.parent.name)
        scenario = named[1] if named else file.parent.name
        for check in json.loads(file.read_text()):
            key = (scenario, check["id"])
            if found.get(key) != "FAILURE":
                found[key] = check["status"]
    return found


@pytest.mark.parametrize(("revision", "at_least"), [("2025-11-25", 60), ("2026-07-28", 120)])
async def test_nothing_fails_that_does_not_fail_directly(
    installed: Environments, tmp_path: Path, revision: str, at_least: int
) -> None:
    async with direct() as url:
        theirs = await suite(installed, url, revision, tmp_path / "direct")
    async with through_us(tmp_path / "us") as url:
        ours = await suite(installed, url, revision, tmp_path / "ours")
    ok = [key for key, status in ours.items() if status == "SUCCESS"]
    assert len(ok) >= at_least
    failed = {key for key, status in ours.items() if status == "FAILURE"}
    assert failed <= {key for key, status in theirs.items() if status == "FAILURE"}
