"""Rules of one's own: words and patterns, in a whole text and in one that arrives in pieces.

A text is read from left to right: the next fit begins where the last one ended, and of several that begin at the same
place the longest counts. So a text in pieces is treated exactly as the whole.
"""

from __future__ import annotations

__all__ = ["Matcher", "Measure", "Rule", "RuleStream"]

import importlib
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, cast

from botkit.core.data import Data
from botkit.core.patterns import compile_pattern

Measure = Literal["block", "redact", "flag", "off"]
WINDOW_LIMIT = 2_000
"""Characters a fit may have where it is looked for in a text that arrives in pieces."""
_EDGE_BEFORE, _EDGE_AFTER = r"(?:^|[^\pL\pN])", r"(?:$|[^\pL\pN])"
_WORDS_CHARS = 1_500
"""Of the words in one pattern, as they are written in it."""


class Rule(Data):
    """Words, a pattern, or both."""

    name: str
    """Of the finding; stands in place of what is taken out."""
    words: tuple[str, ...] = ()
    """Whole words or phrases; upper and lower case count as the same."""
    pattern: str = ""
    measure: Measure = "block"


class Matcher:
    """Where a rule fits. Works on UTF-8: offsets of characters would have to be counted again for every fit.

    Raises:
        PatternError: the pattern is not understood.
    """

    def __init__(self, rule: Rule):
        self.mark = f"[{rule.name}]".encode()
        """What stands in place of a fit."""
        self._patterns: list[tuple[Any, int]] = []
        self.longest = 0
        """Characters a fit may have at most, its neighbours included; 0: no limit is known."""
        widths: list[int] = []
        if rule.pattern:
            self._patterns.append((compile_pattern(rule.pattern), 0))
            widths.append(_width(rule.pattern))
        words = sorted({word.strip() for word in rule.words if word.strip()}, key=len, reverse=True)
        for pattern in _alternatives(words):
            self._patterns.append((compile_pattern(pattern, ignore_case=True), 1))
        if words:
            widths.append(len(words[0]) + 2)
        if widths and all(0 < width <= WINDOW_LIMIT for width in widths):
            self.longest = max(widths)

    def fits(self, text: bytes, here: int = 0) -> Iterator[tuple[int, int]]:
        """Start and end of each fit from `here` on, in order; they do not overlap."""
        following: list[tuple[int, int] | None] = [
            self._next(index, text, here) for index in range(len(self._patterns))
        ]
        while True:
            for index, fit in enumerate(following):
                if fit is not None and fit[0] < here:
                    following[index] = self._next(index, text, here)
            found = [fit for fit in following if fit is not None]
            if not found:
                return
            start, end = min(found, key=lambda fit: (fit[0], -fit[1]))
            yield start, end
            here = end

    def _next(self, index: int, text: bytes, here: int) -> tuple[int, int] | None:
        pattern, group = self._patterns[index]
        if group:  # what stands before a word may be the last letter of the fit before it
            here = _whole_character(text, here - 1) if here else 0
        while (match := pattern.search(text, here)) is not None:
            start, end = match.start(group), match.end(group)
            if end > start:
                return start, end
            if start >= len(text):
                return None
            here = _next_character(text, start)
        return None

    def taken_out(self, text: bytes) -> tuple[bytes, int]:
        """The text with the rule's name in place of each fit, and how many there were."""
        parts: list[bytes] = []
        here = count = 0
        for start, end in self.fits(text):
            parts += (text[here:start], self.mark)
            here, count = end, count + 1
        return b"".join((*parts, text[here:])), count


class RuleStream:
    """Implements `StreamRedactor` for a rule whose fits have a longest length."""

    def __init__(self, matcher: Matcher):
        assert matcher.longest, "what has no end cannot be waited for"
        self._matcher = matcher
        self._window = 4 * matcher.longest + 4
        self._seen = b""
        """The characters before `_held`: what stands before a fit decides whether it is one."""
        self._held = b""

    def feed(self, piece: str) -> str:
        self._held += piece.encode("utf-8", "replace")
        return self._shown(len(self._held) - self._window)

    def flush(self) -> str:
        return self._shown(len(self._held) + 1)

    def _shown(self, cut: int) -> str:
        """Decide about every fit that begins before `cut`, and show what comes before the next that may."""
        if cut <= 0:
            return ""
        before = len(self._seen)
        whole = self._seen + self._held
        cut += before
        here, parts = before, list[bytes]()
        for start, end in self._matcher.fits(whole, before):
            if start >= cut:
                break
            parts += (whole[here:start], self._matcher.mark)
            here = end
        upto = max(here, min(len(whole), _whole_character(whole, cut)))
        parts.append(whole[here:upto])
        self._seen, self._held = whole[max(0, upto - 8) : upto], whole[upto:]
        return b"".join(parts).decode("utf-8", "replace")


def _whole_character(text: bytes, at: int) -> int:
    """Where the character begins that this byte belongs to."""
    while 0 < at < len(text) and text[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _next_character(text: bytes, at: int) -> int:
    at += 1
    while at < len(text) and text[at] & 0xC0 == 0x80:
        at += 1
    return at


def _alternatives(words: list[str]) -> Iterator[str]:
    """Patterns that find the words, longest first, each of a size that compiles."""
    group: list[str] = []
    size = 0
    for word in words:
        plain = "".join(f"\\x{{{ord(each):x}}}" for each in word)
        if group and size + len(plain) > _WORDS_CHARS:
            yield f"{_EDGE_BEFORE}({'|'.join(group)}){_EDGE_AFTER}"
            group, size = [], 0
        group.append(plain)
        size += len(plain) + 1
    if group:
        yield f"{_EDGE_BEFORE}({'|'.join(group)}){_EDGE_AFTER}"


@lru_cache(maxsize=256)
def _width(pattern: str) -> int:
    """Characters that a fit of a pattern may have at most; 0 where that cannot be told.

    The standard library's parser tells it for what is written the same way there. What only RE2 understands
    (`\\pL`, `[[:alpha:]]`) has no known width.
    """
    if "[[" in pattern or "[:" in pattern:
        return 0
    parser = cast("Any", importlib.import_module("re._parser"))
    try:
        with warnings.catch_warnings(action="error"):
            widest = int(parser.parse(pattern).getwidth()[1])
    except (re.error, RecursionError, OverflowError, Warning):
        return 0
    return widest if widest <= WINDOW_LIMIT else 0
