"""The three verbs: evaluate an expression, render a template, render a whole configuration."""

from __future__ import annotations

__all__ = ["evaluate", "expression_tree", "names_used", "render", "render_data", "template_names"]

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from jinja2 import nodes

from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.compiling import Compiled, Scope, compile_expression
from botkit.workflows.expressions.errors import ExpressionError, Refused
from botkit.workflows.expressions.functions import load_functions
from botkit.workflows.expressions.parsing import is_template, parse_expression, parse_template
from botkit.workflows.expressions.templates import compile_template, single_expression
from botkit.workflows.expressions.values import Missing, like_json

load_functions()
_REMEMBERED = 2048
_DATA_DEPTH = 100


def evaluate(text: str, variables: Mapping[str, Any]) -> Any:
    """The value of `order.total > 500`. Pure: the same text and variables give the same value, and change nothing.

    An expression that somebody put in braces, `{{ order.total > 500 }}`, is understood as well.

    Raises:
        ExpressionError: it is not understood, a name is unknown, the kinds do not fit, or it costs too much.
    """
    return _run(text, _compiled_expression(text), variables)


def render(template: str, variables: Mapping[str, Any]) -> Any:
    """A template filled in. `"{{ order.items }}"` gives the list itself, `"You have {{ n }} items"` a text, and a text
    without braces itself. Values are put in as they are: braces inside them mean nothing.

    Raises:
        ExpressionError: as for `evaluate`.
    """
    if not is_template(template):
        return template
    return _run(template, _compiled_template(template), variables)


def render_data(
    data: Mapping[str, Any], variables: Mapping[str, Any], raw_fields: Collection[str] = ()
) -> dict[str, Any]:
    """Every text inside a JSON object filled in, at any depth; names of fields stay as they are.

    Args:
        raw_fields: fields of the outermost object that are handed over untouched.

    Raises:
        ExpressionError: its `facts["path"]` names the field, such as `headers.x-order` or `cases.0.when`.
    """
    return {key: value if key in raw_fields else _filled(value, variables, (str(key),)) for key, value in data.items()}


def _filled(value: Any, variables: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        try:
            return render(value, variables)
        except ExpressionError as failure:
            failure.facts["path"] = ".".join(path)
            raise
    if len(path) > _DATA_DEPTH:
        raise ExpressionError("", 0, "the data is nested too deeply")
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return {key: _filled(inner, variables, (*path, str(key))) for key, inner in held.items()}
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return [_filled(inner, variables, (*path, str(index))) for index, inner in enumerate(items)]
    return value


def names_used(text: str) -> frozenset[str]:
    """The variables that an expression reads, loop variables of its own left out. Raises `ExpressionError`."""
    return frozenset(_free_names(expression_tree(text), frozenset()))


def template_names(template: str) -> frozenset[str]:
    """The variables that a template reads. Raises `ExpressionError`."""
    return frozenset(_free_names(parse_template(template), frozenset())) if is_template(template) else frozenset()


def _free_names(tree: nodes.Node, bound: frozenset[str]) -> Iterator[str]:
    if isinstance(tree, nodes.Name):
        if tree.name not in bound and tree.name != "null":
            yield tree.name
        return
    if isinstance(tree, nodes.Call) and isinstance(tree.node, nodes.Name):
        for child in (*tree.args, *(pair.value for pair in tree.kwargs)):
            yield from _free_names(child, bound)
        return
    if isinstance(tree, nodes.For):
        inner = bound | {name.name for name in tree.target.find_all(nodes.Name)} | {"loop"}
        if isinstance(tree.target, nodes.Name):
            inner |= {tree.target.name}
        yield from _free_names(tree.iter, bound)
        for child in (*([tree.test] if tree.test is not None else []), *tree.body):
            yield from _free_names(child, inner)
        for child in tree.else_:
            yield from _free_names(child, bound)
        return
    for child in tree.iter_child_nodes():
        yield from _free_names(child, bound)


def _run(text: str, run: Compiled, variables: Mapping[str, Any]) -> Any:
    try:
        value = run(Scope(variables, Budget()))
    except Refused as refused:
        raise ExpressionError(text, 0, refused.reason, refused.suggestion) from None
    except RecursionError:
        raise ExpressionError(text, 0, "the values are nested too deeply") from None
    except MemoryError:
        raise ExpressionError(text, 0, "this needs too much memory") from None
    if isinstance(value, Missing):
        raise ExpressionError(text, value.place, value.reason, value.suggestion)
    return like_json(value)


def expression_tree(text: str) -> nodes.Expr:
    """The tree of an expression, also of one in braces. Raises `ExpressionError`."""
    if not is_template(text):
        return parse_expression(text)
    only = single_expression(parse_template(text))
    if only is None:
        raise ExpressionError(text, 0, "this has to be one expression", "write it without braces")
    return only


def _remembering(make: Callable[[str], Compiled]) -> Callable[[str], Compiled]:
    return lru_cache(maxsize=_REMEMBERED)(make)


@_remembering
def _compiled_expression(text: str) -> Compiled:
    return compile_expression(text, expression_tree(text))


@_remembering
def _compiled_template(text: str) -> Compiled:
    return compile_template(text, parse_template(text))
