"""What is known of a node type without its code: enough to check, to document and to offer it."""

from __future__ import annotations

__all__ = ["FieldSpec", "NodeSpec", "inner_schema", "spec_of"]

import inspect
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from pydantic import PydanticSchemaGenerationError, TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from botkit.core.data import Data
from botkit.sdk.nodes import Node

_ONWARD = ("default", "done")


class FieldSpec(Data):
    """One field of a node's `data`."""

    name: str
    alias: str = ""
    """Its `camelCase` name, which is understood too."""
    schema: dict[str, Any] = {}
    """JSON Schema; `x-botkit` says what the text is: `expression`, `raw`, or what it names, such as `tool`."""
    required: bool = False
    text: str = ""
    """What it means."""


class NodeSpec(Data):
    """One node type."""

    type: str
    category: str = "own"
    text: str = ""
    """What it does, in Markdown."""
    fields: tuple[FieldSpec, ...] = ()
    handles: dict[str, str] = msgspec.field(default_factory=lambda: {"default": "done"})
    """Edges it may take → when; without `error`, which every node has."""
    dynamic: bool = False
    """Its edges depend on its fields, so `handles` may not be all."""
    output: dict[str, Any] = {}
    """JSON Schema of the variable it writes; empty: anything."""
    entry: bool = False
    onward: tuple[str, ...] = ()
    """As `Node.onward`."""
    bodies: tuple[str, ...] = ()
    """Handles whose steps it walks itself, where they do not depend on its fields."""
    definitions: dict[str, Any] = {}
    """Parts of the schemas of several fields: `#/$defs/…`."""
    file: str = ""
    """Where an operator's node stands; empty for botkit's own."""

    def field(self, name: str) -> FieldSpec | None:
        return next((field for field in self.fields if name in (field.name, field.alias)), None)

    def goes_on(self, handles: Mapping[str, str]) -> tuple[str, ...]:
        """Those of `handles` that lead to the next step when nothing is said about them."""
        if "*" in self.onward:
            return tuple(handles)
        if self.onward:
            return tuple(handle for handle in self.onward if handle in handles)
        return next(((handle,) for handle in (*_ONWARD, *handles) if handle in handles), ())

    def data_schema(self) -> dict[str, Any]:
        """JSON Schema of the whole `data`."""
        properties: dict[str, Any] = {}
        for field in self.fields:
            properties[field.name] = {**field.schema, **({"description": field.text} if field.text else {})}
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        if required := [field.name for field in self.fields if field.required]:
            schema["required"] = required
        return {**schema, **({"$defs": self.definitions} if self.definitions else {})}


def spec_of(cls: type[Node], *, file: str = "") -> NodeSpec:
    """What a node class says about itself."""
    schema = cls.model_json_schema(by_alias=False)
    properties = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    required = set(schema.get("required", ()))
    return NodeSpec(
        type=cls.type,
        category=cls.category,
        text=inspect.cleandoc(cls.__doc__ or "") if cls.__doc__ != Node.__doc__ else "",
        fields=tuple(
            FieldSpec(
                name=_written_name(name, field.alias),
                alias=field.alias or name,
                schema={key: value for key, value in properties[name].items() if key not in ("title", "description")},
                required=name in required,
                text=field.description or "",
            )
            for name, field in cls.model_fields.items()
        ),
        handles=dict(cls.handles),
        dynamic=cls.handles_of.__func__ is not Node.handles_of.__func__,
        output=_output_schema(cls.output),
        entry=cls.entry,
        onward=cls.onward,
        bodies=tuple(cls.bodies_of({})),
        definitions=cast("dict[str, Any]", schema.get("$defs", {})),
        file=file,
    )


def _written_name(name: str, alias: str | None) -> str:
    """`while` for a field called `while_`: an alias that is more than another spelling is the name."""
    return name if alias in (None, to_camel(name)) else alias


def _output_schema(output: Any) -> dict[str, Any]:
    if output is Any:
        return {}
    if output is None:
        return {"type": "null"}
    try:
        return TypeAdapter(output).json_schema()
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema, PydanticUserError):
        return {}


def inner_schema(schema: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Schema of one property of an object's schema: {} when unknown, None when it has no such property."""
    here = _resolved(schema, schema)
    for option in _options(here, schema):
        properties = cast("dict[str, Any] | None", option.get("properties"))
        if properties is None or option.get("additionalProperties") not in (None, False):
            return {}
        if name in properties:
            inner = cast("dict[str, Any]", properties[name])
            return {**inner, **({"$defs": schema["$defs"]} if "$defs" in schema else {})}
    return None if here else {}


def _options(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    options = cast("list[dict[str, Any]]", schema.get("anyOf") or schema.get("oneOf") or [])
    return [_resolved(option, root) for option in options] or [schema]


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        return schema
    definitions = cast("dict[str, Any]", root.get("$defs", {}))
    return cast("Mapping[str, Any]", definitions.get(ref.rpartition("/")[2], {}))
