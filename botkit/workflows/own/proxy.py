"""How an operator's node looks to the runner: a class with its fields and edges, whose work is done elsewhere."""

from __future__ import annotations

__all__ = ["AnyHandle", "node_types", "proxy_of"]

import keyword
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

from pydantic import AliasChoices, Field, create_model

from botkit.core.errors import NotFound
from botkit.sdk.nodes import EXPRESSION, RAW, Node, NodeFailed, Outcome, Signal, Wait
from botkit.workflows.context import NodeRun
from botkit.workflows.own.describing import describe
from botkit.workflows.registry import builtin_registry
from botkit.workflows.specs import FieldSpec, NodeSpec

_MARKS = {"expression": EXPRESSION, "raw": RAW}


class AnyHandle(dict[str, str]):
    """Edges nobody knows before the node takes one."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str)


class _Proxy(Node):
    spec: ClassVar[NodeSpec]

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        return AnyHandle(cls.spec.handles) if cls.spec.dynamic else cls.spec.handles

    @classmethod
    def bodies_of(cls, data: Mapping[str, Any]) -> tuple[str, ...]:
        return cls.spec.bodies

    @classmethod
    def writes_of(cls, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return cls.spec.writes

    async def run(self, ctx: NodeRun) -> Outcome | Wait:  # pyright: ignore[reportIncompatibleMethodOverride] - only botkit runs it
        return await self._elsewhere(ctx, None)

    async def resume(self, ctx: NodeRun, signal: Signal) -> Outcome | Wait:  # pyright: ignore[reportIncompatibleMethodOverride] - as above
        return await self._elsewhere(ctx, signal)

    async def _elsewhere(self, ctx: NodeRun, signal: Signal | None) -> Outcome | Wait:
        if ctx.services.own is None:
            raise NodeFailed(f"this process runs no node `{self.type}`", code="unavailable")
        await ctx.hold_version()
        data = self.model_dump(exclude_unset=True)
        return await ctx.services.own.run(ctx, self.type, data, signal)


def proxy_of(spec: NodeSpec) -> type[Node]:
    """The class of a described node. Its fields are checked where its code is."""
    fields = {_attribute(field.name): _field(field) for field in spec.fields}
    made = create_model(spec.type, __base__=_Proxy, **cast("dict[str, Any]", fields))
    made.spec = spec
    made.type = spec.type
    made.handles = spec.handles
    made.entry = spec.entry
    made.onward = spec.onward
    return made


def node_types(folder: Path) -> Callable[[str], type[Node]]:
    """Finds the class of a node type: botkit's own, else one that speaks for a node of the folder as it is now."""
    builtin = builtin_registry()

    def find(name: str) -> type[Node]:
        if name in builtin:
            return builtin.cls(name)
        spec = next((spec for spec in describe(folder).specs if spec.type == name), None)
        if spec is None:
            raise NotFound(f"there is no node type `{name}` here")
        return proxy_of(spec)

    return find


def _field(field: FieldSpec) -> tuple[Any, Any]:
    mark = _MARKS.get(str(field.schema.get("x-botkit", "")))
    kind: Any = Annotated[Any, mark] if mark is not None else Any
    alias = field.alias or field.name
    names = list(dict.fromkeys([field.name, alias, *field.also]))
    default = ... if field.required else None
    return kind, Field(default=default, alias=alias, validation_alias=AliasChoices(*names))


def _attribute(name: str) -> str:
    """`while_` for a field that is written `while`, as the class has it."""
    return f"{name}_" if keyword.iskeyword(name) else name
