"""Tools as the demo model sees them: what they are called, what they do, what they need."""

from __future__ import annotations

__all__ = ["Action", "Parameter", "ToolView", "Toolbox", "action_of"]

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from botkit.agents.words import STOP_WORDS, split_name, stem, stems, words
from botkit.core.schemas import Schema, as_schema, resolve, types_of

Action = Literal["read", "add", "remove", "update", "complete", "send", "pay"]

_VERBS: dict[Action, str] = {
    "read": "find read list show check count view display describe print calculate compute convert look translate "
    "summarize analyze explain compare browse see know inspect extract validate measure estimate predict",
    "add": "add book schedule register log upload place draft",
    "remove": "remove cancel clear archive purge revoke uninstall",
    "update": "update set move assign adjust enable disable pause resume increase decrease toggle turn switch approve "
    "reject restart deploy start stop",
    "complete": "complete mark resolve",
    "send": "send reply notify publish post invite share forward",
    "pay": "refund pay charge transfer return withdraw",
}
_ACTIONS: dict[str, Action] = {stem(verb): action for action, verbs in _VERBS.items() for verb in verbs.split()}
"""What a verb does, by stem. Only `read` is harmless."""


def action_of(word_stem: str) -> Action | None:
    """What the verb does, or None when it is no verb known here."""
    return _ACTIONS.get(word_stem)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One property of a tool's arguments."""

    name: str
    schema: Schema
    root: Schema
    required: bool

    @property
    def types(self) -> tuple[str, ...]:
        return types_of(self.schema, self.root)

    @property
    def words(self) -> list[str]:
        return split_name(self.name)

    @property
    def description(self) -> str:
        return str(self.schema.get("description") or "")

    @property
    def options(self) -> list[Any]:
        """Values of its `enum`, also where one branch of an `anyOf` carries it."""
        return cast("list[Any]", self.facet("enum") or [])

    def facet(self, key: str) -> Any:
        """A keyword of the schema or of the first branch that has it: `pattern`, `format`, `items` …"""
        schema = resolve(self.schema, self.root)
        if key in schema:
            return schema[key]
        for union in ("anyOf", "oneOf", "allOf"):
            for branch in cast("list[Any]", schema.get(union) or []):
                found = resolve(as_schema(branch), self.root)
                if key in found:
                    return found[key]
        return None


@dataclass(frozen=True, slots=True)
class ToolView:
    """One tool, read once per request."""

    name: str
    server: str
    label: str
    """The tool's own name in words: `get order`."""
    description: str
    parameters: tuple[Parameter, ...]
    schema: Schema
    name_stems: frozenset[str]
    server_stems: frozenset[str]
    head_stems: frozenset[str]
    """Of the first sentence of the description."""
    more_stems: frozenset[str]
    """Of the rest, and of the parameters with their options."""
    action: Action
    computes: bool
    """It takes numbers and changes nothing, whatever its verb."""

    @property
    def required(self) -> list[Parameter]:
        return [parameter for parameter in self.parameters if parameter.required]

    @property
    def summary(self) -> str:
        return self.description.split(". ")[0].strip().rstrip(".")


def view(spec: dict[str, Any]) -> ToolView:
    """Read a tool in the OpenAI shape."""
    function = as_schema(spec.get("function"))
    name = str(function.get("name", ""))
    server, separator, upstream = name.partition("__")
    if not separator:
        server, upstream = "", name
    schema = as_schema(function.get("parameters"))
    required = cast("list[Any]", schema.get("required") or [])
    parameters = tuple(
        Parameter(key, as_schema(child), schema, key in required)
        for key, child in as_schema(schema.get("properties")).items()
    )
    description = " ".join(str(function.get("description") or "").split())
    head, _, rest = description.partition(". ")
    own = split_name(upstream)
    details = [rest, *(" ".join([*p.words, p.description, *map(str, p.options)]) for p in parameters)]
    computes = _only_computes(parameters)
    return ToolView(
        name=name,
        server=server,
        label=" ".join(own),
        description=description,
        parameters=parameters,
        schema=schema,
        name_stems=frozenset(stem(word) for word in own if word not in STOP_WORDS or action_of(stem(word))),
        server_stems=frozenset(stem(word) for word in split_name(server)),
        head_stems=frozenset(stems(head)),
        more_stems=frozenset(stem for text in details for stem in stems(text)),
        action="read" if computes else _tool_action(own, head),
        computes=computes,
    )


def _only_computes(parameters: Sequence[Parameter]) -> bool:
    """`add(a, b)` adds numbers, it does not add a thing: all it takes are short-named numbers."""
    needed = [parameter for parameter in parameters if parameter.required]
    numeric = all({"number", "integer"} & set(parameter.types) for parameter in needed)
    return len(needed) > 1 and numeric and all(not {"id", "amount"} & set(parameter.words) for parameter in needed)


def _tool_action(name: Sequence[str], head: str) -> Action:
    """What the tool does: by its name, else by how its description begins."""
    described = [stem(word) for word in words(head) if word not in STOP_WORDS and word not in ("return", "returns")][:1]
    for candidate in (*map(stem, name), *described):
        action = action_of(candidate)
        if action is not None:
            return action
    return "read"


class Toolbox:
    """All tools of one request, with how telling each word is among them."""

    def __init__(self, specs: Sequence[dict[str, Any]]):
        self.tools = [view(spec) for spec in specs]
        self._counts = Counter(
            word
            for tool in self.tools
            for word in tool.name_stems | tool.server_stems | tool.head_stems | tool.more_stems
        )

    def weight(self, word: str) -> float:
        """Between 0.75 for a word every tool uses and 1.5 for one that only one of many uses."""
        return 0.75 + min(0.75, math.log((1 + len(self.tools)) / (1 + self._counts[word])) / 2)

    def named(self, name: str) -> ToolView | None:
        return next((tool for tool in self.tools if tool.name == name), None)
