"""Which tools a message asks for, and with what."""

from __future__ import annotations

__all__ = ["Intent", "needs_sentence", "plan"]

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botkit.agents.demo.clauses import Clause, candidate_pieces, read_clause
from botkit.agents.demo.fill import Filled, fill
from botkit.agents.demo.memory import Conversation
from botkit.agents.demo.toolbox import Parameter, Toolbox, ToolView
from botkit.agents.words import STOP_WORDS, stem, words

_THRESHOLD = 1.8
_KINDRED = {("complete", "update"), ("update", "complete"), ("send", "add"), ("add", "send")}
_ASKED = re.compile(r"^To use `(?P<tool>[\w.-]+)` I still need `(?P<name>[\w.-]+)`")
_MATH = re.compile(r"\d\s*(?:[-+*/^×÷]|\*\*)\s*[-+(]?\s*\d|\d%\s+of\s+\d")
_ID_NAMES = frozenset(("id", "number", "key", "code", "ref", "reference", "ticket"))
_GENERIC = frozenset(
    map(stem, ("read", "list", "find", "check", "look", "show", "add", "current", "set", "update", "remove"))
)
_PLAIN_TEXT = """
open closed all any none new old on off yes no true false low normal medium high small large day week month year name
date asc desc default auto left right up down text
"""
_PLAIN_OPTIONS = frozenset(_PLAIN_TEXT.split())
"""Choices of an `enum` that are said in passing and prove nothing."""
_FIND = stem("find")
_LIST = stem("list")
_CALLS_LIMIT = 8
_SHORT_WORDS = 6


@dataclass(slots=True)
class Intent:
    """One thing to do: a tool, the calls to make, and what is missing for them."""

    tool: ToolView
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    missing: list[Parameter] = field(default_factory=list[Parameter])
    first: Intent | None = None
    """A look-up whose result tells what is missing here."""


@dataclass(frozen=True, slots=True)
class _Choice:
    tool: ToolView
    score: float
    filled: Filled


def plan(talk: Conversation, box: Toolbox) -> list[Intent]:
    """What the message asks for, in order; empty when no tool fits."""
    continued = _continued(talk, box)
    if continued is not None:
        return [continued]
    intents: list[Intent] = []
    for clause in _clauses(talk, box):
        choice = _choose(clause, talk, box)
        if choice is not None:
            intents.append(_intent(choice, clause, talk, box))
    if not intents:
        again = _same_again(talk, box)
        intents = [again] if again is not None else []
    return _without_doubles(intents)


def needs_sentence(intent: Intent) -> str:
    """Asks for what is missing, in a form that `plan` recognises in the next message."""
    parameter = intent.missing[0]
    about = parameter.description.rstrip(".")
    example = next(iter(parameter.facet("examples") or ()), "")
    details = "".join(
        [f" – {about[:1].lower() + about[1:]}" if about else "", f" (for example `{example}`)" if example else ""]
    )
    options = f" One of: {', '.join(map(str, parameter.options))}." if parameter.options else ""
    return f"To use `{intent.tool.name}` I still need `{parameter.name}`{details}.{options}"


# ── clauses ──────────────────────────────────────────────────────────────────────────────────────────────────


def _clauses(talk: Conversation, box: Toolbox) -> list[Clause]:
    """Cut the message where both sides ask for something of their own."""
    parts: list[str] = []
    current: _Choice | None = None
    for piece, strong in candidate_pieces(talk.text, talk.today):
        choice = _own_request(piece, parts[-1] if parts else "", talk, box)
        verbatim = bool(parts) and current is not None and current.tool.action != "read" and not strong
        opens = not parts or (choice is not None and not (verbatim and _takes_text(parts[-1], talk)))
        if opens or (strong and current is None):
            parts.append(piece if choice is None or not parts else _with_verb(piece, parts[-1], talk, box))
            current = choice or _choose(read_clause(parts[-1], talk.today), talk, box)
        else:
            parts[-1] = _rejoin(talk.text, parts[-1], piece)
    return [read_clause(part, talk.today) for part in parts]


def _rejoin(text: str, left: str, right: str) -> str:
    """The two neighbours as they stood in the message, separator included."""
    start = text.find(left)
    end = text.find(right, start + len(left))
    return text[start : end + len(right)] if start >= 0 and end >= 0 else f"{left} {right}"


def _takes_text(part: str, talk: Conversation) -> bool:
    """Whether what follows belongs to a text being dictated: `add a note: milk and list prices`."""
    clause = read_clause(part, talk.today)
    return clause.action in ("add", "send") and (":" in part or " that " in f" {part} ")


def _own_request(piece: str, before: str, talk: Conversation, box: Toolbox) -> _Choice | None:
    clause = read_clause(piece, talk.today)
    if clause.action is not None:
        return _choose(clause, talk, box)
    inherited = _with_verb(piece, before, talk, box) if before else piece
    if inherited != piece:
        return _choose(read_clause(inherited, talk.today), talk, box)
    return _choose(clause, talk, box) if not before else None


def _with_verb(piece: str, before: str, talk: Conversation, box: Toolbox) -> str:
    """`list my notes and tasks`: the second noun takes the verb of the first, if a tool is named like it."""
    clause, earlier = read_clause(piece, talk.today), read_clause(before, talk.today)
    if (
        clause.action is not None
        or earlier.action != "read"
        or not earlier.core
        or len(clause.raw_words) > _SHORT_WORDS
    ):
        return piece
    named = any(set(clause.stems) & (tool.name_stems | tool.server_stems) - _GENERIC for tool in box.tools)
    verb = words(earlier.core)[0]
    return f"{verb} {piece}" if named and clause.stems and verb != words(piece)[0] else piece


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────────────────


def _choose(clause: Clause, talk: Conversation, box: Toolbox) -> _Choice | None:
    """The tool that fits best, or None when none fits well."""
    if clause.idle:
        return None
    best: _Choice | None = None
    for tool in box.tools:
        score = _score(tool, clause, box)
        if score <= 0:
            continue
        filled = fill(tool, clause, talk)
        score += 0.4 * filled.optional - 1.2 * len(filled.missing) - 0.2 * filled.remembered
        if filled.missing and not _named(tool, clause):
            continue
        if score >= _THRESHOLD and (best is None or score > best.score):
            best = _Choice(tool, score, filled)
    return best


def _score(tool: ToolView, clause: Clause, box: Toolbox) -> float:
    """How well the words of a clause fit a tool; 0 when it must not be considered."""
    base = _by_action(tool, clause)
    if base is None:
        return 0.0
    said = set(clause.stems) | ({clause.head} if clause.head else set[str]())
    words_score = 0.0
    for word in said:
        weight = box.weight(word)
        if word in tool.name_stems:
            words_score += 3.0 * weight
        else:
            described = 1.5 * (word in tool.head_stems) + 1.0 * (word in tool.server_stems)
            words_score += (described or 0.6 * (word in tool.more_stems)) * weight
    specific = _by_entities(tool, clause)
    if not specific and not _anchored(tool, clause):
        return 0.0
    unsaid = sum(1 for word in tool.name_stems if word not in said and not _generic(word))
    return base + words_score + specific - 0.6 * unsaid + _by_number(tool, clause)


def _generic(word: str) -> bool:
    return word in _GENERIC


def _by_action(tool: ToolView, clause: Clause) -> float | None:
    """Whether tool and clause do the same kind of thing. Nothing is changed for somebody who only asks."""
    if tool.computes:
        return 0.3
    if tool.action == "read":
        return 0.3 if clause.action in ("read", None) else -1.5
    if clause.action == tool.action:
        return 1.5
    if clause.head and clause.head in tool.name_stems and clause.action != "read":
        return 1.2
    return 0.5 if (clause.action, tool.action) in _KINDRED else None


def _by_entities(tool: ToolView, clause: Clause) -> float:
    """What the message names fits what the tool takes."""
    entities = clause.entities
    score = 0.0
    for parameter in tool.parameters:
        share = 1.0 if parameter.required else 0.5
        named = set(parameter.words)
        pattern = parameter.facet("pattern")
        if (entities.emails and ("email" in named or "mail" in named or "@" in str(pattern))) or (
            entities.urls and named & {"url", "link", "uri", "website", "domain"}
        ):
            score += 2.4 * share
        elif entities.ids and pattern and _matches(str(pattern), [item.value for item in entities.ids]):
            score += 2.8 * share
        elif entities.ids and parameter.required and "string" in parameter.types and named & _ID_NAMES:
            score += 2.2 + 0.8 * any(_abbreviates(item.value, tool) for item in entities.ids)
        elif named & {"expression", "formula", "calculation"} and _MATH.search(clause.text):
            score += 3.0
        elif parameter.required and parameter.options and _names_option(parameter.options, clause):
            score += 2.2
        elif entities.moments and named & {"date", "day", "due", "when", "time", "start"}:
            score += 0.8 * share
    return score


def _names_option(options: Sequence[Any], clause: Clause) -> bool:
    """One of the choices is named, and it is not a word that could mean anything."""
    said = " ".join(clause.raw_words)
    spelled = [str(option).lower().replace("_", " ").replace("-", " ") for option in options]
    return any(option not in _PLAIN_OPTIONS and re.search(rf"\b{re.escape(option)}\b", said) for option in spelled)


def _abbreviates(identifier: str, tool: ToolView) -> bool:
    """`ORD-1042` is an order."""
    letters = re.match(r"[a-z]*", identifier.lower())
    prefix = letters[0] if letters else ""
    return len(prefix) > 1 and any(word.startswith(prefix) for word in tool.name_stems | tool.server_stems)


def _matches(pattern: str, values: Sequence[str]) -> bool:
    try:
        return any(re.search(pattern, value) for value in values)
    except re.error:
        return False


def _by_number(tool: ToolView, clause: Clause) -> float:
    """Lists for plurals, single things for identifiers."""
    lists = _LIST in tool.name_stems
    plural = any(word in ("all", "any", "many", "list") or _is_plural(word) for word in clause.raw_words)
    if lists and clause.entities.ids:
        return -1.0
    return 0.8 if lists and plural else 0.0


def _is_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) and word not in STOP_WORDS


def _anchored(tool: ToolView, clause: Clause) -> bool:
    """The tool is named, not only hinted at by a verb that fits anything."""
    said = set(clause.stems) | {clause.head}
    telling = {word for word in tool.name_stems | tool.server_stems | tool.head_stems if not _generic(word)}
    if said & telling or (clause.head == _FIND and _FIND in tool.name_stems):
        return True
    numbers = len(clause.entities.numbers) >= len(tool.required) > 0
    return bool(said & tool.name_stems) and (numbers or not telling)


def _named(tool: ToolView, clause: Clause) -> bool:
    """Named clearly enough to ask for what is missing."""
    said = set(clause.stems) | {clause.head}
    own = {word for word in tool.name_stems if not _generic(word)} or tool.name_stems
    return bool(said & own)


# ── intents ──────────────────────────────────────────────────────────────────────────────────────────────────


def _intent(choice: _Choice, clause: Clause, talk: Conversation, box: Toolbox) -> Intent:
    filled = choice.filled
    if not filled.missing:
        return Intent(choice.tool, [filled.arguments, *filled.repeats][:_CALLS_LIMIT])
    intent = Intent(choice.tool, missing=filled.missing)
    if all(parameter.words[-1:] in (["id"], ["number"], ["key"]) for parameter in filled.missing):
        intent.first = _look_up(choice.tool, clause, talk, box)
    return intent


def _look_up(wanted: ToolView, clause: Clause, talk: Conversation, box: Toolbox) -> Intent | None:
    """A harmless tool of the same server that may show the identifier: lists first, then searches."""
    about = [word for word in clause.stems if word not in wanted.name_stems | wanted.server_stems]
    if not about:
        return None
    best: tuple[float, Intent] | None = None
    for tool in box.tools:
        if tool.server != wanted.server or tool.action != "read" or tool is wanted:
            continue
        found = fill(tool, clause, talk)
        if found.missing or not tool.name_stems & {_LIST, _FIND}:
            continue
        shared = len(tool.name_stems & (wanted.name_stems | wanted.head_stems | set(clause.stems)))
        rank = shared + (0.5 if _LIST in tool.name_stems else 0.0)
        arguments = {parameter.name: found.arguments[parameter.name] for parameter in tool.required}
        if best is None or rank > best[0]:
            best = (rank, Intent(tool, [arguments]))
    return best[1] if best else None


def _continued(talk: Conversation, box: Toolbox) -> Intent | None:
    """The answer to a question of ours: the message before, with what was missing."""
    asked = _ASKED.search(talk.answered)
    tool = box.named(asked["tool"]) if asked else None
    if asked is None or tool is None or not talk.said:
        return None
    clause = read_clause(talk.text, talk.today)
    own = _choose(clause, talk, box)
    if own is not None and own.score > _THRESHOLD + 2 and clause.action is not None:
        return None  # they went on to something else
    before = fill(tool, read_clause(talk.said[-1], talk.today), talk)
    parameter = next((item for item in tool.parameters if item.name == asked["name"]), None)
    if parameter is None:
        return None
    alone = fill(tool, read_clause(f"{parameter.name}: {talk.text}", talk.today), talk)
    value = alone.arguments.get(parameter.name)
    arguments = {**before.arguments, **({parameter.name: value} if value is not None else {})}
    missing = [item for item in tool.required if item.name not in arguments]
    return Intent(tool, [] if missing else [arguments], missing)


def _same_again(talk: Conversation, box: Toolbox) -> Intent | None:
    """`and A-1002?`: the tool of the turn before, for the new thing."""
    if not talk.earlier or len(words(talk.text)) > _SHORT_WORDS:
        return None
    tool = box.named(talk.earlier[-1].tool)
    if tool is None or tool.action != "read":
        return None
    clause = read_clause(talk.text, talk.today)
    if not clause.entities.spans and not re.match(r"^\W*(?:and|what about|how about)\b", talk.text, re.IGNORECASE):
        return None
    filled = fill(tool, clause, talk)
    new = any(value not in talk.earlier[-1].arguments.values() for value in filled.arguments.values())
    if filled.missing or filled.remembered or not new:
        return None
    return Intent(tool, [filled.arguments, *filled.repeats][:_CALLS_LIMIT])


def _without_doubles(intents: Sequence[Intent]) -> list[Intent]:
    """Each call once, and at most eight in all."""
    seen: list[tuple[str, dict[str, Any]]] = []
    out: list[Intent] = []
    for intent in intents:
        fresh = [call for call in intent.calls if (intent.tool.name, call) not in seen]
        seen.extend((intent.tool.name, call) for call in fresh)
        if (fresh or intent.missing) and len(seen) <= _CALLS_LIMIT:
            out.append(Intent(intent.tool, fresh, intent.missing, intent.first))
    return out
