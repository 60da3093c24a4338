"""The export addresses: the tools of whoever asks, and the model's call made as the tool wants it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from botkit.core.access import Grant
from botkit.core.errors import BotkitError
from botkit.core.tools import CallRecord, Principal, Tool
from botkit.gateway.export.gemini import safe_name
from botkit.gateway.export.routes import export_routes
from botkit.gateway.serving.http import Http
from botkit.testing.tools import Ask, FakeTools
from tests.gateway.export.corpus import CORPUS, tool_of


@dataclass
class Shop:
    """A workspace with one tool, its door, and what was called and logged."""

    tools: FakeTools = field(default_factory=FakeTools)
    logged: list[CallRecord] = field(default_factory=list[CallRecord])

    async def admit(self, http: Http, workspace: str) -> Grant | None:
        if http.headers.get("authorization") != "Bearer mwt_ada":
            await http.answer(401)
            return None
        return Grant(workspace=workspace, principal=Principal(kind="member", id="ada"), credential="t")

    def client(self) -> httpx.AsyncClient:
        app = Starlette(routes=export_routes(self.tools, self.admit, self.logged.append))
        headers = {"authorization": "Bearer mwt_ada"}
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop", headers=headers)


@pytest.fixture
def shop() -> Shop:
    shop = Shop()

    def find(**given: Any) -> str:
        return json.dumps(given)

    shop.tools.add("orders__find", find, number="integer", note="string")
    return shop


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with shop.client() as client:
        yield client


async def test_the_list_is_ready_for_the_model(client: httpx.AsyncClient) -> None:
    (openai,) = (await client.get("/ws/shop/openai-tools")).json()
    assert openai["type"] == "function"
    assert openai["function"]["description"] == "[orders] find"
    assert openai["function"]["strict"] is True
    (gemini,) = (await client.get("/ws/shop/gemini-tools")).json()
    assert gemini["parameters"]["properties"]["number"] == {"type": "INTEGER"}


async def test_a_tool_that_cannot_be_said_hides_only_itself(shop: Shop, client: httpx.AsyncClient) -> None:
    for name in CORPUS:
        tool = tool_of(name)
        shop.tools._tools[tool.name] = (tool, lambda: "")  # pyright: ignore[reportPrivateUsage]  # with its own schema
    for address, case in (("openai-tools", 0), ("gemini-tools", 1)):
        listed = (await client.get(f"/ws/shop/{address}", params={"report": "1"})).json()
        assert len(listed["report"]) == len(CORPUS) + 1
        stated = {one["name"]: one["status"] for one in listed["report"]}
        assert all(stated[tool_of(name).name] == one[case] for name, one in CORPUS.items())
        assert len(listed["tools"]) == sum(status != "unsupported" for status in stated.values())


async def test_only_what_the_caller_may_call_is_shown(shop: Shop, client: httpx.AsyncClient) -> None:
    def nothing(principal: Principal, tool: Tool) -> bool:
        return False

    shop.tools.allowed = nothing
    assert (await client.get("/ws/shop/openai-tools")).json() == []
    answer = (await client.post("/ws/shop/openai-tools", json={"name": "orders__find"})).json()
    assert (answer["is_error"], answer["content"]) == (True, "There is no tool orders__find.")
    assert [row.status for row in shop.logged] == ["denied"]


async def test_without_a_token_nothing_is_answered(shop: Shop, client: httpx.AsyncClient) -> None:
    for method in ("GET", "POST"):
        answer = await client.request(method, "/ws/shop/openai-tools", headers={"authorization": ""})
        assert answer.status_code == 401
    assert not shop.logged


@pytest.mark.parametrize(
    "body",
    [
        {"name": "orders__find", "arguments": {"number": 5, "note": None}},
        {"name": "orders__find", "arguments": '{"number": 5, "note": null}'},
        {"id": "x", "type": "function", "function": {"name": "orders__find", "arguments": '{"number":5,"note":null}'}},
        {"name": "orders__find", "args": {"number": 5}},
    ],
)
async def test_a_models_call_is_made_without_the_nulls_it_had_to_write(
    shop: Shop, client: httpx.AsyncClient, body: Any
) -> None:
    answer = (await client.post("/ws/shop/openai-tools", json=body)).json()
    assert shop.tools.effects[0].arguments == {"number": 5}
    assert (answer["name"], answer["content"], answer["is_error"]) == ("orders__find", '{"number": 5}', False)
    assert shop.logged[0].id == answer["call_id"]


async def test_names_that_gemini_needed_are_undone(shop: Shop, client: httpx.AsyncClient) -> None:
    odd: Any = {"user-name": "string"}
    shop.tools.add("orders__odd", **odd)
    body = {"name": "orders__odd", "args": {safe_name("user-name"): "ada"}}
    assert (await client.post("/ws/shop/gemini-tools", json=body)).status_code == 200
    assert shop.tools.effects[0].arguments == {"user-name": "ada"}


async def test_what_needs_a_person_says_so(shop: Shop, client: httpx.AsyncClient) -> None:
    def asks() -> str:
        raise Ask("Which one?", which="string")

    shop.tools.add("orders__refund", approve=True)
    shop.tools.add("orders__ask", asks)
    refused = await client.post("/ws/shop/openai-tools", json={"name": "orders__refund"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "approval_needed")
    asked = await client.post("/ws/shop/openai-tools", json={"name": "orders__ask"})
    assert (asked.status_code, asked.json()["error"]["code"]) == (409, "input_needed")
    assert [row.status for row in shop.logged] == ["waiting", "waiting"]


async def test_a_failure_of_the_tool_is_an_answer(shop: Shop, client: httpx.AsyncClient) -> None:
    def fails() -> str:
        raise BotkitError("The shop is closed.")

    shop.tools.add("orders__close", fails)
    answer = (await client.post("/ws/shop/openai-tools", json={"name": "orders__close"})).json()
    assert (answer["is_error"], answer["content"]) == (True, "The shop is closed.")


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'{"name": 5}', b'{"name": "t", "arguments": [1]}', b"[" * 9999]
)
async def test_what_is_no_call_is_refused(client: httpx.AsyncClient, shop: Shop, body: bytes) -> None:
    refused = await client.post("/ws/shop/openai-tools", content=body)
    assert refused.status_code == 400
    assert not shop.logged


async def test_a_huge_body_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.post("/ws/shop/openai-tools", content=b'{"name": "' + b"x" * 1_100_000 + b'"}')
    assert refused.status_code == 413
