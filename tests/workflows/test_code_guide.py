"""What the guide on code shows works as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from botkit.app.guests import spawn_guest
from botkit.core.config import load_config
from botkit.core.functions import read_functions
from botkit.core.redact import NoRedaction
from botkit.sdk.nodes import Outcome
from botkit.testing.nodes import NodeBench
from botkit.workflows.nodes.code_block import CodeBlock
from botkit.workflows.own.describing import describe
from botkit.workflows.sandbox.pool import Sandbox

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "code.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```(python|yaml)\n(.*?)^```$", GUIDE)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files the guide shows."""
    for language, text in BLOCKS:
        named = re.match(r"# (workspace/\S+)", text)
        if language == "python" and named is not None:
            file = tmp_path / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    settings = next(text for language, text in BLOCKS if language == "yaml" and text.startswith("functions:"))
    (tmp_path / "bots.yaml").write_text(f"version: 1\n{settings}", encoding="utf-8")
    return tmp_path


def code_of(language: str) -> str:
    """The code of the first block in that language."""
    mark = "language: python" if language == "python" else "const total"
    block = next(text for kind, text in BLOCKS if kind == "yaml" and "code_block" in text and mark in text)
    lines = block.partition("code: |\n")[2].splitlines()
    depth = len(lines[0]) - len(lines[0].lstrip())
    code = [line[depth:] for line in lines if line.startswith(" " * depth)]
    return "\n".join(code)


def test_its_files_are_understood(project: Path):
    (function,) = read_functions(project / "workspace" / "functions" / "price.py")
    assert (function.name, function.idempotent) == ("price", True)
    assert load_config(project / "bots.yaml").functions["price"].secrets == ("SHOP_KEY",)
    found = describe(project / "workspace" / "nodes")
    assert not found.problems
    (spec,) = found.specs
    assert (spec.type, tuple(spec.handles)) == ("reserve", ("confirmed", "refused"))


async def test_its_code_does_what_it_says():
    sandbox = Sandbox(spawn_guest, slots=1)
    services = {"sandbox": sandbox, "redactor": NoRedaction()}
    try:
        given: dict[str, Any] = {"code": code_of("javascript"), "input": {"lines": [{"price": 400}, {"price": 200}]}}
        assert await NodeBench(CodeBlock, given, services=services).run() == Outcome(
            output={"total": 600, "large": True}
        )
        tools = {"orders__get": {"status": "sent", "total": 5}, "mail__send": "ok"}
        given = {"language": "python", "code": code_of("python"), "tools": ["orders__get", "mail__*"]}
        bench = NodeBench(CodeBlock, given, services=services, tools=tools)
        assert await bench.run() == Outcome(output=5)
        assert bench.ctx.called == [("orders__get", {"id": "A-1"}), ("mail__send", {"text": "sent"})]
    finally:
        await sandbox.close()
