"""Search mode and short definitions: found by meaning, checked in full, and worth it."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import msgspec
import pytest

from botkit.agents.schemas import function_spec
from botkit.agents.tokens import estimate_tokens
from botkit.core.tools import Principal, Result, arguments_digest
from botkit.gateway.search.compact import compact_tool
from botkit.gateway.search.ranking import ToolIndex, words_of
from botkit.gateway.search.showing import SYNTHETIC, shown
from botkit.gateway.settings import BotRules, GatewaySettings, Review, WorkspaceSettings
from tests.gateway.export.corpus import CORPUS, tool_of
from tests.gateway.search.catalogue import QUESTIONS, tools
from tests.gateway.support import ADMIN, Bench, text_of

READER = Principal(kind="member", id="rob", roles=("guest",))


def test_people_find_the_tool_they_mean() -> None:
    index = ToolIndex(tools())
    missed = {
        question: found
        for question, wanted in QUESTIONS.items()
        if wanted not in (found := [tool.name for tool in index.rank(question)[:5]])
    }
    assert missed == {}


def test_words_are_compared_as_people_mean_them() -> None:
    assert words_of("listPullRequests list_pull_requests") == ["list", "pull", "request"] * 2
    assert words_of("Categories of addresses, status") == ["category", "addresse", "status"]
    index = ToolIndex(tools())
    assert index.rank("xyzzy") == []
    assert index.rank("") == []
    assert index.rank("invoicing")[0].name.endswith("invoice")


def test_the_ranking_does_not_depend_on_luck() -> None:
    known = tools()
    assert ToolIndex(known).rank("delete order") == ToolIndex(known).rank("delete order")
    assert ToolIndex([]).rank("anything") == []


@pytest.mark.parametrize("name", [name for name, case in CORPUS.items() if case.samples])
def test_what_fits_the_whole_schema_fits_the_short_one(name: str) -> None:
    short = jsonschema_rs.validator_for(compact_tool(tool_of(name)).input_schema)
    for sample in CORPUS[name].samples:
        assert short.is_valid(sample), [error.message for error in short.iter_errors(sample)]


def test_a_short_definition_says_what_is_inside() -> None:
    before = tools()[0]
    short = compact_tool(before)
    assert short.description == "List issue with filters and paging."
    owner = short.input_schema["properties"]["fields"]["properties"]["owner"]
    assert owner == {"type": "object", "description": "{email?, team?}"}
    assert short.input_schema["required"] == ["id"]
    assert "outputSchema" not in short.definition
    assert (short.tool_class, short.name) == (before.tool_class, before.name)


def test_two_hundred_tools_cost_a_fraction() -> None:
    def cost(known: Any) -> int:
        return estimate_tokens(msgspec.json.encode([function_spec(tool) for tool in known]).decode())

    full, short, search = cost(tools()), cost([compact_tool(tool) for tool in tools()]), cost(SYNTHETIC.values())
    assert len(tools()) == 200
    assert short < full * 0.65
    assert search < full * 0.01


@pytest.mark.parametrize(
    ("room_tokens", "count", "first"),
    [(0, 200, "full"), (90_000, 200, "full"), (45_000, 200, "compact"), (5_000, 2, "search")],
)
def test_as_much_is_shown_as_there_is_room_for(room_tokens: int, count: int, first: str) -> None:
    known = tools()
    seen = shown("auto", known, room_tokens=room_tokens)
    assert len(seen) == count
    assert seen[0].name == ("search_tools" if first == "search" else known[0].name)
    assert (len(seen[0].description) < len(known[0].description)) == (first == "compact")


def test_what_was_chosen_is_shown_whatever_room_there_is() -> None:
    for mode in ("full", "compact", "search"):
        assert shown(mode, tools(), room_tokens=1) == shown(mode, tools())


class TestInTheGateway:
    async def searching(self, bench: Bench, **fields: Any) -> Bench:
        settled: dict[str, Any] = {"tools_mode": "search", **fields}
        await bench.start(bench.raw(), **settled)
        return bench

    async def test_two_tools_stand_for_all_and_lead_to_them(self, bench: Bench) -> None:
        await self.searching(bench)
        assert await bench.names() == ["search_tools", "call_tool"]
        found = await bench.call("search_tools", query="give the text back")
        assert found.content["structuredContent"]["tools"][0]["name"] == "raw__echo"
        assert (found.record.tool, found.record.status, found.sent) == ("search_tools", "ok", False)
        called = await bench.call("call_tool", arguments={"name": "raw__echo", "arguments": {"text": "hi"}})
        assert text_of(called) == "hi"
        assert (called.record.tool, called.record.server) == ("raw__echo", "raw")

    async def test_rights_are_those_of_the_tool_inside(self, bench: Bench) -> None:
        reviews = {"raw__echo": Review(tool_class="read-only"), "raw__effect": Review(tool_class="destructive")}
        await self.searching(bench, reviews=reviews)
        found = await bench.call("search_tools", READER, query="test tool effect echo")
        assert [tool["name"] for tool in found.content["structuredContent"]["tools"]] == ["raw__echo"]
        assert found.content["structuredContent"]["total"] == 1
        refused = await bench.call("call_tool", READER, arguments={"name": "raw__effect"})
        assert (refused.record.status, refused.record.tool) == ("denied", "raw__effect")
        assert bench.effect_lines() == []
        assert await bench.gateway.list_tools("main", Principal(id="x", roles=("nobody",))) == []

    async def test_approval_is_asked_for_the_tool_inside(self, bench: Bench) -> None:
        await self.searching(bench, reviews={"raw__echo": Review(tool_class="write", approve=True)})
        wrapped = {"name": "raw__echo", "arguments": {"text": "hi"}}
        asked = await bench.call("call_tool", arguments=wrapped)
        assert (asked.tool, asked.arguments) == ("raw__echo", {"text": "hi"})
        assert asked.digest == arguments_digest("raw__echo", {"text": "hi"})
        done = await bench.call("call_tool", arguments=wrapped, approval=asked.digest)
        assert text_of(done) == "hi"

    @pytest.mark.parametrize("arguments", [{}, {"name": 5}, {"name": "raw__echo", "arguments": [1]}])
    async def test_a_wrapping_without_a_call_is_explained(self, bench: Bench, arguments: dict[str, Any]) -> None:
        await self.searching(bench)
        refused = await bench.call("call_tool", arguments=arguments)
        assert isinstance(refused, Result)
        assert refused.record.status == "invalid"
        assert "needs `name`" in text_of(refused)

    async def test_a_call_in_a_call_is_no_way_round(self, bench: Bench) -> None:
        await self.searching(bench)
        inner = {"name": "call_tool", "arguments": {"name": "raw__echo", "arguments": {"text": "x"}}}
        refused = await bench.call("call_tool", arguments=inner)
        assert refused.record.status == "invalid"

    async def test_nothing_found_says_what_there_is(self, bench: Bench) -> None:
        await self.searching(bench)
        found = await bench.call("search_tools", query="xyzzy")
        assert "these servers: raw" in text_of(found)
        assert (await bench.call("search_tools")).record.status == "invalid"

    async def test_searches_count_against_the_limit(self, bench: Bench) -> None:
        await self.searching(bench, calls_per_minute_each=2)
        for status in ("ok", "ok", "limited"):
            assert (await bench.call("search_tools", query="echo")).record.status == status

    async def test_a_bot_may_have_it_otherwise(self, bench: Bench) -> None:
        await self.searching(bench)
        settings = GatewaySettings(
            servers=bench.fleet.settings.servers,
            workspaces={"main": WorkspaceSettings(servers=("*",), tools_mode="search")},
            bots={"desk": BotRules(workspace="main", tools_mode="compact"), "same": BotRules(workspace="main")},
        )
        bench.gateway.apply(settings)
        desk, same = (Principal(id="ada", roles=("admin",), bot=bot) for bot in ("desk", "same"))
        assert "raw__echo" in await bench.names(desk)
        assert await bench.names(same) == ["search_tools", "call_tool"]
        assert (await bench.call("call_tool", desk, arguments={"name": "raw__echo"})).record.code == "not_found"

    async def test_without_search_mode_the_two_do_not_exist(self, bench: Bench) -> None:
        await bench.start(bench.raw())
        refused = await bench.call("search_tools", query="echo")
        assert "There is no tool search_tools" in text_of(refused)
        assert await bench.gateway.find_tool("main", ADMIN, "call_tool") is None

    async def test_bots_without_room_search_and_members_see_everything(self, bench: Bench) -> None:
        await self.searching(bench, tools_mode="auto")
        bot, member = ADMIN, Principal(kind="member", id="m", roles=("admin",))
        assert "raw__echo" in [tool.name for tool in await bench.gateway.list_tools("main", bot, room_tokens=100_000)]
        short = [tool.name for tool in await bench.gateway.list_tools("main", bot, room_tokens=10)]
        assert short == ["search_tools", "call_tool"]
        assert (await bench.call("search_tools", query="give the text back")).record.status == "ok"
        assert "raw__echo" in await bench.names(member)
        assert await bench.gateway.find_tool("main", member, "search_tools") is None
