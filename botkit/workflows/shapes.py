"""Python types of node outputs → JSON Schema, texts of fields included."""

from __future__ import annotations

__all__ = ["shape_of"]

import ast
import inspect
import textwrap
import types
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import (
    Annotated,
    Any,
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from pydantic import PydanticSchemaGenerationError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError


def shape_of(kind: Any) -> dict[str, Any]:
    """JSON Schema of values of a type; {} where nothing is known of them."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return {}
    if is_typeddict(kind):
        return _record(kind)
    if origin in (Required, NotRequired, Annotated):
        return shape_of(args[0])
    if origin is Union or origin is types.UnionType:
        options = [shape_of(option) for option in args]
        return {"anyOf": options} if all(options) else {}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        inner = shape_of(args[1]) if len(args) == 2 else {}
        return {"type": "object", "additionalProperties": inner or True}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        inner = shape_of(args[0]) if args else {}
        return {"type": "array", **({"items": inner} if inner else {})}
    try:
        return TypeAdapter(kind).json_schema()
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema, PydanticUserError):
        return {}


def _record(kind: Any) -> dict[str, Any]:
    """pydantic takes no `typing.TypedDict` before Python 3.12, so it is read here."""
    texts = _texts(kind)
    properties: dict[str, Any] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        properties[name] = {**shape_of(hint), **({"description": texts[name]} if name in texts else {})}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    required = sorted(cast("frozenset[str]", kind.__required_keys__), key=list(properties).index)
    return {**schema, **({"required": required} if required else {})}


def _texts(kind: Any) -> dict[str, str]:
    """The string below each field."""
    found: dict[str, str] = {}
    for base in reversed([kind, *getattr(kind, "__orig_bases__", ())]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue  # made by code, or its source is not there
        body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
        for field, text in pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[field.target.id] = inspect.cleandoc(text.value.value)
    return found
