"""Identifiers: typed, prefixed, sortable by time, and conversation keys that round-trip."""

from __future__ import annotations

__all__ = [
    "CallId",
    "EventId",
    "PartId",
    "PersonId",
    "RunId",
    "SessionId",
    "TraceId",
    "WaitId",
    "join_key",
    "new_id",
    "short_token",
    "split_key",
]

import secrets
from functools import lru_cache
from typing import NewType
from urllib.parse import quote, unquote

from uuid_utils import uuid7

EventId = NewType("EventId", str)
RunId = NewType("RunId", str)
PartId = NewType("PartId", str)
WaitId = NewType("WaitId", str)
PersonId = NewType("PersonId", str)
SessionId = NewType("SessionId", str)
CallId = NewType("CallId", str)
TraceId = NewType("TraceId", str)


def new_id(prefix: str) -> str:
    """Return `{prefix}_{32 hex digits}`: a UUID version 7, so ids of one prefix sort by creation time."""
    return f"{prefix}_{uuid7().hex}"


def short_token(length: int = 22) -> str:
    """Return an unguessable URL-safe token for buttons and codes; 22 characters hold 128 bits."""
    return secrets.token_urlsafe(length)[:length]


@lru_cache(maxsize=4096)
def join_key(*parts: str) -> str:
    """Join parts with `:`, escaping so that `split_key` gives them back: `("tg", "-5", "")` → `tg:-5:`."""
    return ":".join(quote(part, safe="-_.~@+!,= ") for part in parts)


@lru_cache(maxsize=4096)
def split_key(key: str) -> tuple[str, ...]:
    """The reverse of `join_key`."""
    return tuple(unquote(part) for part in key.split(":"))
