"""`botkit workflows`: what there is, what it compiles to, and how it looks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from click.testing import Result

Cli = Callable[..., Result]

ROUNDS = """\
description: Goes round.
steps:
  - loop: {times: 2}
    label: Twice
    body:
      - parallel: {}
        branches: {a: [loop: {times: 1}], b: end}
  - loop: {times: 1}
    id: last
"""


@pytest.fixture
def workflows(project: Path) -> Path:
    folder = project / "workspace" / "workflows"
    folder.mkdir(parents=True)
    (folder / "rounds.yaml").write_text(ROUNDS.replace("[loop: {times: 1}]", "[{loop: {times: 1}}]"))
    return folder


def test_list_shows_every_workflow_and_what_is_wrong_with_it(cli: Cli, workflows: Path) -> None:
    (workflows / "odd.yaml").write_text("steps: [{lop: }]\n")
    rows = {row["name"]: row for row in json.loads(cli("workflows", "list", "--json").stdout)}
    assert rows["rounds"]["nodes"] == 4
    assert "there is no node type `lop`" in rows["odd"]["error"]
    assert "workspace/workflows/rounds.yaml" in cli("workflows", "list").output


def test_show_gives_the_graph(cli: Cli, workflows: Path) -> None:
    graph = json.loads(cli("workflows", "show", "rounds", "--json").stdout)
    assert [node["id"] for node in graph["nodes"]] == ["loop", "parallel", "loop_2", "last"]
    assert "done → last" in cli("workflows", "show", "rounds").output
    missing = cli("workflows", "show", "nothing")
    assert missing.exit_code == 1
    assert "there is no workflow called nothing" in missing.stderr


def test_graph_draws_mermaid_and_svg(cli: Cli, workflows: Path) -> None:
    assert cli("workflows", "graph", "rounds").output.startswith("flowchart TD\n")
    drawn = workflows.parent / "rounds.svg"
    assert cli("workflows", "graph", "rounds", "--svg", str(drawn)).exit_code == 0
    texts = [one.text for one in ElementTree.parse(drawn).iter() if one.text]
    assert "Twice" in texts
    missing = cli("workflows", "graph", "rounds", "--run", "run_none")
    assert missing.exit_code == 1


def test_nodes_describes_types(cli: Cli, project: Path) -> None:
    assert "### loop" in cli("workflows", "nodes").output
    assert "## What every node takes" not in cli("workflows", "nodes", "loop").output
    found: list[dict[str, Any]] = json.loads(cli("workflows", "nodes", "loop", "--json").stdout)
    assert [spec["type"] for spec in found] == ["loop"]
    assert "did you mean `loop`" in cli("workflows", "nodes", "lop").stderr


def test_schema_of_workflow_files_is_a_schema(cli: Cli, project: Path) -> None:
    schema = json.loads(cli("schema", "--workflow").stdout)
    jsonschema_rs.Draft202012Validator(schema).validate({"steps": [{"loop": {"times": 2}}]})
