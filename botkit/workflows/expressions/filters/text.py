"""Filters that work on text."""

from __future__ import annotations

__all__: list[str] = []

import html
from typing import Any
from urllib.parse import quote

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import Refused
from botkit.workflows.expressions.filters.arguments import as_text, as_whole
from botkit.workflows.expressions.functions import function
from botkit.workflows.expressions.values import text_of

_GROUP = "Text"
_PIECES_LIMIT = 10_000


def _made(budget: Budget, text: str) -> str:
    budget.text(len(text))
    return text


@function("text", _GROUP, "order.total | text", '"612.5"', result="text")
def text(budget: Budget, value: Any) -> str:
    """Anything as text, as it would stand in a message."""
    return text_of(value, budget)


@function("upper", _GROUP, "'sent' | upper", '"SENT"', result="text")
def upper(budget: Budget, value: Any) -> str:
    """In capital letters."""
    return _made(budget, as_text(value, budget).upper())


@function("lower", _GROUP, "'SENT' | lower", '"sent"', result="text")
def lower(budget: Budget, value: Any) -> str:
    """In small letters."""
    return _made(budget, as_text(value, budget).lower())


@function("capitalize", _GROUP, "'hello World' | capitalize", '"Hello World"', result="text")
def capitalize(budget: Budget, value: Any) -> str:
    """With a capital first letter; the rest stays as it is."""
    words = as_text(value, budget)
    return _made(budget, words[:1].upper() + words[1:])


@function("title", _GROUP, "'ada lovelace' | title", '"Ada Lovelace"', result="text")
def title(budget: Budget, value: Any) -> str:
    """With a capital first letter in every word."""
    return _made(budget, " ".join(word[:1].upper() + word[1:].lower() for word in as_text(value, budget).split(" ")))


@function("trim", _GROUP, "'  yes ' | trim", '"yes"', result="text")
def trim(budget: Budget, value: Any) -> str:
    """Without white space at both ends."""
    return _made(budget, as_text(value, budget).strip())


@function("shorten", _GROUP, "'A long story about shoes' | shorten(12)", '"A long…"', result="text")
def shorten(budget: Budget, value: Any, length: Any = 100, end: Any = "…") -> str:
    """At most that many characters, cut between words where that loses little."""
    words, most, mark = as_text(value, budget), as_whole(length, 0, 1_000_000), as_text(end, budget)
    if len(words) <= most:
        return words
    room = max(0, most - len(mark))
    cut = words[:room]
    if words[room : room + 1].strip() and (space := cut.rfind(" ")) >= room // 2:
        cut = cut[:space]
    return _made(budget, (cut.rstrip() + mark)[:most])


@function("replace", _GROUP, "'A-1-2' | replace('-', '.')", '"A.1.2"', result="text")
def replace(budget: Budget, value: Any, old: Any, new: Any) -> str:
    """With every `old` replaced by `new`."""
    words, before, after = as_text(value, budget), as_text(old, budget), as_text(new, budget)
    if not before:
        raise Refused("there is nothing to replace: `old` is empty")
    budget.text(max(0, len(words) + words.count(before) * (len(after) - len(before))))
    return words.replace(before, after)


@function("split", _GROUP, "'a, b,c' | split(',')", '["a", "b", "c"]', result="list")
def split(budget: Budget, value: Any, separator: Any = "") -> list[str]:
    """The pieces between separators, each without white space at its ends; words when there is no separator."""
    words, between = as_text(value, budget), as_text(separator, budget)
    pieces = words.split(between, _PIECES_LIMIT) if between else words.split(None, _PIECES_LIMIT)
    if len(pieces) > _PIECES_LIMIT:
        raise Refused(f"this makes more than {_PIECES_LIMIT:,} pieces")
    budget.items(len(pieces))
    return [piece.strip() for piece in pieces]


@function("lines", _GROUP, "'one\\ntwo' | lines", '["one", "two"]', result="list")
def lines(budget: Budget, value: Any) -> list[str]:
    """The lines of a text."""
    found = as_text(value, budget).splitlines()
    budget.items(len(found))
    return found


@function("words", _GROUP, "'how are you' | words", "3", result="number")
def words(budget: Budget, value: Any) -> int:
    """How many words there are."""
    return len(as_text(value, budget).split())


@function("urlencode", _GROUP, "'a b/c' | urlencode", '"a%20b%2Fc"', result="text")
def urlencode(budget: Budget, value: Any) -> str:
    """As one part of an address."""
    plain = text_of(value, budget)
    budget.text(len(plain) * 3)
    return _made(budget, quote(plain.encode("utf-8", "replace"), safe=""))


@function("escape_html", _GROUP, "'<b>' | escape_html", '"&lt;b&gt;"', result="text")
def escape_html(budget: Budget, value: Any) -> str:
    """Safe inside HTML, quotes included."""
    plain = text_of(value, budget)
    budget.text(len(plain) * 6)
    return _made(budget, html.escape(plain))


@function("prefix", _GROUP, "'one\\ntwo' | prefix('> ')", '"> one\\n> two"', result="text")
def prefix(budget: Budget, value: Any, mark: Any) -> str:
    """With the mark before every line."""
    rows, before = as_text(value, budget).split("\n"), as_text(mark, budget)
    budget.text(sum(map(len, rows)) + (len(before) + 1) * len(rows))
    return "\n".join(before + row for row in rows)
