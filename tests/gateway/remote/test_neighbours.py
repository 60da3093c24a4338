"""One slow, dead, flapping or malformed server and the healthy ones beside it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from botkit.gateway.settings import RemoteSettings
from tests.gateway.remote.support import Response, Seen, handmade
from tests.gateway.support import Bench, text_of, until


async def test_sick_neighbours_delay_and_hide_nobody(bench: Bench) -> None:
    stuck = asyncio.Event()

    async def hang(_: Seen) -> None:
        await stuck.wait()

    async with AsyncExitStack() as stack:
        good, hung, broken, flapping = [await stack.enter_async_context(handmade()) for _ in range(4)]
        async with handmade() as dead:
            pass
        for method in ("server/discover", "initialize"):
            hung.answers[method] = hang
        broken.answers["tools/list"] = lambda _: Response("{]", media_type="application/json")
        turns = iter(range(10_000))
        flapping.answers["tools/call"] = lambda _: Response(status_code=502) if next(turns) % 2 else None
        servers = [
            RemoteSettings(name=name, url=one.url, start_timeout_s=170)
            for name, one in (("good", good), ("hung", hung), ("broken", broken), ("flap", flapping), ("dead", dead))
        ]
        starting = asyncio.create_task(bench.start(*servers, wait_s=170))
        await until(lambda: len(good.calls("tools/list")) and bench.fleet.catalogue.view("main").get("good__echo"))
        # The others are still being waited for, and nobody waits for them here.
        assert not starting.done()
        done = await bench.call("good__echo")
        assert done.record.status == "ok"
        assert len(good.calls()) == 1  # exactly one request upstream for one call
        assert "good__echo" in await bench.names()
        await until(lambda: bench.fleet.catalogue.view("main").get("flap__echo"))
        status = [(await bench.call("flap__echo")).record.status for _ in range(4)]
        assert status == ["ok", "unavailable", "ok", "unavailable"]
        states = {one.name: one for one in bench.gateway.status()}
        assert states["dead"].state in ("failing", "starting")
        assert "cannot be reached" in states["dead"].error
        assert states["broken"].error
        for _ in range(20):
            assert (await bench.call("good__echo")).record.status == "ok"
        assert not starting.done()
        assert len(good.calls()) == 21
        stuck.set()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await bench.gateway.stop()


async def test_a_refused_connection_had_no_effect_and_a_broken_answer_may_have_had_one(bench: Bench) -> None:
    async with handmade(modern=True) as server:
        await bench.start(RemoteSettings(name="far", url=server.url))
        server.answers["tools/call"] = lambda _: Response(status_code=403)
        refused = await bench.call("far__echo")
        assert (refused.sent, refused.unknown, refused.record.status) == (False, False, "unavailable")
        server.answers["tools/call"] = lambda _: Response(status_code=500)
        broken = await bench.call("far__echo")
        assert (broken.sent, broken.unknown, broken.record.status) == (True, True, "unavailable")


async def test_a_slow_call_ends_at_its_own_deadline(bench: Bench) -> None:
    stuck = asyncio.Event()

    async def hang(_: Seen) -> None:
        await stuck.wait()

    async with handmade(modern=True) as server:
        await bench.start(RemoteSettings(name="far", url=server.url, timeout_s=0.3))
        server.answers["tools/call"] = hang
        late = await bench.call("far__echo")
        assert (late.record.status, late.unknown) == ("timeout", True)
        server.answers.clear()
        assert (await bench.call("far__echo")).record.status == "ok"
        stuck.set()


async def test_a_server_that_comes_back_is_used_again(bench: Bench) -> None:
    async with handmade(modern=True) as server:
        await bench.start(RemoteSettings(name="far", url=server.url))
        server.answers["tools/call"] = lambda _: Response(status_code=503)
        for _ in range(3):
            await bench.call("far__echo")
        assert bench.gateway.status()[0].state in ("failing", "starting", "idle", "ready")
        server.answers.clear()
        await until(lambda: bench.gateway.status()[0].state == "ready")
        assert (await bench.call("far__echo")).record.status == "ok"


async def test_a_public_name_that_leads_inside_is_refused_and_says_how_to_allow_it(bench: Bench) -> None:
    await bench.start(RemoteSettings(name="meta", url="http://169.254.169.254/mcp"), wait_s=5)
    assert "private network" in bench.gateway.status()[0].error


async def test_arguments_marked_by_a_listed_definition_are_mirrored(bench: Bench) -> None:
    properties: dict[str, Any] = {"region": {"type": "string", "x-mcp-header": "Region"}}
    async with handmade(modern=True) as server:
        server.tools[0]["inputSchema"] = {"type": "object", "properties": properties}
        await bench.start(RemoteSettings(name="far", url=server.url))
        answer = await bench.call("far__echo", region="eu")
        assert answer.record.status == "ok", text_of(answer)
        assert server.calls()[0].headers["mcp-param-region"] == "eu"
