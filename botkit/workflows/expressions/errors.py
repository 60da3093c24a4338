"""What can go wrong in an expression: one error, with its place, its reason and a way out."""

from __future__ import annotations

__all__ = ["ExpressionError", "ExpressionProblem", "Refused", "nearest"]

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from botkit.core.errors import BotkitError
from botkit.sdk.nodes import NodeFailed

_SHOWN = 60


class Refused(Exception):
    """Inside the language: this operation cannot be done. Becomes an `ExpressionError` with a place."""

    def __init__(self, reason: str, suggestion: str = ""):
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class ExpressionProblem:
    """A mistake found without running anything."""

    message: str
    position: int
    """Characters before it, from 0."""
    hint: str = ""


class ExpressionError(BotkitError):
    """The one error that evaluating, rendering and parsing raise. Names no values, only names and types.

        there is no variable `oder` (column 1 of `oder.total > 5`); did you mean `order`?

    Args:
        text: the whole expression or template.
        position: characters before the mistake, from 0.
        reason: what is wrong.
        suggestion: a sentence on what to write instead; may be empty.
    """

    code = "expression"

    def __init__(self, text: str, position: int, reason: str, suggestion: str = ""):
        self.text = text
        self.position = max(0, min(position, len(text)))
        self.reason = reason
        self.suggestion = suggestion
        super().__init__(f"{reason} ({self.place}){f'; {suggestion}' if suggestion else ''}")

    @property
    def line(self) -> int:
        """1-based."""
        return self.text.count("\n", 0, self.position) + 1

    @property
    def column(self) -> int:
        """1-based."""
        return self.position - (self.text.rfind("\n", 0, self.position) + 1) + 1

    @property
    def place(self) -> str:
        """`line 2, column 5 of …`, with the line itself, cut around the mistake when it is long."""
        line = self.text.split("\n")[self.line - 1].rstrip("\r")
        start = max(0, min(self.column - 1 - _SHOWN // 2, len(line) - _SHOWN))
        cut = line[start : start + _SHOWN]
        shown = f"{'…' if start else ''}{cut.strip()}{'…' if start + _SHOWN < len(line) else ''}"
        number = f"line {self.line}, " if "\n" in self.text.strip() else ""
        return f"{number}column {self.column} of `{shown}`" if shown else f"{number}column {self.column}"

    def as_node_failure(self) -> NodeFailed:
        """As a node reports it: code `expression`, not worth a retry."""
        return NodeFailed(str(self), code=self.code, position=self.position)


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean `order`?`, or empty when nothing is near."""
    names = [each for each in known if len(each) < 100]
    found = difflib.get_close_matches(name[:100], names[:500], n=1, cutoff=0.6)
    if not found:
        lowered = {each.lower(): each for each in names}
        found = [lowered[name.lower()]] if name.lower() in lowered else []
    return f"did you mean `{found[0]}`?" if found else ""
