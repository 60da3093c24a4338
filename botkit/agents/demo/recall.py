"""Values from earlier in the conversation, for messages that point back: `refund it`, `the second one`."""

from __future__ import annotations

__all__ = ["recall"]

import re
from collections.abc import Callable, Sequence
from typing import Any

from botkit.agents.demo.clauses import Clause, read_clause
from botkit.agents.demo.kinds import fits, is_text
from botkit.agents.demo.memory import Conversation
from botkit.agents.demo.toolbox import Parameter, ToolView
from botkit.agents.words import stem, words

_POINTER = re.compile(
    r"\b(?:it|its|that|this|them|those|these|him|her|he|she|they|one|same|again|the|my|last|previous|first|second|third)\b",
    re.IGNORECASE,
)
_ORDINALS = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "last": -1, "latest": 0}


def recall(
    parameter: Parameter,
    tool: ToolView,
    clause: Clause,
    talk: Conversation,
    extract: Callable[[Clause], Any],
) -> Any:
    """The value meant, or None when the message does not point back or nothing fits.

    Looked for in the entry of the last list that is meant, then under the parameter's name in results and
    arguments, newest first, then in what was said; `extract` reads a value of this kind from a clause.
    """
    if is_text(parameter) or not _POINTER.search(clause.text):
        return None
    names = _names(parameter)
    listed = talk.listed()
    chosen = _entry(listed, tool, clause)
    if chosen is not None:
        plain = {_plain(name) for name in names}
        for key, value in chosen.items():
            if _plain(key) in plain and fits(parameter, value):
                return value
    if talk.round and chosen is None and len(listed) > 1:
        return None  # looked for it just now, and none of what came back is meant
    for value in talk.values_of(names):
        if fits(parameter, value):
            return value
    for text in [talk.text, talk.answered, *reversed(talk.said)]:
        value = extract(read_clause(text, talk.today))
        if value is not None and fits(parameter, value):
            return value
    return None


def _names(parameter: Parameter) -> list[str]:
    """`order_id` is also known as `order` and as the `id` of an order; `number` as nothing else."""
    parts = parameter.words
    also = [parts[0], *(["id"] if parts[-1] == "id" else [])] if len(parts) > 1 else []
    return [parameter.name, *also]


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _entry(listed: Sequence[dict[str, Any]], tool: ToolView, clause: Clause) -> dict[str, Any] | None:
    """The entry of the last list that is meant: `the second one`, or the one with the same words."""
    for word in clause.raw_words:
        index = _ORDINALS.get(word)
        if index is not None and -len(listed) <= index < len(listed):
            return listed[index]
    own = tool.name_stems | tool.server_stems
    said = {word for word in clause.stems if word not in own and word != clause.head}
    best, best_score = None, 0
    for entry in listed:
        text = " ".join(str(value) for value in entry.values() if isinstance(value, str))
        score = len(said & {stem(word) for word in words(text)})
        if score > best_score:
            best, best_score = entry, score
    return best
