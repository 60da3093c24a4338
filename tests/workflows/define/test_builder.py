"""Workflows in Python: the same graphs, and files that run by themselves."""

# pyright: reportUnusedExpression=false
# `a >> b` draws an edge

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from botkit.core.config import load_config
from botkit.core.config.built import Unreadable, built_graph
from botkit.core.errors import ConfigError
from botkit.sdk.workflow import Workflow
from botkit.workflows.define import compile_workflow
from botkit.workflows.graph import Graph, graph_hash
from tests.workflows.define.kinds import graph

FOLDER = "workspace/workflows"
SHORT = """
description: Asks and says.
inputs: {order: string}
steps:
  - gate:
    id: door
    retry: 2
    on:
      failed: [{say: {text: no}, id: sorry}, end]
  - look: {query: "{{ input.order }}"}
    output: found
  - repeat: {each: [1, 2]}
    body:
      - say: {text: "{{ item }}"}
  - say: {text: "{{ found.text }}"}
"""


def built() -> Workflow:
    w = Workflow(description="Asks and says.", inputs={"order": "string"})
    door = w.node("gate", id="door", retry=2)
    sorry = w.node("say", id="sorry", text="no")
    found = w.node("look", query="{{ input.order }}", output="found")
    rounds = w.node("repeat", each=[1, 2])
    each = w.node("say", text="{{ item }}")
    last = w.node("say", text=found.ref("text"))
    door.on("failed") >> sorry
    door >> found >> rounds >> last
    rounds.on("body") >> each
    return w


def same(made: dict[str, Any]) -> Graph:
    return graph(msgspec.json.encode(_bare(made)).decode(), file="flow.json")


def _bare(made: dict[str, Any]) -> dict[str, Any]:
    """Without lines, which only the reader of files takes out."""
    parts = {key: [{k: v for k, v in one.items() if k != "line"} for one in made[key]] for key in ("nodes", "edges")}
    return {**made, **parts}


def test_what_is_built_compiles_to_what_is_written() -> None:
    assert graph_hash(same(built().to_json())) == graph_hash(graph(SHORT))


def test_ways_meet_and_part() -> None:
    w = Workflow()
    ask, a, b, last = w.node("choose", when="x"), w.node("say"), w.node("say"), w.node("say", id="last")
    assert ask.on("true") >> a is a
    (a | ask.on("false")) >> [b, last]
    assert [(e["source"], e["target"], e.get("handle", "")) for e in w.to_json()["edges"]] == [
        ("choose", "say", "true"),
        ("say", "say_2", ""),
        ("say", "last", ""),
        ("choose", "say_2", "false"),
        ("choose", "last", "false"),
    ]


def test_names_are_templates_and_undoing_steps_are_steps() -> None:
    w = Workflow()
    undo = w.node("say")
    paid = w.node("look", query="a", id="pay", output="paid", compensate=undo, while_="x")
    assert paid.ref("data", 0, "a-b") == "{{ paid.data[0]['a-b'] }}"
    node = w.to_json()["nodes"][1]
    assert (node["compensate"], node["data"]) == ("say", {"query": "a", "while": "x"})


@pytest.mark.parametrize("node_id", ["say", "a b"])
def test_an_id_is_an_id_and_used_once(node_id: str) -> None:
    w = Workflow()
    w.node("say")
    with pytest.raises(ValueError, match=r"called say|is no id"):
        w.node("say", id=node_id)


def project(tmp_path: Path, text: str) -> Path:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "flow.py").write_text(text)
    (tmp_path / "bots.yaml").write_text("")
    return tmp_path / "bots.yaml"


FILE = """\
import os, sys
from botkit.sdk.workflow import Workflow

print("this is no answer")
w = Workflow(reply=repr(sorted(os.environ)))
w.loop(times=3) >> w.loop(
    times=2,
)
"""


def test_a_file_is_run_by_itself_and_stored_with_what_came_of_it(tmp_path: Path) -> None:
    config = load_config(project(tmp_path, FILE), env={}, platforms=())
    made = compile_workflow(config, "flow")
    assert [(node.id, node.file, node.line) for node in made.nodes] == [
        ("loop", f"{FOLDER}/flow.py", 6),
        ("loop_2", f"{FOLDER}/flow.py", 6),
    ]
    assert "PATH" not in made.reply
    again = load_config("bots.yaml", files=config.files, env={}, platforms=())
    assert again.revision == config.revision
    assert compile_workflow(again, "flow") == made


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1\ny = nothing\n", 2, "it failed: NameError: name 'nothing' is not defined"),
        ("x = (\n", 1, "it failed: SyntaxError"),
        ("x = 1\n", 1, "it failed: the file must hold one Workflow, it holds 0"),
        ("import sys\nsys.exit(3)\n", 2, "it failed: SystemExit"),
        ("import os\nos._exit(0)\n", 1, "it used too much time or memory, or ended by itself"),
        ("x = bytearray(1 << 34)\n", 1, "it failed: MemoryError"),
        ("open('x', 'wb', 0).write(b'y')\n", 1, "it failed: OSError"),
    ],
)
def test_a_file_that_fails_says_where(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(project(tmp_path, text), env={}, platforms=())
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (f"{FOLDER}/flow.py", line)
    assert problem.message.startswith(said)


def test_a_mistake_in_the_graph_is_at_the_line_of_the_call(tmp_path: Path) -> None:
    text = "from botkit.sdk.workflow import Workflow\nw = Workflow()\n\nw.node('lop')\n"
    config = load_config(project(tmp_path, text), env={}, platforms=())
    with pytest.raises(ConfigError) as caught:
        compile_workflow(config, "flow")
    assert str(caught.value.problems[0]).startswith(f"{FOLDER}/flow.py:4:1: workflows.flow.lop: there is no node type")


def test_one_text_is_run_once(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    text = FILE + f"# {tmp_path}\n"
    assert built_graph(path, text) is built_graph(path, text)
    with pytest.raises(Unreadable):
        built_graph(path, "raise ValueError")
