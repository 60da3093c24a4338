"""A workflow that names a function that is not there, or not offered, is wrong before it runs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from botkit.core.config import load_config
from botkit.core.functions import function_names
from botkit.workflows.check import check_workflows

PRICE = "from botkit.sdk import function\n\n@function\ndef price_of(): ...\n@function(name='rate')\ndef other(): ...\n"


def written(root: Path, **files: str) -> list[str]:
    folder = root / "workspace" / "functions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "price.py").write_text(PRICE)
    (folder / "_shared.py").write_text("def _shared(): ...")
    (folder / "off.py").write_text("def off(): ...")
    (root / "bots.yaml").write_text(dedent(files["yaml"]))
    config = load_config(root / "bots.yaml")
    assert function_names(config) == ("price_of", "rate")
    checked = check_workflows(config)
    return [f"{one.line}: {one.message}" for one in (*checked.problems, *checked.warnings)]


def test_names_of_functions_are_checked(tmp_path: Path):
    text = """\
    version: 1
    functions: {off: {run: workspace/functions/off.py, enabled: false}}
    workflows:
      flow:
        steps:
          - function_call: {function: price-of}
          - function_call: {function: price_on}
          - function_call: {function: off}
          - mcp_tool: {tool: functions__rate}
          - code_block: {code: return 1, tools: [functions__wrong]}
    """
    found = written(tmp_path, yaml=text)
    assert [line.partition(":")[0] for line in found] == ["7", "8", "10"]
    assert found[0] == "7: no function is called `price_on`"
    assert "functions" in found[2]


def test_a_workspace_must_offer_them(tmp_path: Path):
    text = """\
    version: 1
    functions: {off: {run: workspace/functions/off.py, enabled: false}}
    workspaces: {desk: {servers: []}}
    workflows:
      flow: {workspace: desk, steps: [{function_call: {function: rate}}]}
    """
    assert written(tmp_path, yaml=text) == ["5: the workspace `desk` does not offer `functions`"]
