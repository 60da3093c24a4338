"""Choose a way: if/else, or one of several cases."""

from __future__ import annotations

__all__ = ["Logic"]

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypedDict, cast

from pydantic import Field

from botkit.core.patterns import PatternError, compile_pattern
from botkit.sdk.nodes import EXPRESSION, Expression, Node, NodeContext, NodeFailed, Outcome, node
from botkit.workflows.expressions import evaluate
from botkit.workflows.nodes._comparing import Check, holds
from botkit.workflows.nodes._parts import NodePart

_DEFAULT = "default"


class LogicOutput(TypedDict):
    """Which way was taken."""

    taken: str
    """Its edge."""


class Case(NodePart):
    """One of several ways."""

    name: str = Field(min_length=1, max_length=100)
    """Of the edge."""
    when: Annotated[bool | str, EXPRESSION] = ""
    """Taken when this expression is true, such as `order.total > 500`; `value` is the switch's value."""
    equals: Any = None
    """Taken when `value` equals this."""
    one_of: list[Any] | None = None
    """Taken when `value` is one of these."""
    check: Check | None = None
    """Taken when this condition holds; see `if`."""


@node("logic")
class Logic(Node):
    """Choose a way.

    With a `condition` (an expression) or an `if` (a condition without expressions) there are the edges `true` and
    `false`. With `cases`, each case is an edge of its own name, the first that fits is taken, and `default` when none
    does.
    """

    category = "flow"
    handles = {"true": "the condition holds", "false": "it does not"}
    output: ClassVar[Any] = LogicOutput
    onward = ("*",)

    condition: Expression = ""
    """An expression, such as `order.total > 500 and order.paid`."""
    if_: Check | None = Field(default=None, alias="if")
    """A condition in parts: `{variable, op, value}` with op eq, ne, gt, gte, lt, lte, contains, not_contains,
    starts_with, ends_with, matches, in, not_in, exists, not_exists, empty or not_empty; or `{all: […]}`,
    `{any: […]}`, `{not: …}` of such conditions."""
    value: Any = None
    """What `equals` and `one_of` of the cases are compared with."""
    cases: list[Case] = Field(default=[], max_length=100)
    """Ways to choose from, in order."""

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        """`true` and `false`, or the cases and `default`."""
        cases: Any = data.get("cases")
        if not isinstance(cases, list) or not cases:
            return cls.handles
        found = [cast("Mapping[str, Any]", case) for case in cast("list[Any]", cases) if isinstance(case, Mapping)]
        names = {str(case.get("name")): "its case" for case in found if case.get("name")}
        return {**names, _DEFAULT: "no case fits"}

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Exactly one way to choose; each case under one name and with one test."""
        given = [name for names in (("condition",), ("if", "if_"), ("cases",)) for name in names if data.get(name)]
        if len(given) != 1:
            return [("condition", "`logic` has exactly one of condition, if and cases")]
        found: list[tuple[str, str]] = []
        seen: set[str] = set()
        cases: Any = data.get("cases")
        for index, case in enumerate(cast("list[Any]", cases) if isinstance(cases, list) else []):
            if not isinstance(case, Mapping):
                continue
            held = cast("Mapping[str, Any]", case)
            name = str(held.get("name"))
            if name in seen:
                found.append((f"cases.{index}.name", f"there are two cases `{name}`"))
            if name in (_DEFAULT, "error"):
                found.append((f"cases.{index}.name", f"a case cannot be called `{name}`"))
            seen.add(name)
            tests = [key for key in ("when", "equals", "one_of", "oneOf", "check") if key in held]
            if len(tests) != 1:
                found.append((f"cases.{index}", "a case has exactly one of when, equals, one_of and check"))
        return found + _patterns(data.get("if", data.get("if_")), "if")

    @classmethod
    def names_in(cls, field: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """`value`, for `when` of a case."""
        return {"value": {}} if field == "cases" else {}

    async def run(self, ctx: NodeContext) -> Outcome:
        if not self.cases:
            true = holds(self.if_, ctx) if self.if_ is not None else bool(ctx.evaluate(self.condition))
            return _taken("true" if true else "false")
        for case in self.cases:
            if self._fits(case, ctx):
                return _taken(case.name)
        return _taken(_DEFAULT)

    def _fits(self, case: Case, ctx: NodeContext) -> bool:
        if case.check is not None:
            return holds(case.check, ctx)
        if isinstance(case.when, bool):
            return case.when
        if case.when:
            return bool(ctx.evaluate(case.when, value=self.value))
        if case.one_of is not None:
            return bool(evaluate("value in options", {"value": self.value, "options": case.one_of}))
        if "equals" not in case.model_fields_set:
            raise NodeFailed(f"case `{case.name}` says nothing about when it is taken", code="invalid_config")
        return bool(evaluate("value == other", {"value": self.value, "other": case.equals}))


def _taken(handle: str) -> Outcome:
    output: LogicOutput = {"taken": handle}
    return Outcome(handle, output)


def _patterns(check: Any, path: str) -> list[tuple[str, str]]:
    """Patterns that cannot be read."""
    if isinstance(check, list):
        return [
            found for index, each in enumerate(cast("list[Any]", check)) for found in _patterns(each, f"{path}.{index}")
        ]
    if not isinstance(check, Mapping):
        return []
    held = cast("Mapping[str, Any]", check)
    found = [each for key in ("all", "any", "not") for each in _patterns(held.get(key), f"{path}.{key}")]
    value = held.get("value")
    if held.get("op") == "matches" and isinstance(value, str) and "{{" not in value:
        try:
            compile_pattern(value)
        except PatternError as error:
            found.append((f"{path}.value", str(error)))
    return found
