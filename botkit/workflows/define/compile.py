"""`Written` → `Graph`, and the graphs of a configuration."""

from __future__ import annotations

__all__ = ["compile_workflow", "graph_of", "written_workflow"]

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

from botkit.core.config import Config
from botkit.core.config.tree import Branch, Place
from botkit.core.errors import ConfigError, NotFound
from botkit.workflows.define.read import read_workflow
from botkit.workflows.define.written import Report, Written, WrittenEdge, located_values
from botkit.workflows.graph import Graph, GraphEdge, GraphNode
from botkit.workflows.own.describing import registry_of
from botkit.workflows.registry import Registry

_REMEMBERED = 256
_graphs: OrderedDict[tuple[str, str, Registry], Graph] = OrderedDict()


def written_workflow(config: Config, slug: str, registry: Registry) -> Written:
    """One workflow of a configuration as it was written, with its places.

    Raises:
        NotFound: there is no such workflow.
    """
    workflow = config.workflows.get(slug)
    if workflow is None:
        raise NotFound(f"there is no workflow called {slug}")
    section = config.origin.tree.entries.get("workflows")
    hint = section.entries.get(slug) if isinstance(section, Branch) else None
    values = workflow.model_dump(mode="python", exclude_unset=True)
    place = hint.place if hint is not None else Place(config.origin.main, 1, 1)
    tree = cast("Branch", located_values(values, hint, place))
    return read_workflow(tree, slug, registry, Report(slug))


def compile_workflow(config: Config, slug: str, registry: Registry | None = None) -> Graph:
    """The graph of one workflow, ready to run. The same configuration is compiled once.

    Raises:
        ConfigError: with every mistake in the writing and the wiring of the graph.
        NotFound: there is no such workflow.
    """
    from botkit.workflows.wiring import check_wiring

    registry = registry or registry_of(config)
    key = (config.revision, slug, registry)
    if (known := _graphs.get(key)) is not None:
        _graphs.move_to_end(key)
        return known
    written = written_workflow(config, slug, registry)
    check_wiring(written, registry)
    graph = graph_of(written)
    _graphs[key] = graph
    while len(_graphs) > _REMEMBERED:
        _graphs.popitem(last=False)
    return graph


def graph_of(written: Written) -> Graph:
    """What is left to run. Edges stand in the order of the nodes they leave, so all ways to write one graph
    compile to one.

    Raises:
        ConfigError: it was not written right.
    """
    report = written.report
    if report.problems:
        count = f"{len(report.problems)} mistakes" if len(report.problems) > 1 else "a mistake"
        raise ConfigError(f"the workflow {written.slug} has {count}", tuple(report.problems))
    settings = written.settings
    order = {node.id: index for index, node in enumerate(written.nodes)}

    def position(edge: WrittenEdge) -> tuple[int, str]:
        return order.get(edge.source, len(order)), edge.handle

    return Graph(
        name=written.slug,
        nodes=tuple(
            GraphNode(
                id=node.id,
                type=node.type,
                data=node.data,
                label=node.label,
                output=node.output,
                timeout_s=node.timeout_s,
                retry=node.retry,
                compensate=node.compensate,
                file=node.place.file,
                line=node.place.line,
            )
            for node in written.nodes
        ),
        edges=tuple(GraphEdge(source=e.source, target=e.target, handle=e.handle) for e in _unique(written, position)),
        description=str(settings.get("description") or ""),
        workspace=str(settings.get("workspace") or ""),
        inputs=inputs_schema(settings.get("inputs")),
        variables=cast("dict[str, Any]", settings.get("variables") or {}),
        reply=str(settings.get("reply") or ""),
        max_nodes=int(settings.get("max_nodes") or 50),
        timeout_s=float(settings.get("timeout_s") or 0.0),
    )


def _unique(written: Written, position: Any) -> list[WrittenEdge]:
    found: dict[tuple[str, str, str], WrittenEdge] = {}
    for edge in written.edges:
        found.setdefault((edge.source, edge.target, edge.handle), edge)
    return sorted(found.values(), key=position)


def inputs_schema(inputs: Any) -> dict[str, Any]:
    """`{order: string, note: {type: string, default: ""}}` as a JSON Schema; one that is a schema stays as it is."""
    if not isinstance(inputs, Mapping) or not inputs:
        return {}
    given = cast("dict[str, Any]", inputs)
    if "properties" in given or "$ref" in given or given.get("type") == "object":
        return dict(given)
    properties = {name: {"type": one} if isinstance(one, str) else one or {} for name, one in given.items()}
    required = [name for name, one in properties.items() if isinstance(one, Mapping) and "default" not in one]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}
