"""Sessions of the handshake era: whose they are, how long they live, and what goes over their streams."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from botkit.core.access import Grant
from botkit.core.tools import Principal
from botkit.gateway.serving.sessions import IDLE_S, Sessions
from botkit.gateway.settings import GatewaySettings, WorkspaceSettings
from botkit.testing.clock import ManualClock
from tests.gateway.serving.support import House, events, initialized
from tests.gateway.support import Bench, until

ECHO = {"name": "raw__echo", "arguments": {"text": "hi"}}


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
        (None, "2025-11-25"),
    ],
)
async def test_the_version_is_the_clients_or_the_newest(house: House, asked: str | None, spoken: str) -> None:
    async with house.http() as http:
        response = await house.rpc(http, "initialize", {"protocolVersion": asked, "capabilities": {}})
        result = response.json()["result"]
        assert result["protocolVersion"] == spoken
        assert result["serverInfo"]["name"] == "botkit"
        assert result["capabilities"] == {"tools": {"listChanged": True}}
        assert response.headers["mcp-session-id"]


async def test_a_session_is_its_owners_alone_and_ends_when_told(house: House) -> None:
    house.tokens.admit("mwt_eve", "main")
    async with house.http() as http, house.http("mwt_eve") as eve:
        session = await initialized(http)
        stolen = {"mcp-session-id": session}
        for response in (
            await house.rpc(eve, "tools/list", **stolen),
            await eve.get("/ws/main", headers=stolen),
            await eve.delete("/ws/main", headers=stolen),
        ):
            assert response.status_code == 404
        assert (await house.rpc(http, "ping")).json()["result"] == {}
        assert (await http.delete("/ws/main")).status_code == 200
        assert (await house.rpc(http, "ping")).status_code == 404
        assert (await http.delete("/ws/main")).status_code == 404


async def test_a_client_that_never_said_hello_is_answered_too(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        response = await house.rpc(http, "tools/call", ECHO)
        assert response.json()["result"]["content"][0]["text"] == "hi"
        assert "mcp-session-id" not in response.headers
        progress = {"name": "raw__progress", "arguments": {}, "_meta": {"progressToken": 1}}
        assert (await house.rpc(http, "tools/call", progress)).headers["content-type"] == "application/json"
    assert len(house.door.sessions) == 0


async def test_unknown_fields_and_metadata_pass_both_ways(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        await initialized(http)
        listed = (await house.rpc(http, "tools/list")).json()["result"]["tools"]
        assert next(tool for tool in listed if tool["name"] == "raw__echo")["x-unknown"] == {"kept": True}
        result = (await house.rpc(http, "tools/call", ECHO)).json()["result"]
        assert result["x-unknown"] == {"kept": [1, None]}
        trace = f"00-{'a' * 32}-{'b' * 16}-01"
        meta = {"traceparent": trace, "com.example/x": {"y": 1}, "progressToken": "mine"}
        sent = {"name": "raw__meta", "arguments": {}, "_meta": {**meta, "io.modelcontextprotocol/clientInfo": {}}}
        text = (await house.rpc(http, "tools/call", sent)).json()["result"]["content"][0]["text"]
        assert '"com.example/x": {"y": 1}' in text
        assert trace in text
        assert "clientInfo" not in text
    await house.door.stop()
    assert house.bench.log.records[-1].trace_id == "a" * 32


async def test_servers_errors_arrive_as_they_are(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        await initialized(http)
        error = (await house.rpc(http, "tools/call", {"name": "raw__rpc_error"})).json()["error"]
        assert error == {"code": -32603, "message": "Broken inside", "data": 1}
        failed = (await house.rpc(http, "tools/call", {"name": "raw__fail"})).json()["result"]
        assert failed["isError"] is True


async def test_several_messages_in_one_body_where_the_revision_has_them(house: House) -> None:
    await house.bench.start(house.bench.raw())
    batch: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "a", "method": "ping"},
        {"jsonrpc": "2.0", "id": "b", "method": "tools/call", "params": ECHO},
        {"jsonrpc": "2.0", "id": "c", "method": "nonsense"},
    ]
    async with house.http() as old, house.http() as new:
        await initialized(old, "2025-03-26")
        answers = (await old.post("/ws/main", json=batch)).json()
        assert [answer["id"] for answer in answers] == ["a", "b", "c"]
        assert answers[1]["result"]["content"][0]["text"] == "hi"
        assert answers[2]["error"]["code"] == -32601
        assert (await old.post("/ws/main", json=batch[:1])).status_code == 202

        batch[2]["params"] = {"name": "raw__progress", "arguments": {}, "_meta": {"progressToken": "p"}}
        async with old.stream("POST", "/ws/main", json=batch) as response:
            assert response.headers["content-type"] == "text/event-stream"
            messages = [message async for message in events(response)]
        assert [message.get("method") for message in messages[:3]] == ["notifications/progress"] * 3
        assert [message["id"] for message in messages[3:]] == ["a", "b", "c"]

        await initialized(new, "2025-06-18")
        response = await new.post("/ws/main", json=batch)
        assert (response.status_code, response.json()["error"]["code"]) == (400, -32600)


async def test_a_cancelled_request_stops_the_servers_work(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        await initialized(http)
        calling = asyncio.create_task(house.rpc(http, "tools/call", {"name": "raw__slow"}))
        await until(lambda: house.bench.fleet.peek("raw").busy)  # type: ignore[union-attr]
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        await http.post("/ws/main", json={**note, "params": {"requestId": "1"}})  # another request's
        assert (await http.post("/ws/main", json=note)).status_code == 202
        assert (await calling).json()["error"]["code"] == -32800
        await until(lambda: "cancelled" in house.bench.effects.read_text())
    await house.door.stop()
    assert [row.status for row in house.bench.log.records] == ["cancelled"]


async def test_log_messages_belong_to_their_call_and_heed_the_level(house: House) -> None:
    await house.bench.start(house.bench.raw(file="many.py", name="raw"))
    async with house.http() as http:
        await initialized(http)
        assert (await house.rpc(http, "logging/setLevel", {"level": "loud"})).json()["error"]["code"] == -32602

        async def heard() -> list[str]:
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "raw__log"}}
            async with http.stream("POST", "/ws/main", json=body) as response:
                return [m["params"]["level"] async for m in events(response) if "method" in m]

        assert await heard() == ["info", "error"]
        await house.rpc(http, "logging/setLevel", {"level": "error"})
        assert await heard() == ["error"]
        await house.rpc(http, "logging/setLevel", {"level": "debug"})
        assert await heard() == ["debug", "info", "error"]


async def test_changes_wait_for_a_stream_and_come_once(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        await initialized(http)
        for _ in range(2):
            await house.rpc(http, "tools/call", {"name": "raw__grow"})
        await until(lambda: "raw__grown" in house.bench.fleet.catalogue.view("main"))
        async with http.stream("GET", "/ws/main") as first:
            stream = aiter(events(first))
            assert await anext(stream) == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
            async with http.stream("GET", "/ws/main") as second:  # takes the place of the first
                assert [message async for message in stream] == []
                house.bench.gateway.apply(GatewaySettings(workspaces={"main": WorkspaceSettings()}))
                assert (await anext(aiter(events(second))))["method"] == "notifications/tools/list_changed"


async def test_a_client_that_cannot_be_asked_is_not(house: House) -> None:
    """The server hears that, as from any client without the capability."""
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        await initialized(http)
        text = (await house.rpc(http, "tools/call", {"name": "raw__ask"})).text
        assert "elicitation/create is not offered" in text
    async with house.http() as http:
        await initialized(http, elicitation={})
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "raw__ask"}}
        async with http.stream("POST", "/ws/main", json=body) as response:
            stream = aiter(events(response))
            asked = await anext(stream)
            assert asked["method"] == "elicitation/create"
            refusal = {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -1, "message": "not now"}}
            await http.post("/ws/main", json=refusal)
            assert "not now" in str((await anext(stream))["result"])


async def test_a_client_that_leaves_while_it_is_asked_leaves_nothing_behind(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as http:
        await initialized(http, elicitation={})
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "raw__ask"}}
        async with http.stream("POST", "/ws/main", json=body) as response:
            await anext(aiter(events(response)))
            assert house.bench.parked == 1
        await until(lambda: house.bench.parked == 0)
        await until(lambda: not house.bench.fleet.peek("raw").busy)  # type: ignore[union-attr]


async def test_the_oldest_transport_answers_on_its_stream(house: House) -> None:
    await house.bench.start(house.bench.raw())
    house.tokens.admit("mwt_eve", "main")
    async with house.http() as http, house.http("mwt_eve") as eve, http.stream("GET", "/ws/main/sse") as response:
        lines = response.aiter_lines()
        assert await anext(lines) == "event: endpoint"
        address = (await anext(lines)).removeprefix("data: ")
        assert address.startswith("/ws/main/messages?session_id=")
        ping = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
        assert (await eve.post(address, json=ping)).status_code == 404
        assert (await http.post(address + "x", json=ping)).status_code == 404
        assert (await http.post(address, json=[ping])).status_code == 400
        assert (await http.post(address, json=ping)).status_code == 202
        async for line in lines:
            if line.startswith("data: "):
                assert line == 'data: {"jsonrpc":"2.0","id":7,"result":{}}'
                break


class TestLifetime:
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def house(self, tmp_path: Path, clock: ManualClock) -> House:
        return House(Bench(tmp_path, clock))

    async def test_an_idle_session_is_forgotten_and_a_stream_keeps_one(self, house: House, clock: ManualClock) -> None:
        async with house.opened(), house.http() as idle, house.http() as watching:
            await initialized(idle)
            await initialized(watching)
            async with watching.stream("GET", "/ws/main"):
                await until(lambda: house.door.open_streams)
                await clock.advance(IDLE_S / 2)
                assert (await house.rpc(idle, "ping")).status_code == 200
                await clock.advance(IDLE_S / 2 + 61)
                await until(lambda: len(house.door.sessions) == 2)
                assert (await house.rpc(idle, "ping")).status_code == 200
                await clock.advance(IDLE_S + 61)
                await until(lambda: len(house.door.sessions) == 1)
                assert (await house.rpc(idle, "ping")).status_code == 404
                assert (await house.rpc(watching, "ping")).status_code == 200

    async def test_there_are_never_more_than_the_limit_and_the_own_oldest_goes_first(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(house.door.sessions, "_limit", 3)
        house.tokens.admit("mwt_bob", "main")
        async with house.opened(), house.http("mwt_bob") as bob:
            await initialized(bob)
            clients = [house.http() for _ in range(4)]
            for client in clients:
                await initialized(client)
            assert len(house.door.sessions) == 3
            codes = [(await house.rpc(client, "ping")).status_code for client in clients]
            assert codes == [404, 404, 200, 200]
            assert (await house.rpc(bob, "ping")).status_code == 200
            for client in clients:
                await client.aclose()

    async def test_the_memory_of_thousands_of_abandoned_sessions_returns(
        self, house: House, clock: ManualClock
    ) -> None:
        grant = Grant(workspace="main", principal=Principal(id="ada"), credential="t")
        sessions: Sessions = house.door.sessions
        for _ in range(5000):
            sessions.open(grant, "2025-11-25", {})
        assert len(sessions) == 5000
        changes = house.door.listeners
        assert changes == 5000
        await asyncio.sleep(0)
        await clock.advance(IDLE_S + 61)
        await until(lambda: not len(sessions))
        assert house.door.listeners == 0
        await sessions.stop()
