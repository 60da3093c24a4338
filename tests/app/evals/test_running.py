"""Evaluations run through the whole engine, and touch nothing outside."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from botkit.app.environment import load_environment
from botkit.app.evals.choosing import choose, with_model
from botkit.app.evals.reports import CaseReport, EvalReport
from botkit.app.evals.running import Options, run_evals
from botkit.app.runtime import open_instance
from botkit.app.workflows import load_project
from botkit.core.errors import ConfigError
from botkit.core.models import ModelReply, ModelRequest, Usage
from botkit.testing.models import ScriptedModel, calls
from tests.app.evals.conftest import Run

Script = Callable[..., ScriptedModel]


def states(report: EvalReport) -> list[str]:
    return [case.state for case in report.cases]


def wrong(case: CaseReport) -> list[tuple[str, str]]:
    return [(one.what, one.came) for one in case.tries[0].differences]


def last(request: ModelRequest) -> str:
    return str(request.messages[-1]["content"])


def always(text: str) -> Callable[[ModelRequest], str]:
    def respond(request: ModelRequest) -> str:
        return text

    return respond


def shopkeeper(request: ModelRequest) -> str | ModelReply:
    """Calls the tool a person names, and says what it said."""
    said = last(request)
    if request.messages[-1]["role"] == "tool":
        return f"The shop says: {said}"
    wanted = [name for name in ("look", "ship", "refund") if name in said]
    return calls(*((f"shop__{name}", {"order": "A-1"}) for name in wanted)) if wanted else f"You said: {said}"


async def test_what_is_expected_is_compared_with_what_came(run: Run, script: Script):
    script(respond=shopkeeper)
    looked = {"turns": ["look please"]}
    report = await run(
        [
            {**looked, "expect": {"contains": ["SHOP SAYS", "A-1"], "not_contains": "sorry", "matches": "s[a]ys"}},
            {**looked, "expect": {"contains": "sorry"}},
            {**looked, "expect": {"not_contains": "the shop"}},
            {**looked, "expect": {"matches": "^says"}},
            {**looked, "expect": {"tools": [{"tool": "shop__look", "arguments": {"order": "A-1"}}], "order": "exact"}},
            {**looked, "expect": {"tools": [{"tool": "shop__look", "arguments": {"order": "B-2"}}]}},
            {**looked, "expect": {"tools": []}},
            {**looked, "expect": {"not_called": "shop__*"}},
            {**looked, "expect": {"state": "waiting"}},
            {"turns": ["hello", "/whoami"], "expect": {"state": "answered", "tools": []}},
            {**looked, "expect": {"limits": {"tokens": 30, "steps": 3, "latency_s": 60, "cost": 0}}},
            {**looked, "expect": {"limits": {"tokens": 29, "steps": 2}}},
        ]
    )
    assert states(report) == [
        *("passed", "failed", "failed", "failed", "passed", "failed", "failed", "failed", "failed"),
        *("passed", "passed", "failed"),
    ]
    found = {name for case in report.cases for name, _ in wrong(case)}
    assert found == {
        *("contains", "not_contains", "matches", "tools", "not_called", "state", "limits.tokens", "limits.steps")
    }
    assert wrong(report.cases[5]) == [("tools", 'shop__look {"order":"A-1"}')]


async def test_a_turn_that_fails_is_a_difference_unless_it_is_expected(run: Run, script: Script):
    script(respond=always(""))
    report = await run([{"turns": ["hello"]}, {"turns": [{"say": "hello", "expect": {"state": "failed"}}]}])
    assert states(report) == ["failed", "passed"]
    assert wrong(report.cases[0]) == [("state", "failed (model_empty: the model answered nothing)")]


async def test_the_order_of_calls_counts_where_it_is_asked_for(run: Run, script: Script):
    script(respond=shopkeeper)
    tools = {"shop__refund": "done"}
    talk = [{"say": "look"}, {"say": "refund it"}, {"approve": True}, {"say": "look again"}]
    look, refund = "shop__look", "shop__refund"
    orders = [
        ({"tools": [refund, look, look]}, True),
        ({"tools": [look, look, look]}, False),
        ({"tools": [look, refund], "order": "in-order"}, True),
        ({"tools": [refund, look, look], "order": "in-order"}, False),
        ({"tools": [look, refund, look], "order": "exact"}, True),
        ({"tools": [look, refund], "order": "exact"}, False),
    ]
    report = await run([{"turns": talk, "tools": tools, "expect": expect} for expect, _ in orders])
    assert [case.state == "passed" for case in report.cases] == [passes for _, passes in orders]


async def test_nothing_is_changed_unless_a_case_says_so(run: Run, script: Script, effects: Path, shop: Path):
    script(respond=shopkeeper)
    report = await run(
        [
            {"turns": ["ship it"], "roles": "member"},
            {"turns": ["ship it"], "roles": "member", "tools": {"shop__sh*": [{"error": "out of stock"}, "sent"]}},
            {"turns": ["look"], "roles": "member"},
        ]
    )
    assert states(report) == ["failed", "passed", "passed"]
    assert wrong(report.cases[0]) == [("tools", "shop__ship was wanted and not called")]
    assert "out of stock" in report.cases[1].tries[0].seen.turns[0].reply
    assert effects.read_text().split() == ["look"]
    report = await run([{"turns": ["ship it"], "roles": "member", "writes": True}])
    assert states(report) == ["passed"]
    assert effects.read_text().split() == ["look", "ship"]
    assert not (shop / ".botkit").exists(), "the real instance was touched"


async def test_without_tools_nothing_is_called_at_all(run: Run, script: Script, effects: Path):
    script(respond=shopkeeper)
    report = await run([{"turns": ["look"]}], Options(only_mocks=True))
    assert states(report) == ["failed"]
    assert not effects.exists()


async def test_a_reviewer_approves_or_declines(run: Run, script: Script):
    script(respond=shopkeeper)
    asked = {"say": "refund it", "expect": {"state": "waiting", "waits_for": "approval", "not_called": "shop__refund"}}
    mocks = {"shop__refund": {"refunded": True}}
    report = await run(
        [
            {"turns": [asked, {"approve": True, "expect": {"contains": "refunded"}}], "tools": mocks},
            {"turns": [asked, {"decline": True, "comment": "too late", "expect": {"contains": "too late"}}]},
            {"turns": ["hello", {"approve": True}]},
        ]
    )
    assert states(report) == ["passed", "passed", "failed"]
    assert wrong(report.cases[2]) == [("conversation", "nothing waits for approval here")]
    assert report.cases[2].tries[0].differences[0].at.startswith("workspace/evals/cases.yaml:")


async def test_people_answer_press_and_send_files(run: Run, script: Script, shop: Path):
    model = script(respond=shopkeeper)
    (shop / "notes.txt").write_text("a note about the teapot")
    report = await run(
        [
            {"bot": "status", "turns": [{"say": "hi", "expect": {"waits_for": "reply"}}, "the blue one"]},
            {
                "bot": "status",
                "turns": ["hi", {"press": "The red one", "expect": {"contains": "You said The red one."}}],
            },
            {"bot": "status", "turns": ["hi", {"press": "The green one"}]},
            {"bot": "@ask", "turns": ["hi", "2"], "expect": {"contains": "You said The blue one."}},
            {"turns": [{"say": "read this", "files": "notes.txt"}]},
            {"turns": [{"say": "read this", "files": "none.txt"}]},
        ]
    )
    assert states(report) == ["passed", "passed", "failed", "passed", "passed", "failed"]
    assert "there is: The red one, The blue one" in wrong(report.cases[2])[0][1]
    assert any("a note about the teapot" in last(request) for request in model.requests)


async def test_who_of_a_team_answered_is_seen(run: Run, script: Script):
    script(respond=shopkeeper)
    report = await run(
        [
            {"turns": ["hello"], "expect": {"member": "desk"}},
            {"turns": ["my parcel"], "expect": {"member": "status"}},
            {"turns": ["my parcel"], "expect": {"member": "desk"}},
        ],
        bot="all",
    )
    assert states(report) == ["passed", "passed", "failed"]
    assert wrong(report.cases[2]) == [("member", "status")]


async def test_a_structured_answer_is_held_against_its_schema(run: Run, script: Script):
    def respond(request: ModelRequest) -> str:
        return '{"total": 12}' if "good" in last(request) else "twelve"

    script(respond=respond)
    schema = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
    report = await run([{"turns": [word], "expect": {"output": schema}} for word in ("good", "bad")])
    assert states(report) == ["passed", "failed"]


RUBRIC: list[dict[str, Any]] = [
    {"name": "polite", "description": "It is polite."},
    {"name": "useful", "description": "It helps.", "weight": 3},
]


async def test_a_judge_scores_by_a_rubric(run: Run, script: Script):
    def respond(request: ModelRequest) -> str:
        if "strict judge" not in str(request.messages[0]["content"]):
            return "You are welcome."
        assert "You are welcome." in last(request)
        assert "thank you" in last(request)
        return json.dumps({"scores": {"polite": 1, "useful": 0.4}, "reasons": "Friendly, and little else."})

    model = script(respond=respond)
    bands = [{"name": "great", "at_least": 0.9}, {"name": "fine", "at_least": 0.5}, {"name": "bad", "at_least": 0}]
    report = await run(
        [
            {"turns": ["thank you"], "expect": {"judged": {"rubric": RUBRIC, "at_least": 0.55}}},
            {"turns": ["thank you"], "expect": {"judged": {"rubric": RUBRIC}}},
            {"turns": ["thank you"], "expect": {"judged": {"rubric": RUBRIC, "bands": bands, "at_least": "fine"}}},
        ],
        judge="demo/judge",
    )
    assert states(report) == ["passed", "failed", "passed"]
    assert wrong(report.cases[1]) == [("judged", "fair (0.55): Friendly, and little else.")]
    assert {request.model for request in model.requests} == {"default", "demo/judge"}
    tries = report.cases[0].tries[0]
    assert tries.usage == tries.beside == Usage(input_tokens=10, output_tokens=5)


async def test_a_judge_who_cannot_be_understood_fails_the_case(run: Run, script: Script):
    script(respond=always("hm"))
    report = await run([{"turns": ["hi"], "expect": {"judged": {"rubric": RUBRIC}}}])
    assert "did not answer as it was asked to" in wrong(report.cases[0])[0][1]


async def test_a_played_person_talks_until_the_goal_is_reached(run: Run, script: Script):
    said: list[str] = []

    def respond(request: ModelRequest) -> str:
        if "You play a person" not in str(request.messages[0]["content"]):
            said.append(last(request))
            return "It arrives on Friday." if len(said) % 2 == 0 else "Which order?"
        reached = "Friday" in last(request)
        message = "A-1" if "Which order?" in last(request) else "Where is my order?"
        return json.dumps({"message": message, "done": reached, "reached": reached})

    script(respond=respond)
    goal = {"goal": "know when the order arrives", "persona": "short of time"}
    report = await run(
        [
            {"simulate": goal, "expect": {"contains": "Friday"}},
            {"simulate": {**goal, "turns": 1}},
            {"simulate": {**goal, "turns": 1, "must_reach": False}},
        ],
        Options(jobs=1),
    )
    assert states(report) == ["passed", "failed", "passed"]
    assert [turn.said for turn in report.cases[0].tries[0].seen.turns] == ["Where is my order?", "A-1"]
    assert [name for name, _ in wrong(report.cases[1])] == ["goal"]


async def test_part_of_the_tries_is_enough_where_that_is_said(run: Run, script: Script):
    script(*["yes", "no", "yes", "no"] * 2)
    case = {"turns": ["well?"], "expect": {"contains": "yes"}}
    report = await run([{**case, "repeat": 4, "pass_rate": 0.5}, {**case, "repeat": 4, "pass_rate": 0.75}])
    assert [(one.state, one.passed, len(one.tries)) for one in report.cases] == [("passed", 2, 4), ("failed", 2, 4)]


async def test_tries_know_nothing_of_one_another(run: Run, script: Script):
    def respond(request: ModelRequest) -> str:
        return f"I read {len(request.messages)} messages."

    model = script(respond=respond)
    report = await run([{"turns": ["one", "two"]}], Options(repeat=3), name="apart")
    assert {turn.reply for one in report.cases[0].tries for turn in one.seen.turns} == {
        "I read 2 messages.",
        "I read 4 messages.",
    }
    assert len(model.requests) == 6


async def test_many_tries_are_no_flood(run: Run, script: Script, shop: Path):
    text = (shop / "bots.yaml").read_text()
    tight = "    rate_limits: {per_minute: 1, per_token_per_minute: 1}\n    servers: [shop]\n"
    (shop / "bots.yaml").write_text(text.replace("    servers: [shop]\n", tight))
    script(respond=shopkeeper)
    report = await run(
        [{"turns": ["look", "look"], "as": "ada", "expect": {"not_contains": "limit"}}], Options(repeat=3)
    )
    assert states(report) == ["passed"]


async def test_roles_are_those_of_the_case(run: Run, script: Script):
    model = script(respond=always("ok"))
    await run([{"turns": ["hi"], "roles": role} for role in ("guest", "member", "admin")], Options(jobs=1))
    told = [{tool["function"]["name"] for tool in request.tools} for request in model.requests]
    assert ["shop__ship" in names for names in told] == [False, True, True]
    assert all("shop__look" in names for names in told)


async def test_names_that_nobody_has_are_told_with_their_place(run: Run):
    with pytest.raises(ConfigError) as raised:
        await run(
            [
                {"turns": ["hi"], "bot": "dusk"},
                {"turns": ["hi"], "as": "ida"},
                {"turns": ["hi"], "roles": "gast"},
                {"turns": ["hi"], "expect": {"member": "desk"}},
                {"turns": ["hi"], "simulate": {"goal": "x", "model": "defalt"}},
            ]
        )
    told = "\n".join(map(str, raised.value.problems))
    for name, near in (("dusk", "desk"), ("ida", "ada"), ("gast", "guest"), ("defalt", "default")):
        assert name in told
        assert f"did you mean `{near}`?" in told
    assert "`desk` is no team" in told
    assert len(raised.value.problems) == 5


async def test_tools_that_no_server_has_are_told_with_their_place(run: Run):
    with pytest.raises(ConfigError) as raised:
        await run([{"turns": ["hi"], "tools": {"shop__luck": 1}, "expect": {"not_called": "shap__look"}}])
    told = [str(problem) for problem in raised.value.problems]
    assert [("did you mean `shop__look`?" in one, "did you mean `shop`?" in one) for one in told] == [
        (True, False),
        (False, True),
    ]


async def test_secrets_of_the_instance_are_lent(run: Run, script: Script, monkeypatch: pytest.MonkeyPatch):
    import hashlib

    monkeypatch.delenv("SHOP_KEY")
    async with open_instance(load_environment(), mode="command") as instance:
        await instance.vault.put("instance", "SHOP_KEY", "kept-in-the-vault")
        await instance.vault.put("person:ada", "SHOP_KEY", "of-ada")
    script(respond=shopkeeper)
    digest = hashlib.sha256(b"kept-in-the-vault").hexdigest()
    report = await run([{"turns": ["look"], "as": "ada", "expect": {"contains": digest}}])
    assert states(report) == ["passed"]


async def test_another_model_stands_for_the_bots(shop: Path, script: Script):
    model = script(respond=always("ok"))
    environment = load_environment()
    config = with_model(load_project(environment.config), "demo/other")
    file = shop / "workspace" / "evals" / "one.yaml"
    file.write_text(json.dumps({"bot": "desk", "cases": [{"name": "a", "turns": ["hi"]}]}))
    await run_evals(environment, config, choose(config, shop, [file]).cases)
    assert [request.model for request in model.requests] == ["demo/other"]


async def test_a_server_that_is_gone_can_be_mocked(run: Run, script: Script, shop: Path):
    async with open_instance(load_environment(), mode="chat"):
        pass  # its servers told their tools
    text = (shop / "bots.yaml").read_text()
    (shop / "bots.yaml").write_text(text.replace(f"command: {json.dumps(sys.executable)}", "command: no-such-program"))
    script(respond=shopkeeper)
    report = await run([{"turns": ["look"], "tools": {"shop__look": "a teapot"}, "expect": {"contains": "a teapot"}}])
    assert states(report) == ["passed"]


async def test_routing_is_measured_by_the_same_command(run: Run, shop: Path, script: Script):
    file = shop / "workspace" / "evals" / "who.yaml"
    environment = load_environment()
    config = load_project(environment.config)
    for at_least, ok in ((0.5, True), (0.9, False)):
        text = {"team": "all", "at_least": at_least, "cases": {"status": ["my parcel"], "desk": ["parcel or not"]}}
        file.write_text(json.dumps(text))
        chosen = choose(config, shop, [file])
        report = await run_evals(environment, config, chosen.cases, chosen.routing)
        assert (report.passed, report.failed) == (int(ok), int(not ok))
        assert report.routing[0].report.right == 1
