"""What functions a project has, read without running anything."""

from __future__ import annotations

__all__ = ["FunctionFacts", "function_names", "read_functions"]

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botkit.core.config import Config
from botkit.core.data import Data

_DECORATOR = "function"


class FunctionFacts(Data):
    """One function, as its decorator tells."""

    name: str
    line: int = 0
    read_only: bool = False
    idempotent: bool = False


def read_functions(path: Path) -> tuple[FunctionFacts, ...]:
    """The functions of a file, in its order; none when it cannot be read."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ()
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    marked = [(node, flags) for node in functions if (flags := _flags(node)) is not None]
    plain: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, dict[str, Any]]] = [
        (node, {}) for node in functions if node.name == path.stem.replace("-", "_")
    ]
    return tuple(
        FunctionFacts(
            name=str(flags.get("name") or node.name),
            line=node.lineno,
            read_only=flags.get("read_only") is True,
            idempotent=flags.get("idempotent") is True,
        )
        for node, flags in marked or plain
    )


def function_names(config: Config) -> tuple[str, ...]:
    """The names of all functions of a project, those that are disabled left out."""
    return tuple(sorted({one.name for path in _files(config) for one in read_functions(path)}))


def _files(config: Config) -> Iterator[Path]:
    root = config.root.resolve()
    declared = {(root / one.run).resolve(): one.enabled for one in config.functions.values()}
    yield from (path for path, enabled in declared.items() if enabled)
    for path in (root / "workspace" / "functions").glob("*.py"):
        if path.name[0] not in "_." and path.resolve() not in declared:
            yield path


def _flags(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any] | None:
    """The plain arguments of its `@function`; None when it has none."""
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if name == _DECORATOR:
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            return {one.arg: one.value.value for one in keywords if one.arg and isinstance(one.value, ast.Constant)}
    return None
