"""Proof that an inbound webhook comes from who it says, as each sender signs.

Sources: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries,
https://docs.stripe.com/webhooks#verify-manually,
https://shopify.dev/docs/apps/build/webhooks/subscribe/https
"""

from __future__ import annotations

__all__ = ["STALE_S", "verify_signature"]

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from botkit.core.errors import BadSignature

STALE_S = 300
"""Seconds a signed time may lie in the past or the future."""
_CUSTOM = ("x-hub-signature-256", "x-signature-256", "x-webhook-signature")
_LONGEST = 4096


def verify_signature(source: str, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Check the raw body against the sender's signature.

    Args:
        source: `github`, `stripe`, `shopify` or `custom`.
        headers: names in lower case.
        now: seconds since 1970.

    Raises:
        BadSignature: it is missing, malformed, stale or wrong.
    """
    if not secret:
        raise BadSignature("the webhook has no signing secret")
    key = secret.encode()
    if source == "stripe":
        _stripe(key, headers.get("stripe-signature", ""), body, now)
    elif source == "shopify":
        _same(_from_base64(headers.get("x-shopify-hmac-sha256", "")), hmac.digest(key, body, "sha256"))
    elif source == "github":
        _hexed(key, headers.get("x-hub-signature-256", ""), body, prefixed=True)
    else:
        given = next((headers[name] for name in _CUSTOM if headers.get(name)), "")
        signed = body
        if stamp := headers.get("x-timestamp", ""):
            _fresh(stamp, now)
            signed = stamp.encode() + b"." + body
        _hexed(key, given, signed, prefixed=False)


def _stripe(key: bytes, header: str, body: bytes, now: float) -> None:
    stamp, given = "", list[str]()
    for part in header[:_LONGEST].split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            stamp = value
        elif name == "v1":
            given.append(value)
    _fresh(stamp, now)
    wanted = hmac.digest(key, stamp.encode() + b"." + body, "sha256")
    if not any(_equal(_from_hex(one), wanted) for one in given):
        raise BadSignature("the signature is not the sender's")


def _hexed(key: bytes, header: str, body: bytes, *, prefixed: bool) -> None:
    given = header.strip()
    if given.startswith("sha256="):
        given = given.removeprefix("sha256=")
    elif prefixed:
        raise BadSignature("the signature is missing")
    _same(_from_hex(given), hmac.digest(key, body, hashlib.sha256))


def _fresh(stamp: str, now: float) -> None:
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12 or abs(now - int(stamp)) > STALE_S:
        raise BadSignature("the signed time is missing, malformed, or more than five minutes off")


def _same(given: bytes, wanted: bytes) -> None:
    if not _equal(given, wanted):
        raise BadSignature("the signature is missing or not the sender's")


def _equal(given: bytes, wanted: bytes) -> bool:
    return hmac.compare_digest(given, wanted)


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text) if len(text) == 64 else b""
    except ValueError:
        return b""


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text[:_LONGEST], validate=True)
    except (binascii.Error, ValueError):
        return b""
