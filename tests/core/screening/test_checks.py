"""Checks of a whole text and of one in pieces come to the same; what cannot is not shown in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.core.patterns import PatternError
from botkit.core.screening import Checks, Matcher, Measure, Rule, check, stream_of, streams
from tests.core.screening.corpus import FORMS

ORDER = Rule(name="order", pattern=r"\b[A-Z]{1,3}-\d{2,6}\b", measure="redact")
NAMES = Rule(name="name", words=("Ada", "ada lovelace", "(b)", "Straße", "c++"), measure="redact")
EDGES = Rule(name="edge", pattern=r"(?m)^to: .{0,20}$", measure="redact")
PAIRS = Rule(name="pair", pattern="aa", measure="redact")
ALL = Checks(personal="redact", secrets="redact", rules=(ORDER, NAMES, EDGES, PAIRS))
PIECES = [
    *(text for text, _ in FORMS if len(text) < 400),
    "AB-123456", "AB-1", "A-12 A-34", "XA-12x", "Ada", "ada", "ada lovelace", "Adam", "(b)", "a(b)c", "straße",
    "c++", "to: you\n", "\nto: " + "y" * 20, "aaa", "é", "🙂", "\n", " ", "-", "A", "1",
]  # fmt: skip


def in_pieces(text: str, checks: Checks, sizes: list[int]) -> str:
    stream = stream_of(checks)
    assert stream is not None
    shown: list[str] = []
    here = turn = 0
    while here < len(text):
        size = sizes[turn % len(sizes)]
        shown.append(stream.feed(text[here : here + size]))
        here, turn = here + size, turn + 1
    return "".join((*shown, stream.flush()))


@pytest.mark.parametrize(
    "checks", [Checks(rules=(ORDER,)), Checks(rules=(NAMES,)), Checks(rules=(EDGES, PAIRS)), ALL], ids=str
)
@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=12), min_size=1, max_size=25),
    st.sampled_from(["", " ", ", "]),
    st.lists(st.integers(1, 60), min_size=1, max_size=12),
)
def test_however_a_text_is_cut_the_same_is_taken_out(
    checks: Checks, pieces: list[str], between: str, sizes: list[int]
) -> None:
    text = between.join(pieces)

    assert in_pieces(text, checks, sizes) == check(text, checks).text


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 900), st.sampled_from(["AB-123456", "ada lovelace", "ada@example.com"]), st.integers(1, 40))
def test_nothing_slips_through_between_two_pieces(before: int, what: str, size: int) -> None:
    text = "x " * (before // 2) + what + " y" * 300
    stream = stream_of(ALL)
    assert stream is not None
    shown = ""
    for here in range(0, len(text), size):
        shown += stream.feed(text[here : here + size])
        assert what[:4] not in shown


def test_what_comes_early_is_shown_early() -> None:
    stream = stream_of(Checks(rules=(NAMES,)))
    assert stream is not None

    assert stream.feed("word " * 100).startswith("word word")


@pytest.mark.parametrize(
    ("rule", "text", "left"),
    [
        (ORDER, "A-12 and AB-345, not A-1", "[order] and [order], not A-1"),
        (NAMES, "Ada, Adam and ADA LOVELACE", "[name], Adam and [name]"),
        (NAMES, "ada ada", "[name] [name]"),
        (NAMES, "f(b) and (b)", "f(b) and [name]"),
        (NAMES, "in c++, c", "in [name], c"),
        (PAIRS, "aaaaa", "[pair][pair]a"),
        (Rule(name="x", pattern="a*", measure="redact"), "bab", "b[x]b"),
        (Rule(name="x", words=("one", "two"), pattern=r"two \d", measure="redact"), "one two 2", "[x] [x]"),
    ],
)
def test_rules_take_out_what_fits(rule: Rule, text: str, left: str) -> None:
    assert check(text, Checks(rules=(rule,))).text == left


@pytest.mark.parametrize(
    ("checks", "shown"),
    [
        (Checks(), True),
        (Checks(personal="redact", secrets="redact"), True),
        (Checks(personal="flag", rules=(Rule(name="x", pattern="a+", measure="flag"),)), True),
        (Checks(rules=(ORDER,)), True),
        (Checks(secrets="block"), False),
        (Checks(injection="redact"), False),
        (Checks(injection="flag"), True),
        (Checks(policy="No."), False),
        (Checks(policy="No.", policy_measure="flag"), True),
        (Checks(rules=(Rule(name="x", words=("y",)),)), False),
        (Checks(rules=(Rule(name="x", pattern="a+", measure="redact"),)), False),
        (Checks(rules=(Rule(name="x", pattern=r"\pL{3}", measure="redact"),)), False),
        (Checks(rules=(Rule(name="x", pattern="[[:alpha:]]{3}", measure="redact"),)), False),
        (Checks(rules=(Rule(name="x", pattern="a{900}b{900}c{900}", measure="redact"),)), False),
    ],
    ids=str,
)
def test_only_what_can_be_cleaned_as_it_comes_is_shown_while_it_is_written(checks: Checks, shown: bool) -> None:
    assert streams(checks) == shown


@pytest.mark.parametrize("measure", ["block", "redact", "flag", "off"])
def test_each_measure_does_what_it_says(measure: Measure) -> None:
    text = "Write to ada@example.com, A-12."
    verdict = check(text, Checks(personal=measure, rules=(Rule(name="order", pattern=r"A-\d\d", measure=measure),)))

    assert bool(verdict.blocked) == (measure == "block")
    assert verdict.text == ("Write to [email], [order]." if measure == "redact" else text)
    assert [each.kind for each in verdict.findings] == ([] if measure == "off" else ["email", "order"])


def test_an_address_inside_a_secret_leaves_nothing_of_it() -> None:
    text = "postgres://ada:hunter2@db.example.com/x"

    assert "hunter2" not in check(text, Checks(personal="redact", secrets="redact")).text


def test_what_is_too_long_to_be_read_is_not_vouched_for() -> None:
    text = "a " * 150_000

    assert check(text, Checks(secrets="block")).blocked == "length: too_long"
    assert check(text, Checks(secrets="flag")).blocked == ""


def test_a_pattern_that_is_not_understood_is_refused() -> None:
    with pytest.raises(PatternError):
        Matcher(Rule(name="x", pattern="(?=a)"))


def test_many_words_and_many_fits_take_linear_time() -> None:
    words = tuple(f"word{number}" for number in range(1000))
    text = "word7 " * 30_000

    assert check(text, Checks(rules=(Rule(name="w", words=words, measure="redact"),))).text == "[w] " * 30_000
