"""Every node type there is: botkit's own, found by looking through `nodes/`, and those an operator wrote."""

from __future__ import annotations

__all__ = ["NodeType", "Registry", "builtin_registry"]

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from botkit.core.errors import NotFound
from botkit.sdk.nodes import Node, node_types_of
from botkit.workflows import nodes
from botkit.workflows.graph import ERROR
from botkit.workflows.specs import NodeSpec, spec_of


class NodeType(msgspec.Struct, frozen=True):
    """A node type: what is known of it, and its class where that runs in this process."""

    spec: NodeSpec
    cls: type[Node] | None = None

    def handles(self, data: Mapping[str, Any]) -> dict[str, str]:
        """The edges a node with these fields may take, without `error`."""
        try:
            found = self.cls.handles_of(data) if self.cls is not None else self.spec.handles
        except Exception:  # the fields are wrong, which is said elsewhere
            found = self.spec.handles
        return {name: when for name, when in found.items() if name != ERROR}

    def bodies(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """Those of its handles whose steps it walks itself."""
        try:
            return tuple(self.cls.bodies_of(data)) if self.cls is not None else self.spec.bodies
        except Exception:
            return self.spec.bodies

    def writes(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Variables it writes besides its output → schema; `*`: others too."""
        try:
            return dict(self.cls.writes_of(data)) if self.cls is not None else self.spec.writes
        except Exception:
            return {"*": {}}

    def names_in(self, field: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Names that only the expressions of a field see → schema."""
        known = self.spec.field(field)
        name = known.name if known is not None else field
        try:
            return dict(self.cls.names_in(name, data)) if self.cls is not None else self.spec.names.get(name, {})
        except Exception:  # the fields are wrong, which is said elsewhere
            return self.spec.names.get(name, {})

    def is_open(self) -> bool:
        """Whether it may have edges nobody here knows of."""
        return self.cls is None and self.spec.dynamic


class Registry(Mapping[str, NodeType]):
    """Node types by name, in the order of their names.

    Args:
        classes: types that run in this process.
        specs: types known by their description only; a name of botkit's own is refused by whoever reads them.
    """

    def __init__(self, classes: Iterable[type[Node]] = (), specs: Iterable[NodeSpec] = ()):
        found = [NodeType(spec) for spec in specs] + [NodeType(spec_of(cls), cls) for cls in classes]
        self._types = {one.spec.type: one for one in sorted(found, key=lambda one: one.spec.type)}

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __getitem__(self, name: str) -> NodeType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def cls(self, name: str) -> type[Node]:
        """Raises `NotFound` for an unknown type, or one whose code runs elsewhere."""
        found = self._types.get(name)
        if found is None or found.cls is None:
            raise NotFound(f"there is no node type `{name}` here")
        return found.cls

    def with_classes(self, *classes: type[Node]) -> Registry:
        """These types too; of two with one name the new one."""
        return self._with([NodeType(spec_of(cls), cls) for cls in classes])

    def with_specs(self, specs: Iterable[NodeSpec]) -> Registry:
        """These types too, such as those of `workspace/nodes/`; botkit's own names stay its own."""
        return self._with([NodeType(spec) for spec in specs if spec.type not in self._types])

    def _with(self, added: Iterable[NodeType]) -> Registry:
        registry = Registry()
        merged = {**self._types, **{one.spec.type: one for one in added}}
        registry._types = dict(sorted(merged.items()))
        return registry


@cache
def builtin_registry() -> Registry:
    """The node types of botkit itself."""
    return Registry(cls for module in _modules() for cls in node_types_of(module).values())


def _modules() -> Iterator[Any]:
    for found in sorted(pkgutil.iter_modules(nodes.__path__), key=lambda found: found.name):
        if not found.name.startswith("_"):
            yield importlib.import_module(f"{nodes.__name__}.{found.name}")
