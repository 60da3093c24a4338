"""Whoever did not sign is refused, whatever the mistake."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from botkit.core.errors import BadSignature
from botkit.webhooks.signatures import verify_signature

NOW = 1_800_000_000
BODY = b'{"type": "order.paid"}'


def hexed(key: str, body: bytes) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def test_the_published_example_of_github_is_right():
    headers = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    verify_signature("github", "It's a Secret to Everybody", headers, b"Hello, World!", NOW)


GOOD = {
    "github": {"x-hub-signature-256": f"sha256={hexed('key', BODY)}"},
    "custom": {"x-signature-256": hexed("key", BODY)},
    "stripe": {"stripe-signature": f"t={NOW},v0=00,v1={hexed('key', b'%d.' % NOW + BODY)}"},
    "shopify": {"x-shopify-hmac-sha256": base64.b64encode(hmac.digest(b"key", BODY, "sha256")).decode()},
}


@pytest.mark.parametrize("source", GOOD)
def test_each_sender_is_known_by_its_signature(source: str):
    verify_signature(source, "key", GOOD[source], BODY, NOW)
    for key, headers, body in (
        ("key", GOOD[source], BODY + b" "),
        ("other", GOOD[source], BODY),
        ("", GOOD[source], BODY),
        ("key", {}, BODY),
    ):
        with pytest.raises(BadSignature):
            verify_signature(source, key, headers, body, NOW)


@pytest.mark.parametrize("source", GOOD)
@pytest.mark.parametrize("junk", ["", "sha256=", "zz" * 32, "ä" * 64, "t=,v1=", "t=99999999999999,v1=00", "=" * 5000])
def test_a_malformed_signature_is_refused(source: str, junk: str):
    (name,) = GOOD[source]
    with pytest.raises(BadSignature):
        verify_signature(source, "key", {name: junk}, BODY, NOW)


@pytest.mark.parametrize("off", [301, -301])
@pytest.mark.parametrize("source", ["stripe", "custom"])
def test_a_signed_time_that_is_far_off_is_refused(source: str, off: int):
    stamp = NOW + off
    signed = hexed("key", b"%d." % stamp + BODY)
    headers = (
        {"stripe-signature": f"t={stamp},v1={signed}"}
        if source == "stripe"
        else {
            "x-timestamp": str(stamp),
            "x-signature-256": signed,
        }
    )
    with pytest.raises(BadSignature):
        verify_signature(source, "key", headers, BODY, NOW)
    verify_signature(source, "key", headers, BODY, NOW + off)
