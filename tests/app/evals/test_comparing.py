"""Two versions side by side: on cases, and on turns of real people that nothing of is called, sent or stored again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botkit.app.environment import load_environment
from botkit.app.evals.choosing import choose
from botkit.app.evals.comparing import Comparison, compare_cases, compare_traffic, sum_up
from botkit.app.evals.running import Options
from botkit.app.evals.traffic import PastTurn, read_traffic
from botkit.app.evals.versions import Version, find_version
from botkit.app.operations import Operations
from botkit.app.runtime import open_instance
from botkit.app.workflows import load_project
from botkit.core.models import ModelReply, ModelRequest
from botkit.store.glance import glance_at
from botkit.testing.models import ScriptedModel, calls

Script = Callable[..., ScriptedModel]
FOUND = '"tool": "search"'
"""What the tool `search` says."""


async def talk(*messages: tuple[str, str, str]) -> None:
    """Real conversations with the demo model: (person, bot, text)."""
    async with open_instance(load_environment(), mode="chat") as instance:
        ops = Operations.of(instance)
        for person, bot, text in messages:
            async for event in ops.chat.say(room=f"{bot}-{person}", bot=bot, person=person, text=text):
                for_person = event.data.get("wait_id")
                if event.kind == "wait" and event.data.get("kind") == "approval" and for_person:
                    await ops.approvals.decide(wait=str(for_person), approved=True, by="operator")


async def traffic(bot: str, limit: int = 10) -> list[PastTurn]:
    environment = load_environment()
    async with glance_at(environment.home) as glance:
        assert glance is not None
        return await read_traffic(glance, bot=bot, limit=limit, history_messages=20)


def newer(shop: Path, *changes: tuple[str, str]) -> Version:
    text = (shop / "bots.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (shop / "bots.new.yaml").write_text(text)
    return Version("newer", load_project(shop / "bots.new.yaml"))


async def compared(shop: Path, version: Version, bot: str = "desk", judge: str = "") -> Comparison:
    rows = await compare_traffic(load_environment(), None, version, await traffic(bot), judge=judge)
    return sum_up("then", version.name, rows)


async def test_the_same_version_answers_the_same(shop: Path, effects: Path):
    await talk(("ada", "desk", "search A-1"), ("ben", "desk", "hello"))
    called = effects.read_text()
    found = await compared(shop, newer(shop))
    assert [row.answer for row in found.rows] == ["same", "same"]
    assert [row.said for row in found.rows] == ["search A-1", "hello"]
    assert (found.same, found.changed) == (2, 0)
    assert found.rows[0].before.tools == found.rows[0].after.tools == ("shop__search",)
    assert effects.read_text() == called, "a tool was called again"


async def test_what_was_remembered_then_is_remembered_now(shop: Path, script: Script):
    await talk(("ada", "desk", "search A-1"), ("ada", "desk", "thank you"), ("ben", "desk", "good morning"))
    model = script(respond=lambda request: "ok")  # pyright: ignore[reportUnknownLambdaType] - whatever is asked
    await compared(shop, newer(shop))
    said = [[str(message["content"]) for message in request.messages[1:]] for request in model.requests]
    assert said[0] == ["search A-1"]
    assert said[1][0] == "search A-1"
    assert said[1][-1] == "thank you"
    assert any(FOUND in text for text in said[1])
    assert said[2] == ["good morning"]
    assert ["ada" in str(request.messages[0]["content"]).casefold() for request in model.requests] == [
        True,
        True,
        False,
    ]


async def test_tools_say_what_they_said_and_new_calls_are_only_shown(shop: Path, effects: Path, script: Script):
    await talk(("ada", "desk", "search A-1"))
    called = effects.read_text()
    arguments = (await traffic("desk"))[0].calls[0].arguments

    def respond(request: ModelRequest) -> str | ModelReply:
        if request.messages[-1]["role"] == "tool":
            results = [str(message["content"]) for message in request.messages if message["role"] == "tool"]
            return f"I read {sum(FOUND in one for one in results)} result."
        return calls(("shop__search", arguments), ("shop__search", {"other": 1}), ("shop__ship", {"order": "A-1"}))

    script(respond=respond)
    found = await compared(shop, newer(shop))
    (row,) = found.rows
    assert row.after.reply == "I read 1 result."
    assert set(row.would_call) == {"shop__search", "shop__ship"}
    assert row.tools_removed == ()
    assert effects.read_text() == called


async def test_what_was_approved_then_is_approved_again_and_nothing_else(shop: Path, effects: Path, script: Script):
    await talk(("ada", "desk", "refund order A-1"))
    assert "refund" in effects.read_text()
    called = effects.read_text()
    same = await compared(shop, newer(shop))
    assert (same.rows[0].answer, same.rows[0].after.tools) == ("same", ("shop__refund",))

    def respond(request: ModelRequest) -> str | ModelReply:
        return calls(("shop__refund", {"order": "B-2"}))

    script(respond=respond)
    other = await compared(shop, newer(shop))
    assert other.rows[0].would_call == ("shop__refund",)
    assert other.rows[0].after.state == "waiting"
    assert effects.read_text() == called


async def test_a_version_without_the_tool_is_seen(shop: Path):
    await talk(("ada", "desk", "search A-1"))
    found = await compared(shop, newer(shop, ("servers: [shop]\n", "servers: []\n")))
    assert found.rows[0].tools_removed == ("shop__search",)
    assert found.rows[0].answer == "changed"
    assert found.changed == 1


async def test_teams_and_workflows_are_answered_again_too(shop: Path):
    await talk(("ada", "all", "hello"), ("ada", "all", "my parcel"))
    found = await compared(shop, newer(shop, ("contains: parcel", "contains: letter")), bot="all")
    assert [(row.before.member, row.after.member) for row in found.rows] == [("desk", "desk")]  # the other still waits


async def test_erased_people_are_not_in_it(shop: Path):
    await talk(("ada", "desk", "hello from Ada"), ("ben", "desk", "hello from Ben"))
    assert [turn.text for turn in await traffic("desk")] == ["hello from Ada", "hello from Ben"]
    async with open_instance(load_environment(), mode="command") as instance:
        await instance.store.lifecycle.erase_person("ada", actor="operator")
    assert [turn.text for turn in await traffic("desk")] == ["hello from Ben"]


async def test_nothing_is_written_where_it_was_read(shop: Path):
    await talk(("ada", "desk", "search A-1"))
    database = shop / ".botkit" / "botkit.db"
    before = database.read_bytes()
    await compared(shop, newer(shop, ("You are the desk.", "You are the other desk.")))
    assert database.read_bytes() == before


async def test_the_journal_is_read_while_botkit_runs(shop: Path):
    async with open_instance(load_environment(), mode="chat") as instance:
        ops = Operations.of(instance)
        async for _ in ops.chat.say(room="r", bot="desk", person="ada", text="hello"):
            pass
        assert [turn.text for turn in await traffic("desk")] == ["hello"]


async def test_a_judge_is_asked_in_both_orders(shop: Path, script: Script):
    await talk(("ada", "desk", "one"), ("ben", "desk", "two"))
    asked: list[str] = []

    def respond(request: ModelRequest) -> str:
        text = str(request.messages[-1]["content"])
        if "You compare two answers" not in str(request.messages[0]["content"]):
            return "New."
        asked.append(text)
        first = text.index("<first>\nNew.") if "<first>\nNew." in text else -1
        if "<message>\ntwo" in text:
            return json.dumps({"better": "first", "reason": "The first one."})
        return json.dumps({"better": "first" if first > 0 else "second", "reason": "It is new."})

    script(respond=respond)
    found = await compared(shop, newer(shop), judge="demo/judge")
    assert [row.verdict for row in found.rows] == ["better", "same"]
    assert (found.better, found.worse) == (1, 0)
    assert len(asked) == 4


async def test_cases_are_tried_with_both_versions(shop: Path):
    cases: list[dict[str, Any]] = [
        {"name": "looks", "turns": ["search A-1"], "expect": {"tools": ["shop__search"]}},
        {"name": "greets", "turns": ["/whoami"]},
    ]
    file = shop / "workspace" / "evals" / "both.yaml"
    file.write_text(json.dumps({"bot": "desk", "cases": cases}))
    environment = load_environment()
    base = Version("base", load_project(environment.config))
    version = newer(shop, ("servers: [shop]\n", "servers: []\n"))
    chosen = choose(base.config, shop, [file])
    found = sum_up("a", "b", await compare_cases(environment, base, version, chosen.cases, Options()))
    assert [(row.before.ok, row.after.ok) for row in found.rows] == [(True, False), (True, True)]
    assert (found.newly_failing, found.newly_passing, found.changed) == (1, 0, 1)


async def test_a_revision_is_a_version(shop: Path):
    await talk(("ada", "desk", "hello"))
    environment = load_environment()
    (shop / "bots.yaml").write_text((shop / "bots.yaml").read_text().replace("You are the desk.", "You are new."))
    async with glance_at(environment.home) as glance:
        running = await find_version(environment, glance, "")
        named = await find_version(environment, glance, running.name[:6])
        on_disk = await find_version(environment, glance, str(environment.config))
    assert running.config.bots["desk"].prompt == named.config.bots["desk"].prompt == "You are the desk."
    assert on_disk.config.bots["desk"].prompt == "You are new."
