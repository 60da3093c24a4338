"""A located tree → `Written`, whichever form it has."""

from __future__ import annotations

__all__ = ["read_text", "read_workflow"]

from typing import Any, cast

from pydantic import ValidationError

from botkit.core.config.locate import locate_errors
from botkit.core.config.models import Workflow
from botkit.core.config.parse import parse_yaml
from botkit.core.config.tree import Branch
from botkit.core.config.workflow_files import parse_json
from botkit.workflows.define.full import read_full
from botkit.workflows.define.short import read_steps
from botkit.workflows.define.written import Report, Written, plain
from botkit.workflows.registry import Registry

_GRAPH = ("steps", "nodes", "edges")


def read_workflow(tree: Branch, slug: str, registry: Registry, report: Report | None = None) -> Written:
    """Read one workflow. Never raises for what is written: see `Written.report`."""
    report = report or Report(slug)
    settings = {key: plain(value) for key, value in tree.entries.items() if key not in _GRAPH}
    written = Written(slug, tree.place, settings, report, tree)
    if "steps" in tree.entries:
        if "nodes" in tree.entries:
            report.add(tree.keys["nodes"], "a workflow has either steps or nodes and edges, not both", "nodes")
        read_steps(written, registry)
    else:
        read_full(written, registry)
    if not written.nodes and not report.problems:
        report.add(tree.place, "the workflow has no steps")
    return written


def read_text(text: str, registry: Registry, *, file: str = "workflow.yaml", slug: str = "") -> Written:
    """Read the text of a workflow's file, YAML or JSON, by itself."""
    name = slug or file.rpartition("/")[2].partition(".")[0]
    report = Report(name)
    parsed = parse_json(text, file) if file.endswith(".json") else parse_yaml(text, file)
    report.problems += parsed.problems
    if not parsed.whole:
        return Written(name, parsed.tree.place, cast("dict[str, Any]", {}), report, parsed.tree)
    try:
        Workflow.model_validate(plain(parsed.tree))
    except ValidationError as error:
        report.problems += locate_errors(error, parsed.tree, Workflow)
        return Written(name, parsed.tree.place, cast("dict[str, Any]", {}), report, parsed.tree)
    return read_workflow(parsed.tree, name, registry, report)
