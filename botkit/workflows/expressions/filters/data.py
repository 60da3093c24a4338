"""Filters between JSON, other encodings and values."""

from __future__ import annotations

__all__: list[str] = []

import base64
import binascii
import hashlib
from typing import Any

import msgspec

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.filters.arguments import as_text, as_whole
from botkit.workflows.expressions.functions import function
from botkit.workflows.expressions.values import json_of, text_of, weigh

_GROUP = "JSON and encodings"


@function("tojson", _GROUP, "{'a': [1, true]} | tojson", '"{\\"a\\":[1,true]}"', result="text")
def tojson(budget: Budget, value: Any, indent: Any = 0) -> str:
    """As JSON text, on one line or indented by that many spaces."""
    return json_of(value, budget, indent=as_whole(indent, 0, 8))


@function("fromjson", _GROUP, "'[1, 2]' | fromjson", "[1, 2]")
def fromjson(budget: Budget, value: Any) -> Any:
    """JSON text as a value."""
    try:
        made = msgspec.json.decode(as_text(value, budget).encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        raise Refused("this text is not JSON") from None
    weigh(made, budget)
    return made


@function("base64", _GROUP, "'hello' | base64", '"aGVsbG8="', result="text")
def base64_(budget: Budget, value: Any) -> str:
    """Text in Base64, by way of UTF-8."""
    raw = text_of(value, budget).encode("utf-8", "replace")
    budget.text(len(raw) * 4 // 3 + 4)
    return base64.b64encode(raw).decode()


@function("from_base64", _GROUP, "'aGVsbG8=' | from_base64", '"hello"', result="text")
def from_base64(budget: Budget, value: Any) -> str:
    """Base64 of UTF-8 as text."""
    try:
        return base64.b64decode(as_text(value, budget).encode("ascii"), validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        raise Refused("this is not Base64 of text") from None


@function(
    "sha256",
    _GROUP,
    "'hello' | sha256",
    '"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"',
    result="text",
)
def sha256(budget: Budget, value: Any) -> str:
    """The SHA-256 of a text or, by way of its JSON, of any value: 64 hex digits."""
    raw = text_of(value, budget).encode("utf-8", "replace")
    return hashlib.sha256(raw).hexdigest()
