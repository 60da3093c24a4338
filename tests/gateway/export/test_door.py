"""The export addresses behind the workspaces' own door: the same checks, the same pipeline, the same log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from botkit.core.clock import SystemClock
from botkit.gateway.export.routes import export_routes
from botkit.gateway.settings import Review
from tests.gateway.serving.support import TOKEN, House
from tests.gateway.support import Bench


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    bench = Bench(tmp_path, SystemClock())
    async with House(bench).opened() as house:
        yield house
    await bench.gateway.stop()


def client(house: House, **headers: str) -> httpx.AsyncClient:
    routes = export_routes(house.bench.gateway, house.door.admit, house.door.ledger.add)
    given = {"authorization": f"Bearer {TOKEN}", **headers}
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url=house.origin, headers=given)


async def test_a_models_call_goes_through_the_pipeline_into_the_log(house: House) -> None:
    await house.bench.start(house.bench.raw(), reviews={"raw__effect": Review(enabled=False)})
    async with client(house) as http:
        names = [tool["function"]["name"] for tool in (await http.get("/ws/main/openai-tools")).json()]
        assert "raw__echo" in names
        assert "raw__effect" not in names
        call = {"name": "raw__echo", "arguments": '{"text": "hi"}'}
        assert (await http.post("/ws/main/openai-tools", json=call)).json()["content"] == "hi"
        refused = await http.post("/ws/main/gemini-tools", json={"name": "raw__effect"})
        assert "There is no tool raw__effect" in refused.json()["content"]
        wrong = await http.post("/ws/main/openai-tools", json={"name": "raw__echo", "arguments": {"text": 5}})
        assert wrong.json()["is_error"]
    await house.door.ledger.settle()
    assert [(row.tool, row.status) for row in house.bench.log.records] == [
        ("raw__echo", "ok"),
        ("raw__effect", "denied"),
        ("raw__echo", "invalid"),
    ]
    assert house.bench.effect_lines() == []


async def test_the_door_refuses_before_anything_is_told(house: House) -> None:
    await house.bench.start(house.bench.raw())
    for headers, status in (
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer mwt_nobody"}, 401),
        ({"origin": "https://evil.example"}, 403),
        ({"host": "evil.example"}, 421),
    ):
        async with client(house, **headers) as http:
            for answer in (await http.get("/ws/main/gemini-tools"), await http.post("/ws/main/openai-tools", json={})):
                assert answer.status_code == status
                assert "raw__" not in answer.text
    async with client(house) as http:
        assert (await http.get("/ws/main/openai-tools", params={"token": TOKEN})).status_code == 401
        assert (await http.get("/ws/other/openai-tools")).status_code == 401
        assert (await http.put("/ws/main/openai-tools")).status_code == 405
