"""A long history shrinks; what was said in it stays known."""

from __future__ import annotations

import pytest

from botkit.agents.compaction import extract_facts, merge_summary, split_history
from botkit.core.errors import ModelRefused, ModelUnavailable
from botkit.core.journal import TranscriptRow
from botkit.core.models import ModelReply, ModelRequest
from botkit.testing.models import ScriptedModel
from tests.agents.support import Bench, FakeTools, a_task, a_tool, row

PLANTED = {
    "name": "My name is Grace Hopper, please remember that.",
    "order": "The broken one is order ORD-77812, the blue kettle.",
    "allergy": "I am allergic to hazelnuts.",
    "mail": "Write to grace.hopper@navy.example when it ships.",
    "money": "We agreed on a refund of €149.50 for it.",
    "date": "It has to arrive before 2026-12-24.",
    "phone": "You can call +49 170 5550123 after 18:30.",
    "link": "The invoice is at https://shop.example/invoices/8841?x=1.",
    "quote": 'The gift card should read "To the first bug".',
    "german": "Ich bin Vegetarierin.",
}
CORES = (
    "Grace Hopper",
    "ORD-77812",
    "hazelnuts",
    "grace.hopper@navy.example",
    "€149.50",
    "2026-12-24",
    "+49 170 5550123",
    "18:30",
    "https://shop.example/invoices/8841?x=1",
    '"To the first bug"',
    "Vegetarierin",
)
FILLER = "Thanks, that sounds good to us here, and the weather is lovely as well, so there is nothing else to say. " * 4


def long_history(turns: int = 60) -> tuple[TranscriptRow, ...]:
    """Chatter with ten facts planted in its first half."""
    rows: list[TranscriptRow] = []
    planted = list(PLANTED.values())
    for turn in range(turns):
        text = planted[turn // 3] if turn % 3 == 0 and turn // 3 < len(planted) else FILLER
        rows.append(row("user", text, len(rows) + 1))
        rows.append(row("assistant", FILLER, len(rows) + 1))
    return tuple(rows)


def lazy_summary(request: ModelRequest) -> str | ModelReply:
    """A model that summarises badly, and otherwise answers."""
    return "They talked." if "keep the memory" in request.messages[0]["content"] else "Sure."


async def test_no_planted_fact_is_lost_however_badly_the_model_summarises():
    model = ScriptedModel(respond=lazy_summary)

    outcome = await Bench(model).run(a_task("What is my name?", history=long_history(), max_context_tokens=4000))

    asked = model.requests[-1].messages
    for core in CORES:
        assert core in asked[0]["content"], core
        assert core in outcome.summary, core
    assert outcome.summary_seq > 60
    assert sum(len(str(message["content"])) for message in asked) < 4 * 4000


async def test_facts_survive_a_second_summary_and_a_model_that_is_down():
    def down(request: ModelRequest) -> str | Exception:
        return ModelUnavailable("503") if "keep the memory" in request.messages[0]["content"] else "Sure."

    first = await Bench(ScriptedModel(respond=lazy_summary)).run(
        a_task(history=long_history(), max_context_tokens=4000)
    )
    chatter = tuple(row("user" if n % 2 else "assistant", FILLER, 200 + n) for n in range(120))
    second = await Bench(ScriptedModel(respond=down)).run(
        a_task(history=chatter, summary=first.summary, max_context_tokens=4000)
    )

    for core in CORES:
        assert core in second.summary, core


async def test_a_replayed_turn_does_not_pay_for_its_summary_twice():
    model = ScriptedModel(respond=lazy_summary)
    bench = Bench(model)
    task = a_task(history=long_history(), max_context_tokens=4000)

    first, second = await bench.run(task), await bench.run(task)

    assert len(model.requests) == 2
    assert first.summary == second.summary
    assert {call.step for call in bench.billed} == {"compact", "turn/0/model"}


async def test_a_history_that_fits_is_left_word_for_word():
    model = ScriptedModel("Sure.")

    outcome = await Bench(model, FakeTools(a_tool("a__b"))).run(a_task(history=long_history(3)))

    assert outcome.summary == ""
    assert len(model.requests) == 1
    assert len(model.requests[0].messages) == 1 + 6 + 1


async def test_a_provider_that_finds_it_too_long_is_asked_again_with_less():
    def small_window(request: ModelRequest) -> str | Exception:
        if "keep the memory" in request.messages[0]["content"]:
            return "They talked."
        if sum(len(str(message["content"])) for message in request.messages) > 30_000:
            return ModelRefused("prompt is too long", too_long=True)
        return "Sure."

    bench = Bench(ScriptedModel(respond=small_window))
    task = a_task(history=long_history(), max_context_tokens=100_000)

    first, again = await bench.run(task), await bench.run(task)

    assert first.text == "Sure."
    assert "ORD-77812" in first.summary
    assert (again.text, again.summary) == (first.text, first.summary)
    assert {call.step for call in bench.billed} == {"turn/0/model", "compact/again"}


async def test_a_message_that_is_too_long_by_itself_is_refused_with_words():
    outcome = await Bench(ScriptedModel(ModelRefused("too long", too_long=True))).run(a_task("x"))

    assert outcome.state == "failed"


def test_the_kept_part_begins_with_the_person_and_loses_no_row():
    history = long_history(20)

    split = split_history(history, keep_tokens=1000)

    assert split.old + split.recent == history
    assert split.recent[0].role == "user"


@pytest.mark.parametrize("fact", PLANTED.values())
def test_a_telling_sentence_is_a_fact(fact: str):
    assert extract_facts([row("user", f"Hello there. {fact} Bye.")])


def test_chatter_is_not_a_fact():
    chatter = [row("user", "Hello! How are you? Great, thanks."), row("assistant", "You are welcome.")]

    assert extract_facts(chatter) == []


def test_a_summary_that_has_the_facts_is_not_repeated():
    facts = ["Person: The broken one is order ORD-77812."]

    assert merge_summary("", "The broken order is ORD-77812.", facts) == "The broken order is ORD-77812."


def test_a_large_result_leaves_what_it_was_asked_for_and_where_it_is_kept() -> None:
    rows = [
        row("assistant", "", 1, calls=[{"id": "c1", "name": "shop__report", "arguments": {"customer": "Bodo"}}]),
        row(
            "tool",
            "code RC-1234567 " * 200,
            2,
            call_id="c1",
            name="shop__report",
            ref="run_1/turn/0/tool/0",
            chars=9_000,
        ),
        row("tool", "code RC-7654321", 3, call_id="c2", name="shop__report", ref="run_1/turn/0/tool/1", chars=15),
    ]

    assert extract_facts(rows) == [
        'shop__report: {"customer":"Bodo"} [results__read with ref "run_1/turn/0/tool/0"]',
        "shop__report: code RC-7654321",
    ]


def test_where_there_is_no_room_what_tools_said_goes_first_and_people_last_and_it_is_counted() -> None:
    facts = [
        "Ada: I live at 12 Elm Street.",
        *(f"shop__report: order ORD-{n} was sent" for n in range(30)),
        *(f"Bot: it costs {n} EUR" for n in range(100, 130)),
        'shop__report: {} [results__read with ref "run_1/turn/0/tool/0"]',
        "Ada: My number is 4711.",
    ]

    first = merge_summary("", "They talked.", facts, limit_chars=500)
    second = merge_summary(first, "They talked on.", ["Ada: I moved to 99 Oak Lane."], limit_chars=500)

    for summary in (first, second):
        assert len(summary) <= 500
        assert "12 Elm Street" in summary
        assert "4711" in summary
        assert "ORD-" not in summary
    assert "results__read" in first
    assert "(older facts for which there was no room: " in first
    kept = first.count("\n- ")
    assert f"no room: {len(facts) - kept})" in first
    assert "99 Oak Lane" in second


def test_a_long_prose_leaves_half_of_the_room_to_facts() -> None:
    facts = [f"Ada: my number {n} is {n * 1000}" for n in range(40)]

    summary = merge_summary("", "They talked. " * 500, facts, limit_chars=1_000)

    assert len(summary) <= 1_100
    assert "characters left out" in summary
    assert summary.count("\n- ") >= 10


def test_what_one_summary_says_in_its_own_words_the_next_may_forget_and_it_is_kept_all_the_same() -> None:
    first = merge_summary("", "Grace ordered ORD-77812. They talked.", ["Grace: My order is ORD-77812."])
    second = merge_summary(first, "They talked on.", [])
    third = merge_summary(second, "And on.", [], limit_chars=300)

    assert "ORD-77812" in first
    assert "ORD-77812" in second
    assert "ORD-77812" in third


def test_what_only_stood_in_the_part_of_a_prose_that_was_cut_is_a_fact_again() -> None:
    prose = "They talked. " * 40 + "The order is ORD-77812. " + "They talked. " * 80

    summary = merge_summary("", prose, ["Grace: My order is ORD-77812."], limit_chars=600)

    assert "Grace: My order is ORD-77812." in summary
    assert len(summary) <= 700
