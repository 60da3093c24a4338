"""Who comes in: hosts, origins, tokens, sizes, and what strangers are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botkit.core.errors import StoreBusy
from botkit.core.tools import Principal
from botkit.gateway.access import strangers
from tests.gateway.serving.support import TOKEN, House, envelope, events, initialized
from tests.gateway.support import Bench, until

LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
BAD = -32602
EVERY_PATH = ("/ws/main", "/ws/main/mcp", "/api/gateway/ws/main", "/s/ada/main", "/ws/main/sse")


async def test_every_address_of_a_workspace_answers(house: House) -> None:
    async with house.http() as http:
        for path in EVERY_PATH:
            response = await http.post(path, json=LIST)
            assert (response.status_code, response.json()["result"]) == (200, {"tools": []}), path


async def test_without_a_valid_token_every_workspace_looks_alike(house: House) -> None:
    house.tokens.admit("mwt_other", "other")
    answers: list[Any] = []
    for token, path in (("", "/ws/main"), ("mwt_wrong", "/ws/main"), (TOKEN, "/ws/other"), (TOKEN, "/ws/nowhere")):
        async with house.http(token) as http:
            response = await http.post(path, json=LIST)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"  # and no metadata of an authorization server
            answers.append(response.json())
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["error"]["code"] == -32001


@pytest.mark.parametrize("query", ["token=mwt_ada", "access_token=x", "api_key=1", "q=mwt_ada", "x=Bearer%20mwt_ada"])
async def test_a_token_in_the_address_is_refused(house: House, query: str) -> None:
    async with house.http() as http:
        response = await http.post(f"/ws/main?{query}", json=LIST)
        assert response.status_code == 401
        assert "never in the address" in response.text
    assert house.tokens.asked == 0


async def test_hosts_and_pages_that_are_not_ours_are_refused_before_the_token_is_looked_at(house: House) -> None:
    port = house.origin.rpartition(":")[2]
    for headers, status in (
        ({"host": "evil.example.com"}, 421),
        ({"host": f"evil.example.com:{port}"}, 421),
        ({"origin": "https://evil.example.com"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://203.0.113.7"}, 403),
    ):
        async with house.http(**headers) as http:
            response = await http.post("/ws/main", json=LIST)
            assert response.status_code == status, headers
            assert response.json()["error"]["code"] == -32600
    assert house.tokens.asked == 0
    for origin in (house.origin, f"http://localhost:{port}", "http://127.0.0.1:1"):
        async with house.http(origin=origin) as http:
            assert (await http.post("/ws/main", json=LIST)).status_code == 200


async def test_whoever_tries_many_tokens_waits_and_locks_nobody_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "EVERY_S", 1000.0)  # so that a slow machine earns no further attempt
    house.tokens.admit("mwt_bo", "main")
    house.tokens.revoke("mwt_bo")
    for number in range(strangers.BURST):
        async with house.http(f"mwt_guess_{number}") as http:
            assert (await http.post("/ws/main", json=LIST)).status_code == 401
    async with house.http("mwt_guess_more") as http:
        for path in EVERY_PATH:
            slowed = await http.post(path, json=LIST)
            assert slowed.status_code == 429
            assert 1 <= int(slowed.headers["retry-after"]) <= 1000
    async with house.http() as http:  # from the same address
        assert (await http.post("/ws/main", json=LIST)).status_code == 200
    for token in ("mwt_bo", ""):  # whoever must log in anew, or for the first time, is told so
        async with house.http(token) as http:
            response = await http.post("/ws/main", json=LIST)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_addresses_are_those_that_a_trusted_proxy_names(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "EVERY_S", 1000.0)
    for trusted, expected in ((("127.0.0.1",), 401), ((), 429)):
        house = House(bench)
        async with house.opened(trusted_proxies=trusted):
            async with house.http("mwt_guess", **{"x-forwarded-for": "192.0.2.1"}) as http:
                statuses = [(await http.post("/ws/main", json=LIST)).status_code for _ in range(strangers.BURST + 1)]
                assert statuses == [401] * strangers.BURST + [429]
            async with house.http("mwt_guess", **{"x-forwarded-for": "192.0.2.2"}) as http:
                assert (await http.post("/ws/main", json=LIST)).status_code == expected


async def test_a_store_that_cannot_be_asked_lets_nobody_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def authenticate(workspace: str, token: str) -> None:
        raise StoreBusy("busy")

    monkeypatch.setattr(house.tokens, "authenticate", authenticate)
    async with house.http() as http:
        response = await http.post("/ws/main", json=LIST)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, -32700),
        (b"[" * 5000, {}, 400, -32700),
        (b"3", {}, 400, -32600),
        (b"[]", {}, 400, -32600),
        (b'{"jsonrpc": "2.0"}', {}, 400, -32600),
        (b'{"id": 1, "method": "ping"}', {}, 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', {}, 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', {}, 400, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "nonsense"}', {}, 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}', {}, 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x", "arguments": 1}}', {}, 200, BAD),
        (b"{}", {"content-type": "text/plain"}, 415, -32600),
        (b"{}", {"content-encoding": "gzip"}, 415, -32600),
        (b" " * 9_000_000, {}, 413, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}', {"accept": "text/html"}, 406, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}', {"mcp-session-id": "nobody"}, 404, -32600),
    ],
)  # fmt: skip
async def test_what_is_malformed_is_answered_in_the_protocols_words(
    house: House, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    async with house.http(**{"content-type": "application/json"} | headers) as http:
        response = await http.post("/ws/main", content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_methods_that_mean_nothing_here_are_refused(house: House) -> None:
    async with house.http() as http:
        for method in ("GET", "DELETE", "PUT", "OPTIONS"):
            response = await http.request(method, "/ws/main")
            assert (response.status_code, response.headers["allow"]) == (405, "POST, GET, DELETE")


async def test_a_reached_limit_says_when_to_come_again(house: House) -> None:
    await house.bench.start(house.bench.raw(), calls_per_minute_each=2)
    params = {"name": "raw__echo", "arguments": {"text": "x"}}
    async with house.http() as http:
        codes = [(await house.rpc(http, "tools/call", params)).status_code for _ in range(2)]
        for response in (await house.rpc(http, "tools/call", params), await house.modern(http, "tools/call", params)):
            assert (response.status_code, response.json()["error"]["code"]) == (429, -32029)
            assert 1 <= int(response.headers["retry-after"]) <= 60
    assert codes == [200, 200]
    await house.door.stop()
    assert [row.status for row in house.bench.log.records] == ["ok", "ok", "limited", "limited"]


async def test_rights_are_those_of_the_tokens_holder_and_of_the_body(house: House) -> None:
    from botkit.gateway.settings import Review

    house.tokens.admit("mwt_bob", "main", Principal(kind="member", id="bob", roles=("read-only",)))
    await house.bench.start(
        house.bench.raw(), reviews={"raw__echo": Review(tool_class="read-only"), "raw__meta": Review(enabled=False)}
    )
    async with house.http("mwt_bob") as http:
        listed = (await house.rpc(http, "tools/list")).json()["result"]["tools"]
        assert [tool["name"] for tool in listed] == ["raw__echo"]
        for name in ("raw__effect", "raw__meta", "raw__nothing"):  # forbidden looks like absent
            answer = (await house.rpc(http, "tools/call", {"name": name})).json()["error"]
            assert (answer["code"], answer["message"][:20]) == (-32602, "There is no tool raw")
        body, headers = envelope("tools/call", {"name": "raw__effect", "arguments": {}})
        cheap = await http.post("/ws/main", json=body, headers={**headers, "mcp-name": "raw__echo"})
        assert (cheap.status_code, cheap.json()["error"]["code"]) == (400, -32020)
    async with house.http() as http:
        listed = (await house.rpc(http, "tools/list")).json()["result"]["tools"]
        assert "raw__meta" not in [tool["name"] for tool in listed]
        assert (await house.rpc(http, "tools/call", {"name": "raw__meta"})).json()["error"]["code"] == -32602
    await house.door.stop()
    assert house.bench.effect_lines() == []
    rows = [(row.principal, row.token_id, row.tool, row.status) for row in house.bench.log.records]
    assert rows[0] == ("bob", "token-bob", "raw__effect", "denied")
    assert len(rows) == 4


async def test_a_revoked_token_ends_everything_that_hangs_on_it(house: House) -> None:
    await house.bench.start(house.bench.raw())
    async with house.http() as one, house.http() as two, house.http() as three:
        await initialized(two)
        body, headers = envelope("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        call, sent = envelope("tools/call", {"name": "raw__slow", "arguments": {}})
        async with (
            one.stream("POST", "/ws/main", json=body, headers=headers) as listening,
            two.stream("GET", "/ws/main") as news,
            three.stream("GET", "/ws/main/sse") as old,
        ):
            calling = asyncio.create_task(one.post("/ws/main", json=call, headers=sent))
            listened = aiter(events(listening))
            assert (await anext(listened))["method"] == "notifications/subscriptions/acknowledged"
            await until(lambda: house.door.open_streams == 4)
            await until(lambda: house.bench.fleet.peek("raw").busy)  # type: ignore[union-attr]
            house.tokens.revoke(TOKEN)
            async with asyncio.timeout(45):
                assert [message async for message in listened] == []
                assert [message async for message in events(news)] == []
                assert [line async for line in old.aiter_lines() if line.startswith("data: {")] == []
                assert (await calling).status_code == 401
        await until(lambda: "cancelled" in house.bench.effects.read_text())
        assert (await house.rpc(two, "tools/list")).status_code == 401
    assert house.tokens.watched == 0
