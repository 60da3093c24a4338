"""From a syntax tree to nested functions that work on plain values: no code is generated, and no Python object is
reachable beyond JSON values and dates."""

from __future__ import annotations

__all__ = ["Compiled", "Scope", "compile_expression"]

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.errors import ExpressionError, Refused, nearest
from botkit.workflows.expressions.functions import FUNCTIONS, LENIENT, Function
from botkit.workflows.expressions.operations import ARITHMETIC, COMPARISONS, field_of, item_of, negative
from botkit.workflows.expressions.values import Missing, finite, kind_of, text_of, truth, usable


class Scope:
    """What one evaluation sees, and what it may still spend."""

    __slots__ = ("budget", "variables")

    def __init__(self, variables: Mapping[str, Any], budget: Budget):
        self.variables = variables
        self.budget = budget


Compiled = Callable[[Scope], Any]
_CONSTANTS = {"null": None}
_SYMBOLS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Pow: ("`**` is not part of the language", "multiply"),
    nodes.Slice: ("slices are not part of the language", "use `| slice(start, stop)`, `| first` or `| last`"),
}


def compile_expression(text: str, tree: nodes.Node) -> Compiled:
    """A function that gives the value. Raises `ExpressionError` for what the language does not have."""
    return _Compiler(text).value(tree)


class _Compiler:
    def __init__(self, text: str):
        self.text = text

    def fail(self, place: nodes.Node, reason: str, suggestion: str = "") -> ExpressionError:
        return ExpressionError(self.text, place.lineno, reason, suggestion)

    def value(self, tree: nodes.Node) -> Compiled:
        """Never gives `Missing`."""
        run, text = self.lenient(tree), self.text
        if not isinstance(tree, nodes.Name | nodes.Getattr | nodes.Getitem):
            return run

        def present(scope: Scope) -> Any:
            found = run(scope)
            if isinstance(found, Missing):
                raise ExpressionError(text, found.place, found.reason, found.suggestion)
            return found

        return present

    def lenient(self, tree: nodes.Node) -> Compiled:
        """May give `Missing` for a name, a field or an item."""
        found = getattr(self, f"_{type(tree).__name__.lower()}", None)
        if found is None:
            reason, suggestion = _REFUSED.get(type(tree), (f"{_kind(tree)} is not part of the language", ""))
            raise self.fail(tree, reason, suggestion)
        run: Compiled = found(tree)
        place, text = tree.lineno + isinstance(tree, nodes.Getattr), self.text

        def located(scope: Scope) -> Any:
            budget = scope.budget
            budget.left -= 1
            try:
                if budget.left < 0:
                    budget.spend()
                value = run(scope)
                if type(value) is Missing and value.place < 0:
                    value.place = place
                return value
            except Refused as refused:
                raise ExpressionError(text, place, refused.reason, refused.suggestion) from None

        return located

    # Values

    def _const(self, tree: nodes.Const) -> Compiled:
        value: Any = tree.value
        try:
            finite(value)
        except Refused as refused:
            raise self.fail(tree, refused.reason) from None
        return lambda _: value

    def _name(self, tree: nodes.Name) -> Compiled:
        name = tree.name

        def run(scope: Scope) -> Any:
            if name in scope.variables:
                value = scope.variables[name]
                if not usable(value):
                    raise Refused(f"expressions cannot use values of type {kind_of(value)}")
                return value
            if name in _CONSTANTS:
                return _CONSTANTS[name]
            if name in FUNCTIONS:
                return Missing(f"`{name}` is a filter, not a variable", f"write `value | {name}`")
            return Missing(f"there is no variable `{name[:60]}`", nearest(name, map(str, scope.variables)))

        return run

    def _getattr(self, tree: nodes.Getattr) -> Compiled:
        held, name, shown = self.lenient(tree.node), tree.attr, _shown(tree.node)
        return lambda scope: field_of(held(scope), name, shown)

    def _getitem(self, tree: nodes.Getitem) -> Compiled:
        if isinstance(tree.arg, nodes.Slice):
            raise self.fail(tree, *_REFUSED[nodes.Slice])
        held, key, shown = self.lenient(tree.node), self.value(tree.arg), _shown(tree.node)
        return lambda scope: item_of(held(scope), key(scope), shown)

    def _list(self, tree: nodes.List) -> Compiled:
        items = [self.value(item) for item in tree.items]
        return lambda scope: [item(scope) for item in items]

    _tuple = _list

    def _dict(self, tree: nodes.Dict) -> Compiled:
        pairs = [(self.value(pair.key), self.value(pair.value)) for pair in tree.items]

        def run(scope: Scope) -> dict[str, Any]:
            made: dict[str, Any] = {}
            for key, value in pairs:
                name = key(scope)
                if not isinstance(name, str):
                    raise Refused(f"names of fields are text, not {kind_of(name)}")
                made[name] = value(scope)
            return made

        return run

    # Operators

    def _binary(self, tree: nodes.BinExpr) -> Compiled:
        left, right = self.value(tree.left), self.value(tree.right)
        work = ARITHMETIC[type(tree).__name__.lower()]
        return lambda scope: work(left(scope), right(scope), scope.budget)

    _add = _sub = _mul = _div = _floordiv = _mod = _binary

    def _neg(self, tree: nodes.Neg) -> Compiled:
        inner = self.value(tree.node)
        return lambda scope: negative(inner(scope))

    def _pos(self, tree: nodes.Pos) -> Compiled:
        inner = self.value(tree.node)
        return lambda scope: -negative(inner(scope))

    def _not(self, tree: nodes.Not) -> Compiled:
        inner = self.value(tree.node)
        return lambda scope: not truth(inner(scope))

    def _and(self, tree: nodes.And) -> Compiled:
        left, right = self.value(tree.left), self.value(tree.right)

        def run(scope: Scope) -> Any:
            first = left(scope)
            return right(scope) if truth(first) else first

        return run

    def _or(self, tree: nodes.Or) -> Compiled:
        left, right = self.value(tree.left), self.value(tree.right)

        def run(scope: Scope) -> Any:
            first = left(scope)
            return first if truth(first) else right(scope)

        return run

    def _compare(self, tree: nodes.Compare) -> Compiled:
        first = self.value(tree.expr)
        rest = [(COMPARISONS[operand.op], self.value(operand.expr)) for operand in tree.ops]

        def run(scope: Scope) -> bool:
            left = first(scope)
            for compare, operand in rest:
                right = operand(scope)
                if not compare(left, right, scope.budget):
                    return False
                left = right
            return True

        return run

    def _condexpr(self, tree: nodes.CondExpr) -> Compiled:
        test, then = self.value(tree.test), self.value(tree.expr1)
        otherwise = self.value(tree.expr2) if tree.expr2 is not None else _nothing
        return lambda scope: then(scope) if truth(test(scope)) else otherwise(scope)

    def _concat(self, tree: nodes.Concat) -> Compiled:
        parts = [self.value(part) for part in tree.nodes]

        def run(scope: Scope) -> str:
            texts: list[str] = []
            for part in parts:
                texts.append(text_of(part(scope), scope.budget))
                scope.budget.text(sum(map(len, texts)))
            return "".join(texts)

        return run

    # Filters, tests, functions: three ways to write one thing

    def _filter(self, tree: nodes.Filter) -> Compiled:
        if tree.node is None:
            raise self.fail(tree, "a filter needs a value")
        return self._call_of(tree, tree.name, [tree.node, *tree.args], tree.kwargs, tree)

    def _test(self, tree: nodes.Test) -> Compiled:
        return self._call_of(tree, _TESTS.get(tree.name, tree.name), [tree.node, *tree.args], tree.kwargs, tree)

    def _call(self, tree: nodes.Call) -> Compiled:
        called = tree.node
        if isinstance(called, nodes.Getattr):
            near = called.attr if called.attr in FUNCTIONS else _METHODS.get(called.attr, "")
            hint = f"write `{_shown(called.node).strip('`')} | {near}`" if near else "use a filter: `value | filter`"
            raise self.fail(tree, "values have no methods", hint)
        if not isinstance(called, nodes.Name):
            raise self.fail(tree, "only functions can be called")
        return self._call_of(tree, called.name, tree.args, tree.kwargs, tree)

    def _call_of(
        self, tree: nodes.Node, name: str, args: list[nodes.Expr], kwargs: list[Any] | None, call: Any
    ) -> Compiled:
        if call.dyn_args is not None or call.dyn_kwargs is not None:
            raise self.fail(tree, "`*` and `**` before arguments are not part of the language")
        known = FUNCTIONS.get(name)
        if known is None:
            raise self.fail(tree, f"there is no filter `{name[:60]}`", nearest(name, FUNCTIONS))
        named = {str(pair.key): self.value(pair.value) for pair in kwargs or []}
        try:
            known.check(len(args), tuple(named))
        except Refused as refused:
            raise self.fail(tree, refused.reason) from None
        plain = [
            self.lenient(arg) if position == 0 and name in LENIENT else self.value(arg)
            for position, arg in enumerate(args)
        ]
        return _calling(known, plain, named)


def _nothing(_: Scope) -> None:
    """What is left out is null."""


def _calling(known: Function, plain: list[Compiled], named: dict[str, Compiled]) -> Compiled:
    work = known.run

    def run(scope: Scope) -> Any:
        given = [arg(scope) for arg in plain]
        return finite(work(scope.budget, *given, **{key: value(scope) for key, value in named.items()}))

    return run


_TESTS = {"none": "null", "true": "is_true", "false": "is_false", "in": "is_in", "mapping": "is_object"}
"""How `x is NAME` differs from the function's name."""
_METHODS = {
    "toLowerCase": "lower",
    "toUpperCase": "upper",
    "strip": "trim",
    "startsWith": "startswith",
    "endsWith": "endswith",
    "includes": "contains",
    "get": "default",
    "format": "text",
}


def _shown(tree: nodes.Node) -> str:
    """How a path is written, for errors: `order.customer`."""
    parts: list[str] = []
    while True:
        if isinstance(tree, nodes.Getattr):
            parts.append(f".{tree.attr}")
            tree = tree.node
        elif isinstance(tree, nodes.Getitem):
            key: Any = tree.arg.value if isinstance(tree.arg, nodes.Const) else "…"
            parts.append(f"[{key!r}]" if key != "…" else "[…]")
            tree = tree.node
        elif isinstance(tree, nodes.Name):
            shown = tree.name + "".join(reversed(parts))
            return f"`{shown if len(shown) <= 60 else shown[:59] + '…'}`"
        else:
            return "this"


def _kind(tree: nodes.Node) -> str:
    name = type(tree).__name__
    return {"Assign": "`set`", "AssignBlock": "`set`", "TemplateData": "text"}.get(name, f"`{name.lower()}`")
