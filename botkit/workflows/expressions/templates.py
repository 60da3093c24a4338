"""Text with `{{ expression }}`, `{% if %}` and `{% for %}`. What is filled in is never read as a template."""

from __future__ import annotations

__all__ = ["compile_template", "single_expression"]

from collections.abc import Mapping, Sequence
from typing import Any, cast

from jinja2 import nodes

from botkit.workflows.expressions.budget import TEXT_LIMIT
from botkit.workflows.expressions.compiling import Compiled, Scope, compile_expression
from botkit.workflows.expressions.errors import ExpressionError, Refused
from botkit.workflows.expressions.values import kind_of, text_of, truth


def single_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The expression, when there is nothing else but white space around it: then its value keeps its type."""
    found: list[nodes.Expr] = []
    for block in tree.body:
        if not isinstance(block, nodes.Output):
            return None
        for part in block.nodes:
            if not isinstance(part, nodes.TemplateData):
                found.append(part)
            elif part.data.strip():
                return None
    return found[0] if len(found) == 1 else None


def compile_template(text: str, tree: nodes.Template) -> Compiled:
    """A function that gives the value or the text. Raises `ExpressionError`."""
    only = single_expression(tree)
    if only is not None:
        return compile_expression(text, only)
    body = _block(text, tree.body)

    def run(scope: Scope) -> str:
        out = _Output()
        body(scope, out)
        return "".join(out.parts)

    return run


class _Output:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0

    def add(self, text: str) -> None:
        self.length += len(text)
        if self.length > TEXT_LIMIT:
            raise Refused(f"this makes a text of more than {TEXT_LIMIT:,} characters")
        self.parts.append(text)


class _Write:
    """One piece of a template, with its place for errors."""

    def __init__(self, text: str, tree: nodes.Node):
        self.text = text
        self.place = tree.lineno

    def __call__(self, scope: Scope, out: _Output) -> None:
        try:
            scope.budget.spend()
            self.write(scope, out)
        except Refused as refused:
            raise ExpressionError(self.text, self.place, refused.reason, refused.suggestion) from None

    def write(self, scope: Scope, out: _Output) -> None:
        raise NotImplementedError


class _Text(_Write):
    def __init__(self, text: str, tree: nodes.TemplateData):
        super().__init__(text, tree)
        self.data = tree.data

    def write(self, scope: Scope, out: _Output) -> None:
        out.add(self.data)


class _Value(_Write):
    def __init__(self, text: str, tree: nodes.Node):
        super().__init__(text, tree)
        self.value = compile_expression(text, tree)

    def write(self, scope: Scope, out: _Output) -> None:
        out.add(text_of(self.value(scope), scope.budget))


class _Block(_Write):
    def __init__(self, text: str, tree: nodes.Node, parts: Sequence[_Write]):
        super().__init__(text, tree)
        self.parts = parts

    def write(self, scope: Scope, out: _Output) -> None:
        for part in self.parts:
            part(scope, out)


class _If(_Write):
    def __init__(self, text: str, tree: nodes.If):
        super().__init__(text, tree)
        self.branches = [(compile_expression(text, each.test), _block(text, each.body)) for each in (tree, *tree.elif_)]
        self.otherwise = _block(text, tree.else_)

    def write(self, scope: Scope, out: _Output) -> None:
        for test, body in self.branches:
            if truth(test(scope)):
                return body(scope, out)
        return self.otherwise(scope, out)


class _For(_Write):
    def __init__(self, text: str, tree: nodes.For):
        super().__init__(text, tree)
        if tree.recursive:
            raise ExpressionError(text, tree.lineno, "loops that call themselves are not part of the language")
        self.items = compile_expression(text, tree.iter)
        self.names = _targets(text, tree.target)
        self.test = compile_expression(text, tree.test) if tree.test is not None else None
        self.body = _block(text, tree.body)
        self.otherwise = _block(text, tree.else_)

    def write(self, scope: Scope, out: _Output) -> None:
        items = self._chosen(self.items(scope), scope)
        for index, item in enumerate(items):
            loop = {
                "index": index + 1,
                "index0": index,
                "first": index == 0,
                "last": index == len(items) - 1,
                "length": len(items),
            }
            self.body(Scope({**scope.variables, **self._bound(item), "loop": loop}, scope.budget), out)
        if not items:
            self.otherwise(scope, out)

    def _chosen(self, held: Any, scope: Scope) -> list[Any]:
        if isinstance(held, Mapping):
            items: list[Any] = list(cast("Mapping[str, Any]", held))
        elif isinstance(held, list | tuple):
            items = list(cast("Sequence[Any]", held))
        else:
            hint = "split it first, as in `text | split(',')`" if isinstance(held, str) else ""
            raise Refused(f"`for` goes through a list or an object, not through {kind_of(held)}", hint)
        scope.budget.items(len(items) * (1 + len(scope.variables) // 64))
        test = self.test
        if test is None:
            return items
        return [item for item in items if truth(test(Scope({**scope.variables, **self._bound(item)}, scope.budget)))]

    def _bound(self, item: Any) -> dict[str, Any]:
        if len(self.names) == 1:
            return {self.names[0]: item}
        if not isinstance(item, list | tuple) or len(cast("Sequence[Any]", item)) != len(self.names):
            raise Refused(f"each item has to be a list of {len(self.names)}", "use `| items` to go through an object")
        return dict(zip(self.names, cast("Sequence[Any]", item), strict=True))


def _targets(text: str, target: nodes.Node) -> list[str]:
    if isinstance(target, nodes.Name):
        return [target.name]
    if isinstance(target, nodes.Tuple) and all(isinstance(item, nodes.Name) for item in target.items):
        return [item.name for item in target.items if isinstance(item, nodes.Name)]
    raise ExpressionError(text, target.lineno, "a loop needs a plain name here")


def _block(text: str, body: Sequence[nodes.Node]) -> _Write:
    parts: list[_Write] = []
    for tree in body:
        if isinstance(tree, nodes.Output):
            parts.extend(
                _Text(text, part) if isinstance(part, nodes.TemplateData) else _Value(text, part) for part in tree.nodes
            )
        elif isinstance(tree, nodes.If):
            parts.append(_If(text, tree))
        elif isinstance(tree, nodes.For):
            parts.append(_For(text, tree))
        else:
            raise ExpressionError(
                text, tree.lineno or 0, "this tag is not part of the language", "templates have `if` and `for`"
            )
    return _Block(text, body[0] if body else nodes.Output([], lineno=0), parts)
