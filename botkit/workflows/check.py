"""Whether workflows are right: every mistake at once, each with file, line, node and field.

problems, warnings = check_workflows(config)
"""

from __future__ import annotations

__all__ = ["Checked", "check_workflow", "check_workflows", "check_written"]

from collections.abc import Collection, Mapping, Sequence

from botkit.core.config import Config
from botkit.core.data import Data
from botkit.core.errors import Problem
from botkit.workflows.checks.delivery import check_delivery
from botkit.workflows.checks.fields import check_fields
from botkit.workflows.checks.names import Facts, check_names, facts_of, names_in, workspaces_of
from botkit.workflows.checks.variables import check_variables
from botkit.workflows.define.compile import written_workflow
from botkit.workflows.define.written import Written
from botkit.workflows.own.describing import describe, nodes_folder, registry_of
from botkit.workflows.registry import Registry
from botkit.workflows.wiring import check_wiring


class Checked(Data):
    """What was found."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def check_workflows(
    config: Config,
    registry: Registry | None = None,
    *,
    tools: Mapping[str, Collection[str]] | None = None,
    secrets: Collection[str] | None = None,
) -> Checked:
    """Look at every workflow of a configuration, and at how they call each other.

    Args:
        tools: tools by server, of servers that have told them.
        secrets: names of stored secrets; nothing is said about them when absent.
    """
    registry = registry or registry_of(config)
    facts = facts_of(config, tools=tools, secrets=secrets)
    every = {slug: written_workflow(config, slug, registry) for slug in config.workflows}
    for slug, written in every.items():
        check_written(written, registry, facts, workspaces_of(config, slug))
        check_delivery(written, config.settings, secrets)
    _circles(config, every, registry)
    problems = [problem for written in every.values() for problem in written.report.problems]
    problems += describe(nodes_folder(config.root.resolve())).problems
    warnings = [problem for written in every.values() for problem in written.report.warnings]
    return Checked(problems=tuple(_sorted(problems)), warnings=tuple(_sorted(warnings)))


def check_workflow(config: Config, slug: str, registry: Registry | None = None) -> Checked:
    """Look at one workflow. Raises `NotFound`."""
    registry = registry or registry_of(config)
    written = written_workflow(config, slug, registry)
    check_written(written, registry, facts_of(config), workspaces_of(config, slug))
    check_delivery(written, config.settings, None)
    report = written.report
    return Checked(problems=tuple(_sorted(report.problems)), warnings=tuple(_sorted(report.warnings)))


def check_written(
    written: Written, registry: Registry, facts: Facts | None = None, workspaces: Collection[str] = ("default",)
) -> None:
    """Add everything that is wrong with one workflow to its report; names only when there are `facts`."""
    check_wiring(written, registry)
    for node in written.nodes:
        kind = registry.get(node.type)
        if kind is not None:
            check_fields(node, kind, written.report)
    check_variables(written, registry)
    if facts is not None:
        check_names(written, registry, facts, workspaces)


def _circles(config: Config, every: Mapping[str, Written], registry: Registry) -> None:
    """Workflows that run each other, directly or by delegating to each other's bots."""
    runs: dict[str, list[str]] = {slug: [] for slug in every}
    for slug, written in every.items():
        for name, _, _ in names_in(written, registry, "workflow"):
            runs[slug].append(name)
        for name, _, _ in names_in(written, registry, "bot"):
            bot = config.bots.get(name)
            if bot is not None and bot.workflow is not None:
                runs[slug].append(bot.workflow)
    told: set[frozenset[str]] = set()
    for slug in every:
        trail = _trail(slug, runs)
        if trail and frozenset(trail) not in told:
            told.add(frozenset(trail))
            written = every[slug]
            names = " → ".join([*trail, slug])
            place = next(
                (found.place for mark in ("workflow", "bot") for _, _, found in names_in(written, registry, mark)),
                written.place,
            )
            written.report.add(place, f"the workflows run each other in a circle: {names}")


def _trail(start: str, runs: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest way from a workflow back to itself, without its end."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for after in runs.get(way[-1], ()):
            if after == start:
                return way
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return []


def _sorted(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column, p.path))
