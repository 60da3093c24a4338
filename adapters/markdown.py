"""Markdown that a platform renders itself: measured, cleaned, and cut into messages that fit. Shared by adapters.

A code block that is cut is a code block on both sides, with its language.
"""

from __future__ import annotations

__all__ = ["clean", "clip", "fence_of", "split_markdown", "utf16_len"]

import re
import unicodedata
from collections.abc import Sequence

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$")
_CLOSING = "\n```"


def utf16_len(text: str) -> int:
    """Length in UTF-16 units: what most platforms count, and never less than what the others do."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int) -> str:
    """The beginning of a text that has at most `limit` UTF-16 units, with `…` where something is missing."""
    if utf16_len(text) <= limit:
        return text
    cut = text[: limit - 1]
    while utf16_len(cut) > limit - 1:
        cut = cut[:-1]
    return f"{cut.rstrip()}…"


def clean(text: str) -> str:
    """Replace what cannot be UTF-8 (lone surrogates) and NUL."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\x00", "")


def fence_of(line: str) -> re.Match[str] | None:
    """The marker (1) and the language (2) of a line that opens a code block."""
    return _FENCE.match(line)


def split_markdown(text: str, limit: int) -> list[str]:
    """Cut formatted text into pieces of at most `limit` UTF-16 units, at the best place near the end: a paragraph,
    a line, a sentence, a word. A code block that is cut is a code block on both sides, with its language."""
    pieces: list[str] = []
    opener = ""
    while text.strip():
        prefix = f"{opener}\n" if opener else ""
        if utf16_len(prefix + text) <= limit:
            pieces.append(prefix + text)
            break
        end = _fitting(text, limit - utf16_len(prefix) - len(_CLOSING))
        inside = _code_ranges(text[:end], bool(opener))
        cut = _best_cut(text, end, inside)
        head, text = text[:cut], text[cut:]
        was_open, opener = bool(opener), _open_fence(head, opener)
        body = head.rstrip("\n") if opener else head.rstrip()
        if body.strip() or was_open:
            pieces.append(f"{prefix}{body}{_CLOSING if opener else ''}")
        if opener and text.lstrip("\n").startswith("```"):  # the block ended just there
            text = text.lstrip("\n").removeprefix("```")
            opener = ""
        if not opener:
            text = text.lstrip("\n")
    return pieces


def _fitting(text: str, limit: int) -> int:
    """How many characters fit into `limit` UTF-16 units; at least one."""
    room = limit
    for position, character in enumerate(text[: limit + 1]):
        room -= 2 if character > "\uffff" else 1
        if room < 0:
            return max(1, position)
    return max(1, min(limit, len(text)))


def _open_fence(head: str, opener: str) -> str:
    """The opening line of the code block in which `head` ends; empty outside of one."""
    for line in head.split("\n"):
        if line.startswith("```"):
            opener = "" if opener else line.rstrip()
    return opener


def _code_ranges(window: str, opened: bool) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    start = 0 if opened else -1
    position = 0
    for line in window.split("\n"):
        if line.startswith("```"):
            if start < 0:
                start = position
            else:
                ranges.append((start, position + 3))
                start = -1
        position += len(line) + 1
    return [*ranges, (start, len(window) + 1)] if start >= 0 else ranges


def _best_cut(text: str, end: int, code: Sequence[tuple[int, int]]) -> int:
    """Where to cut before `end`; the nicer the place, the further back it may be."""
    window = text[:end]
    for pattern, least_filled, keep_code in (
        (r"\n\s*\n", 0.5, True),
        (r"\n", 0.5, True),
        (r"\n", 0.3, False),
        (r"[.!?…](?=\s)", 0.5, True),
        (r"\s", 0.3, False),
    ):
        for cut in reversed([match.end() for match in re.finditer(pattern, window)]):
            if cut < end * least_filled:
                break
            if not keep_code or not any(low < cut < high for low, high in code):
                return cut
    return _whole_symbols(text, end)


def _whole_symbols(text: str, end: int) -> int:
    """Move a hard cut back so that no accent, emoji sequence or flag is torn."""
    cut = end
    while cut > 1 and end - cut < 32 and cut < len(text):
        follower, before = text[cut], text[cut - 1]
        torn = (
            follower in "\u200d\ufe0f"
            or before == "\u200d"
            or unicodedata.combining(follower) > 0
            or "\U0001f3fb" <= follower <= "\U0001f3ff"
            or ("\U0001f1e6" <= follower <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff")
        )
        if not torn:
            return cut
        cut -= 1
    return end
