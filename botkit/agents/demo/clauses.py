"""One thing a person asks for, and where one ends and the next begins."""

from __future__ import annotations

__all__ = ["Clause", "candidate_pieces", "read_clause"]

import re
from dataclasses import dataclass
from datetime import date

from botkit.agents.demo.entities import Entities, find_entities
from botkit.agents.demo.toolbox import Action, action_of
from botkit.agents.words import stem, stems, words

_POLITE = re.compile(
    r"^(?:(?:hey|hi|hello|please|pls|ok|okay|so|now|then|also|and|well|thanks|kindly|just|actually)\b[\s,!.]*"
    r"|(?:(?:can|could|would|will) you|i(?:'d| would) like(?: you)?(?: to)?|i(?:'d| would) love to"
    r"|(?:i|we) (?:want|need|have)(?: you)?(?: to)?|(?:can|could|may) (?:i|we)(?: get| have| see)?"
    r"|let'?s|let us|help me(?: to)?|go ahead and|try to|give me|get me|make|take|leave|get|do|tell me|show me"
    r"|let me know)\b\s*"
    r"|(?:a|an|the)\s+)",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:what|which|who|whose|whom|where|when|why|how|is|are|was|were|does|did|do|has|have|any|anything|"
    r"what's|whats|where's|wheres|who's|how's|when's)\b",
    re.IGNORECASE,
)
_IDLE = re.compile(
    r"^(?:please\s+|but\s+)?(?:do not|don'?t|don’t|never|no need to|stop|how to"
    r"|how (?:do|can|could|would|should) (?:i|we|you|one))\b",
    re.IGNORECASE,
)
_SHOW = re.compile(r"^.{0,40}?\b(?:give me|get me|tell me|show me|show|let me know|see)\b", re.IGNORECASE)
_NOTE_FORM = re.compile(
    r"^(?:(?:note|memo|todo|to-do|task|reminder)s?(?: down)?\s*(?::|that\b|to\b|-\s)"
    r"|remember|memorize|jot|remind (?:me|us)\b)",
    re.IGNORECASE,
)
_BREAK = re.compile(r"\s*[;\n]+\s*|(?<=[.?!])\s+|,?\s+(?:and\s+then|and\s+also|then|and|also)\s+|,\s+", re.IGNORECASE)
_PIECES_LIMIT = 12
"""A message is cut into no more pieces than that; each is tried on every tool."""
_STRONG_BREAK = re.compile(r"[;\n]|\bthen\b|also", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """A request in one piece."""

    text: str
    core: str
    """Without the politeness in front."""
    entities: Entities
    stems: tuple[str, ...]
    raw_words: tuple[str, ...]
    head: str
    """Stem of the first word of `core`."""
    action: Action | None
    """What the person wants done; None when the words do not say."""
    idle: bool = False
    """It forbids something, or asks how it is done: nothing is to be called for it."""


def read_clause(text: str, today: date) -> Clause:
    """Understand one piece of a message."""
    core = text.strip()
    while True:
        rest = _POLITE.sub("", core, count=1)
        if rest == core or not rest:
            break
        core = rest
    entities = find_entities(text, today)
    bare = list(text)
    for group in (entities.urls, entities.emails, entities.ids):
        for item in group:
            bare[item.start : item.end] = " " * (item.end - item.start)
    found = words(core)
    head = stem(found[0]) if found else ""
    return Clause(
        text=text,
        core=core,
        entities=entities,
        stems=tuple(stems("".join(bare))),
        raw_words=tuple(words(text)),
        head=head,
        action=_action(text.strip(), core, head),
        idle=_IDLE.match(text.strip()) is not None,
    )


def _action(text: str, core: str, head: str) -> Action | None:
    if _NOTE_FORM.match(core):
        return "add"
    if _QUESTION.match(core) or _SHOW.match(text):
        return "read"
    return action_of(head)


def candidate_pieces(text: str, today: date) -> list[tuple[str, bool]]:
    """Cut a message wherever a new request could begin: `(piece, the cut before it is a strong one)`.

    Quotes, links and numbers are never cut.
    """
    protected = find_entities(text, today).spans
    pieces: list[tuple[str, bool]] = []
    start = 0
    strong = True
    for match in _BREAK.finditer(text):
        if len(pieces) == _PIECES_LIMIT - 1:
            break
        if any(left < match.start() < right or left < match.end() < right for left, right in protected):
            continue
        piece = text[start : match.start()].strip()
        if piece:
            pieces.append((piece, strong))
        strong = bool(_STRONG_BREAK.search(match[0])) or text[match.start() - 1 : match.start()] in (".", "?", "!")
        start = match.end()
    if text[start:].strip():
        pieces.append((text[start:].strip(), strong))
    return pieces
