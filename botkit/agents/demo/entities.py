"""Specific things in a message: addresses, links, identifiers, numbers, quotes, dates."""

from __future__ import annotations

__all__ = ["Entities", "Found", "find_entities"]

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from botkit.agents.demo.dates import Moment, find_moments

Kind = Literal["url", "email", "quote", "id", "money", "number"]

_QUOTE = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|«([^»\n]+)»|(?<!\w)'([^'\n]+)'(?!\w)|`([^`\n]+)`")
_URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DOMAIN = re.compile(
    r"(?<![@\w.])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|de|eu|uk|ch|at|fr|example|app|ai|info)(?:/[^\s<>\"']*)?\b",
    re.IGNORECASE,
)
_ID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*[-_#]?\d[\w-]*\b|\b\d+[-_]?[A-Za-z][\w-]*\b|#\d+\b"
)
_MONEY = re.compile(
    r"(?:[$€£¥]|\b(?:USD|EUR|GBP|CHF)\s?)\s?(\d[\d,]*(?:\.\d+)?)"
    r"|\b(\d[\d,]*(?:\.\d+)?)\s?(?:[$€£¥]|(?:USD|EUR|GBP|CHF|dollars?|euros?|pounds?|francs?)\b)",
    re.IGNORECASE,
)
_CENTS = re.compile(r"\b(\d+)\s?(?:cents?|ct)\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|\.\d)")
_NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
_NUMBER_WORD = re.compile(rf"\b({'|'.join(word for word in _NUMBER_WORDS if word != 'one')})\b", re.IGNORECASE)
_ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """One thing and where it stands."""

    kind: Kind
    value: str
    start: int
    end: int
    amount: float = 0.0
    """For `money` and `number`; money in whole units, not cents."""


@dataclass(slots=True)
class Entities:
    """All of them, in order of appearance. A place belongs to one kind only."""

    urls: list[Found] = field(default_factory=list[Found])
    emails: list[Found] = field(default_factory=list[Found])
    quotes: list[Found] = field(default_factory=list[Found])
    ids: list[Found] = field(default_factory=list[Found])
    money: list[Found] = field(default_factory=list[Found])
    numbers: list[Found] = field(default_factory=list[Found])
    moments: list[Moment] = field(default_factory=list[Moment])

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Places taken by something specific."""
        groups = (self.urls, self.emails, self.quotes, self.ids, self.money, self.numbers, self.moments)
        return sorted((item.start, item.end) for group in groups for item in group)


def find_entities(text: str, today: date) -> Entities:
    """Everything specific in `text`."""
    found = Entities()
    taken: list[tuple[int, int]] = []

    def free(start: int, end: int) -> bool:
        return all(end <= left or start >= right for left, right in taken)

    def claim(into: list[Found], kind: Kind, matches: Iterable[re.Match[str]], value: int | None = 0) -> None:
        for match in matches:
            if free(*match.span()):
                text_of = (
                    next((group for group in match.groups() if group), match[0]) if value is None else match[value]
                )
                into.append(Found(kind, text_of, match.start(), match.end()))
                taken.append(match.span())

    claim(found.quotes, "quote", _QUOTE.finditer(text), None)
    claim(found.urls, "url", _URL.finditer(text))
    claim(found.emails, "email", _EMAIL.finditer(text))
    claim(found.urls, "url", _DOMAIN.finditer(text))
    found.moments = [moment for moment in find_moments(text, today) if free(moment.start, moment.end)]
    taken.extend((moment.start, moment.end) for moment in found.moments)
    for pattern, scale in ((_MONEY, 1.0), (_CENTS, 0.01)):
        for match in pattern.finditer(text):
            if free(*match.span()):
                digits = next(group for group in match.groups() if group).replace(",", "")
                found.money.append(Found("money", match[0], *match.span(), amount=round(float(digits) * scale, 4)))
                taken.append(match.span())
    claim(found.ids, "id", (match for match in _ID.finditer(text) if not _ORDINAL.fullmatch(match[0])))
    for match in _NUMBER.finditer(text):
        if free(*match.span()):
            found.numbers.append(Found("number", match[0], *match.span(), amount=float(match[0].replace(",", ""))))
            taken.append(match.span())
    for match in _ORDINAL.finditer(text):
        if free(*match.span()):
            found.numbers.append(Found("number", match[0], *match.span(), amount=float(match[1])))
            taken.append(match.span())
    for match in _NUMBER_WORD.finditer(text):
        if free(*match.span()):
            amount = float(_NUMBER_WORDS[match[0].lower()])
            found.numbers.append(Found("number", match[0], *match.span(), amount=amount))
    found.numbers.sort(key=lambda item: item.start)
    found.urls.sort(key=lambda item: item.start)
    return found
