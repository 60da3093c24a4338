"""What is generated from the node types is fresh, complete and right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from botkit.workflows.methods import methods_source
from botkit.workflows.reference import nodes_markdown, undocumented, workflow_schema
from botkit.workflows.registry import builtin_registry

ROOT = Path(__file__).parents[2]
ADVICE = "write it anew: python -m botkit.workflows.reference"


@pytest.mark.parametrize(
    ("path", "write"), [("docs/nodes.md", nodes_markdown), ("botkit/sdk/workflow_nodes.py", methods_source)]
)
def test_what_is_generated_is_fresh(path: str, write: Any) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == write(builtin_registry()), ADVICE


def test_every_node_field_and_edge_has_a_text() -> None:
    assert undocumented(builtin_registry()) == []


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(workflow_schema(builtin_registry()))


def test_editors_accept_both_forms(schema: jsonschema_rs.Draft202012Validator) -> None:
    body = [{"loop": {"times": "{{ n }}"}, "body": ["end"]}]
    assert schema.is_valid({"steps": [{"loop": {"times": 3}, "id": "a", "body": body, "on": {"limit": "end"}}, "end"]})
    node = {"id": "a", "type": "loop", "data": {"times": 3}, "retry": 2}
    assert schema.is_valid({"nodes": [node], "edges": [{"source": "a", "target": "a", "handle": "body"}]})


@pytest.mark.parametrize(
    "workflow",
    [
        {"stps": []},
        {"steps": [{"loop": {"tims": 3}}]},
        {"steps": [{"loop": {"times": "three"}}]},
        {"steps": ["lop"]},
        {"nodes": [{"id": "a", "type": "lop"}]},
        {"nodes": [{"id": "a", "type": "loop", "data": {"tims": 3}}]},
        {"nodes": [], "edges": [{"source": "a"}]},
    ],
)
def test_editors_mark_mistakes(schema: jsonschema_rs.Draft202012Validator, workflow: dict[str, Any]) -> None:
    assert not schema.is_valid(workflow)
