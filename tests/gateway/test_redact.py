"""Redaction: no form of a secret passes, whole or in pieces, and nothing else is touched."""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from botkit.gateway.redact import MARK, SecretRedactor, forms_of

SECRET = 'sk-Täst/+9 "q"\n&x'
printable = st.text(st.characters(codec="utf-8", min_codepoint=33, max_codepoint=0x24F), min_size=8, max_size=40)


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(json.dumps(SECRET)),
        msgspec.json.encode({"a": [SECRET]}).decode(),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        re.sub(r"%..", lambda match: match[0].lower(), quote(SECRET, safe="")),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode() + b"!").decode(),
        base64.b64encode(b"user1:" + SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"user12:" + SECRET.encode() + b"??").decode(),
        'sk-Täst/+9 &quot;q&quot;\n&amp;x',
    ],
)  # fmt: skip
def test_every_encoding_is_found(form: str) -> None:
    redacted = SecretRedactor([SECRET]).text(f"before {form} after")
    assert MARK in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    assert "Täst" not in redacted


@given(secret=printable, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_of_anything_around_a_secret_is_found(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    assert MARK in SecretRedactor([secret]).text(encoded)


@given(secret=printable, text=st.text(max_size=60), cuts=st.lists(st.integers(0, 200), max_size=12))
def test_a_stream_shows_what_the_whole_text_would(secret: str, text: str, cuts: list[int]) -> None:
    redactor = SecretRedactor([secret, f"{secret}-long", secret[2:] + "tail"])
    whole = f"{text}{secret}-lo{text}{secret}tail{secret}-long{secret[:-1]}"
    stream = redactor.stream()
    points = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    shown = "".join(stream.feed(whole[a:b]) for a, b in itertools.pairwise(points)) + stream.flush()
    assert secret not in shown
    assert shown == redactor.text(whole)


def test_a_stream_holds_back_only_what_may_be_a_secret() -> None:
    stream = SecretRedactor(["sk-secret"]).stream()
    assert stream.feed("hello sk") == "hello "
    assert stream.feed("ating") == "skating"
    assert stream.feed(" sk-secr") == " "
    assert stream.feed("et!") == f"{MARK}!"
    assert stream.flush() == ""


def test_a_value_learned_in_the_middle_of_a_stream_counts() -> None:
    redactor = SecretRedactor()
    stream = redactor.stream()
    assert stream.feed("plain ") == "plain "
    redactor.add("sk-secret")
    assert stream.feed("sk-sec") + stream.feed("ret") + stream.flush() == MARK


def test_nested_values_and_keys_are_cleaned() -> None:
    redactor = SecretRedactor(["sk-secret"])
    value: dict[str, Any] = {"sk-secret": [1, None, ("a sk-secret",), {"k": b"sk-secret"}], "ok": "x"}
    assert redactor.value(value) == {MARK: [1, None, (f"a {MARK}",), {"k": MARK.encode()}], "ok": "x"}


def test_without_secrets_nothing_is_touched() -> None:
    redactor = SecretRedactor()
    value = {"a": ["text"]}
    assert redactor.value(value) is value
    assert redactor.text("text") == "text"
    assert redactor.empty


def test_half_a_surrogate_pair_hides_nothing() -> None:
    assert SecretRedactor(["sk-secret"]).text("\ud800 sk-secret") == f"\ud800 {MARK}"


def test_many_long_values_are_found_too() -> None:
    values = [f"{number:05}-" + "ü" * 110 for number in range(300)]
    redactor = SecretRedactor(values)
    assert redactor.text(f"a {values[123]} b") == f"a {MARK} b"
    assert redactor.text("nothing") == "nothing"


@pytest.mark.parametrize("encoding", ["plain", "json", "base64", "hex"])
def test_a_long_key_is_hidden_whole_and_in_part(encoding: str) -> None:
    key = "".join(f"{number:04x}/+" for number in range(500))
    shown = {
        "plain": key,
        "json": json.dumps({"key": key}),
        "base64": base64.b64encode(f"12{key}".encode()).decode(),
        "hex": key.encode().hex(),
    }[encoding]
    redactor = SecretRedactor([key])
    assert len(redactor.text(f"<{shown}>")) < 40
    assert MARK in redactor.text(shown[len(shown) // 4 : len(shown) // 2])
    stream = redactor.stream()
    pieces = [stream.feed(shown[start : start + 37]) for start in range(0, len(shown), 37)]
    assert len("".join(pieces) + stream.flush()) < 40


def test_very_short_values_are_left_alone() -> None:
    assert forms_of("abc") == set()
    assert SecretRedactor(["abc"]).text("abc abc") == "abc abc"


def test_a_secret_that_begins_another_hides_both() -> None:
    redactor = SecretRedactor(["token", "token-long"])
    assert redactor.text("token-long token") == f"{MARK} {MARK}"


def test_secrets_learned_one_by_one_are_all_known() -> None:
    redactor = SecretRedactor()
    for number in range(50):
        redactor.add(f"value-{number}")
        assert redactor.text(f"a value-{number}.") == f"a {MARK}."
    assert redactor.text("value-7 value-49") == f"{MARK} {MARK}"


def test_log_lines_are_cleaned() -> None:
    redactor = SecretRedactor(["sk-secret"])
    with structlog.testing.capture_logs() as logs:
        structlog.get_logger().info("plain")
    assert logs
    event = redactor.process(None, "info", {"event": "call sk-secret", "error": ValueError("sk-secret"), "n": 1})
    assert event == {"event": f"call {MARK}", "error": f"ValueError: {MARK}", "n": 1}


def test_many_secrets_do_not_make_a_large_text_slow() -> None:
    """A bound wide enough for a busy machine; the search needs about a hundredth of it."""
    redactor = SecretRedactor(f"sk-{number:04}-{'x' * 30}" for number in range(200))
    text = "The quick brown fox jumps over the lazy dog. " * 6000
    redactor.text("warm up")
    begun = time.process_time()
    assert redactor.text(text) == text
    assert time.process_time() - begun < 0.5
