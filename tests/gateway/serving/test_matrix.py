"""Every kind of client with every kind of server: what one says arrives at the other, whatever era each lives in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types
import pytest

from botkit.gateway.settings import RemoteSettings
from tests.gateway.remote.support import sdk_server
from tests.gateway.serving.support import ClientKind, Heard, House
from tests.gateway.support import until

pytestmark = pytest.mark.timeout(180)
CLIENTS: tuple[ClientKind, ...] = ("modern", "legacy", "sse")
UPSTREAMS = {
    "modern": {"name": "sdk", "progress": "sdk__count", "ask": "sdk__order", "answer": "L red"},
    "handshake": {"name": "raw", "progress": "raw__progress", "ask": "raw__ask_twice", "answer": "L"},
    "http": {"name": "sdk", "progress": "sdk__count", "ask": "sdk__order", "answer": "L red"},
    "http+sse": {"name": "sdk", "progress": "sdk__count", "ask": "sdk__order", "answer": "L red"},
}
"""A process of each era; a modern server over HTTP; one of the handshake era over HTTP+SSE."""


@asynccontextmanager
async def started(house: House, kind: str) -> AsyncGenerator[None]:
    """The server behind the door."""
    bench, name = house.bench, UPSTREAMS[kind]["name"]
    if not kind.startswith("http"):
        await bench.start(bench.raw(name=name, file=f"{name}.py"))
        yield
        return
    async with sdk_server("sse" if kind == "http+sse" else "http", bench.effects) as base:
        path = "sse" if kind == "http+sse" else "mcp"
        transport = "sse" if kind == "http+sse" else "streamable-http"
        await bench.start(RemoteSettings(name=name, url=f"{base}/{path}", transport=transport, allow_private=True))
        yield
        await bench.gateway.stop()


@pytest.mark.parametrize("client_kind", CLIENTS)
@pytest.mark.parametrize("server_kind", list(UPSTREAMS))
async def test_what_one_says_arrives_at_the_other(house: House, client_kind: ClientKind, server_kind: str) -> None:
    """One process for all of it: starting a server takes longer than the rest."""
    async with started(house, server_kind):
        await converse(house, client_kind, server_kind)


async def converse(house: House, client_kind: ClientKind, server_kind: str) -> None:
    server = UPSTREAMS[server_kind]
    name = server["name"]
    heard = Heard()
    asked: list[str] = []

    async def answer(context: Any, params: Any) -> mcp_types.ElicitResult:
        asked.append(params.message)
        field = next(iter(params.requested_schema["properties"]))
        return mcp_types.ElicitResult(action="accept", content={field: {"size": "L", "colour": "red"}[field]})

    async with house.client(client_kind, elicitation_callback=answer, message_handler=heard, cache=None) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {server["progress"], server["ask"], f"{name}__echo"} <= tools

        result = await client.call_tool(f"{name}__echo", {"text": "hi"})
        assert "hi" in result.content[0].text  # type: ignore[union-attr]

        steps: list[tuple[float, float | None, str | None]] = []

        async def stepped(progress: float, total: float | None, message: str | None) -> None:
            steps.append((progress, total, message))

        await client.call_tool(server["progress"], {}, progress_callback=stepped)
        assert steps == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]

        result = await client.call_tool(server["ask"], {})
        assert server["answer"] in result.content[0].text  # type: ignore[union-attr]
        assert len(asked) == 2

        slow = asyncio.create_task(client.call_tool(f"{name}__slow", {}))
        await until(lambda: house.bench.fleet.peek(name).busy)  # type: ignore[union-attr]
        slow.cancel()
        await until(lambda: "cancelled" in house.bench.effects.read_text())

        if client_kind == "modern":
            async with client.listen(tools_list_changed=True) as changes:
                await client.call_tool(f"{name}__grow", {})
                await asyncio.wait_for(anext(aiter(changes)), 45)
        else:
            await client.call_tool(f"{name}__grow", {})
            await heard.wait_for("notifications/tools/list_changed")
        assert f"{name}__grown" in {tool.name for tool in (await client.list_tools()).tools}

    await house.door.stop()
    rows = [(row.tool, row.status) for row in house.bench.log.records]
    assert (f"{name}__echo", "ok") in rows
    assert (server["ask"], "waiting") in rows
    assert (server["ask"], "ok") in rows
    assert (f"{name}__slow", "cancelled") in rows
