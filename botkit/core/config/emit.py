"""Plain values → YAML text in the style of the file: short lists inline, long texts as blocks, few quotes."""

from __future__ import annotations

__all__ = ["block", "inline"]

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from botkit.core.config.scalars import resolve_plain

_MAX_INLINE = 72
_PLAIN = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./@+=~()'-]*(?: [A-Za-z0-9_./@+=~()'-]+)*")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def inline(value: Any) -> str:
    """One line, fit for any place: `{secret: NAME}`, `[a, b]`, `"yes: no"`."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value).items()
        return "{" + ", ".join(f"{_text(str(key))}: {inline(child)}" for key, child in entries) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(inline(item) for item in cast("Sequence[Any]", value)) + "]"
    return _scalar(value)


def block(value: Any, indent: int, step: int = 2) -> str:
    """What follows `key:`: ` value` on the same line, or lines below it indented by `indent`. No newline at the end."""
    if isinstance(value, str) and (literal := _literal(value, indent)):
        return f" {literal}"
    if not isinstance(value, Mapping | list | tuple) or _is_short(value):
        return f" {inline(value)}"
    pad = " " * indent
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value).items()
        return "".join(f"\n{pad}{_text(str(key))}:{block(child, indent + step, step)}" for key, child in entries)
    return "".join(f"\n{pad}-{_item(item, indent, step)}" for item in cast("Sequence[Any]", value))


def _item(item: Any, indent: int, step: int) -> str:
    """A list item; a mapping begins on the line of its dash."""
    text = block(item, indent + 2, step)
    return f" {text.lstrip()}" if text.startswith("\n") else text


def _is_short(value: Any) -> bool:
    """Empty, a secret, or a short list of plain values."""
    if not value:
        return True
    if isinstance(value, Mapping):
        return list(cast("Mapping[Any, Any]", value)) == ["secret"]
    flat = not any(isinstance(item, Mapping | list | tuple) for item in value)
    return flat and len(inline(value)) <= _MAX_INLINE


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    """Plain where nothing can be misread, also by readers of YAML 1.1; else in double quotes."""
    if _PLAIN.fullmatch(text) and resolve_plain(text) == text and text.lower() not in _OLD_WORDS:
        return text
    return _UNSAFE.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def _literal(text: str, indent: int) -> str:
    """Several lines as a `|` block, when that keeps every character."""
    lines = text.removesuffix("\n").split("\n")
    clean = not _UNSAFE.search(text) and lines[0] and lines[-1].strip() and lines[0][0] not in " \t"
    if len(lines) < 2 or not clean or "\r" in text or "\x85" in text:
        return ""
    pad = " " * indent
    head = "|" if text.endswith("\n") else "|-"
    return "\n".join([head, *(pad + line if line else "" for line in lines)])
