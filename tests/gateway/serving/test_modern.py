"""The modern era: every request stands alone, headers and body agree, and closing an answer cancels it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from botkit.gateway import parking
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.parking import PARK_S
from botkit.gateway.serving.sealing import Sealer
from botkit.gateway.settings import GatewaySettings, WorkspaceSettings
from tests.gateway.serving.support import MODERN, House, envelope, events
from tests.gateway.support import until

META = "io.modelcontextprotocol/"
FORM: dict[str, Any] = {"elicitation": {}}


async def test_a_workspace_introduces_itself(house: House) -> None:
    workspace = WorkspaceSettings(title="The team", description="What we work with.")
    house.bench.gateway.apply(GatewaySettings(workspaces={"main": workspace}))
    async with house.http() as http:
        result = (await house.modern(http, "server/discover")).json()["result"]
        assert result["supportedVersions"] == [MODERN]
        assert result["capabilities"] == {"tools": {"listChanged": True}}
        assert result["_meta"][f"{META}serverInfo"]["title"] == "The team"
        assert result["instructions"] == "What we work with."
        assert (result["cacheScope"], result["resultType"]) == ("private", "complete")
        listed = (await house.modern(http, "tools/list")).json()["result"]
        assert (listed["tools"], listed["cacheScope"]) == ([], "private")
        assert listed["ttlMs"] > 0


@pytest.mark.parametrize(
    ("headers", "params", "status", "code"),
    [
        ({"mcp-method": "tools/call"}, {}, 400, -32020),
        ({"mcp-method": ""}, {}, 400, -32020),
        ({"mcp-protocol-version": "2025-11-25"}, {}, 400, -32020),
        ({"mcp-protocol-version": "2099-01-01"}, {}, 400, -32020),
        (
            {"mcp-protocol-version": "2099-01-01"},
            {"_meta": {f"{META}protocolVersion": "2099-01-01", f"{META}clientCapabilities": {}}},
            400,
            -32022,
        ),
        ({}, {"_meta": {f"{META}clientCapabilities": 3}}, 400, -32602),
        ({}, {"_meta": {f"{META}logLevel": "loud"}}, 400, -32602),
        ({}, {"cursor": "nonsense"}, 400, -32602),
    ],
)
async def test_what_does_not_agree_is_refused(
    house: House, headers: dict[str, str], params: dict[str, Any], status: int, code: int
) -> None:
    async with house.http() as http:
        response = await house.modern(http, "tools/list", params, **headers)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert response.json()["id"] == 1
        if code == -32022:
            assert response.json()["error"]["data"]["supported"] == [MODERN]


async def test_a_request_without_its_envelope_is_refused(house: House) -> None:
    async with house.http() as http:
        sent = {"mcp-protocol-version": MODERN, "mcp-method": "tools/list"}
        metas: list[dict[str, Any]] = [{}, {"_meta": {}}, {"_meta": {f"{META}protocolVersion": MODERN}}]
        for params in metas:
            response = await house.rpc(http, "tools/list", params, **sent)
            assert (response.status_code, response.json()["error"]["code"]) == (400, -32602)
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        for body in ([], [ping], {**ping, "id": None}):
            response = await http.post("/ws/main", json=body, headers=sent)
            assert (response.status_code, response.json()["error"]["code"]) == (400, -32600)
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        assert (await http.post("/ws/main", json=note, headers=sent)).status_code == 202
        doubled = [(key, value) for key, value in http.headers.items()]
        doubled += [*sent.items(), ("mcp-method", "tools/list")]
        body, _ = envelope("tools/list")
        response = await http.post("/ws/main", json=body, headers=doubled)
        assert response.json()["error"]["code"] == -32020


@pytest.mark.parametrize(
    "method", ["nonsense", "ping", "initialize", "logging/setLevel", "resources/subscribe", "tasks/get", "tools/list/x"]
)
async def test_a_method_of_no_or_another_era_is_not_found(house: House, method: str) -> None:
    async with house.http() as http:
        response = await house.modern(http, method)
        assert (response.status_code, response.json()["error"]["code"]) == (404, -32601)


async def test_arguments_that_headers_repeat_must_agree(house: House) -> None:
    """Integers compare as numbers, other texts as they are; what a header cannot hold is wrapped."""
    await house.bench.start(house.bench.raw("mirrored"))
    arguments = {"region": "eu", "count": 42, "deep": {"on": True}}
    right = {"mcp-param-region": "eu", "mcp-param-count": "42", "mcp-param-on": "true"}
    wrapped = f"=?base64?{base64.b64encode('zürich'.encode()).decode()}?="
    async with house.http() as http:

        async def code(given: dict[str, Any], **headers: str) -> int:
            params = {"name": "raw__mirror", "arguments": given}
            response = await house.modern(http, "tools/call", params, **headers)
            return int(response.json().get("error", {}).get("code", 0))

        assert await code(arguments, **right) == 0
        assert await code(arguments, **{**right, "mcp-param-count": "42.0"}) == 0
        assert await code({"region": "zürich"}, **{"mcp-param-region": wrapped}) == 0
        assert await code({}) == 0
        for wrong in (
            {**right, "mcp-param-region": "us"},
            {**right, "mcp-param-count": "43"},
            {**right, "mcp-param-on": "True"},
            {key: value for key, value in right.items() if key != "mcp-param-on"},
        ):
            assert await code(arguments, **wrong) == -32020
        assert await code({}, **{"mcp-param-region": "eu"}) == -32020
        assert await code({"region": "eu"}, **{"mcp-param-region": "=?base64?!?="}) == -32020


async def test_closing_the_answer_cancels_the_call(house: House) -> None:
    await house.bench.start(house.bench.raw())
    body, headers = envelope("tools/call", {"name": "raw__slow", "arguments": {}})
    async with house.http() as http:
        calling = asyncio.create_task(http.post("/ws/main", json=body, headers=headers))
        await until(lambda: house.door.open_streams)
        calling.cancel()
        await until(lambda: "cancelled" in house.bench.effects.read_text())
    await until(lambda: not house.door.open_streams)
    await until(lambda: [row.status for row in house.bench.log.records] == ["cancelled"])


async def test_a_question_is_a_result_and_the_answer_another_call(house: House) -> None:
    """Here to a server of the handshake era, which keeps its call open meanwhile."""
    await house.bench.start(house.bench.raw())
    house.tokens.admit("mwt_eve", "main")
    params: dict[str, Any] = {"name": "raw__ask", "arguments": {}}
    async with house.http() as http, house.http("mwt_eve") as eve:

        async def ask(client: Any, capabilities: Any = FORM, **more: Any) -> Any:
            body, headers = envelope("tools/call", {**params, **more}, capabilities=capabilities)
            return await client.post("/ws/main", json=body, headers=headers)

        first = (await ask(http)).json()["result"]
        assert first["resultType"] == "input_required"
        ((key, question),) = first["inputRequests"].items()
        assert question["method"] == "elicitation/create"
        assert question["params"]["message"] == "Which size 1?"
        state = first["requestState"]
        answer = {key: {"action": "accept", "content": {"size": "L"}}}

        for response in (
            await ask(eve, requestState=state, inputResponses=answer),
            await ask(http, requestState=state[:-5] + "AAAA=", inputResponses=answer),
            await ask(http, requestState="nonsense", inputResponses=answer),
            await ask(http, requestState=7, inputResponses=answer),
            await ask(http, requestState=state, inputResponses=answer, name="raw__ask_twice"),
            await ask(http, requestState=state, inputResponses=answer, arguments={"other": 1}),
        ):
            assert response.status_code in (200, 400)
            assert "error" in response.json() or response.json()["result"]["isError"]
        assert house.bench.parked == 1

        again = (await ask(http, requestState=state, inputResponses={"unknown": 1})).json()["result"]
        assert again["inputRequests"] == first["inputRequests"]
        done = (await ask(http, requestState=again["requestState"], inputResponses=answer)).json()["result"]
        assert "accept" in done["content"][0]["text"]
        assert done["resultType"] == "complete"
        assert house.bench.parked == 0
        twice = (await ask(http, requestState=state, inputResponses=answer)).json()
        assert twice["result"]["isError"]  # it was answered; the call is over

        without = (await ask(http, capabilities={})).json()["result"]
        assert "not offered" in without["content"][0]["text"]
    await house.door.stop()
    statuses = [row.status for row in house.bench.log.records]
    assert statuses.count("waiting") == 2
    assert statuses.count("ok") == 2


async def test_one_client_cannot_leave_more_than_its_share_of_questions_open(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_PARKS_LIMIT_EACH", 2)
    await house.bench.start(house.bench.raw())
    house.tokens.admit("mwt_bob", "main")
    async with house.http() as http, house.http("mwt_bob") as bob:
        body, headers = envelope("tools/call", {"name": "raw__ask", "arguments": {}}, capabilities=FORM)
        states: list[str] = []
        for client in (bob, http, http, http):
            result = (await client.post("/ws/main", json=body, headers=headers)).json()["result"]
            states.append(result["requestState"])
        assert house.bench.parked == 3
        answers: list[bool] = []
        for client, state in zip((bob, http, http, http), states, strict=True):
            params: dict[str, Any] = {"name": "raw__ask", "arguments": {}, "requestState": state}
            responses = {"input": {"action": "accept", "content": {"size": "L"}}}
            again, headers = envelope("tools/call", {**params, "inputResponses": responses}, capabilities=FORM)
            answer = (await client.post("/ws/main", json=again, headers=headers)).json()["result"]
            answers.append("isError" in answer)
        assert answers == [False, True, False, False]


async def test_a_subscription_ends_gracefully_when_botkit_stops(house: House) -> None:
    async with house.http() as http:
        body, headers = envelope("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, request_id="x")
        async with http.stream("POST", "/ws/main", json=body, headers=headers) as response:
            stream = aiter(events(response))
            first = await anext(stream)
            assert first["params"] == {
                "_meta": {f"{META}subscriptionId": "x"},
                "notifications": {"toolsListChanged": True},
            }
            house.bench.gateway.apply(GatewaySettings(workspaces={"main": WorkspaceSettings(servers=("a",))}))
            changed = await anext(stream)
            assert changed["method"] == "notifications/tools/list_changed"
            assert changed["params"]["_meta"] == {f"{META}subscriptionId": "x"}
            await house.door.stop()
            last = await anext(stream)
            assert (last["id"], last["result"]["resultType"]) == ("x", "complete")
        for wanted, accept, status in ((3, "*/*", 400), ({"toolsListChanged": True}, "application/json", 406)):
            body, headers = envelope("subscriptions/listen", {"notifications": wanted})
            response = await http.post("/ws/main", json=body, headers={**headers, "accept": accept})
            assert response.status_code == status
    assert house.door.listeners == 0


def test_sealed_state_opens_for_its_purpose_and_time_only() -> None:
    now = 1000.0
    keys = EnvironmentKeys("22" * 32)
    sealer = Sealer(keys, lambda: now)
    sealed = sealer.seal("a secret text", ("ada", "tools/call"), PARK_S)
    assert "secret" not in sealed
    assert sealer.seal("a secret text", ("ada", "tools/call"), PARK_S) != sealed
    assert sealer.unseal(sealed, ("ada", "tools/call")) == "a secret text"
    assert sealer.unseal(sealed, ("eve", "tools/call")) is None
    assert Sealer(EnvironmentKeys("33" * 32)).unseal(sealed, ("ada", "tools/call")) is None
    assert Sealer(EnvironmentKeys("33" * 32 + "," + "22" * 32), lambda: now).unseal(sealed, ("ada", "tools/call"))
    key_id, _, payload = sealed.partition(".")
    raw = bytearray(base64.urlsafe_b64decode(payload))
    for place in range(0, len(raw), 7):
        damaged = bytearray(raw)
        damaged[place] ^= 1
        text = f"{key_id}.{base64.urlsafe_b64encode(bytes(damaged)).decode()}"
        assert sealer.unseal(text, ("ada", "tools/call")) is None
    for nonsense in ("", ".", key_id, f"{key_id}.", f"{key_id}.ü", f"{key_id}.AAAA"):
        assert sealer.unseal(nonsense, ("ada", "tools/call")) is None
    now += PARK_S + 1
    assert sealer.unseal(sealed, ("ada", "tools/call")) is None
