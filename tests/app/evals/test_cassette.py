"""Answers of models on file: played without a model, never stale in silence, never with a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from botkit.app.evals.cassette import Cassette, Stale, asked_of, cassette_path
from botkit.app.evals.reports import EvalReport
from botkit.app.evals.running import Options
from botkit.core.errors import ConfigError
from botkit.core.models import ModelReply, ModelRequest, RequestedCall, Usage
from botkit.testing.models import ScriptedModel, calls
from tests.app.evals.conftest import Run

Script = Callable[..., ScriptedModel]
RECORD, PLAY = Options(mode="record"), Options(mode="play")


def request(text: str, *, system: str = "You are the desk.", **more: Any) -> ModelRequest:
    messages = ({"role": "system", "content": system}, {"role": "user", "content": text})
    return ModelRequest(model="default", messages=messages, **more)


def as_it_is(text: str) -> str:
    return text


@pytest.fixture
def cassette(tmp_path: Path) -> Cassette:
    return Cassette(tmp_path / "talk.recorded.json")


def played(cassette: Cassette, *asked: ModelRequest, attempt: int = 1) -> list[str]:
    cassette.save(ran=["a"], cases=["a"])
    again = Cassette.load(cassette.path)
    return [again.play("a", attempt, one).text for one in asked]


def test_what_was_answered_is_answered_again(cassette: Cassette):
    reply = ModelReply(
        text="Let me look.",
        calls=(RequestedCall(id="c1", name="shop__look", arguments='{"order":"A-1"}'),),
        usage=Usage(input_tokens=7, output_tokens=3, cost_micros=42),
        model="openai/x",
        finish="tool_calls",
        latency_ms=123.5,
    )
    cassette.record("a", 1, request("hi"), reply, as_it_is)
    cassette.save(ran=["a"], cases=["a"])
    assert Cassette.load(cassette.path).play("a", 1, request("hi")) == reply


def test_the_same_question_gets_its_answers_in_order_then_the_last(cassette: Cassette):
    for text in ("one", "two"):
        cassette.record("a", 1, request("hi"), ModelReply(text=text), as_it_is)
    assert played(cassette, request("hi"), request("hi"), request("hi")) == ["one", "two", "two"]


def test_a_further_try_gets_the_answers_of_an_earlier_one(cassette: Cassette):
    for attempt, text in ((1, "one"), (2, "two")):
        cassette.record("a", attempt, request("hi"), ModelReply(text=text), as_it_is)
    assert [played(cassette, request("hi"), attempt=number)[0] for number in (1, 2, 3, 4)] == ["one", "two"] * 2


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("It is Saturday 21 November 2026, 19:22 (UTC, UTC+0000).", "It is Monday 4 May 2027, 06:01 (UTC, UTC+0000)."),
        ("written at 2026-11-21T19:22:01Z", "written at 2027-01-04 06:01:59.123+01:00"),
        ("run_01a1ffac41c6737597bc55be1130d5e2", "run_01a1ffac53f675a99790a22fd800d672"),
        ("0b0cbd47-9a3c-4a3f-9d0a-7a8f4a1c2d3e", "7a1cbd47-9a3c-4a3f-9d0a-7a8f4a1c2d3e"),
    ],
)
def test_times_and_ids_make_no_difference(then: str, now: str):
    assert asked_of(request("hi", system=then)) == asked_of(request("hi", system=now))
    assert asked_of(request(then)) == asked_of(request(now))


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (request("bye"), "the conversation changed"),
        (request("hi", system="You are the boss."), "the instructions changed"),
        (request("hi", tools=({"type": "function"},)), "the tools changed"),
        (ModelRequest(model="other", messages=request("hi").messages), "the model changed"),
    ],
)
def test_what_changed_since_is_said(cassette: Cassette, now: ModelRequest, what: str):
    cassette.record("a", 1, request("hi"), ModelReply(text="one"), as_it_is)
    with pytest.raises(Stale, match=what) as raised:
        played(cassette, now)
    assert "botkit eval FILE --case 'a' --record" in str(raised.value)


def test_a_case_without_a_recording_is_told(cassette: Cassette):
    with pytest.raises(Stale, match="nothing was recorded for the case “a”"):
        played(cassette, request("hi"))


def test_cases_that_did_not_run_keep_their_answers(cassette: Cassette):
    for case in ("a", "b", "gone"):
        cassette.record(case, 1, request("hi"), ModelReply(text=f"old {case}"), as_it_is)
    cassette.save(ran=["a", "b", "gone"], cases=["a", "b", "gone"])
    again = Cassette.load(cassette.path)
    again.record("b", 1, request("hi"), ModelReply(text="new b"), as_it_is)
    assert again.save(ran=["b"], cases=["b", "a"]) == 2
    texts = [one["reply"]["text"] for one in json.loads(cassette.path.read_text())["answers"]]
    assert texts == ["new b", "old a"]


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"answers": [{"case": 1}]}'])
def test_what_is_no_recording_is_refused(cassette: Cassette, text: str):
    cassette.path.write_text(text)
    with pytest.raises(ConfigError, match="botkit eval FILE --record"):
        Cassette.load(cassette.path)


# ── through the engine ───────────────────────────────────────────────────────────────────────────────────────

TALK: dict[str, Any] = {"turns": ["where is it?", "thank you"], "expect": {"contains": "on its way"}}


def answers() -> list[Any]:
    return [calls(("shop__look", {"order": "A-1"})), "It is on its way.", "You are welcome."]


def told(report: EvalReport) -> list[tuple[str, str]]:
    return [(turn.said, turn.reply) for case in report.cases for turn in case.tries[0].seen.turns]


async def test_a_recorded_conversation_is_the_same_without_a_model(run: Run, script: Script, shop: Path):
    script(*answers())
    first = await run([TALK], RECORD)
    assert (first.passed, first.recorded) == (1, ("cases.recorded.json",))
    silent = script()  # it has no answer left for anybody
    for _ in range(2):
        again = await run([TALK], PLAY)
        assert told(again) == told(first)
        assert again.usage == first.usage
    assert silent.requests == []


async def test_secrets_do_not_reach_the_file(run: Run, script: Script, shop: Path):
    script(respond=lambda request: "The key is the-key-of-the-shop.")  # pyright: ignore[reportUnknownLambdaType] - whatever is asked
    await run([{"turns": ["look", "what is the-key-of-the-shop?"]}], RECORD)
    text = cassette_path(shop / "workspace" / "evals" / "cases.yaml").read_text()
    assert "The key is" in text
    assert "the-key-of-the-shop" not in text


async def test_a_changed_prompt_makes_the_recording_stale(run: Run, script: Script, shop: Path):
    script(*answers())
    await run([TALK], RECORD)
    file = shop / "bots.yaml"
    file.write_text(file.read_text().replace("You are the desk.", "You are the new desk."))
    report = await run([TALK], PLAY)
    assert (report.stale, report.passed, report.failed) == (1, 0, 0)
    assert "the instructions changed since" in report.cases[0].tries[0].stale[0]


async def test_judges_and_played_people_are_recorded_too(run: Run, script: Script):
    def respond(request: ModelRequest) -> str:
        system = str(request.messages[0]["content"])
        if "You play a person" in system:
            done = "Hello!" in str(request.messages[1]["content"])
            return json.dumps({"message": "hi", "done": done, "reached": done})
        if "strict judge" in system:
            return json.dumps({"scores": {"kind": 0.9}, "reasons": "Kind."})
        return "Hello!"

    case = {
        "simulate": {"goal": "be greeted"},
        "expect": {"judged": {"rubric": [{"name": "kind", "description": "It is kind."}]}},
    }
    script(respond=respond)
    first = await run([case], RECORD)
    script()
    again = await run([case], PLAY)
    assert (first.passed, again.passed) == (1, 1)
    assert again.cases[0].tries[0].verdicts == first.cases[0].tries[0].verdicts


async def test_without_a_recording_nothing_is_played(run: Run):
    with pytest.raises(ConfigError, match="nothing was recorded yet"):
        await run([TALK], PLAY)
