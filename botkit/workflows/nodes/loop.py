"""Repeat the steps on the `body` edge: for each item, while a condition holds, or a number of times."""

from __future__ import annotations

__all__ = ["Loop"]

from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict, cast

from pydantic import Field

from botkit.sdk.nodes import Expression, Node, NodeFailed, Outcome, node
from botkit.workflows.context import NodeRun


class LoopOutput(TypedDict):
    """What a loop leaves behind."""

    count: int
    """Rounds that were made."""
    results: list[Any]
    """Output of the last node of each round."""


@node("loop")
class Loop(Node):
    """Repeat the steps on the `body` edge.

    With `each`, once for every item of a list; with `times`, that often; with `while`, as long as the expression
    is true before a round. `{{ item }}` and `{{ index }}` (from 0) are there inside. An edge from the body back to the
    loop is the same as no edge: the next round begins when nothing of the body is left to do.
    """

    category = "flow"
    handles = {
        "body": "the steps to repeat",
        "done": "every round was made",
        "limit": "`max_rounds` was reached first; without this edge the run fails",
    }
    output: ClassVar[Any] = LoopOutput

    each: list[Any] | dict[str, Any] | None = None
    """The items: a list, or an object, whose items are `{key, value}`."""
    times: int | None = Field(default=None, ge=0)
    """How many rounds."""
    while_: Expression | None = Field(default=None, alias="while")
    """Condition for one more round, such as `attempts < 3 and not found`."""
    item: str = Field(default="item", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the variable that holds the item."""
    max_rounds: int = Field(default=100, ge=1, le=10_000)
    """Most rounds. Every node of a round counts towards the nodes of the run."""

    @classmethod
    def bodies_of(cls, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The steps to repeat."""
        return ("body",)

    @classmethod
    def check(cls, data: Any) -> list[tuple[str, str]]:
        """Exactly one way to repeat."""
        given = [name for name in ("each", "times", "while", "while_") if data.get(name) is not None]
        return [] if len(given) == 1 else [("each", "a loop has exactly one of each, times and while")]

    @classmethod
    def names_in(cls, field: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The number of the round that would begin."""
        return {"index": {"type": "integer"}} if field == "while" else {}

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        items = self._items()
        scope = ctx.scope()
        results: list[Any] = []
        while self._goes_on(ctx, len(results), items, scope.written):
            number = len(results)
            if number >= self.max_rounds:
                return self._limit(ctx, results, scope.written)
            scope.fix(**{self.item: items[number] if items is not None else number, "index": number})
            results.append(await ctx.walk("body", str(number), scope))
        return Outcome("done", _output(results), set=scope.written)

    def _items(self) -> list[Any] | None:
        if isinstance(self.each, dict):
            return [{"key": key, "value": value} for key, value in self.each.items()]
        return self.each

    def _goes_on(self, ctx: NodeRun, number: int, items: list[Any] | None, written: dict[str, Any]) -> bool:
        if items is not None:
            return number < len(items)
        if self.times is not None:
            return number < self.times
        return bool(ctx.evaluate(cast("str", self.while_), **{**written, "index": number}))

    def _limit(self, ctx: NodeRun, results: list[Any], written: dict[str, Any]) -> Outcome:
        if not ctx.entries("limit"):
            raise NodeFailed(f"the loop made its {self.max_rounds} rounds and was not done", code="loop_limit")
        return Outcome("limit", _output(results), set=written)


def _output(results: list[Any]) -> LoopOutput:
    return {"count": len(results), "results": results}
