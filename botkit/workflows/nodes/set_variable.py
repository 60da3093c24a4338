"""Write variables."""

from __future__ import annotations

__all__ = ["SetVariable"]

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field

from botkit.sdk.nodes import Expression, Node, NodeContext, NodeFailed, Outcome, node
from botkit.workflows.expressions import ExpressionError, evaluate

Kind = Literal["any", "text", "number", "integer", "boolean", "list", "object", "json"]
_RESERVED = ("message", "user", "conversation", "trigger", "run", "error", "input", "null", "loop")
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_SCHEMAS = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "list": {"type": "array"},
    "object": {"type": "object"},
}
_CONVERSIONS = {
    "text": "v | text",
    "number": "v | number",
    "integer": "v | number",
    "boolean": "v | boolean_of",
    "json": "v | fromjson if v | kind == 'text' else v",
}


@node("set_variable")
class SetVariable(Node):
    """Write one variable with `name` and `value`, or several with `values`.

    A value that is one expression keeps its type: `"{{ order.total * 2 }}"` is a number.
    """

    category = "data"
    output = dict[str, Any]

    name: str = ""
    """Of the variable."""
    value: Any = None
    """What it becomes."""
    values: dict[str, Any] = Field(default={}, max_length=100)
    """Several variables at once."""
    transform: Expression = ""
    """An expression over `value` that makes what is written, such as `value | trim | lower`."""
    kind: Kind = "any"
    """What it has to be. Text that says a number, a boolean or JSON is turned into it; anything else that does not fit
    is an error."""
    append: bool = False
    """Add it to the end of the list the variable holds, which is empty at first."""

    @classmethod
    def writes_of(cls, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The variables it names."""
        kind = "list" if data.get("append") else str(data.get("kind") or "any")
        return dict.fromkeys(_names(data), _SCHEMAS.get(kind, {}))

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Names that can be read in expressions, and that nothing else has."""
        if bool(data.get("name")) == bool(data.get("values")):
            return [("name", "`set_variable` has exactly one of name and values")]
        found: list[tuple[str, str]] = []
        for name in _names(data):
            place = "name" if data.get("name") else f"values.{name}"
            if "{{" in name:
                found.append((place, "a name is written plainly, without braces"))
            elif not _NAME.match(name):
                found.append((place, f"`{name}` cannot be read in expressions: use letters, digits and underscores"))
            elif name in _RESERVED:
                found.append((place, f"`{name}` belongs to every run; choose another name"))
        return found

    @classmethod
    def names_in(cls, field: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The value that is transformed."""
        return {"value": {}} if field == "transform" else {}

    async def run(self, ctx: NodeContext) -> Outcome:
        given = {self.name: self.value} if self.name else self.values
        made = {name: self._made(name, value, ctx) for name, value in given.items()}
        return Outcome(output=made, set=made)

    def _made(self, name: str, value: Any, ctx: NodeContext) -> Any:
        if not _NAME.match(name) or name in _RESERVED:
            raise NodeFailed(f"`{name[:60]}` cannot be the name of a variable", code="invalid_config")
        if self.transform:
            value = ctx.evaluate(self.transform, value=value)
        value = self._converted(name, value)
        if not self.append:
            return value
        held: Any = ctx.variables.get(name)
        if held is not None and not isinstance(held, list):
            raise NodeFailed(f"`{name}` is no list that something could be added to", code="invalid_value")
        return [*cast("list[Any]", held or []), value]

    def _converted(self, name: str, value: Any) -> Any:
        made: Any
        try:
            made = evaluate(_CONVERSIONS[self.kind], {"v": value}) if self.kind in _CONVERSIONS else value
        except ExpressionError as error:
            raise NodeFailed(f"`{name}` is no {self.kind}: {error.reason}", code="invalid_value") from error
        if self.kind == "integer" and isinstance(made, float) and made.is_integer():
            made = int(made)
        wanted: type[Any] | None = {"list": list, "object": dict, "integer": int}.get(self.kind)
        if wanted is not None and (not isinstance(made, wanted) or isinstance(made, bool)):
            raise NodeFailed(f"`{name}` is no {self.kind}", code="invalid_value")
        return cast("Any", made)


def _names(data: Mapping[str, Any]) -> list[str]:
    if data.get("name"):
        return [str(data["name"])]
    values: Any = data.get("values")
    return [str(name) for name in cast("Mapping[str, Any]", values)] if isinstance(values, Mapping) else []
