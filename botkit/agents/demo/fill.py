"""Arguments for a tool from the words of a message."""

from __future__ import annotations

__all__ = ["Filled", "fill"]

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from botkit.agents.demo.clauses import Clause
from botkit.agents.demo.entities import Found
from botkit.agents.demo.kinds import ID_WORDS, is_text, takes_files, text_kind
from botkit.agents.demo.memory import Conversation
from botkit.agents.demo.phrases import content_tail, is_empty_talk, labelled, named_thing, phrase_for
from botkit.agents.demo.recall import recall
from botkit.agents.demo.toolbox import Parameter, ToolView
from botkit.agents.schemas import fit_arguments, problems
from botkit.agents.words import root, stem, words
from botkit.core.schemas import as_schema

_MONEY_WORDS = frozenset(("cents", "amount", "price", "cost", "sum", "total", "budget", "fee", "value"))
_LIMIT_WORDS = frozenset(("limit", "count", "max", "top", "size", "n"))
_PATH = re.compile(
    r"(?<![\w:/.])(?:~|\.{1,2})?/?(?:[\w.-]+/)*[\w-]+\.[A-Za-z]{1,5}\b|(?<![\w:])(?:~|\.{1,2})?/[\w./-]+"
)
_MATH = re.compile(r"[-+(]?\s*\d[\d.,]*(?:\s*(?:[-+*/^%()x×÷]|\*\*)\s*[-+(]*\s*\d[\d.,]*\s*\)*)+")
_ATTACHED = re.compile(r"^\[attached [^\n]*\bfile id ([^\s,\]]+)\]", re.MULTILINE)
"""As `botkit.core.media.describe_attachment` writes them."""
_LISTED = re.compile(r"\s*(?:,|and|&|,\s*and)\s*#?")
_SHAPES = {
    "currency": re.compile(r"\b[A-Z]{3}\b"),
    "ticker": re.compile(r"\b[A-Z]{2,5}\b"),
    "phone": re.compile(r"\+?\d[\d\s()./-]{5,}\d"),
    "path": _PATH,
}
"""Kinds of text that are known by their looks."""
_NO = re.compile(r"\b(?:no|not|without|don't|dont|never|disable|off|un\w+)\s+(?:\w+\s+)?$", re.IGNORECASE)
_SWITCH = frozenset(("on", "enabled", "enable", "active", "power", "state"))


@dataclass(slots=True)
class Filled:
    """Arguments found, and what is still needed."""

    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    missing: list[Parameter] = field(default_factory=list[Parameter])
    optional: int = 0
    """Optional parameters the message filled."""
    remembered: int = 0
    """Required ones taken from earlier in the conversation."""
    repeats: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """More calls of the same tool, when the message names several things of one kind."""


def fill(tool: ToolView, clause: Clause, talk: Conversation) -> Filled:
    """Fill what the message says; take a missing identifier from earlier when the message points back."""
    return _Filler(tool, clause, talk).run()


class _Filler:
    def __init__(self, tool: ToolView, clause: Clause, talk: Conversation):
        self._tool = tool
        self._clause = clause
        self._talk = talk
        self._used: list[tuple[int, int]] = []
        self._found: dict[str, Any] = {}
        self._several: dict[str, list[Any]] = {}

    def run(self) -> Filled:
        parameters = sorted(self._tool.parameters, key=_precedence)
        texts: list[Parameter] = []
        for parameter in parameters:
            if is_text(parameter):
                texts.append(parameter)
            else:
                self._put(parameter, self.specific(parameter))
        for parameter in texts:
            self._put(parameter, self._stated(parameter, several=len(texts) > 1))
        for parameter in texts:
            if parameter.name not in self._found and parameter.required:
                quote = self._quote()
                self._put(parameter, quote)
        for parameter in texts:
            if parameter.name not in self._found and parameter.required and self._is_name(parameter):
                self._put(parameter, named_thing(parameter, self._clause, self._tool, self._used) or None)
        open_texts = [parameter for parameter in texts if parameter.required and parameter.name not in self._found]
        tail = content_tail(self._clause, self._tool, self._used) if open_texts else ""
        for parameter in open_texts:
            self._put(parameter, tail or None)
        return self._checked()

    def _put(self, parameter: Parameter, value: Any) -> None:
        if value is not None:
            self._found[parameter.name] = value

    def _checked(self) -> Filled:
        filled = Filled()
        for parameter in self._tool.required:
            if parameter.name not in self._found:
                remembered = None
                if not takes_files(parameter):
                    remembered = recall(parameter, self._tool, self._clause, self._talk, self._reader(parameter))
                if remembered is None:
                    filled.missing.append(parameter)
                else:
                    self._found[parameter.name] = remembered
                    filled.remembered += 1
        arguments = self._valid(self._whole(self._found), filled)
        names = {parameter.name for parameter in self._tool.required}
        filled.optional = sum(name not in names for name in arguments)
        filled.arguments = arguments
        for name, values in self._several.items():
            filled.repeats += [{**arguments, name: value} for value in values]
            break  # several of one kind: one call each; of two kinds it would be a guess
        return filled

    def _whole(self, found: dict[str, Any]) -> dict[str, Any]:
        """A text that runs to the end of the searched part goes on into the rest of the message."""
        rest, said = self._talk.rest, self._talk.text.rstrip()
        if not rest:
            return found
        longer = {
            name: value + rest
            for name, value in found.items()
            if isinstance(value, str) and value and said.endswith(value)
        }
        return {**found, **longer}

    def _valid(self, arguments: dict[str, Any], filled: Filled) -> dict[str, Any]:
        """Drop optional values the schema refuses; a required one it refuses is missing after all."""
        arguments = fit_arguments(self._tool.schema, arguments)
        for parameter in self._tool.parameters:
            if parameter.name not in arguments:
                continue
            lone = {"type": "object", "properties": {parameter.name: parameter.schema}}
            definitions = {key: self._tool.schema[key] for key in ("$defs", "definitions") if key in self._tool.schema}
            if problems({**lone, **definitions}, {parameter.name: arguments[parameter.name]}):
                arguments = {name: value for name, value in arguments.items() if name != parameter.name}
                if parameter.required:
                    filled.missing.append(parameter)
        return arguments

    # ── one parameter ────────────────────────────────────────────────────────────────────────────────────

    def specific(self, parameter: Parameter) -> Any:
        """A value of a recognisable kind."""
        if takes_files(parameter):
            return self._files(parameter)
        const = parameter.facet("const")
        if const is not None:
            return const
        if parameter.options:
            return self._option(parameter)
        kinds = parameter.types
        if "boolean" in kinds:
            return self._flag(parameter)
        if "array" in kinds:
            return self._list(parameter)
        if "object" in kinds and "string" not in kinds:
            return self._object(parameter)
        if "integer" in kinds or "number" in kinds:
            return self._amount(parameter)
        return self._special_text(parameter)

    def _files(self, parameter: Parameter) -> Any:
        """The ids of what is attached to the message."""
        attached = _ATTACHED.findall(self._talk.text)
        if not attached:
            return None
        return attached if "array" in parameter.types else attached[0]

    def _option(self, parameter: Parameter) -> Any:
        """The enum value whose words stand in the message, the longest first."""
        said = {root(word) for word in self._clause.raw_words} | set(self._clause.raw_words)
        text = self._clause.text.lower().replace("_", " ").replace("-", " ")
        for option in sorted(parameter.options, key=lambda option: -len(str(option))):
            needed = words(str(option).lower().replace("_", " ").replace("-", " "))
            spelled = " ".join(map(re.escape, needed))
            if needed and re.search(rf"\b{spelled}\b", text):
                self._use_named(spelled, parameter, text)
                return option
        for option in parameter.options:
            needed = words(str(option).lower().replace("_", " "))
            if needed and all(root(word) in said for word in needed):
                return option
        label = labelled(parameter, self._clause)
        if label is not None and any(str(option).lower() == label.lower() for option in parameter.options):
            return next(option for option in parameter.options if str(option).lower() == label.lower())
        return None

    def _use_named(self, spelled: str, parameter: Parameter, text: str) -> None:
        """`with high priority` is not part of any other value."""
        name = "|".join(re.escape(word) for word in parameter.words)
        beside = rf"\b{spelled}\s+(?:{name})\b|\b(?:{name})\s*(?:is|=|:)?\s*{spelled}\b"
        match = re.search(rf"(?:\b(?:with|in|at)\s+)?(?:\ban?\s+)?(?:{beside})", text)
        if match:
            self._used.append(match.span())

    def _flag(self, parameter: Parameter) -> bool | None:
        if _SWITCH & set(parameter.words):
            switched = re.search(
                r"\b(?:(?P<off>off|disabled?|deactivate)|on|enabled?|activate)\b", self._clause.text, re.IGNORECASE
            )
            return None if switched is None else switched["off"] is None
        telling = [word for word in parameter.words if len(word) > 2]
        for word in telling:
            match = re.search(rf"\b{re.escape(word)}", self._clause.text, re.IGNORECASE)
            if match:
                return not _NO.search(self._clause.text[: match.start()])
        return None

    def _list(self, parameter: Parameter) -> list[Any] | None:
        items = as_schema(parameter.facet("items"))
        entities = self._clause.entities
        item = Parameter(parameter.name.rstrip("s"), items, self._tool.schema, parameter.required)
        if "integer" in item.types or "number" in item.types:
            numbers = [_number(found, item) for found in entities.numbers]
            return numbers if numbers and parameter.required else None
        for kind, values in (("email", entities.emails), ("url", entities.urls), ("id", entities.ids)):
            if values and text_kind(item) == kind:
                self._use(values)
                return [value.value for value in values]
        named = labelled(parameter, self._clause, used=self._used)
        if named is None:
            hashtags = re.findall(r"(?<!\w)#([A-Za-z][\w-]*)", self._clause.text)
            if hashtags and {"tag", "label", "hashtag", "topic"} & {word.rstrip("s") for word in parameter.words}:
                for match in re.finditer(r"(?<!\w)#[A-Za-z][\w-]*", self._clause.text):
                    self._used.append(match.span())
                return hashtags
            if not parameter.required:
                return None
            named = content_tail(self._clause, self._tool, self._used)
        parts = [part.strip(" \"'“”") for part in re.split(r",|;|\band\b|&", named or "")]
        options = parameter.facet("items") and as_schema(parameter.facet("items")).get("enum")
        cleaned = [part for part in parts if part and (not options or part in options)]
        return cleaned or None

    def _object(self, parameter: Parameter) -> dict[str, Any] | None:
        """A nested object is filled like a tool of its own."""
        properties = as_schema(parameter.facet("properties"))
        required: Sequence[Any] = parameter.facet("required") or ()
        found: dict[str, Any] = {}
        for name, schema in properties.items():
            child = Parameter(name, as_schema(schema), self._tool.schema, name in required)
            value = self._stated(child, several=True) if is_text(child) else self.specific(child)
            if value is None and child.required and is_text(child):
                value = content_tail(self._clause, self._tool, self._used) or None
            if value is not None:
                found[name] = value
        return found or None

    def _amount(self, parameter: Parameter) -> int | float | None:
        """A number: money for amounts, a number beside the parameter's name, else the next one if it is required."""
        named = {word for word in parameter.words if len(word) > 1}
        money = [item for item in self._clause.entities.money if self._free(item)]
        if money and named & _MONEY_WORDS:
            self._use(money[:1])
            scale = 100 if {"cents", "cent", "minor"} & named else 1
            return _round(money[0].amount * scale, parameter)
        numbers = [item for item in self._clause.entities.numbers if self._free(item)]
        if "id" not in named:
            for item in numbers:
                if self._beside(item, named):
                    self._use([item])
                    return _number(item, parameter)
        hashed = [item for item in self._clause.entities.ids if self._free(item) and item.value.startswith("#")]
        if named & ID_WORDS and hashed:
            self._collect(parameter, [int(item.value[1:]) for item in hashed], hashed)
            return int(hashed[0].value[1:])
        if named & _LIMIT_WORDS and not parameter.required:
            counted = re.search(
                r"\b(?:first|top|last|latest|newest|next|only|most)\s+(\d+)\b", self._clause.text, re.IGNORECASE
            )
            if counted:
                self._used.append(counted.span())
                return _round(float(counted[1]), parameter)
            for item in numbers:
                after = words(self._clause.text[item.end : item.end + 24])[:1]
                if after and stem(after[0]) in self._tool.name_stems | self._tool.server_stems:
                    self._use([item])
                    return _number(item, parameter)
            return None
        if not parameter.required or not (numbers or money):
            return None
        if named & ID_WORDS and len(numbers) > 1:
            self._collect(parameter, [_number(item, parameter) for item in numbers], numbers)
            return _number(numbers[0], parameter)
        chosen = (numbers or money)[0]
        self._use([chosen])
        return _number(chosen, parameter)

    def _special_text(self, parameter: Parameter) -> str | None:
        kind = text_kind(parameter)
        entities = self._clause.entities
        label = labelled(parameter, self._clause) if kind in ("id", "pattern") else None
        if label is not None and " " not in label:
            return label
        if kind == "email":
            return self._one(parameter, entities.emails)
        if kind == "url":
            found = self._one(parameter, entities.urls)
            wants_scheme = not {"domain", "host"} & set(parameter.words)
            return f"https://{found}" if found and wants_scheme and "://" not in found else found
        if kind in ("date", "time"):
            free = [moment for moment in entities.moments if (moment.start, moment.end) not in self._used]
            if not free:
                return None
            self._used.append((free[0].start, free[0].end))
            return free[0].iso_date if kind == "date" else free[0].iso_datetime(self._talk.offset)
        if kind == "pattern":
            return self._by_pattern(parameter)
        if kind in _SHAPES:
            return self._shaped(_SHAPES[kind])
        if kind == "expression":
            match = _MATH.search(self._clause.text)
            return match[0].strip().replace("×", "*").replace("÷", "/") if match else None
        candidates = [*entities.ids, *(entities.numbers if parameter.required else [])]
        return self._one(parameter, candidates)

    def _shaped(self, shape: re.Pattern[str]) -> str | None:
        """The first piece of the message that looks like that and is not taken yet."""
        for match in shape.finditer(self._clause.text):
            if match.span() not in self._used:
                self._used.append(match.span())
                return match[0].strip()
        return None

    def _by_pattern(self, parameter: Parameter) -> str | None:
        """The parts of the message that the schema's own pattern accepts."""
        try:
            pattern = re.compile(str(parameter.facet("pattern")))
        except re.error:
            return None
        tokens = list(re.finditer(r"[^\s,;!?\"'()]+", self._clause.text))
        accepted = [(token[0].rstrip("."), token.span()) for token in tokens if pattern.search(token[0].rstrip("."))]
        specific = [item for item in accepted if not item[0].isalpha()] or (accepted if _is_strict(pattern) else [])
        if not specific:
            return None
        self._used.extend(span for _, span in specific)
        values = [value for value, _ in specific]
        if len(values) > 1:
            self._several.setdefault(parameter.name, values[1:])
        return values[0]

    def _stated(self, parameter: Parameter, *, several: bool) -> str | None:
        """Free words that the message assigns: labelled, or after the preposition that goes with the parameter."""
        label = labelled(parameter, self._clause, used=self._used)
        if label is not None:
            return label
        if not several and parameter.required and self._clause.entities.quotes:
            return None
        found = phrase_for(parameter, self._clause, self._tool, self._used)
        return None if found is None or is_empty_talk(found) else found

    def _is_name(self, parameter: Parameter) -> bool:
        """A question is about something named; a command writes free words unless its own name says what."""
        own = {stem(word) for word in parameter.words}
        return self._tool.action == "read" or bool(own & self._tool.name_stems)

    def _quote(self) -> str | None:
        quotes = [quote for quote in self._clause.entities.quotes if self._free(quote)]
        self._use(quotes[:1])
        return quotes[0].value if quotes else None

    def _reader(self, parameter: Parameter) -> Callable[[Clause], Any]:
        """Reads a value of this parameter's kind from other words than this message's."""
        wanted = Parameter(parameter.name, parameter.schema, parameter.root, required=False)
        return lambda clause: _Filler(self._tool, clause, self._talk).specific(wanted)

    # ── helpers ──────────────────────────────────────────────────────────────────────────────────────────

    def _free(self, item: Found) -> bool:
        return all(item.end <= left or item.start >= right for left, right in self._used)

    def _use(self, items: Sequence[Found]) -> None:
        self._used.extend((item.start, item.end) for item in items)

    def _one(self, parameter: Parameter, items: Sequence[Found]) -> str | None:
        free = [item for item in items if self._free(item)]
        if not free:
            return None
        if len(free) > 1 and not self._has_sibling(parameter):
            self._collect(parameter, [item.value for item in free], free)
        else:
            self._use(free[:1])
        return free[0].value

    def _collect(self, parameter: Parameter, values: list[Any], items: Sequence[Found]) -> None:
        """Take several values of one kind: one call each, but a change only for what is plainly listed."""
        if self._tool.action != "read" and not self._listed(items):
            self._use(items[:1])
            return
        self._use(items)
        if len(values) > 1:
            self._several.setdefault(parameter.name, values[1:])

    def _listed(self, items: Sequence[Found]) -> bool:
        """`3, 4 and 5`: nothing but commas and `and` between them."""
        gaps = [self._clause.text[left.end : right.start] for left, right in pairwise(items)]
        return all(_LISTED.fullmatch(gap) for gap in gaps)

    def _has_sibling(self, parameter: Parameter) -> bool:
        """Another parameter takes the same kind of thing, as in `from_id` and `to_id`."""
        kind = text_kind(parameter)
        return any(
            other.name != parameter.name and "string" in other.types and not other.options and text_kind(other) == kind
            for other in self._tool.parameters
        )

    def _beside(self, item: Found, named: set[str]) -> bool:
        """Whether the parameter's name stands directly before or after the number."""
        text = self._clause.text
        around = words(text[max(0, item.start - 24) : item.start])[-2:] + words(text[item.end : item.end + 16])[:1]
        stems_around = {stem(word) for word in around} | set(around)
        return any(
            word in stems_around or stem(word) in stems_around for word in named if word not in ("max", "number")
        )


def _precedence(parameter: Parameter) -> tuple[bool, bool]:
    """Kinds known by their looks take their place in the message before identifiers and numbers do."""
    plain = "string" not in parameter.types or text_kind(parameter) in ("id", "text", "currency")
    return (plain, not parameter.required)


def _is_strict(pattern: re.Pattern[str]) -> bool:
    """Whether a pattern tells identifiers from ordinary words."""
    return not any(pattern.search(word) for word in ("please", "order", "the"))


def _number(item: Found, parameter: Parameter) -> int | float:
    return _round(item.amount, parameter)


def _round(value: float, parameter: Parameter) -> int | float:
    whole = float(value).is_integer() or "number" not in parameter.types
    return round(value) if whole else value
