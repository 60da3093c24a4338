"""The recorded conversations measure what they say they do."""

from __future__ import annotations

from benchmarks.context import measure
from benchmarks.conversations import conversations


def test_the_recorded_set_is_the_same_every_time_and_answers_stand_in_it_once():
    (first,) = conversations(1, 24)

    assert conversations(1, 24) == [first]
    for question in first.questions:
        told = [turn.text + turn.report for turn in first.turns]
        assert sum(text.count(question.answer) for text in told) == 1, question
    assert max(len(turn.report) for turn in first.turns) > 50_000


async def test_kept_results_cost_less_than_pasted_ones_and_answer_no_less():
    found = await measure(32_000, count=1, turns=20)

    assert sum(found.ours) < sum(found.naive) / 3
    assert found.answered == {**found.asked, "after": found.answered["after"]}
    assert found.answered["result"] > found.answered_naive["result"]
