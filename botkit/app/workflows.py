"""Where the configuration meets the node types: a project is right when its workflows are too."""

from __future__ import annotations

__all__ = [
    "WorkflowRow",
    "check_config",
    "described",
    "graph_and_trail",
    "load_project",
    "tools_of",
    "workflow_rows",
]

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from botkit.core.config import Config, load_config
from botkit.core.data import Data
from botkit.core.errors import ConfigError, Problem
from botkit.core.journal import OpenRun
from botkit.core.stores import CatalogRow

if TYPE_CHECKING:
    from botkit.workflows.graph import Graph
    from botkit.workflows.picture import Trail
    from botkit.workflows.specs import NodeSpec


def load_project(
    file: Path, *, files: Mapping[str, str] | None = None, tools: Mapping[str, Collection[str]] | None = None
) -> Config:
    """`load_config`, and a look at every workflow.

    Args:
        files: texts by path, instead of the disk.
        tools: tools by server, of servers that have told them.

    Raises:
        ConfigError: with every mistake of the configuration, or of its workflows.
    """
    config = load_config(file, files=files)
    check_config(config, tools=tools)
    return config


def check_config(
    config: Config,
    *,
    tools: Mapping[str, Collection[str]] | None = None,
    secrets: Collection[str] | None = None,
    nodes: Collection[NodeSpec] = (),
) -> tuple[Problem, ...]:
    """Look at every workflow; returns what is allowed and worth a second look.

    Args:
        tools: tools by server, of servers that have told them.
        secrets: names of stored secrets; nothing is said about them when absent.
        nodes: node types of the operator's own, as they describe themselves.

    Raises:
        ConfigError: with every mistake.
    """
    if not config.workflows:
        return ()
    from botkit.workflows.check import check_workflows  # all node types come with it
    from botkit.workflows.registry import builtin_registry

    registry = builtin_registry().with_specs(nodes) if nodes else None
    checked = check_workflows(config, registry, tools=tools, secrets=secrets)
    if checked.problems:
        count = len(checked.problems)
        what = f"{count} mistakes" if count > 1 else "a mistake"
        raise ConfigError(f"the workflows of {config.origin.main} have {what}", checked.problems)
    return checked.warnings


def tools_of(rows: Iterable[CatalogRow]) -> dict[str, list[str]]:
    """Tools by server, as the servers told them last."""
    return {row.server: [str(tool.get("name", "")) for tool in row.tools] for row in rows if row.refreshed_at}


class WorkflowRow(Data, omit_defaults=False):
    """One workflow in a list."""

    name: str
    file: str = ""
    description: str = ""
    nodes: int = 0
    bots: tuple[str, ...] = ()
    """Bots that answer by it."""
    error: str = ""
    """Its first mistake."""


def workflow_rows(config: Config) -> list[WorkflowRow]:
    """Every workflow of a project, also those that are wrong."""
    from botkit.workflows.define import compile_workflow

    rows: list[WorkflowRow] = []
    for name, workflow in config.workflows.items():
        try:
            nodes, error = len(compile_workflow(config, name).nodes), ""
        except ConfigError as wrong:
            nodes, error = 0, str(wrong.problems[0]) if wrong.problems else str(wrong)
        bots = tuple(slug for slug, bot in config.bots.items() if bot.workflow == name)
        row = WorkflowRow(name=name, file=workflow.file or "", description=workflow.description)
        rows.append(msgspec.structs.replace(row, nodes=nodes, bots=bots, error=error))
    return rows


def described(graph: Graph) -> list[str]:
    """A graph in lines for people: each node with where its edges lead."""
    lines = [f"{graph.name}: {graph.description}".rstrip(": ")]
    for node in graph.nodes:
        label = f" “{node.label}”" if node.label else ""
        lines.append(f"  {node.id} ({node.type}){label}")
        ways = [edge for edge in graph.edges if edge.source == node.id]
        lines += [f"    {'' if way.handle == 'default' else f'{way.handle} '}→ {way.target}" for way in ways]
        if node.compensate:
            lines.append(f"    undone by {node.compensate}")
    return lines


def graph_and_trail(config: Config, name: str, run: OpenRun | None = None) -> tuple[Graph, Trail | None]:
    """A workflow's graph, and the way of a run through it. Raises `ConfigError`, `NotFound`."""
    from botkit.workflows.define import compile_workflow
    from botkit.workflows.registry import builtin_registry
    from botkit.workflows.trail import trail_of

    graph = compile_workflow(config, name)
    return graph, trail_of(run, graph, builtin_registry()) if run is not None else None
