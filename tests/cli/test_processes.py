"""Real processes: `dev` answers, others act through its socket, a signal ends it in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.control import connect, socket_path
from botkit.app.operations import Operations

SERVER = '''
import pathlib, os
from mcp.server.mcpserver import MCPServer

server = MCPServer("till", log_level="WARNING")


@server.tool()
def refund_order(order: str) -> str:
    """Refund an order."""
    with (pathlib.Path(os.environ["BOTKIT_SERVER_DATA"]) / "effects").open("a") as file:
        file.write(order + "\\n")
    return f"refunded {order}"


server.run()
'''
CONFIG = """\
version: 1
bots:
  desk: {name: Desk}
"""
REVIEWS = """\
workspaces:
  default:
    servers: "*"
    tools:
      till__refund_order: {class: destructive, approve: true}
"""


class Dev:
    """A running `botkit dev` (or `run`)."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path):
        self.process = process
        self.folder = folder

    async def started(self) -> dict[str, Any]:
        told = json.loads(await self.line())
        assert "url" in told, told
        return told

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode()

    async def until(self, text: str) -> str:
        while line := await self.line():
            if text in line:
                return line
        raise AssertionError(f"it ended without {text!r}: {await self.errors()}")

    async def errors(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await self.process.wait()


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOTKIT_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2])}


@asynccontextmanager
async def botkit(folder: Path, *args: str) -> AsyncGenerator[Dev]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "botkit.cli",
        *args,
        cwd=folder,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Dev(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            transport = getattr(pipe, "_transport", None)
            if transport is not None:
                transport.close()


async def command(folder: Path, *args: str) -> Any:
    """Another process's command, which must succeed; its JSON."""
    async with botkit(folder, *args, "--json") as other:
        out, errors = await other.process.communicate()
        assert other.process.returncode == 0, errors.decode()
        return json.loads(out)


@asynccontextmanager
async def asking(folder: Path) -> AsyncGenerator[Operations]:
    """The operations of the process that serves, as commands reach them; without a process for each question."""
    async with connect(socket_path(folder / ".botkit")) as client:
        assert client is not None
        yield client.proxy(Operations)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bots.yaml").write_text(CONFIG)
    return tmp_path


async def test_dev_answers_lines_serves_the_page_and_ends_on_a_signal(folder: Path) -> None:
    async with botkit(folder, "dev", "--port", "0", "--json") as dev:
        url = (await dev.started())["url"]
        dev.say("hello")
        assert "demo/offline" in await dev.until("demo/offline")
        assert dev.process.stdin is not None
        dev.process.stdin.close()  # the end of input is not the end of serving
        async with httpx.AsyncClient(base_url=url) as client:
            assert "text/html" in (await client.get("/")).headers["content-type"]
            assert (await client.get("/readyz")).json()["status"] == "ready"
            assert 'botkit_turns_total{bot="desk",state="completed"} 1.0' in (await client.get("/metrics")).text
        async with asking(folder) as ops:
            assert [item.text for item in await ops.runs.list()] == ["hello"]
        assert await dev.end() == 0
        assert "Traceback" not in await dev.errors()
    assert not (folder / ".botkit" / "control.sock").exists()
    assert [item["text"] for item in await command(folder, "runs", "list")] == ["hello"]


async def test_a_refund_waits_for_a_decision_from_another_process(folder: Path) -> None:
    servers = folder / "workspace" / "servers"
    servers.mkdir(parents=True)
    (servers / "till.py").write_text(SERVER)
    (folder / "bots.yaml").write_text(CONFIG + REVIEWS)
    effects = folder / ".botkit" / "servers" / "till" / "effects"
    async with botkit(folder, "dev", "--port", "0", "--json") as dev:
        await dev.started()
        asked = await command(folder, "chat", "desk", "-m", "refund order A-17")
        assert (asked["status"], asked["waiting_for"]) == ("waiting", "approval")
        async with asking(folder) as ops:
            (wait,) = await ops.approvals.list()
        assert (wait.tool, wait.arguments) == ("till__refund_order", {"order": "A-17"})
        assert not effects.exists()
        assert await dev.end() == 0
    async with botkit(folder, "approvals", "approve", wait.run_id[:30], "--json") as deciding:
        assert await deciding.process.wait() == 0  # nobody runs: the decision is stored
    assert not effects.exists()
    async with botkit(folder, "dev", "--port", "0", "--json") as dev:
        url = (await dev.started())["url"]
        async with asking(folder) as ops, httpx.AsyncClient(base_url=url) as client:
            while (await ops.runs.show(run=wait.run_id)).trace.run.run.state in ("running", "waiting"):
                await client.get("/healthz")  # until it has taken up the decision
            shown = await ops.runs.show(run=wait.run_id)
        assert shown.trace.run.run.state == "completed"
        assert effects.read_text() == "A-17\n"
        assert await dev.end() == 0


async def test_run_asks_for_a_token_and_waits_for_apply(folder: Path) -> None:
    async with botkit(folder, "run", "--port", "0", "--json") as serving:
        started = await serving.started()
        async with httpx.AsyncClient(base_url=started["url"]) as client:
            assert (await client.get("/")).status_code == 401
            assert (await client.get(started["login_url"])).status_code == 303
            assert (await client.get("/")).status_code == 200
        edited = CONFIG.replace("name: Desk", "name: Counter")
        (folder / "bots.yaml").write_text(edited)
        assert not (await command(folder, "diff"))["same"]
        overview = await command(folder, "chat", "-m", "/status")
        assert "Desk" in overview["response"]
        await command(folder, "apply")
        assert "Counter" in (await command(folder, "chat", "-m", "/status"))["response"]
        assert await serving.end() == 0
        lines = [json.loads(line) for line in (await serving.errors()).splitlines()]
        assert {"ready", "stopping", "config_applied"} <= {line["event"] for line in lines}
    token = (folder / ".botkit" / "page-token").read_text().strip()
    assert token in started["login_url"]
    assert not any(token in json.dumps(line) for line in lines)


async def test_two_processes_cannot_serve_one_home(folder: Path) -> None:
    async with botkit(folder, "dev", "--port", "0", "--json") as dev:
        await dev.started()
        async with botkit(folder, "dev", "--port", "0") as second:
            _, errors = await second.process.communicate()
            assert second.process.returncode == 1
            assert f"process {dev.process.pid}" in errors.decode()
        assert await dev.end(signal.SIGINT) == 0


@pytest.mark.slow
async def test_run_serves_on_while_its_master_key_is_replaced(folder: Path) -> None:
    key = folder / ".botkit" / "master.key"
    async with botkit(folder, "run", "--port", "0", "--json") as serving:
        url = (await serving.started())["url"]
        await command(folder, "secrets", "set", "TOKEN", "a value")
        before, over = key.read_text(), asyncio.Event()

        async def look() -> int:
            times = 0
            async with httpx.AsyncClient(base_url=url) as client:
                while not over.is_set():
                    assert (await client.get("/readyz")).status_code == 200
                    times += 1
            return times

        looking = asyncio.create_task(look())
        assert (await command(folder, "secrets", "rotate", "--master-key"))["rewrapped"] == 1
        assert (await command(folder, "chat", "-m", "hello"))["status"] == "completed"
        over.set()
        assert await looking > 1
        assert key.read_text() != before
        assert await serving.end() == 0
    (secret,) = await command(folder, "secrets", "list")
    assert (secret["name"], secret["version"]) == ("TOKEN", 1)
    async with botkit(folder, "run", "--port", "0", "--json") as serving:
        await serving.started()  # it opens every secret before it says so
        assert await serving.end() == 0
