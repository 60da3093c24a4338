"""What a remote server gets to see: its own secrets where it wants them, and nothing of anybody else."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from msgspec.structs import replace

from botkit.core.errors import SecretError
from botkit.core.tools import Principal
from botkit.gateway.remote.inject import credentials_of
from botkit.gateway.settings import Inject, RemoteSettings, SecretName
from tests.gateway.remote.support import Handmade, Response, Seen, handmade, result
from tests.gateway.support import Bench, text_of

VALUE = "s3cr3t/value+of=the server"


@pytest.fixture
async def server() -> AsyncIterator[Handmade]:
    async with handmade(sessions=False) as server:
        yield server


def far(server: Handmade, **fields: Any) -> RemoteSettings:
    return RemoteSettings(name="far", url=server.url, **fields)


def seen_by(server: Handmade) -> Seen:
    return server.calls()[-1]


@pytest.mark.parametrize(
    ("rule", "header", "value"),
    [
        ({}, "x-mcp-secret-api-token", VALUE),
        ({"named": True}, "api_token", VALUE),
        ({"header": "X-Api-Key"}, "x-api-key", VALUE),
        ({"bearer": True}, "authorization", f"Bearer {VALUE}"),
    ],
)
async def test_a_secret_goes_into_its_header(
    bench: Bench, server: Handmade, rule: dict[str, Any], header: str, value: str
) -> None:
    await bench.vault.put("instance", "API_TOKEN", VALUE)
    await bench.start(far(server, inject=(Inject(secret="API_TOKEN", **rule),)))
    await bench.call("far__echo")
    assert seen_by(server).headers[header] == value
    assert all(VALUE not in text for name, text in seen_by(server).headers.items() if name != header)


@pytest.mark.parametrize("stored", ["Bearer abcdefgh", "bearer abcdefgh"])
async def test_a_value_that_is_a_bearer_already_stays_as_it_is(bench: Bench, server: Handmade, stored: str) -> None:
    await bench.vault.put("instance", "TOKEN", stored)
    await bench.start(far(server, inject=(Inject(secret="TOKEN", bearer=True),)))
    await bench.call("far__echo")
    assert seen_by(server).headers["authorization"] == stored


async def test_a_configured_header_takes_its_value_from_a_secret(bench: Bench, server: Handmade) -> None:
    await bench.vault.put("instance", "KEY", VALUE)
    await bench.start(far(server, headers={"X-Key": SecretName(name="KEY"), "X-Team": "blue"}))
    await bench.call("far__echo")
    assert (seen_by(server).headers["x-key"], seen_by(server).headers["x-team"]) == (VALUE, "blue")


async def test_a_secret_in_the_query_arrives_and_is_never_logged(
    bench: Bench, server: Handmade, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    await bench.vault.put("instance", "KEY", VALUE)
    await bench.start(far(server, inject=(Inject(secret="KEY", query="key"),)))
    result = await bench.call("far__echo")
    assert parse_qs(seen_by(server).query) == {"key": [VALUE]}
    assert "[redacted]" in text_of(result)
    server.answers["tools/call"] = lambda _: Response(status_code=302, headers={"Location": "http://10.0.0.1/"})
    assert "elsewhere" in text_of(await bench.call("far__echo"))
    shown = caplog.text + capsys.readouterr().out
    assert "far" in shown
    for form in (VALUE, quote(VALUE), quote(VALUE, safe=""), "s3cr3t"):
        assert form not in shown


async def test_a_secret_in_the_body_stands_beside_the_parameters(bench: Bench, server: Handmade) -> None:
    await bench.vault.put("instance", "db.url", VALUE)
    await bench.start(far(server, inject=(Inject(secret="db.url", body=True),)))
    await bench.call("far__echo", text="x")
    assert seen_by(server).message["secrets"] == {"DB_URL": VALUE}
    assert "secrets" not in seen_by(server).message["params"]
    assert "secrets" not in server.calls("tools/list")[0].message


async def test_a_rotated_value_is_used_by_the_next_call(bench: Bench, server: Handmade) -> None:
    await bench.vault.put("instance", "TOKEN", "first-value")
    await bench.start(far(server, inject=(Inject(secret="TOKEN", bearer=True),)))
    await bench.call("far__echo")
    await bench.vault.put("instance", "TOKEN", "second-value")
    await bench.call("far__echo")
    assert [one.headers["authorization"] for one in server.calls()] == ["Bearer first-value", "Bearer second-value"]


async def test_two_clients_and_their_secrets_never_meet(bench: Bench) -> None:
    async with handmade() as server:  # one that keeps sessions
        for workspace in ("alice", "bob"):
            await bench.vault.put(f"workspace:{workspace}", "TOKEN", f"token-of-{workspace}")
        await bench.start(far(server, inject=(Inject(secret="TOKEN", bearer=True),)))
        settings = bench.fleet.settings
        main = settings.workspaces["main"]
        bench.gateway.apply(replace(settings, workspaces={"alice": main, "bob": main}))
        await bench.fleet.refresh()
        for _ in range(3):
            for workspace in ("alice", "bob"):
                member = Principal(kind="member", id=workspace, roles=("admin",), token_id=f"t-{workspace}")
                done = await bench.call("far__echo", member, workspace=workspace)
                assert done.record.status == "ok", text_of(done)
        sessions: dict[str, set[str]] = {}
        for one in server.calls():
            sessions.setdefault(one.headers["authorization"], set()).add(one.headers["mcp-session-id"])
        assert set(sessions) == {"Bearer token-of-alice", "Bearer token-of-bob"}
        assert not sessions["Bearer token-of-alice"] & sessions["Bearer token-of-bob"]


async def test_where_a_server_keeps_sessions_no_two_principals_share_one(bench: Bench) -> None:
    async with handmade() as server:
        await bench.start(far(server))
        for name in ("ada", "bob", "ada"):
            await bench.call("far__echo", Principal(id=name, roles=("admin",)))
        first, second, third = (one.headers["mcp-session-id"] for one in server.calls())
        assert first == third != second


async def test_where_a_server_keeps_nothing_connections_are_shared(bench: Bench) -> None:
    async with handmade(modern=True) as server:
        await bench.start(far(server))
        for name in ("ada", "bob", "cy"):
            await bench.call("far__echo", Principal(id=name, roles=("admin",)))
        assert bench.processes() == 1
        assert len(server.calls("server/discover")) == 1


async def test_nothing_of_the_caller_is_passed_on(bench: Bench, server: Handmade) -> None:
    """Only headers of the transport and of the rules leave; there is no way in for a caller's own."""
    await bench.vault.put("instance", "TOKEN", VALUE)
    await bench.start(far(server, inject=(Inject(secret="TOKEN"),)))
    member = Principal(kind="member", id="ada", roles=("admin",), token_id="mwt_ada_0123456789")
    await bench.call("far__echo", member, trace_id="trace", authorization="Bearer mwt_ada_x", cookie="a=b")
    sent = seen_by(server).headers
    assert set(sent) <= {
        *("host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent"),
        *("mcp-protocol-version", "x-mcp-secret-token"),
    }
    assert not any("mwt_" in value for value in sent.values())


async def test_cookies_of_a_server_are_not_kept(bench: Bench, server: Handmade) -> None:
    server.answers["tools/call"] = lambda seen: result(seen, {"content": []}, {"Set-Cookie": "id=ada; Path=/"})
    await bench.start(far(server))
    await bench.call("far__echo")
    await bench.call("far__echo")
    assert "cookie" not in seen_by(server).headers


@pytest.mark.parametrize(
    "shown",
    [
        VALUE,
        quote(VALUE, safe=""),
        json.dumps({"inner": json.dumps({"v": VALUE})}),
        base64.b64encode(f"user:{VALUE}".encode()).decode(),
        VALUE.encode().hex(),
    ],
)
async def test_a_secret_that_comes_back_in_any_form_is_hidden(bench: Bench, server: Handmade, shown: str) -> None:
    await bench.vault.put("instance", "TOKEN", VALUE)
    await bench.start(far(server, inject=(Inject(secret="TOKEN"),)))
    server.answers["tools/call"] = lambda seen: result(
        seen, {"content": [{"type": "text", "text": f"you sent {shown}"}], "structuredContent": {"x": shown}}
    )
    answer = await bench.call("far__echo")
    assert "[redacted]" in text_of(answer)
    assert shown not in json.dumps(answer.content)
    server.answers["tools/call"] = lambda seen: Response(
        json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": f"bad {shown}"}}), 400
    )
    assert "[redacted]" in text_of(await bench.call("far__echo"))


@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [
        ({"header": "Host"}, "value", "belongs to the connection"),
        ({"header": "Mcp-Session-Id"}, "value", "belongs to the connection"),
        ({}, "two\r\nlines", "cannot carry"),
        ({}, "日本", "cannot carry"),
    ],
)
def test_what_would_break_a_request_is_refused_without_showing_it(rule: dict[str, Any], value: str, words: str) -> None:
    server = RemoteSettings(name="far", url="https://x.example", inject=(Inject(secret="T", **rule),))
    with pytest.raises(SecretError, match=words) as caught:
        credentials_of(server, {"T": value})
    assert value == "value" or value not in str(caught.value)


async def test_without_its_secret_nothing_is_sent(bench: Bench, server: Handmade) -> None:
    await bench.start(far(server, inject=(Inject(secret="TOKEN"),)))
    assert "secrets set TOKEN" in bench.gateway.status()[0].error
    assert server.seen == []
