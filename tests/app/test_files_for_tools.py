"""A picture somebody sends on Telegram is read by a tool, through everything in between, offline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.app.environment import load_environment
from botkit.app.serve import serve
from botkit.testing.telegram import FakeTelegram

SERVER = '''
import base64
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from pydantic import Field

server = MCPServer("receipts", log_level="WARNING")


@server.tool()
def scan_receipt(image: Annotated[str, Field(json_schema_extra={"x-mcp-file": {"accept": ["image/*"]}})]) -> str:
    """Scan a receipt."""
    head, _, data = image.partition(",")
    return f"{head} holds {base64.b64decode(data).decode()}"


server.run()
'''
CONFIG = """\
version: 1
workspaces:
  default: {{servers: "*", tools: {{receipts__scan_receipt: {{class: read-only}}}}}}
bots: {{desk: {{}}}}
channels:
  tg: {{platform: telegram, bot: desk, dm_policy: open, token: {{secret: TG_TOKEN}}, api_base: {api_base}}}
"""


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as fake:
        yield fake


async def test_a_picture_reaches_a_tool(telegram: FakeTelegram, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = folder / "workspace" / "servers"
    servers.mkdir(parents=True)
    (servers / "receipts.py").write_text(SERVER)
    (folder / "bots.yaml").write_text(CONFIG.format(api_base=telegram.api_base))
    monkeypatch.setenv("BOTKIT_PORT", "0")
    monkeypatch.setenv("TG_TOKEN", "4242:fake-telegram-token")
    async with serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None) as serving:
        await serving.instance.gateway.ready(120)
        telegram.send_file("Ada", b"three teapots", kind="photo", caption="scan this receipt")
        await telegram.wait_for(lambda: any("teapots" in text for text in telegram.texts()))
        (run,) = await serving.operations.runs.list()
        trace = (await serving.operations.runs.show(run=run.run.id)).trace
        (call,) = trace.calls
        assert (call.tool, call.status) == ("receipts__scan_receipt", "ok")
        assert "dGhyZWUgdGVhcG90cw" not in str(trace), "the bytes stand nowhere but in the request"
