"""Upstream OAuth: discovery, PKCE, issuer and state checks, renewal in single flight, and whose token is whose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from botkit.core.errors import BotkitError, InvalidArguments, ToolUnavailable
from botkit.core.tools import Principal
from botkit.gateway.connect import Connections
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.remote.oauth import LoginNeeded, OAuth, client_document
from botkit.gateway.serving.sealing import Sealer
from botkit.gateway.settings import OAuthSettings, RemoteSettings
from botkit.testing.clock import ManualClock
from tests.gateway.remote.authority import Authorizing, protected
from tests.gateway.remote.support import Handmade
from tests.gateway.support import Bench, text_of

BASE = "http://127.0.0.1:9"
OWNER = "server:far"


class Rig:
    def __init__(self, bench: Bench, server: Handmade, authority: Authorizing, clock: ManualClock):
        self.bench, self.server, self.authority, self.clock = bench, server, authority, clock
        self.base = BASE
        sealer = Sealer(EnvironmentKeys("22" * 32), lambda: clock.micros() / 1_000_000)
        self.oauth = OAuth(bench.vault, sealer, bench.redactor, clock, lambda: self.base)
        self.connections = Connections(bench.vault, sealer, self.oauth, clock, lambda: self.base, self.find)
        bench.fleet.pool.oauth = self.oauth
        bench.fleet.pool.not_connected = self.connections.not_connected

    def find(self, name: str) -> RemoteSettings | None:
        return self.settings() if name == "far" else None

    def settings(self, **fields: Any) -> RemoteSettings:
        return RemoteSettings(name="far", url=self.server.url, oauth=OAuthSettings(**fields))

    async def login(self, owner: str = OWNER, **fields: Any) -> None:
        address = await self.oauth.begin(self.settings(**fields), owner)
        await self.clock.advance(1)
        await self.oauth.finish(self.authority.authorize(address), self.find)


@pytest.fixture
async def rig(bench: Bench) -> AsyncIterator[Rig]:
    clock = ManualClock()
    bench.vault._clock = clock  # pyright: ignore[reportPrivateUsage]  # one time for tokens and for what is stored
    async with protected() as (server, authority):
        yield Rig(bench, server, authority, clock)
        await bench.gateway.stop()


async def test_a_login_gives_calls_a_token_and_nothing_shows_it(rig: Rig) -> None:
    await rig.bench.start(rig.settings(), wait_s=10)
    assert "botkit mcp login far" in rig.bench.gateway.status()[0].error
    await rig.login()
    await rig.bench.fleet.refresh()
    done = await rig.bench.call("far__echo")
    assert done.record.status == "ok", text_of(done)
    sent = rig.server.calls()[-1].headers["authorization"]
    assert sent.removeprefix("Bearer ") in rig.authority.valid
    assert sent.removeprefix("Bearer ") not in text_of(done)  # the server shows its headers
    assert [one["redirect_uris"] for one in rig.authority.registrations] == [[f"{BASE}/oauth/callback"]]
    rows = await rig.bench.vault.list(OWNER)
    assert all(b"access-token" not in row.ciphertext for row in rows)


async def test_what_the_browser_is_sent_with(rig: Rig) -> None:
    address = await rig.oauth.begin(rig.settings(scopes=("read", "write")), OWNER)
    asked = parse_qs(urlsplit(address).query)
    assert asked["scope"] == ["read write"]
    assert asked["resource"] == [rig.server.url]
    assert asked["client_id"] == ["client-1"]
    state = asked["state"][0]
    assert OWNER not in state
    assert "verifier" not in state
    await rig.oauth.begin(rig.settings(), OWNER)
    assert len(rig.authority.registrations) == 1  # known at this issuer from now on


async def test_a_state_works_once_and_not_for_long(rig: Rig) -> None:
    address = await rig.oauth.begin(rig.settings(), OWNER)
    await rig.clock.advance(1)
    answer = rig.authority.authorize(address)
    await rig.oauth.finish(answer, rig.find)
    again = rig.authority.authorize(address)  # even with a fresh code
    with pytest.raises(InvalidArguments, match="used already"):
        await rig.oauth.finish(again, rig.find)
    late = await rig.oauth.begin(rig.settings(), OWNER)
    await rig.clock.advance(601)
    with pytest.raises(InvalidArguments, match="took too long"):
        await rig.oauth.finish(rig.authority.authorize(late), rig.find)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "forged"}, "not one that began here"),
        ({"state": ""}, "not one that began here"),
        ({"iss": "https://other.example"}, "another authorization server"),
        ({"iss": None}, "another authorization server"),
        ({"error": "access_denied"}, "was refused"),
        ({"code": ""}, "no longer there"),
        ({"code": "guessed"}, "refused"),
    ],
)
async def test_forged_answers_are_refused(rig: Rig, change: dict[str, Any], words: str) -> None:
    address = await rig.oauth.begin(rig.settings(), OWNER)
    answer = {**rig.authority.authorize(address), **change}
    with pytest.raises(InvalidArguments, match=words):
        await rig.oauth.finish({key: value for key, value in answer.items() if value is not None}, rig.find)
    assert await rig.bench.vault.list(OWNER) == []


async def test_tokens_are_renewed_before_they_expire_and_once_for_all(rig: Rig) -> None:
    rig.authority.lives_s = 300
    await rig.login()
    first = await rig.oauth.header(rig.settings(), OWNER)
    await rig.clock.advance(230)
    assert await rig.oauth.header(rig.settings(), OWNER) == first
    await rig.clock.advance(20)
    renewed = await asyncio.gather(*(rig.oauth.header(rig.settings(), OWNER) for _ in range(10)))
    assert len(set(renewed)) == 1
    assert renewed[0] != first
    assert [one["grant_type"] for one in rig.authority.grants] == ["authorization_code", "refresh_token"]


async def test_a_token_the_server_no_longer_takes_is_renewed_within_the_call(rig: Rig) -> None:
    await rig.login()
    await rig.bench.start(rig.settings())
    rig.authority.valid.clear()
    results = await asyncio.gather(*(rig.bench.call("far__echo") for _ in range(4)))
    assert [one.record.status for one in results] == ["ok"] * 4
    assert [one["grant_type"] for one in rig.authority.grants].count("refresh_token") == 1


async def test_a_login_that_was_ended_elsewhere_asks_for_another(rig: Rig) -> None:
    await rig.login()
    rig.authority.refreshing.clear()
    await rig.clock.advance(4000)
    with pytest.raises(LoginNeeded, match="botkit mcp login far"):
        await rig.oauth.header(rig.settings(), OWNER)
    assert [row.name for row in await rig.bench.vault.list(OWNER)] == []


@pytest.mark.parametrize("refusing", [(429, "slow_down"), (503, ""), (401, "invalid_client")])
async def test_a_trouble_of_the_authorization_server_ends_no_login(rig: Rig, refusing: tuple[int, str]) -> None:
    await rig.login()
    await rig.clock.advance(4000)
    rig.authority.refusing = refusing
    with pytest.raises(ToolUnavailable):
        await rig.oauth.header(rig.settings(), OWNER)
    rig.authority.refusing = (0, "")
    assert await rig.oauth.header(rig.settings(), OWNER)


async def test_without_a_token_nothing_is_sent_and_nothing_is_unknown(rig: Rig) -> None:
    await rig.login()
    await rig.bench.start(rig.settings())
    sent = len(rig.server.seen)
    rig.authority.refusing = (503, "")
    await rig.clock.advance(4000)
    refused = await rig.bench.call("far__echo")
    assert (refused.record.status, refused.sent, refused.unknown) == ("unavailable", False, False)
    assert len(rig.server.seen) == sent


async def test_botkits_own_credentials(rig: Rig) -> None:
    await rig.bench.vault.put("instance", "CLIENT", "client:secret/of us")
    settings = rig.settings(grant="client_credentials", client_id="botkit", client_secret="CLIENT")
    await rig.bench.start(settings)
    assert (await rig.bench.call("far__echo")).record.status == "ok"
    assert [one["grant_type"] for one in rig.authority.grants] == ["client_credentials"]
    assert rig.authority.basics == ["botkit:client:secret/of us"]
    with pytest.raises(InvalidArguments, match="credentials of its own"):
        await rig.oauth.begin(settings, OWNER)


async def test_a_document_about_us_comes_before_registration(rig: Rig) -> None:
    rig.base = "https://bots.example.com/"
    rig.authority.metadata = {"client_id_metadata_document_supported": True}
    address = await rig.oauth.begin(rig.settings(), OWNER)
    asked = parse_qs(urlsplit(address).query)
    document = client_document(rig.base)
    assert asked["client_id"] == [document["client_id"]] == ["https://bots.example.com/oauth/client.json"]
    assert asked["redirect_uri"] == document["redirect_uris"]
    assert rig.authority.registrations == []


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"registration_endpoint": None}, "takes only clients it knows"),
        ({"registration_endpoint": "http://169.254.169.254/register"}, "private network"),
        ({"token_endpoint": 7}, "describes itself"),
    ],
)
async def test_an_authorization_server_that_is_not_as_it_should_be(
    rig: Rig, metadata: dict[str, Any], words: str
) -> None:
    rig.authority.metadata = metadata
    with pytest.raises(ToolUnavailable, match=words):
        await rig.oauth.begin(rig.settings(), OWNER)


async def test_a_public_server_cannot_send_logins_to_this_machine(rig: Rig) -> None:
    from botkit.gateway.remote.discovery import Discovery

    public = RemoteSettings(name="far", url="https://mcp.example.com/mcp", oauth=OAuthSettings())
    for address in (rig.authority.issuer, "http://mcp.example.com/token"):
        with pytest.raises(ToolUnavailable, match=r"not contacted|not used"):
            async with Discovery(public).request("GET", address):
                pass


async def test_each_person_uses_their_own_account(rig: Rig) -> None:
    await rig.login()  # for reading the list of tools
    settings = rig.settings(person=True)
    await rig.bench.start(settings)
    ada, bob = (Principal(id=name, roles=("admin",)) for name in ("ada", "bob"))
    refused = await rig.bench.call("far__echo", ada)
    assert not refused.sent
    assert f"{BASE}/connect/" in text_of(refused)
    for name in ("ada", "bob"):
        await rig.login(f"person:{name}", person=True)
    for who in (ada, bob, ada):
        assert (await rig.bench.call("far__echo", who)).record.status == "ok"
    first, second, third = (one.headers["authorization"] for one in rig.server.calls())
    assert first == third != second
    listing = {one.headers["authorization"] for one in rig.server.calls("tools/list") if "authorization" in one.headers}
    assert not listing & {first, second}


async def test_a_login_needs_an_address_to_come_back_to(rig: Rig) -> None:
    rig.base = ""
    with pytest.raises(BotkitError, match="start botkit"):
        await rig.oauth.begin(rig.settings(), OWNER)
