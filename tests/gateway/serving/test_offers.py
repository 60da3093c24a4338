"""Resources, prompts and completion: listed, found again at the right server, and told of when they change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from botkit.core.tools import Principal
from botkit.gateway.offers import Extras, make_offers
from botkit.gateway.settings import CommandSettings, GatewaySettings, Review, WorkspaceSettings
from tests.gateway.serving.support import House, envelope, events, initialized
from tests.gateway.support import SERVERS, Bench, until


def many(name: str) -> CommandSettings:
    return CommandSettings(name=name, argv=(sys.executable, str(SERVERS / "many.py"), f"--name={name}"))


@pytest.fixture
async def house(house: House) -> House:
    """Two servers that offer things by the same names."""
    await house.bench.start(many("a"), many("b"))
    return house


async def listed(house: House, http: Any, method: str, key: str) -> list[dict[str, Any]]:
    response = await house.rpc(http, method)
    found: list[dict[str, Any]] = response.json()["result"][key]
    return found


async def test_both_servers_are_seen_and_nothing_is_lost(house: House) -> None:
    async with house.http() as http:
        hello = (await house.rpc(http, "initialize", {"capabilities": {}})).json()["result"]
        assert hello["capabilities"] == {
            "tools": {"listChanged": True},
            "resources": {"listChanged": True, "subscribe": True},
            "prompts": {"listChanged": True},
            "completions": {},
            "logging": {},
        }
        assert hello["instructions"] == "## a\nAsk a.\n\n## b\nAsk b."
        resources = await listed(house, http, "resources/list", "resources")
        assert [item["uri"] for item in resources] == [
            *("file:///shared.txt", "a://own", "a://second-page"),
            *("botkit://b/file:///shared.txt", "b://own", "b://second-page"),
        ]
        assert resources[0]["icons"] == [{"src": "https://example.com/i.png", "sizes": ["48x48"]}]
        templates = await listed(house, http, "resources/templates/list", "resourceTemplates")
        assert [item["uriTemplate"] for item in templates] == ["note://{id}/of/a", "note://{id}/of/b"]
        prompts = await listed(house, http, "prompts/list", "prompts")
        assert prompts == [{"name": "a__greet", "title": "Greet"}, {"name": "b__greet", "title": "Greet"}]


@pytest.mark.parametrize(
    ("uri", "server", "own"),
    [
        ("file:///shared.txt", "a", "file:///shared.txt"),
        ("botkit://b/file:///shared.txt", "b", "file:///shared.txt"),
        ("botkit://a/file:///shared.txt", "a", "file:///shared.txt"),
        ("b://own", "b", "b://own"),
        ("note://1/of/b", "b", "note://1/of/b"),
        ("note://x/y/of/a", "a", "note://x/y/of/a"),
        ("botkit://b/anything:else", "b", "anything:else"),
    ],
)
async def test_a_resource_is_read_from_its_server(house: House, uri: str, server: str, own: str) -> None:
    async with house.http() as http:
        result = (await house.rpc(http, "resources/read", {"uri": uri})).json()["result"]
        assert result["contents"] == [{"uri": own, "text": f"{server} reads {own}", "x-kept": 1}]
        assert result["_meta"] == {"m": 1}
        modern = (await house.modern(http, "resources/read", {"uri": uri})).json()["result"]
        assert (modern["ttlMs"], modern["cacheScope"], modern["resultType"]) == (0, "private", "complete")
    await house.door.stop()
    row = house.bench.log.records[0]
    assert (row.method, row.tool, row.server, row.status) == ("resources/read", uri, server, "ok")


async def test_what_is_nobodys_is_not_found_in_the_words_of_the_era(house: House) -> None:
    async with house.http() as http:
        for uri in ("nobody://here", "botkit://c/x", "botkit://a/"):
            old = await house.rpc(http, "resources/read", {"uri": uri})
            assert (old.status_code, old.json()["error"]["code"]) == (200, -32002)
            new = await house.modern(http, "resources/read", {"uri": uri})
            assert (new.status_code, new.json()["error"]["code"]) == (400, -32602)
        prompt = await house.rpc(http, "prompts/get", {"name": "c__greet"})
        assert prompt.json()["error"]["code"] == -32602


async def test_prompts_and_completion_reach_their_server(house: House) -> None:
    async with house.http() as http:
        prompt = await house.rpc(http, "prompts/get", {"name": "b__greet", "arguments": {"who": "you"}})
        assert prompt.json()["result"]["messages"][0]["content"]["text"] == "b greets you"
        params = {"ref": {"type": "ref/prompt", "name": "a__greet"}, "argument": {"name": "who", "value": "y"}}
        completed = await house.rpc(http, "completion/complete", params)
        assert completed.json()["result"]["completion"]["values"] == ["a:greet:y"]
        params["ref"] = {"type": "ref/nonsense", "name": "x"}
        assert (await house.rpc(http, "completion/complete", params)).json()["error"]["code"] == -32602


async def test_rights_hold_for_them_too(house: House) -> None:
    workspace = WorkspaceSettings(servers=("*",), reviews={"b__*": Review(enabled=False)})
    house.bench.gateway.apply(GatewaySettings(servers=(many("a"), many("b")), workspaces={"main": workspace}))
    bob = Principal(kind="member", id="bob", roles=("read-only",), deny=("a__greet",))
    house.tokens.admit("mwt_bob", "main", bob)
    async with house.http("mwt_bob") as http:
        resources = await listed(house, http, "resources/list", "resources")
        assert [item["uri"] for item in resources] == ["file:///shared.txt", "a://own", "a://second-page"]
        assert await listed(house, http, "prompts/list", "prompts") == []
        for uri in ("b://own", "botkit://b/file:///shared.txt", "note://1/of/b"):
            assert (await house.rpc(http, "resources/read", {"uri": uri})).json()["error"]["code"] == -32002
        denied = await house.rpc(http, "prompts/get", {"name": "a__greet", "arguments": {"who": "x"}})
        assert denied.json()["error"]["code"] == -32602


async def test_watched_resources_are_told_of_in_both_eras(house: House) -> None:
    async with house.http() as old, house.http() as new, house.http() as caller:
        await initialized(old)
        uri = "botkit://b/file:///shared.txt"
        assert (await house.rpc(old, "resources/subscribe", {"uri": uri})).json()["result"] == {}
        refused = (await house.rpc(old, "resources/subscribe", {"uri": "nobody://here"})).json()["error"]
        assert refused["code"] == -32002
        filters = {"resourceSubscriptions": ["b://own", "nobody://here", uri], "promptsListChanged": True}
        body, headers = envelope("subscriptions/listen", {"notifications": filters}, request_id="s")
        async with (
            old.stream("GET", "/ws/main") as stream,
            new.stream("POST", "/ws/main", json=body, headers=headers) as listen,
        ):
            heard = aiter(events(listen))
            acknowledged = (await anext(heard))["params"]["notifications"]
            assert acknowledged == {"promptsListChanged": True, "resourceSubscriptions": ["b://own", uri]}
            # The subscription and what follows it take the same way to the server.
            await until(lambda: not house.bench.fleet.watching.pending)
            await house.rpc(caller, "tools/call", {"name": "b__touch"})
            await house.rpc(caller, "tools/call", {"name": "a__touch"})
            assert (await anext(aiter(events(stream))))["params"] == {"uri": uri}
            got = [await anext(heard) for _ in range(2)]
            assert {message["params"]["uri"] for message in got} == {"b://own", uri}
            assert got[0]["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "s"}
            await house.rpc(caller, "tools/call", {"name": "a__more_prompts"})
            assert (await anext(heard))["method"] == "notifications/prompts/list_changed"
            assert len(await listed(house, caller, "prompts/list", "prompts")) == 3
        await until(lambda: house.door.listeners == 1)
        assert (await house.rpc(old, "resources/unsubscribe", {"uri": uri})).json()["result"] == {}
        assert (await old.delete("/ws/main")).status_code == 200
    await until(lambda: not house.bench.fleet.watching.watched)
    assert house.door.listeners == 0


async def test_a_server_that_restarts_is_told_again_what_is_watched(house: House) -> None:
    async with house.http() as http:
        await initialized(http)
        await house.rpc(http, "resources/subscribe", {"uri": "a://own"})
        await until(lambda: not house.bench.fleet.watching.pending)
        upstream = house.bench.fleet.peek("a")
        assert upstream is not None
        before = upstream.starts
        await house.rpc(http, "tools/call", {"name": "a__crash"})
        await until(lambda: upstream.starts > before and upstream.state == "ready")
        await until(lambda: not house.bench.fleet.watching.pending)
        await house.rpc(http, "tools/call", {"name": "a__touch"})
        async with http.stream("GET", "/ws/main") as stream:
            async for message in events(stream):
                if message["method"] == "notifications/resources/updated":
                    assert message["params"] == {"uri": "a://own"}
                    break


async def test_lists_come_in_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.door.methods, "_page", 4)
    async with house.http() as http:
        for method, key, total in (
            ("resources/list", "resources", 6),
            ("tools/list", "tools", 16),
            ("prompts/list", "prompts", 2),
        ):
            found: list[Any] = []
            params: dict[str, Any] = {}
            while True:
                page = (await house.rpc(http, method, params)).json()["result"]
                found += page[key]
                if "nextCursor" not in page:
                    break
                assert len(page[key]) == 4
                params = {"cursor": page["nextCursor"]}
            assert len({str(item) for item in found}) == total
        wrong = await house.rpc(http, "tools/list", {"cursor": "nonsense"})
        assert wrong.json()["error"]["code"] == -32602


async def test_workspaces_in_a_workspace_offer_theirs_too(house: House) -> None:
    """The rights of both hold."""
    workspaces = {
        "main": WorkspaceSettings(servers=("a",), workspaces=("inner",)),
        "inner": WorkspaceSettings(servers=("b",), workspaces=("deep",)),
        "deep": WorkspaceSettings(servers=("b",), reviews={"b__own": Review(enabled=False)}),
    }
    servers = (many("a"), many("b"))
    house.bench.gateway.apply(GatewaySettings(servers=servers, workspaces=workspaces))
    async with house.http() as http:
        prompts = await listed(house, http, "prompts/list", "prompts")
        assert [one["name"] for one in prompts] == ["a__greet", "inner__b__greet", "inner__deep__b__greet"]
        got = await house.rpc(http, "prompts/get", {"name": "inner__deep__b__greet", "arguments": {"who": "you"}})
        assert "b greets you" in got.text
        uris = [one["uri"] for one in await listed(house, http, "resources/list", "resources")]
        assert uris[3:] == ["botkit://b/file:///shared.txt", "b://own", "b://second-page"]
        assert "b reads b://own" in (await house.rpc(http, "resources/read", {"uri": "b://own"})).text
        inner = WorkspaceSettings(servers=("b",), reviews={"b__own": Review(enabled=False)})
        workspaces = {**workspaces, "inner": inner}
        house.bench.gateway.apply(GatewaySettings(servers=servers, workspaces=workspaces))
        assert (await house.rpc(http, "resources/read", {"uri": "b://own"})).json()["error"]["code"] == -32002
        uris = [one["uri"] for one in await listed(house, http, "resources/list", "resources")]
        assert "b://own" not in uris
        assert "b://second-page" in uris


async def test_a_change_in_an_inner_workspace_is_told(house: House) -> None:
    workspaces = {"main": WorkspaceSettings(workspaces=("inner",)), "inner": WorkspaceSettings(servers=("b",))}
    house.bench.gateway.apply(GatewaySettings(servers=(many("b"),), workspaces=workspaces))
    async with house.http() as http:
        await initialized(http)
        await house.rpc(http, "tools/call", {"name": "inner__b__more_prompts"})
        async with http.stream("GET", "/ws/main") as stream:
            assert (await anext(aiter(events(stream))))["method"] == "notifications/prompts/list_changed"
        workspaces["inner"] = WorkspaceSettings()
        house.bench.gateway.apply(GatewaySettings(servers=(many("b"),), workspaces=workspaces))
        async with http.stream("GET", "/ws/main") as stream:
            heard = aiter(events(stream))
            while (await anext(heard))["method"] != "notifications/tools/list_changed":
                pass  # what may have been lost with the first stream comes again


async def test_that_a_server_is_gone_for_longer_is_told(house: House, tmp_path: Path) -> None:
    """Its tools are listed no more, and again when it is back."""
    gone = tmp_path / "gone"
    waiting = f"import os, runpy, sys; os.path.exists({str(gone)!r}) and sys.exit(1); runpy.run_path(sys.argv[1])"
    server = CommandSettings(name="b", argv=(sys.executable, "-c", waiting, str(SERVERS / "many.py"), "--name=b"))
    workspaces = {"main": WorkspaceSettings(servers=("*",))}
    house.bench.gateway.apply(GatewaySettings(servers=(many("a"), server), workspaces=workspaces))
    await house.bench.gateway.ready()
    async with house.http() as http:

        async def names() -> set[str]:
            return {tool["name"].partition("__")[0] for tool in await listed(house, http, "tools/list", "tools")}

        await initialized(http)
        await until(lambda: house.bench.fleet.peek("b").state == "ready")  # type: ignore[union-attr]
        assert await names() == {"a", "b"}
        async with http.stream("GET", "/ws/main") as stream:
            heard = aiter(events(stream))
            gone.touch()
            await house.rpc(http, "tools/call", {"name": "b__crash"})
            while await names() != {"a"}:
                await anext(heard)
            gone.unlink()
            while await names() != {"a", "b"}:
                await anext(heard)


def test_a_strangers_template_costs_no_more_than_its_length() -> None:
    template = "x:" + "{a}a" * 30
    extras = Extras(templates=({"uriTemplate": template, "name": "evil"},), capabilities={})
    offers = make_offers([("one", extras), ("two", Extras(resources=({"uri": "y:1"},)))])
    assert offers.find_resource("x:" + "a" * 4000) is not None
    assert offers.find_resource("x:" + "a" * 4000 + "!") is None


async def test_what_was_offered_is_known_after_a_restart_before_the_servers_are(house: House, tmp_path: Path) -> None:
    async with house.http() as http:
        before = await listed(house, http, "resources/list", "resources")
    await house.bench.gateway.stop()
    (tmp_path / "later").mkdir()
    later = Bench(tmp_path / "later", house.bench.clock)
    later.catalog.rows.update(house.bench.catalog.rows)
    silent = tuple(
        CommandSettings(name=name, argv=(sys.executable, "-c", "import time; time.sleep(600)")) for name in ("a", "b")
    )
    await later.gateway.start(GatewaySettings(servers=silent, workspaces={"main": WorkspaceSettings(servers=("*",))}))
    async with House(later).opened() as again, again.http() as http:
        assert await listed(again, http, "resources/list", "resources") == before
        assert len(await listed(again, http, "prompts/list", "prompts")) == 2
    await later.gateway.stop()
