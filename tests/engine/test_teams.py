"""Teams: the right member answers, members ask one another, and the person has one conversation."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from botkit.core.models import ModelReply, ModelRequest, Usage
from botkit.testing.models import ScriptedModel, calls
from tests.engine.support import World, a_config

BOTS: dict[str, Any] = {
    "desk": {"model": "scripted/model", "prompt": "You greet people.", "name": "Desk", "description": "Anything else."},
    "billing": {
        "model": "scripted/model",
        "prompt": "You know bills.",
        "name": "Bill",
        "description": "Invoices, payments, refunds.",
        "workspace": "default",
    },
    "tech": {
        "model": "scripted/model",
        "prompt": "You mend things.",
        "name": "Tess",
        "description": "Broken devices, errors, login, wifi.",
    },
}
MEMBERS = [{"bot": "desk"}, {"bot": "billing"}, {"bot": "tech"}]


def a_team(world: World, **team: Any) -> None:
    world.config = a_config(
        bots=BOTS,
        teams={"support": {"members": MEMBERS, "default": "desk", **team}},
        channel={"bot": "support"},
    )


def who(request: ModelRequest) -> str:
    """The member a model was asked as."""
    system = str(request.messages[0]["content"])
    return next((name for name, bot in BOTS.items() if bot["prompt"] in system), "router")


def members(world: World) -> list[str]:
    return [who(request) for request in world.model.requests]


async def test_the_words_find_the_member_and_unclear_ones_the_default(world: World):
    a_team(world, sticky=False)
    await world.start()
    await world.ask("There is an error with my wifi login")
    await world.ask("I want a refund of my last invoice")
    await world.ask("How lovely")
    assert members(world) == ["tech", "billing", "desk"]
    routes = [run.output["routes"][0]["by"] for run in await world.runs() if run.output]
    assert routes == ["words", "words", "default"]


async def test_a_rule_decides_before_anybody_is_asked(world: World):
    a_team(world, router={"rules": [{"member": "billing", "contains": ["wifi bill"]}]})
    await world.start()
    await world.ask("My WIFI BILL has an error")
    assert members(world) == ["billing"]


async def test_a_conversation_stays_with_its_member_until_the_subject_changes(world: World):
    a_team(world)
    await world.start()
    await world.ask("I want a refund of my last invoice")
    await world.ask("Yes, please.")
    await world.ask("And my wifi login shows an error")
    assert members(world) == ["billing", "billing", "tech"]


async def test_a_model_chooses_where_one_is_named_and_its_cost_is_shown(world: World):
    a_team(world, router={"model": "scripted/model"})
    world.script.append('{"member": "tech", "confidence": 0.9, "reason": "sounds broken"}')
    world.script.append("Restart it.")
    await world.start()
    await world.ask("It blinks red")
    assert world.texts == ["Restart it."]
    (run,) = await world.runs()
    assert run.output is not None
    assert run.output["routes"][0]["by"] == "model"
    assert run.usage.input_tokens > 0


@pytest.mark.parametrize(
    "said", ['{"member": "boss", "confidence": 1}', "no idea", '{"member": "tech", "confidence": 7}']
)
async def test_a_model_that_chooses_badly_is_not_believed(world: World, said: str):
    a_team(world, router={"model": "scripted/model"})
    world.script.append(said)
    world.script.append("Here is your refund.")
    await world.start()
    await world.ask("I want a refund of my invoice")
    assert members(world)[-1] == "billing", "the words decide then"


async def test_a_member_hands_the_person_over_and_the_next_one_knows_why(world: World):
    a_team(world)
    world.script.append(calls(("team__hand_over", {"colleague": "billing", "summary": "wants 20 EUR back"})))
    world.script.append("You get it back.")
    await world.start()
    await world.ask("How lovely")
    assert members(world) == ["desk", "billing"]
    assert "wants 20 EUR back" in str(world.model.requests[-1].messages)
    assert world.texts == ["You get it back."], "one answer, of one conversation"
    await world.ask("Thanks.")
    assert members(world)[-1] == "billing"


async def test_members_that_hand_over_forever_are_stopped(world: World):
    a_team(world, max_hops=2)
    for colleague in ("billing", "tech", "desk", "billing"):
        world.script.append(calls(("team__hand_over", {"colleague": colleague, "summary": "yours"})))
    await world.start()
    await world.ask("How lovely")
    (run,) = await world.runs()
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["code"] == "hops"


async def test_a_member_asks_a_colleague_and_goes_on_with_the_answer(world: World):
    a_team(world)
    world.script.append(calls(("team__ask", {"colleague": "billing", "question": "What does Ada owe?"})))
    world.script.append("20 EUR.")
    world.script.append("You owe 20 EUR.")
    await world.start()
    await world.ask("How lovely")
    assert members(world) == ["desk", "billing", "desk"]
    assert "What does Ada owe?" in str(world.model.requests[1].messages)
    assert world.texts == ["You owe 20 EUR."]


async def test_a_colleague_acts_with_its_own_rights_below_those_of_who_asked(world: World):
    a_team(world)
    world.tools.add("bills__read", lambda: "20", tool_class="read-only")
    world.script.append(calls(("team__ask", {"colleague": "billing", "question": "?"})))
    world.script.append(calls(("bills__read", {})))
    world.script.append("20 EUR.")
    world.script.append("20 EUR.")
    await world.start()
    await world.ask("How lovely")
    (call,) = world.tools.calls
    assert call.principal.bot == "billing"
    assert call.principal.via == ("desk",)
    assert call.principal.roles == ("guest",) or call.principal.roles == ("member",)


async def test_nobody_is_asked_who_waits_for_the_answer(world: World):
    a_team(world)
    world.script.append(calls(("team__ask", {"colleague": "billing", "question": "?"})))
    world.script.append(calls(("team__ask", {"colleague": "desk", "question": "?"})))
    world.script.append("I do not know.")
    world.script.append("Nobody knows.")
    await world.start()
    await world.ask("How lovely")
    assert world.texts == ["Nobody knows."]
    assert "no colleague" in str(world.model.requests[2].messages)


async def test_a_team_inside_a_team_is_asked_who_answers(world: World):
    world.config = a_config(
        bots=BOTS,
        teams={
            "support": {"members": [{"bot": "desk"}, {"bot": "experts"}], "default": "desk"},
            "experts": {
                "description": "Invoices, payments, broken devices, errors, wifi.",
                "members": [{"bot": "billing"}, {"bot": "tech"}],
                "default": "tech",
            },
        },
        channel={"bot": "support"},
    )
    await world.start()
    await world.ask("I want to change the payments of my invoices")
    assert members(world) == ["billing"]


async def test_the_choice_and_what_was_asked_survive_a_crash(world: World):
    a_team(world, router={"model": "scripted/model"})
    world.tools.add("bills__refund", lambda: "done", approve=True)
    world.script.append('{"member": "desk", "confidence": 0.9}')
    world.script.append(calls(("team__ask", {"colleague": "billing", "question": "Refund?"})))
    world.script.append(calls(("bills__refund", {})))
    await world.start()
    await world.ask("Please")
    (wait,) = await world.waits()
    await world.crash()
    await world.start()
    world.script.append("Refunded.")
    world.script.append("It is on its way.")
    await world.engine.decide(wait.id, approved=True, by="boss", via="cli")
    await world.settle()
    assert world.texts[-1] == "It is on its way."
    assert len(world.tools.effects) == 1
    assert members(world)[1:] == ["desk", "billing", "billing", "desk"], "nobody was asked twice"


def ask(*colleagues: str) -> ModelReply:
    return calls(*(("team__ask", {"colleague": one, "question": f"What do you know, {one}?"}) for one in colleagues))


async def test_colleagues_asked_at_once_work_at_once(world: World):
    """Neither gets its answer before both have asked for one."""

    def answer(request: ModelRequest) -> ModelReply | str:
        if len(world.model.requests) == 1:
            return ask("billing", "tech")
        both = {"billing", "tech"} <= set(members(world))
        world.gate.set() if both else world.gate.clear()
        return f"{who(request)} knows"

    a_team(world)
    world.model = ScriptedModel(respond=answer, gate=world.gate)
    await world.start()
    async with asyncio.timeout(10):
        await world.ask("How lovely")
    assert members(world) == ["desk", "billing", "tech", "desk"]
    told = [row["content"] for row in world.model.requests[-1].messages if row["role"] == "tool"]
    assert ["billing knows" in told[0], "tech knows" in told[1]] == [True, True]


async def test_colleagues_share_the_money_that_is_left(world: World):
    """Of 100 the desk has spent 10: nine calls at 10 are left, for two colleagues that would never end."""
    price = Usage(input_tokens=1, output_tokens=1, cost_micros=10)

    def answer(request: ModelRequest) -> ModelReply:
        asked = ask("billing", "tech") if who(request) == "desk" else calls(("bills__read", {"n": len(spent)}))
        spent.append(who(request))
        return msgspec.structs.replace(asked, usage=price)

    def read(n: int = 0) -> str:
        return "20"

    spent: list[str] = []
    a_team(world)
    world.config = a_config(
        bots={name: {**bot, "max_iterations": 50} for name, bot in BOTS.items()}
        | {"desk": {**BOTS["desk"], "max_turn_cost": "0.0001 USD"}},
        teams={"support": {"members": MEMBERS, "default": "desk"}},
        channel={"bot": "support"},
    )
    world.tools.add("bills__read", read, tool_class="read-only")
    world.model = ScriptedModel(respond=answer)
    await world.start()
    await world.ask("How lovely")
    (run,) = await world.runs()
    assert run.state == "limit_reached"
    assert Counter(spent) == {"desk": 1, "billing": 5, "tech": 5}, "45 each: a call begins while anything is left"
    assert run.usage.cost_micros == 110


async def test_the_time_of_colleagues_is_time_of_who_asked(world: World):
    a_team(world)
    slow = ModelReply(text="20 EUR.", latency_ms=20_000)
    world.script.extend([ask("billing"), slow, ask("tech"), "ok", "You owe 20 EUR."])
    await world.start()
    await world.ask("How lovely")
    limits = [round(request.timeout_s) for request in world.model.requests]
    assert limits == [30, 30, 10, 10, 10]


async def test_the_transcript_says_which_colleague_answered(world: World):
    a_team(world)
    world.script.extend([ask("billing"), "20 EUR.", "You owe 20 EUR."])
    await world.start()
    await world.ask("How lovely")
    (run,) = await world.runs()
    rows = await world.journal.history(run.session_id, before_seq=1 << 40, limit=50)
    spoke = [(row.role, row.data.get("bot") or row.data.get("answered_by") or "") for row in rows]
    assert spoke == [("user", ""), ("assistant", "desk"), ("tool", "billing"), ("assistant", "desk")]


async def test_who_was_asked_does_not_give_the_person_away(world: World):
    a_team(world)
    world.script.extend([ask("billing"), calls(("team__hand_over", {"colleague": "tech", "summary": "yours"}))])
    world.script.extend(["I do not know.", "Nobody knows."])
    await world.start()
    await world.ask("How lovely")
    assert members(world) == ["desk", "billing", "billing", "desk"]
    assert "team__hand_over" not in str(world.model.requests[1].tools)
    assert world.texts == ["Nobody knows."]


async def test_a_team_that_is_asked_does_not_ask_back(world: World):
    """The team inside contains the bot that asks: another member of it answers."""
    world.config = a_config(
        bots=BOTS,
        teams={
            "support": {"members": [{"bot": "desk"}, {"bot": "experts"}], "default": "desk"},
            "experts": {"description": "Money.", "members": [{"bot": "desk"}, {"bot": "billing"}], "default": "desk"},
        },
        channel={"bot": "support"},
    )
    world.script.extend([ask("experts"), "20 EUR.", "You owe 20 EUR."])
    await world.start()
    await world.ask("How lovely")
    assert members(world) == ["desk", "billing", "desk"]


async def test_bots_ask_one_another_three_deep_and_no_deeper(world: World):
    deep = {name: {"model": "scripted/model", "prompt": f"You are {name}."} for name in ("a", "b", "c", "d", "e")}
    world.config = a_config(
        bots=deep, teams={"row": {"members": [{"bot": name} for name in deep], "default": "a"}}, channel={"bot": "row"}
    )
    world.script.extend([ask("b"), ask("c"), ask("d"), ask("e"), "d", "c", "b", "a"])
    await world.start()
    await world.ask("Pass it on")
    names = [str(request.messages[0]["content"]).partition("You are ")[2][0] for request in world.model.requests]
    assert names == ["a", "b", "c", "d", "d", "c", "b", "a"]
    assert "3 times already" in str(world.model.requests[4].messages)
    assert world.texts == ["a"]


async def test_everybody_who_is_asked_is_asked_on_behalf_of_a_workspace(world: World):
    """So that the keys of that workspace are used: by the router those of the default member, as by its judge."""
    bots = {
        "desk": {**BOTS["desk"], "workspace": "front"},
        "billing": {**BOTS["billing"], "workspace": "money", "guardrails": {"output": {"policy": "No promises."}}},
    }
    world.config = a_config(
        bots=bots,
        teams={
            "support": {"members": [{"bot": "desk"}, {"bot": "billing"}], "default": "desk", "router": {"model": "m"}}
        },
        workspaces={"front": {}, "money": {}},
        channel={"bot": "support"},
    )
    choice = '{"member": "billing", "confidence": 0.9, "reason": "money"}'
    world.model = ScriptedModel(choice, "Here is your invoice.", '{"violates": false, "reason": ""}')
    await world.start()
    await world.ask("I want a refund of my last invoice")

    assert world.texts == ["Here is your invoice."]
    assert [request.workspace for request in world.model.requests] == ["front", "money", "money"]
    assert len({request.person_id for request in world.model.requests}) == 1
    rows = await world.store.records.model_calls()
    assert sorted(row.workspace for row in rows) == ["front", "money", "money"]
