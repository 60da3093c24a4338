"""A thousand people talk with a team of five at once: each gets their own answer, from the right member."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from botkit.core.models import ModelReply, ModelRequest
from botkit.testing.models import ScriptedModel, calls
from tests.engine.support import World, a_config, said

MEMBERS = {
    "greeter": "Anything nobody else knows.",
    "billing": "Invoices and payments.",
    "wifi": "Wireless networks and routers.",
    "printer": "Printers, paper and toner.",
    "travel": "Flights, hotels and trains.",
}
ASKED = {
    "greeter": "hello",
    "billing": "my invoice",
    "wifi": "my router",
    "printer": "more toner",
    "travel": "a hotel",
}
PEOPLE = 1000
_TOKEN = re.compile(r"token-\d+")


def _member(request: ModelRequest) -> str:
    system = str(request.messages[0]["content"])
    return next(name for name in MEMBERS if f"You are {name}." in system)


def _answer(request: ModelRequest) -> ModelReply | str:
    """Every third asks a colleague first; all answer with what they can see of tokens."""
    member, text = _member(request), said(request)
    seen = sorted(set(_TOKEN.findall(str(request.messages))))
    asked_before = any(message["role"] == "tool" for message in request.messages)
    number = int(seen[0].partition("-")[2]) if seen else 0
    if number % 3 == 0 and member != "greeter" and not asked_before and "colleague" not in str(request.messages[-1]):
        return calls(("team__ask", {"colleague": "greeter", "question": f"Who is {seen[0]}?"}))
    return f"{member} sees {' '.join(seen)} in {text[:60]}"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_thousand_conversations_do_not_mix(world: World):
    world.model = ScriptedModel(respond=_answer, gate=world.gate)
    bots: dict[str, Any] = {
        name: {"model": "scripted/model", "prompt": f"You are {name}.", "description": described}
        for name, described in MEMBERS.items()
    }
    team = {"members": [{"bot": name} for name in MEMBERS], "default": "greeter"}
    world.config = a_config(bots=bots, teams={"desk5": team}, channel={"bot": "desk5"})
    await world.start()
    wanted = {f"p{number}": list(MEMBERS)[number % 5] for number in range(PEOPLE)}
    await asyncio.gather(
        *(
            world.platform.say(f"token-{number} {ASKED[member]}", person=person)
            for number, (person, member) in enumerate(wanted.items())
        )
    )
    await world.settle()
    answers: Counter[str] = Counter()
    for shown in world.platform.messages:
        person = shown.conversation.room.removeprefix("dm-")
        number = int(person[1:])
        answers[person] += 1
        assert _TOKEN.findall(shown.text)[0] == f"token-{number}"
        assert set(_TOKEN.findall(shown.text)) == {f"token-{number}"}, "nobody reads what another one wrote"
        assert shown.text.startswith(wanted[person])
    assert len(answers) == PEOPLE
    assert set(answers.values()) == {1}
    assert {run.state for run in await world.runs()} == {"completed"}
    asked = sum(any(message["role"] == "tool" for message in request.messages) for request in world.model.requests)
    assert asked > PEOPLE / 5, "colleagues were asked on the way"
