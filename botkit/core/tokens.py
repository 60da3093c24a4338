"""Counting tokens without a tokenizer."""

from __future__ import annotations

__all__ = ["FILE_TOKENS", "estimate_json_tokens", "estimate_tokens"]

from typing import Any, cast

from botkit.core.data import encode

FILE_TOKENS = 1600
"""What a picture of usual size costs with most providers, rounded up."""
_MESSAGE_OVERHEAD = 4


def estimate_tokens(text: str) -> int:
    """About how many tokens a model reads for `text`.

    Latin text runs at about four characters a token, other scripts at about one. Good to some 20 % and
    used for decisions about room, never for billing.
    """
    if not text:
        return 0
    ascii_chars = len(text.encode("ascii", "ignore"))
    return (ascii_chars + 3) // 4 + (len(text) - ascii_chars)


def estimate_json_tokens(value: object) -> int:
    """The same for a message or a tool definition as it is sent. Files in a message count as what they cost to read."""
    content: Any = cast("dict[str, Any]", value).get("content") if isinstance(value, dict) else None
    if not isinstance(content, list):
        return estimate_tokens(encode(cast("object", value)).decode()) + _MESSAGE_OVERHEAD
    parts = cast("list[dict[str, Any]]", content)
    words = sum(estimate_tokens(encode(part).decode()) for part in parts if part.get("type") == "text")
    files = sum(int(part.get("tokens", FILE_TOKENS)) for part in parts if part.get("type") != "text")
    return words + files + _MESSAGE_OVERHEAD
