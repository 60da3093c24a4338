"""What goes into a column, and what comes out: JSON text, and text every database accepts."""

from __future__ import annotations

__all__ = ["clean", "dump", "dump_event", "load_dict", "load_json", "load_optional", "raw_text"]

from typing import Any, cast

import msgspec

from botkit.core.data import decode, encode_text
from botkit.core.events import Event

_EMPTY = "{}"


def clean(value: str) -> str:
    """Text without what a database refuses: NUL (PostgreSQL) and lone surrogates (both).

    Platforms and tools send such text; it must not stop a commit. Both become U+FFFD.
    """
    if "\x00" in value:
        value = value.replace("\x00", "\ufffd")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def dump(value: object) -> str:
    """JSON text of a record or plain value, also when a string in it holds lone surrogates."""
    try:
        return encode_text(value)
    except UnicodeEncodeError:
        return encode_text(_scrub(msgspec.to_builtins(value)))


def dump_event(event: Event) -> tuple[Event, str]:
    """An event and its JSON text. One with lone surrogates comes back without them, as it will be read later."""
    try:
        return event, encode_text(event)
    except UnicodeEncodeError:
        text = dump(event)
        return decode(text, Event), text


def raw_text(raw: msgspec.Raw) -> str:
    """JSON bytes that are already encoded, as text."""
    return bytes(raw).decode("utf-8", "replace")


def load_dict(text: str) -> dict[str, Any]:
    return {} if text == _EMPTY else decode(text, dict[str, Any])


def load_json(text: str) -> Any:
    """Any JSON value."""
    return msgspec.json.decode(text)


def load_optional(text: str | None) -> dict[str, Any] | None:
    return None if text is None else decode(text, dict[str, Any])


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_scrub(key): _scrub(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_scrub(item) for item in cast("list[Any]", value)]
    return value
