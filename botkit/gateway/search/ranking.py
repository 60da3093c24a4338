"""BM25 over tools: which ones a few words mean.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), section 3.2
"""

from __future__ import annotations

__all__ = ["ToolIndex"]

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from botkit.core.ranking import words_of
from botkit.core.schemas import as_schema
from botkit.core.tools import Tool

_K1 = 1.2
_B = 0.75
_NAME_WEIGHT = 3
"""A word in a tool's name counts like so many in its description."""
_PARAMETER_WEIGHT = 1
_DEPTH = 3
_STEM = 4


class ToolIndex:
    """A ranking of these tools. Built once for each state of a workspace."""

    def __init__(self, tools: Sequence[Tool]):
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._lengths: list[int] = []
        for number, tool in enumerate(tools):
            counted = _counted(tool)
            self._lengths.append(sum(counted.values()))
            for word, count in counted.items():
                self._postings[word].append((number, count))
        self._average = sum(self._lengths) / len(self._lengths) if self._lengths else 1.0
        self._tools = tuple(tools)

    def rank(self, query: str) -> list[Tool]:
        """Tools that share a word with the query, best first; on a draw in the order they were given."""
        scores: defaultdict[int, float] = defaultdict(float)
        for word in dict.fromkeys(words_of(query)):
            for known, weight in self._matching(word):
                postings = self._postings[known]
                rarity = math.log(1 + (len(self._tools) - len(postings) + 0.5) / (len(postings) + 0.5))
                for number, count in postings:
                    share = 1 - _B + _B * self._lengths[number] / self._average
                    scores[number] += weight * rarity * count * (_K1 + 1) / (count + _K1 * share)
        return [self._tools[number] for number in sorted(scores, key=lambda number: (-scores[number], number))]

    def _matching(self, word: str) -> list[tuple[str, float]]:
        """The word itself; when nobody has it, words that begin like it."""
        if word in self._postings:
            return [(word, 1.0)]
        return [(known, 0.5) for known in self._postings if _alike(word, known)]


def _alike(one: str, other: str) -> bool:
    """Whether they differ in little more than their endings: invoicing, invoice."""
    shared = max(_STEM, min(len(one), len(other)) - 2)
    return min(len(one), len(other)) >= _STEM and one[:shared] == other[:shared]


def _counted(tool: Tool) -> Counter[str]:
    counted: Counter[str] = Counter()
    for word in words_of(tool.name):
        counted[word] += _NAME_WEIGHT
    counted.update(words_of(f"{tool.definition.get('title') or ''} {tool.description}"))
    for word in _parameter_words(tool.input_schema, 0):
        counted[word] += _PARAMETER_WEIGHT
    return counted


def _parameter_words(schema: dict[str, Any], depth: int) -> list[str]:
    found: list[str] = []
    for name, child in as_schema(schema.get("properties")).items():
        typed = as_schema(child)
        found += words_of(f"{name} {typed.get('description') or ''}")
        if depth < _DEPTH:
            found += _parameter_words(typed, depth + 1)
            found += _parameter_words(as_schema(typed.get("items")), depth + 1)
    return found
