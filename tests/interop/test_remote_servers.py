"""Servers that nobody here wrote, reached over HTTP: both transports of the reference server, and the first SDK."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from botkit.core.clock import SystemClock
from botkit.core.tools import NeedsInput
from botkit.gateway.settings import RemoteSettings
from tests.gateway.support import Bench, text_of
from tests.interop.environments import Environments

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

_LOOPBACK = Path(__file__).with_name("loopback.cjs")
_FIRST_SDK = """
import socket, sys, threading
import uvicorn
from mcp.server.fastmcp import Context, FastMCP

server = FastMCP("first")

@server.tool()
async def count(ctx: Context) -> str:
    for step in range(3):
        await ctx.report_progress(step + 1, 3, f"step {step + 1}")
    return "counted"

listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen(16)
print("LISTENING", listening.getsockname()[1], flush=True)
app = server.sse_app() if sys.argv[1] == "sse" else server.streamable_http_app()
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
"""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, SystemClock())
    yield bench
    await bench.gateway.stop()


@asynccontextmanager
async def running(*argv: str, **variables: str) -> AsyncGenerator[str]:
    """A program that says `LISTENING port`; gives its address."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **variables},
        start_new_session=True,  # `node` is a script that starts the real one, which must end too
    )
    assert process.stdout is not None
    reader: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(120):
            while not (line := await process.stdout.readline()).startswith(b"LISTENING"):
                assert line, "it ended before it listened"
        reader = asyncio.create_task(process.stdout.read())  # or it would stop when the pipe is full
        yield f"http://127.0.0.1:{int(line.split()[1])}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if reader is not None:
            await reader


async def start(bench: Bench, name: str, url: str) -> None:
    await bench.start(RemoteSettings(name=name, url=url), wait_s=60)
    (status,) = bench.gateway.status()
    assert (status.state, status.left_out, status.error) == ("ready", (), "")
    assert status.tools > 0


@pytest.mark.parametrize(("transport", "path"), [("streamableHttp", "/mcp"), ("sse", "/sse")])
async def test_the_reference_server_over_http(bench: Bench, installed: Environments, transport: str, path: str) -> None:
    node, script = installed.node("@modelcontextprotocol/server-everything", "dist/index.js")
    async with running(node, "--require", str(_LOOPBACK), script, transport) as base:
        await start(bench, "everything", base + path)
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
        await bench.gateway.stop()


@pytest.mark.parametrize(("transport", "path"), [("http", "/mcp"), ("sse", "/sse")])
async def test_a_server_of_the_first_sdk_over_http(
    bench: Bench, installed: Environments, tmp_path: Path, transport: str, path: str
) -> None:
    file = tmp_path / "first.py"
    file.write_text(_FIRST_SDK)
    async with running(installed.python("mcp==1.30.0"), str(file), transport) as base:
        await start(bench, "first", base + path)
        *progress, result = await bench.events("first__count")
        assert len(progress) == 3
        assert text_of(result) == "counted"
        await bench.gateway.stop()
