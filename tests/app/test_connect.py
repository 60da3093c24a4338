"""Connecting one's own account: the link in the refusal, the page behind it, and whose calls use what was entered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from botkit.app.http.app import HttpServices, build_app
from botkit.app.http.connect import connect_routes
from botkit.app.publicity import public_url_problems
from botkit.core.config import load_config
from botkit.core.tools import Principal
from botkit.gateway.connect import Connections
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.remote.oauth import OAuth
from botkit.gateway.serving.sealing import Sealer
from botkit.gateway.settings import Inject, OAuthSettings, RemoteSettings, ServerSettings
from botkit.testing.clock import ManualClock
from tests.gateway.remote.support import Handmade, handmade
from tests.gateway.support import Bench, text_of

BASE = "https://bots.example.com"
RULE = Inject(secret="TODO_TOKEN", bearer=True, person=True)
ADA, BOB = (Principal(id=name, roles=("admin",)) for name in ("ada", "bob"))


class Rig:
    def __init__(self, bench: Bench, server: Handmade):
        self.bench, self.server, self.clock = bench, server, ManualClock()
        bench.vault._clock = self.clock  # pyright: ignore[reportPrivateUsage]  # one time for links and what is stored
        seal = Sealer(EnvironmentKeys("22" * 32), lambda: self.clock.micros() / 1_000_000)
        self.oauth = OAuth(bench.vault, seal, bench.redactor, self.clock, lambda: BASE)
        self.connections = Connections(bench.vault, seal, self.oauth, self.clock, lambda: BASE, self.find)
        bench.fleet.pool.oauth = self.oauth
        bench.fleet.pool.not_connected = self.connections.not_connected
        app: Starlette = build_app(
            HttpServices(
                channels={},  # pyright: ignore[reportArgumentType]  # no webhook comes here
                health=list,
                counts=self.counts,
                busy=dict,
                ready=lambda: True,
                public_url=BASE,
                page_token="page",
                workspaces=connect_routes(self.connections, lambda: BASE),
            )
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE)

    def find(self, name: str) -> ServerSettings | None:
        return next((one for one in self.bench.fleet.settings.servers if one.name == name), None)

    async def counts(self) -> dict[str, int]:
        return {}

    async def link(self, who: Principal, **fields: Any) -> str:
        refused = await self.bench.call("todo__echo", who, **fields)
        assert (refused.record.status, refused.record.code, refused.sent) == ("error", "not_connected", False)
        found = re.search(rf"{BASE}/connect/\S+", text_of(refused))
        assert found is not None
        return urlsplit(found[0]).path


@pytest.fixture
async def rig(tmp_path: Any) -> AsyncIterator[Rig]:
    from botkit.core.clock import SystemClock

    bench = Bench(tmp_path, SystemClock())
    async with handmade(modern=True) as server:
        rig = Rig(bench, server)
        yield rig
        await rig.http.aclose()
        await bench.gateway.stop()


async def start(rig: Rig, **fields: Any) -> None:
    given: dict[str, Any] = {"inject": (RULE,), **fields}
    await rig.bench.start(RemoteSettings(name="todo", url=rig.server.url, **given))


async def test_a_call_without_an_account_answers_with_a_link_and_then_works(rig: Rig) -> None:
    await start(rig)
    path = await rig.link(ADA)
    page = await rig.http.get(path)
    assert page.status_code == 200
    assert "TODO_TOKEN" in page.text
    assert "<b>ada</b>" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "script-src" not in page.headers["content-security-policy"]
    assert rig.server.calls() == []

    await rig.clock.advance(5)
    noted: list[str] = []

    async def connected(server: str, owner: str) -> None:
        noted.append(f"{owner} at {server}")

    rig.connections.on_connected = connected
    done = await rig.http.post(path, data={"TODO_TOKEN": " token-of-ada ", "other": "ignored"})
    assert noted == ["person:ada at todo"]
    assert "is connected" in done.text
    called = await rig.bench.call("todo__echo", ADA)
    assert called.record.status == "ok"
    assert rig.server.calls()[-1].headers["authorization"] == "Bearer token-of-ada"
    assert "token-of-ada" not in text_of(called)
    assert "other" not in [row.name.lower() for row in await rig.bench.vault.list()]


async def test_nobody_else_uses_it(rig: Rig) -> None:
    await rig.bench.vault.put("workspace:main", "TODO_TOKEN", "token-of-the-workspace")
    await rig.bench.vault.put("instance", "TODO_TOKEN", "token-of-the-instance")
    await rig.bench.vault.put("person:ada", "TODO_TOKEN", "token-of-ada")
    await start(rig)
    await rig.link(BOB)  # neither Ada's nor that of the workspace serves
    await rig.link(Principal(kind="member", id="ada", roles=("admin",)))  # a member of that name is somebody else
    refused = await rig.bench.call("todo__echo", Principal(kind="service", id="ada", roles=("admin",)))
    assert "only for people" in text_of(refused)
    assert (await rig.bench.call("todo__echo", ADA)).record.status == "ok"
    assert [one.headers["authorization"] for one in rig.server.calls()] == ["Bearer token-of-ada"]
    listed = [one.headers.get("authorization") for one in rig.server.calls("tools/list")]
    assert listed == ["Bearer token-of-the-workspace"]


async def test_a_link_works_once_for_a_while_and_for_its_person(rig: Rig) -> None:
    await start(rig)
    path, second = await rig.link(ADA), await rig.link(ADA)
    assert (await rig.http.post(path, data={"TODO_TOKEN": ""})).status_code == 422
    await rig.clock.advance(5)
    assert (await rig.http.post(path, data={"TODO_TOKEN": "first-value"})).status_code == 200
    for used in (path, second):
        assert (await rig.http.post(used, data={"TODO_TOKEN": "second-value"})).status_code == 409
    assert await rig.bench.vault.reveal("person:ada", "TODO_TOKEN") == "first-value"
    late = await rig.link(BOB)
    await rig.clock.advance(901)
    assert (await rig.http.get(late)).status_code == 404
    assert (await rig.http.post(late, data={"TODO_TOKEN": "x-value"})).status_code == 404
    forged = late[:-6] + "AAAAAA"
    assert (await rig.http.get(forged)).status_code == 404


async def test_a_login_starts_only_when_the_person_presses_the_button(rig: Rig) -> None:
    begun: list[str] = []

    async def begin(server: RemoteSettings, owner: str) -> str:
        begun.append(f"{server.name} {owner}")
        return "https://login.example/authorize?state=x"

    rig.oauth.begin = begin
    await start(rig, inject=(), oauth=OAuthSettings(person=True))
    path = await rig.link(ADA)
    assert "Log in" in (await rig.http.get(path)).text
    assert begun == []
    answer = await rig.http.post(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://login.example/authorize?state=x")
    assert begun == ["todo person:ada"]


async def test_the_callback_and_our_document_need_no_login_of_ours(rig: Rig) -> None:
    answer = await rig.http.get("/oauth/callback", params={"state": "forged", "code": "<b>"})
    assert answer.status_code == 422
    assert "not one that began here" in answer.text
    document = await rig.http.get("/oauth/client.json")
    assert document.json()["client_id"] == f"{BASE}/oauth/client.json"
    assert (await rig.http.get("/connections")).status_code == 401


def test_without_a_public_address_check_says_where_links_lead() -> None:
    text = "servers: {todo: {url: 'https://todo.example', inject: [{secret: T, person: true}]}}\n"
    config = load_config("bots.yaml", files={"bots.yaml": text})
    wrong, doubtful = public_url_problems(config, "")
    assert wrong == []
    assert [(one.path, one.line) for one in doubtful] == [("servers.todo", 1)]
    assert public_url_problems(config, BASE) == ([], [])
