"""The examples of the guide are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from botkit.core.config.built import built_graph
from botkit.workflows.check import check_written
from botkit.workflows.define import graph_of, read_text
from botkit.workflows.registry import builtin_registry

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "workflows.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(yaml|python)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
EXAMPLES = [(kind, text) for kind, text in BLOCKS if re.search(r"^(steps|nodes):|= Workflow\(", text, re.MULTILINE)]


@pytest.mark.parametrize(("language", "text"), EXAMPLES)
def test_every_example_is_a_right_workflow(language: str, text: str) -> None:
    registry = builtin_registry()
    if language == "python":
        text = re.sub(r', *"line": *[0-9]+|"line": *[0-9]+, *', "", built_graph(Path("orders.py").absolute(), text))
    written = read_text(text, registry, file="guide.json" if language == "python" else "guide.yaml")
    check_written(written, registry)
    assert [str(problem) for problem in written.report.problems] == []
    assert graph_of(written).nodes


def test_there_are_examples_of_every_form() -> None:
    assert len(EXAMPLES) >= 5
