"""A question, the answers to it, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from botkit.core.events import Action
from botkit.core.journal import Wait as Wait_
from botkit.core.messages import Capabilities
from botkit.engine import forms
from botkit.engine.languages.en import ENGLISH
from botkit.sdk.nodes import NodeFailed, Outcome, Wait
from botkit.testing.nodes import BenchContext, NodeBench
from botkit.workflows.nodes.wait_for_reply import WaitForReply

ORDER = {"order": {"total": 100}, "user": {"name": "Ada"}}


async def asked(data: dict[str, Any]) -> NodeBench:
    bench = NodeBench(WaitForReply, {"question": "Well, {{ user.name }}?", **data}, variables=ORDER)
    wait = await bench.run()
    assert isinstance(wait, Wait)
    assert wait.kind == "reply"
    return bench


def value(outcome: Outcome | Wait) -> Any:
    assert isinstance(outcome, Outcome), outcome
    assert outcome.handle == "reply"
    return outcome.output["value"]


async def test_a_question_is_asked_and_its_answer_goes_on() -> None:
    bench = await asked({"within_s": 60})

    assert bench.waits[0].message is not None
    assert bench.waits[0].message.text == "Well, Ada?"
    assert bench.waits[0].expires_s == 60
    outcome = await bench.answer("Fine.")
    assert isinstance(outcome, Outcome)
    assert outcome.output == {
        "text": "Fine.",
        "value": "Fine.",
        "fields": {},
        "attachments": [],
        "by": "ada",
        "tries": 1,
    }


@pytest.mark.parametrize(
    ("data", "text", "means"),
    [
        ({"kind": "number"}, " 12,5 ", 12.5),
        ({"kind": "number"}, "1 000", 1000),
        ({"kind": "integer"}, "7", 7),
        ({"kind": "boolean"}, "Ja!", True),
        ({"kind": "boolean"}, "nein", False),
        ({"kind": "email"}, "ada@example.com", "ada@example.com"),
        ({"kind": "phone"}, "0049 (30) 123-456", "+4930123456"),
        ({"kind": "url"}, "https://example.com/a?b", "https://example.com/a?b"),
        ({"kind": "date"}, "24.12.2026", "2026-12-24"),
        ({"kind": "date"}, "2026-12-24", "2026-12-24"),
        ({"pattern": r"^A-\d+$"}, "A-17", "A-17"),
        ({"kind": "number", "valid": "value > 0 and value <= order.total"}, "100", 100),
        ({"choices": ["Small", "Large"]}, "2", "Large"),
        ({"choices": ["Small", "Large"]}, "small", "Small"),
        ({"choices": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]}, "Large", "l"),
        ({"choices": ["a", "b", "c"], "many": True}, "1, 3", ["a", "c"]),
    ],
)
async def test_an_answer_means_this(data: dict[str, Any], text: str, means: Any) -> None:
    bench = await asked(data)

    assert value(await bench.answer(text)) == means


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"kind": "number"}, "many"),
        ({"kind": "integer"}, "1.5"),
        ({"kind": "boolean"}, "perhaps"),
        ({"kind": "email"}, "ada@example"),
        ({"kind": "email"}, "a@b.c, d@e.f"),
        ({"kind": "phone"}, "call me"),
        ({"kind": "url"}, "javascript:alert(1)"),
        ({"kind": "date"}, "31.02.2026"),
        ({"kind": "file"}, "no file"),
        ({"kind": "text"}, "  "),
        ({"pattern": r"^A-\d+$"}, "B-17"),
        ({"kind": "number", "valid": "value <= order.total"}, "101"),
        ({"choices": ["Small", "Large"]}, "3"),
        ({"choices": ["Small", "Large"]}, "1, 2"),
    ],
)
async def test_an_answer_that_does_not_fit_is_asked_for_again_then_given_up(data: dict[str, Any], text: str) -> None:
    bench = await asked({**data, "attempts": 2})

    again = await bench.answer(text)
    assert isinstance(again, Wait)
    assert again.message is not None
    assert again.message.text
    outcome = await bench.answer(text)
    assert isinstance(outcome, Outcome)
    assert outcome.handle == "invalid"
    assert outcome.output["tries"] == 2


async def test_the_operator_may_say_what_is_wrong_in_other_words() -> None:
    bench = await asked({"kind": "number", "invalid_message": "Bitte eine Zahl, {{ user.name }}."})

    again = await bench.answer("x")
    assert isinstance(again, Wait)
    assert again.message is not None
    assert again.message.text == "Bitte eine Zahl, Ada."
    assert value(await bench.answer("3")) == 3


async def test_all_answers_together_have_one_deadline() -> None:
    bench = await asked({"kind": "number", "within_s": 100})

    await bench.ctx.clock.advance(70)
    again = await bench.answer("x")
    assert isinstance(again, Wait)
    assert again.expires_s == 30
    outcome = await bench.expire()
    assert isinstance(outcome, Outcome)
    assert outcome.handle == "timeout"


async def test_a_question_without_end_never_expires() -> None:
    bench = await asked({"within_s": 0, "kind": "number"})

    assert bench.waits[0].expires_s == 0
    again = await bench.answer("x")
    assert isinstance(again, Wait)
    assert again.expires_s == 0


async def test_choices_are_asked_by_a_form_of_one_field_so_that_channels_can_show_a_menu() -> None:
    bench = await asked({"choices": [{"label": "Small", "value": "s"}, "Large"]})

    assert bench.waits[0].payload["schema"]["properties"]["answer"]["oneOf"] == [
        {"const": "s", "title": "Small"},
        {"const": "Large", "title": "Large"},
    ]
    assert value(await bench.answer(field="answer", values=["s"])) == "s"


async def test_a_press_that_fits_no_choice_is_asked_again() -> None:
    bench = await asked({"choices": ["a", "b"]})

    assert isinstance(await bench.answer(field="answer", values=["z"]), Wait)
    assert isinstance(await bench.answer(field="answer", values=["a", "b"]), Wait)


async def test_who_does_not_want_to_answer_takes_the_timeout_edge() -> None:
    bench = await asked({"choices": ["a", "b"]})

    outcome = await bench.answer(declined=True)
    assert isinstance(outcome, Outcome)
    assert outcome.handle == "timeout"


async def test_a_crash_while_the_answer_is_read_changes_nothing() -> None:
    bench = await asked({"kind": "number"})
    await bench.answer("x")

    assert await bench.again() == bench.waits[-1]


async def test_nobody_can_be_asked_where_nobody_talks() -> None:
    facts = replace(BenchContext().run, conversation="")
    with pytest.raises(NodeFailed) as caught:
        await NodeBench(WaitForReply, {"question": "Well?"}, facts=facts).run()

    assert caught.value.code == "no_conversation"


async def test_the_engine_shows_choices_as_a_menu_and_hands_back_what_was_pressed() -> None:

    bench = await asked({"choices": [{"label": "Small", "value": "s"}, "Large"]})
    asking = bench.waits[0]
    assert asking.message is not None
    payload = {**asking.payload, "message": asking.message.text, "node": "ask"}
    row = Wait_(id="w", run_id="r", lane="l", key="k", kind="reply", token="tok", payload=payload)
    row, message = forms.ask(row, ENGLISH, Capabilities(selects=25, buttons=True))

    assert "Well, Ada?" in message.text
    assert [option.label for option in message.selects[0].options] == ["Small", "Large"]
    heard = forms.answer_of(row, Action(value=message.selects[0].options[0].value), ENGLISH)
    assert heard is not None
    assert value(await bench.answer(**heard)) == "s"
