"""Deliveries are read for what they are, and garbage is refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.webhooks.incoming import BadPayload, admits, parse_incoming

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("source", "headers", "body", "kind", "delivery"),
    [
        (
            "github",
            {"x-github-event": "issues", "x-github-delivery": "d1"},
            {"action": "opened"},
            "issues.opened",
            "d1",
        ),
        ("github", {"x-github-event": "push", "x-github-delivery": "d2"}, {"ref": "main"}, "push", "d2"),
        ("stripe", {}, {"id": "evt_1", "type": "invoice.paid"}, "invoice.paid", "evt_1"),
        ("shopify", {"x-shopify-topic": "orders/paid", "x-shopify-webhook-id": "w1"}, {"id": 5}, "orders/paid", "w1"),
        ("custom", {"idempotency-key": "k"}, {"event": {"type": "ticket.new"}}, "ticket.new", "k"),
        ("custom", {"x-delivery-id": "k"}, {"event_type": "ping"}, "ping", "k"),
    ],
)
def test_each_sender_names_its_events_and_deliveries(
    source: str, headers: dict[str, str], body: dict[str, Any], kind: str, delivery: str
):
    found = parse_incoming(source, {**JSON, **headers}, json.dumps(body).encode())
    assert (found.type, found.delivery, found.body) == (kind, delivery, body)


def test_without_an_id_the_same_body_is_the_same_delivery():
    one, two, other = (parse_incoming("custom", JSON, body) for body in (b'{"a": 1}', b'{"a": 1}', b'{"a": 2}'))
    assert one.delivery == two.delivery != other.delivery


def test_forms_and_texts_are_read():
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert parse_incoming("custom", form, b"a=1&b=2&b=3").body == {"a": "1", "b": ["2", "3"]}
    assert parse_incoming("github", form, b"payload=%7B%22action%22%3A%22opened%22%7D").body == {"action": "opened"}
    assert parse_incoming("custom", {"content-type": "text/plain"}, b"disk full").body == "disk full"


def test_a_signature_is_never_among_the_headers_that_are_kept():
    headers = {**JSON, "x-hub-signature-256": "s", "x-shopify-hmac-sha256": "s", "authorization": "s", "cookie": "s"}
    assert "s" not in parse_incoming("shopify", headers, b"{}").headers.values()


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(raw: bytes):
    with pytest.raises(BadPayload):
        parse_incoming("custom", JSON, raw)


@given(source=st.sampled_from(["github", "stripe", "shopify", "custom"]), raw=st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(source: str, raw: bytes):
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain", ""):
        try:
            assert parse_incoming(source, {"content-type": kind}, raw).delivery
        except BadPayload:
            continue


def test_wanted_events_are_names_patterns_or_the_whole_of_a_kind():
    assert admits(("*",), "")
    assert admits(("issues",), "issues.opened")
    assert admits(("orders/*",), "orders/paid")
    assert not admits(("issues.closed",), "issues.opened")
    assert not admits(("issue",), "issues.opened")
