"""What can be said about an expression before it runs, from the variables there are and their JSON schemas."""

from __future__ import annotations

__all__ = ["check_expression", "check_fit", "check_template"]

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from jinja2 import nodes

from botkit.workflows.expressions.compiling import compile_expression
from botkit.workflows.expressions.errors import ExpressionError, ExpressionProblem, nearest
from botkit.workflows.expressions.evaluating import expression_tree
from botkit.workflows.expressions.functions import FUNCTIONS, LENIENT
from botkit.workflows.expressions.parsing import is_template, parse_template
from botkit.workflows.expressions.templates import compile_template, single_expression

Schema = Mapping[str, Any]
Known = Mapping[str, Schema | None]
_SCHEMA_KINDS = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
    "array": "list",
    "object": "object",
}
_ANYTHING: Schema = {}
_ORDERED = {"lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}


def check_expression(text: str, known: Known) -> list[ExpressionProblem]:
    """Mistakes of an expression, in the order of their places; empty when there are none.

    Found: what is not understood, filters that do not exist or are used wrongly, variables nobody sets, fields that
    a schema does not have, and comparisons that cannot be true or cannot be made because of their types. A `default`
    or a test such as `exists` allows what is missing.

    Args:
        known: each variable with the JSON schema of its value, or None when that is not known.
    """
    try:
        tree = expression_tree(text)
        compile_expression(text, tree)
    except ExpressionError as failure:
        return [_as_problem(failure)]
    return _Checker(known).problems_of(tree)


def check_template(text: str, known: Known) -> list[ExpressionProblem]:
    """As `check_expression`, for a text with braces; a text without them has no mistakes."""
    if not is_template(text):
        return []
    try:
        tree = parse_template(text)
        compile_template(text, tree)
    except ExpressionError as failure:
        return [_as_problem(failure)]
    return _Checker(known).problems_of(tree)


def check_fit(text: str, known: Known, wanted: Schema) -> list[ExpressionProblem]:
    """Whether the value of a template that is one expression can be what a field takes, as far as both are known.

    A number becomes text where text is wanted, and text may spell a number or a flag, so these are no mistakes.

    Args:
        wanted: JSON Schema of the field.
    """
    if not is_template(text):
        return []
    try:
        only = single_expression(parse_template(text))
    except ExpressionError:
        return []  # `check_template` says it
    given = _kinds(_Checker(known).schema(only)) if only is not None else {"text"}
    taken = _kinds(wanted)
    spells = "text" in given and taken & {"number", "boolean"}
    if not given or not taken or given & taken or spells or ("number" in given and "text" in taken):
        return []
    return [ExpressionProblem(f"this becomes {_listed(given)}, and has to be {_listed(taken)}", 0)]


def _as_problem(failure: ExpressionError) -> ExpressionProblem:
    return ExpressionProblem(failure.reason, failure.position, failure.suggestion)


class _Checker:
    def __init__(self, known: Known):
        self.known = dict(known)
        self.found: list[ExpressionProblem] = []

    def problems_of(self, tree: nodes.Node) -> list[ExpressionProblem]:
        self.schema(tree)
        return sorted(set(self.found), key=lambda problem: problem.position)

    def report(self, place: int, message: str, hint: str = "") -> None:
        self.found.append(ExpressionProblem(message, place, hint))

    def schema(self, tree: nodes.Node, *, lenient: bool = False) -> Schema:
        """The schema of a value as far as it is known, all parts of it checked on the way."""
        visit = getattr(self, f"_{type(tree).__name__.lower()}", None)
        if visit is not None:
            return visit(tree, lenient)
        for child in tree.iter_child_nodes():
            self.schema(child)
        return _RESULTS.get(type(tree), _ANYTHING)

    def _const(self, tree: nodes.Const, lenient: bool) -> Schema:
        return {"const": tree.value, "type": _type_of(tree.value)}

    def _name(self, tree: nodes.Name, lenient: bool) -> Schema:
        if tree.name in self.known:
            return self.known[tree.name] or _ANYTHING
        if tree.name == "null":
            return {"type": "null"}
        if not lenient:
            hint = f"write `value | {tree.name}`" if tree.name in FUNCTIONS else nearest(tree.name, self.known)
            self.report(tree.lineno, f"there is no variable `{tree.name[:60]}`", hint)
        return _ANYTHING

    def _getattr(self, tree: nodes.Getattr, lenient: bool) -> Schema:
        return self._field(self.schema(tree.node, lenient=lenient), tree.attr, tree.lineno + 1, lenient)

    def _getitem(self, tree: nodes.Getitem, lenient: bool) -> Schema:
        held = self.schema(tree.node, lenient=lenient)
        self.schema(tree.arg)
        key: Any = tree.arg.value if isinstance(tree.arg, nodes.Const) else None
        if isinstance(key, str):
            return self._field(held, key, tree.lineno, lenient)
        if isinstance(key, int) and _kinds(held) == {"list"}:
            return _items(held)
        return _ANYTHING

    def _field(self, held: Schema, name: str, place: int, lenient: bool) -> Schema:
        kinds = _kinds(held)
        if kinds and not kinds & {"object", "list", "null"} and not lenient:
            self.report(place, f"{' or '.join(sorted(kinds))} has no field `{name[:60]}`")
            return _ANYTHING
        if kinds == {"list"}:
            if name.isdigit():
                return _items(held)
            if not lenient:
                self.report(place, f"a list has no field `{name[:60]}`", "take one of its items, as in `[0]`")
            return _ANYTHING
        fields = held.get("properties")
        if not isinstance(fields, Mapping):
            return _ANYTHING
        properties = cast("Mapping[str, Any]", fields)
        if name in properties:
            inner: Any = properties[name]
            return cast("Schema", inner) if isinstance(inner, Mapping) else _ANYTHING
        if held.get("additionalProperties") in (None, False) and not held.get("patternProperties") and not lenient:
            self.report(place, f"there is no field `{name[:60]}` here", nearest(name, properties))
        return _ANYTHING

    def _filter(self, tree: nodes.Filter, lenient: bool) -> Schema:
        if tree.node is None:
            return _ANYTHING
        return self._used(tree.name, [tree.node, *tree.args], tree.kwargs)

    def _test(self, tree: nodes.Test, lenient: bool) -> Schema:
        self._used(tree.name, [tree.node, *tree.args], tree.kwargs)
        return {"type": "boolean"}

    def _call(self, tree: nodes.Call, lenient: bool) -> Schema:
        name = tree.node.name if isinstance(tree.node, nodes.Name) else ""
        return self._used(name, tree.args, tree.kwargs)

    def _used(self, name: str, args: Sequence[nodes.Node], kwargs: Sequence[nodes.Node]) -> Schema:
        schemas = [self.schema(arg, lenient=index == 0 and name in LENIENT) for index, arg in enumerate(args)]
        for pair in kwargs:
            self.schema(pair)
        if name in {"first", "last"} and schemas and _kinds(schemas[0]) == {"list"}:
            return {"anyOf": [_items(schemas[0]), {"type": "null"}]}
        known = FUNCTIONS.get(name)
        return {"type": _BACK[known.result]} if known is not None and known.result in _BACK else _ANYTHING

    def _compare(self, tree: nodes.Compare, lenient: bool) -> Schema:
        left = self.schema(tree.expr)
        for operand in tree.ops:
            right = self.schema(operand.expr)
            self._fit(operand.op, left, right, operand.expr.lineno)
            left = right
        return {"type": "boolean"}

    def _fit(self, op: str, left: Schema, right: Schema, place: int) -> None:
        ours, theirs = _kinds(left), _kinds(right)
        if not ours or not theirs:
            return
        if op in _ORDERED:
            if not ours & theirs & {"number", "text"}:
                self.report(
                    place,
                    f"`{_ORDERED[op]}` cannot compare {_listed(ours)} with {_listed(theirs)}",
                    "turn text into a number with `| number`" if {"text", "number"} <= ours | theirs else "",
                )
        elif op in {"eq", "ne"}:
            if not ours & theirs and "null" not in ours | theirs:
                result = "never" if op == "eq" else "always"
                self.report(place, f"this is {result} true: {_listed(ours)} is compared with {_listed(theirs)}")
            else:
                self._among(left, right, place)
                self._among(right, left, place)
        elif op in {"in", "notin"} and not theirs & {"text", "list", "object"}:
            self.report(place, f"{_listed(theirs)} holds nothing that could be looked for")

    def _among(self, schema: Schema, other: Schema, place: int) -> None:
        """A constant compared with an enumeration that does not have it is a typing mistake."""
        choices, value = schema.get("enum"), other.get("const")
        if isinstance(choices, list) and isinstance(value, str) and value not in choices:
            named = [choice for choice in cast("list[Any]", choices) if isinstance(choice, str)]
            self.report(place, f"`{value[:60]}` is none of its values", nearest(value, named))

    def _list(self, tree: nodes.List, lenient: bool) -> Schema:
        for item in tree.items:
            self.schema(item)
        return {"type": "array"}

    def _condexpr(self, tree: nodes.CondExpr, lenient: bool) -> Schema:
        self.schema(tree.test)
        then = self.schema(tree.expr1)
        otherwise = self.schema(tree.expr2) if tree.expr2 is not None else {"type": "null"}
        return {"anyOf": [then, otherwise]}

    def _or(self, tree: nodes.Or, lenient: bool) -> Schema:
        return {"anyOf": [self.schema(tree.left), self.schema(tree.right)]}

    _and = _or

    def _for(self, tree: nodes.For, lenient: bool) -> Schema:
        items = self.schema(tree.iter)
        outer = self.known
        names = (
            [tree.target.name]
            if isinstance(tree.target, nodes.Name)
            else [name.name for name in tree.target.find_all(nodes.Name)]
        )
        one = _items(items) if len(names) == 1 and _kinds(items) == {"list"} else None
        self.known = {**outer, "loop": None, **dict.fromkeys(names, one)}
        for child in (*([tree.test] if tree.test is not None else []), *tree.body):
            self.schema(child)
        self.known = outer
        for child in tree.else_:
            self.schema(child)
        return _ANYTHING


_BACK = {"text": "string", "number": "number", "boolean": "boolean", "list": "array", "object": "object"}
_RESULTS: Mapping[type[nodes.Node], Schema] = {
    nodes.Not: {"type": "boolean"},
    nodes.Concat: {"type": "string"},
    nodes.Dict: {"type": "object"},
    nodes.Sub: {"type": "number"},
    nodes.Mul: {"type": "number"},
    nodes.Div: {"type": "number"},
    nodes.FloorDiv: {"type": "number"},
    nodes.Mod: {"type": "number"},
    nodes.Neg: {"type": "number"},
}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "null" if value is None else "string" if isinstance(value, str) else "number"


def _alternatives(schema: Schema) -> Iterator[Schema]:
    for key in ("anyOf", "oneOf"):
        for each in cast("list[Any]", schema.get(key) or []):
            yield cast("Schema", each) if isinstance(each, Mapping) else _ANYTHING


def _kinds(schema: Schema) -> set[str]:
    """The kinds of value it allows; empty: not known."""
    alternatives = list(_alternatives(schema))
    if alternatives:
        each = [_kinds(alternative) for alternative in alternatives]
        return {kind for kinds in each for kind in kinds} if all(each) else set()
    declared = schema.get("type")
    if declared is None and "const" in schema:
        declared = _type_of(schema["const"])
    if declared is None and isinstance(schema.get("enum"), list):
        declared = [_type_of(value) for value in cast("list[Any]", schema["enum"])]
    if declared is None and "properties" in schema:
        declared = "object"
    names = cast("list[Any]", declared) if isinstance(declared, list) else [declared]
    kinds = {_SCHEMA_KINDS.get(name, "") if isinstance(name, str) else "" for name in names}
    return set() if "" in kinds else kinds


def _items(schema: Schema) -> Schema:
    inner = schema.get("items")
    return cast("Schema", inner) if isinstance(inner, Mapping) else _ANYTHING


def _listed(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))
