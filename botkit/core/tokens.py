"""Counting tokens without a tokenizer."""

from __future__ import annotations

__all__ = ["estimate_json_tokens", "estimate_tokens"]

from botkit.core.data import encode

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
    """The same for a message or a tool definition as it is sent."""
    return estimate_tokens(encode(value).decode()) + _MESSAGE_OVERHEAD
