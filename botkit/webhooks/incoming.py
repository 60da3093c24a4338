"""What an inbound webhook says: which event, which delivery, which body."""

from __future__ import annotations

__all__ = ["BadPayload", "Incoming", "admits", "parse_incoming"]

import hashlib
import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast
from urllib.parse import parse_qs

from botkit.core.data import Data
from botkit.core.errors import BotkitError

_TYPE_HEADERS = {"github": "x-github-event", "shopify": "x-shopify-topic"}
_DELIVERY_HEADERS = {"github": "x-github-delivery", "shopify": "x-shopify-webhook-id"}
_OWN_DELIVERY = ("x-delivery-id", "x-webhook-id", "webhook-id", "idempotency-key")
_KEPT_PREFIXES = ("x-github-", "x-shopify-", "content-type", "user-agent")
_ID_LIMIT = 200


class Incoming(Data):
    """One delivery."""

    type: str = ""
    """Event type, such as `pull_request.opened` or `invoice.paid`."""
    delivery: str
    """Unique for this event: the sender's id, or the hash of the body."""
    body: Any = None
    """Parsed JSON, the fields of a form, or the text."""
    headers: dict[str, str] = {}
    """Those that say something about the event; never a signature."""


def parse_incoming(source: str, headers: Mapping[str, str], raw: bytes) -> Incoming:
    """Read a delivery. Pure.

    Raises:
        BadPayload: the body is not what its content type says.
    """
    body = _body(headers.get("content-type", ""), raw)
    kind = headers.get(_TYPE_HEADERS.get(source, ""), "") or _type_in(body)
    if source == "github" and (action := _get(body, "action")):
        kind = f"{kind}.{action}"
    delivery = _delivery(source, headers, body) or hashlib.sha256(raw).hexdigest()
    kept = {name: value for name, value in headers.items() if name.startswith(_KEPT_PREFIXES) and "hmac" not in name}
    return Incoming(type=kind[:_ID_LIMIT], delivery=delivery[:_ID_LIMIT], body=body, headers=kept)


def admits(events: Sequence[str], kind: str) -> bool:
    """Whether an event type is among the wanted ones; `issues` admits `issues.opened` too."""
    return any(fnmatchcase(kind, wanted) or kind.startswith(f"{wanted}.") for wanted in events)


def _delivery(source: str, headers: Mapping[str, str], body: Any) -> str:
    named = headers.get(_DELIVERY_HEADERS.get(source, ""), "")
    if named:
        return named
    if source == "stripe":
        return _get(body, "id")
    return next((headers[name] for name in _OWN_DELIVERY if headers.get(name)), "")


def _type_in(body: Any) -> str:
    """First of `type`, `event.type`, `event_type`, `action`."""
    inner: Any = cast("Mapping[str, Any]", body).get("event") if isinstance(body, Mapping) else None
    return _get(body, "type") or _get(inner, "type") or _get(body, "event_type") or _get(body, "action")


def _get(body: Any, name: str) -> str:
    value: Any = cast("Mapping[str, Any]", body).get(name) if isinstance(body, Mapping) else None
    return value if isinstance(value, str) else ""


def _body(content_type: str, raw: bytes) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _bad("the body is not UTF-8 text") from None
    if kind == "application/x-www-form-urlencoded":
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=1000)
        if "payload" in fields and len(fields) == 1:  # GitHub's forms
            return _json(fields["payload"][0])
        return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    if kind.startswith("text/") and not text.lstrip().startswith(("{", "[")):
        return text
    return _json(text) if text.strip() else {}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise _bad("the body is nested too deeply") from None
    except ValueError as error:
        raise _bad(f"the body is not JSON: {error}") from None


class BadPayload(BotkitError):
    """The body cannot be read."""

    code = "bad_payload"


def _bad(reason: str) -> BadPayload:
    return BadPayload(reason)
