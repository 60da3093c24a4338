"""The workspaces' doors of a whole instance: members' tokens open them, and edits of bots.yaml are seen at once."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import httpx
import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost

from botkit.app.environment import load_environment
from botkit.app.serve import serve
from botkit.gateway.access.desk import OPERATOR

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "mcp-clients.md"
RAW = Path(__file__).parents[1] / "gateway" / "servers" / "raw.py"
CONFIG = """\
version: 1
servers:
  notes: {{command: {python}, args: [{raw}], env: {{EFFECTS: {effects}}}}}
{more}
workspaces:
  team: {{servers: "*", description: What the team works with.}}
bots:
  helper: {{name: Helper}}
"""


async def test_members_use_their_workspace_while_it_changes(folder: Path) -> None:
    def write(more: str = "") -> None:
        text = CONFIG.format(python=sys.executable, raw=RAW, effects=folder / "effects", more=more)
        (folder / "bots.yaml").write_text(text)

    write()
    environment = load_environment(cwd=folder).model_copy(update={"port": 0})
    async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
        instance = serving.instance
        url = f"{serving.url}ws/team"
        issued = await instance.access.create_token("team", by=OPERATOR, name="laptop", member="ada", role="admin")
        async with httpx.AsyncClient() as stranger:
            refused = await stranger.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
            assert refused.status_code == 401
            assert "resource_metadata" not in refused.headers["www-authenticate"]

        assert "notes__echo" in await followed_guide(url, issued.token)

        http = httpx2.AsyncClient(headers={"authorization": f"Bearer {issued.token}"}, timeout=30)
        async with http, mcp.Client(streamable_http_client(url, http_client=http), cache=None) as client:
            assert client.instructions == "What the team works with."
            result = await client.call_tool("notes__echo", {"text": "hi"})
            assert result.content[0].text == "hi"  # type: ignore[union-attr]

            async with client.listen(tools_list_changed=True) as changes:
                write(more=f"  again: {{command: {sys.executable}, args: [{RAW}], env: {{EFFECTS: x}}}}")
                async with asyncio.timeout(30):
                    async for _ in changes:
                        names = {tool.name for tool in (await client.list_tools()).tools}
                        if "again__echo" in names:
                            break
                write()
                async with asyncio.timeout(30):
                    async for _ in changes:
                        names = {tool.name for tool in (await client.list_tools()).tools}
                        if "again__echo" not in names:
                            break
                await instance.access.revoke_token("team", issued.row.id, by=OPERATOR)
                async with asyncio.timeout(30):
                    with pytest.raises(SubscriptionLost):
                        await anext(aiter(changes))


async def followed_guide(url: str, token: str) -> str:
    """What the request that the guide shows for a terminal is answered, sent by whatever reads it as curl does."""
    line = next(line for line in GUIDE.read_text().splitlines() if line.startswith("curl "))
    words = shlex.split(line.replace("http://127.0.0.1:8080/ws/default", url).replace("$TOKEN", token))
    headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        response = await http.post(words[2], content=words[words.index("-d") + 1])
    assert response.status_code == 200
    return response.text
