"""What is known of a node type without its code: enough to check, to document and to offer it."""

from __future__ import annotations

__all__ = ["FieldSpec", "NodeSpec", "inlined", "spec_of"]

import inspect
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from pydantic import AliasChoices
from pydantic.alias_generators import to_camel

from botkit.core.data import Data
from botkit.sdk.nodes import Node
from botkit.workflows.shapes import shape_of

_ONWARD = ("default", "done")


class FieldSpec(Data):
    """One field of a node's `data`."""

    name: str
    alias: str = ""
    """Its `camelCase` name, which is understood too."""
    also: tuple[str, ...] = ()
    """Further names that are understood, such as those of other programs."""
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
    writes: dict[str, Any] = {}
    """As `Node.writes_of`, where that does not depend on its fields."""
    names: dict[str, dict[str, Any]] = {}
    """Field → as `Node.names_in`, where that does not depend on its fields."""
    file: str = ""
    """Where an operator's node stands; empty for botkit's own."""

    def field(self, name: str) -> FieldSpec | None:
        return next((field for field in self.fields if name in (field.name, field.alias, *field.also)), None)

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
        return schema


def spec_of(cls: type[Node], *, file: str = "") -> NodeSpec:
    """What a node class says about itself."""
    schema = cls.model_json_schema(by_alias=False)
    properties = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    required = set(schema.get("required", ()))
    definitions = cast("dict[str, Any]", schema.get("$defs", {}))
    return NodeSpec(
        type=cls.type,
        category=cls.category,
        text=inspect.cleandoc(cls.__doc__ or "") if cls.__doc__ != Node.__doc__ else "",
        fields=tuple(
            FieldSpec(
                name=_written_name(name, field.alias),
                alias=field.alias or name,
                also=_choices(field.validation_alias),
                schema=_bare(inlined(properties[name], definitions)),
                required=name in required,
                text=field.description or "",
            )
            for name, field in cls.model_fields.items()
        ),
        handles=dict(cls.handles),
        dynamic=cls.handles_of.__func__ is not Node.handles_of.__func__,
        output=inlined(shape_of(cls.output)),
        entry=cls.entry,
        onward=cls.onward,
        bodies=tuple(cls.bodies_of({})),
        writes=dict(cls.writes_of({})),
        names={
            name: dict(found)
            for attribute, field in cls.model_fields.items()
            if (found := cls.names_in(name := _written_name(attribute, field.alias), {}))
        },
        file=file,
    )


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def _choices(alias: object) -> tuple[str, ...]:
    names = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return tuple(name for name in names if isinstance(name, str))


def _written_name(name: str, alias: str | None) -> str:
    """`while` for a field called `while_`: an alias that is more than another spelling is the name."""
    return name if alias in (None, to_camel(name)) else alias


def inlined(schema: Any, definitions: Mapping[str, Any] | None = None, seen: frozenset[str] = frozenset()) -> Any:
    """A schema without `$ref`: what it refers to stands in its place. What refers to itself ends as anything."""
    if isinstance(schema, list):
        return [inlined(item, definitions, seen) for item in cast("list[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    given = cast("Mapping[str, Any]", schema)
    known = cast("Mapping[str, Any]", given.get("$defs", definitions or {}))
    reference = given.get("$ref")
    rest: dict[str, Any] = {
        key: inlined(value, known, seen) for key, value in given.items() if key not in ("$ref", "$defs")
    }
    if not isinstance(reference, str):
        return rest
    name = reference.rpartition("/")[2]
    found: Any = inlined(known.get(name, {}), known, seen | {name}) if name not in seen else {}
    return {**cast("dict[str, Any]", found), **rest}
