"""A transparent workspace: one server as if nothing were between, in the client's era and with its capabilities."""

from __future__ import annotations

import sys
from typing import Any

import mcp_types
import pytest

from botkit.gateway.settings import CommandSettings, GatewaySettings, Review, WorkspaceSettings
from tests.gateway.serving.support import House, envelope, events, initialized
from tests.gateway.support import SERVERS


def settings(file: str, **fields: Any) -> GatewaySettings:
    server = CommandSettings(name="only", argv=(sys.executable, str(SERVERS / file)), env={"EFFECTS": "/dev/null"})
    workspace = WorkspaceSettings(servers=("only",), transparent=True, **fields)
    return GatewaySettings(servers=(server,), workspaces={"main": workspace})


@pytest.fixture
async def many(house: House) -> House:
    await house.bench.gateway.start(settings("many.py"))
    await house.bench.gateway.ready()
    return house


async def call(house: House, http: Any, name: str) -> str:
    return (await house.rpc(http, "tools/call", {"name": name})).text


async def test_names_and_introduction_are_the_servers_own(many: House) -> None:
    async with many.http() as http:
        hello = (await many.rpc(http, "initialize", {"capabilities": {}})).json()["result"]
        assert hello["serverInfo"] == {"name": "many", "version": "9", "title": "Many things", "x-kept": 1}
        assert hello["instructions"] == "Ask many."
        tools = (await many.rpc(http, "tools/list")).json()["result"]["tools"]
        assert "log" in [tool["name"] for tool in tools]
        prompts = (await many.rpc(http, "prompts/list")).json()["result"]["prompts"]
        assert prompts == [{"name": "greet", "title": "Greet"}]
        got = await many.rpc(http, "prompts/get", {"name": "greet", "arguments": {"who": "you"}})
        assert "many greets you" in got.text
        assert "done" in await call(many, http, "log")
    await many.door.stop()
    assert [row.tool for row in many.bench.log.records] == ["only__greet", "only__log"]


async def test_the_server_is_told_what_the_client_can_do(many: House) -> None:
    async with many.http() as able, many.http() as other:
        await initialized(able, sampling={"context": {}}, roots={"listChanged": True})
        assert '\\"sampling\\": {\\"context\\": {}}' in await call(many, able, "hello")
        tasks: dict[str, Any] = {"io.modelcontextprotocol/tasks": {}, "io.modelcontextprotocol/ui": {"mimeTypes": []}}
        await initialized(other, extensions=tasks)
        assert '{\\"extensions\\": {\\"io.modelcontextprotocol/ui\\": {\\"mimeTypes\\": []}}}' in await call(
            many, other, "hello"
        )
        assert "not offered" in await call(many, other, "sample")


@pytest.mark.parametrize(
    ("tool", "method", "answer"),
    [
        ("sample", "sampling/createMessage", {"role": "assistant", "content": {"type": "text", "text": "Paris"}}),
        ("roots", "roots/list", {"roots": [{"uri": "file:///here"}]}),
        ("url", "elicitation/create", {"action": "accept"}),
    ],
)
async def test_what_the_server_asks_reaches_a_client_of_either_era(
    many: House, tool: str, method: str, answer: dict[str, Any]
) -> None:
    capabilities: dict[str, Any] = {"sampling": {}, "roots": {}, "elicitation": {"form": {}, "url": {}}}
    async with many.http() as http:
        await initialized(http, **capabilities)
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}
        async with http.stream("POST", "/ws/main", json=body) as response:
            stream = aiter(events(response))
            asked = await anext(stream)
            assert asked["method"] == method
            await http.post("/ws/main", json={"jsonrpc": "2.0", "id": asked["id"], "result": answer})
            assert next(iter(answer)) in (await anext(stream))["result"]["content"][0]["text"]
        if tool == "url":  # the client is told when the person has been there
            async with http.stream("GET", "/ws/main") as response:
                told = await anext(aiter(events(response)))
                assert told["method"] == "notifications/elicitation/complete"
                assert told["params"] == {"elicitationId": "e1"}


async def test_a_form_alone_is_no_leave_to_send_people_to_addresses(many: House) -> None:
    async with many.http() as http:
        await initialized(http, elicitation={})
        assert "not offered" in await call(many, http, "url")


async def test_the_servers_own_errors_and_checks_are_shown(house: House) -> None:
    """Also for tools that it never listed; what the operator switched off stays off."""
    await house.bench.gateway.start(settings("raw.py", reviews={"only__meta": Review(enabled=False)}))
    await house.bench.gateway.ready()
    async with house.http() as http:
        error = (await house.rpc(http, "tools/call", {"name": "unheard_of"})).json()["error"]
        assert error == {"code": -32602, "message": "Unknown tool unheard_of"}
        hidden = (await house.rpc(http, "tools/call", {"name": "meta"})).json()["error"]
        assert hidden["message"].startswith("There is no tool")


async def test_a_modern_server_hears_of_the_capabilities_of_each_request(house: House) -> None:
    """And of those alone: a question that its client cannot answer is an error, as it would be directly."""
    await house.bench.gateway.start(settings("sdk.py"))
    await house.bench.gateway.ready()
    async with house.http() as http:
        able: dict[str, Any] = {"elicitation": {}}
        for capabilities, status in ((able, 200), (None, 400)):
            body, headers = envelope("tools/call", {"name": "order", "arguments": {}}, capabilities=capabilities)
            response = await http.post("/ws/main", json=body, headers=headers)
            assert response.status_code == status, response.text
            if status == 200:
                assert len(response.json()["result"]["inputRequests"]) == 2
            else:
                assert response.json()["error"]["code"] == mcp_types.MISSING_REQUIRED_CLIENT_CAPABILITY
