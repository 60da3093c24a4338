"""The full form, the JSON of other programs, and what a graph may not be."""

from __future__ import annotations

import json

import pytest

from botkit.workflows.define import graph_of, read_text
from botkit.workflows.graph import Graph
from botkit.workflows.registry import builtin_registry
from tests.workflows.define.kinds import graph, only, problems_of

DRAWN = {
    "viewport": {"x": 0},
    "nodes": [
        {"id": "t", "type": "trigger", "position": {"x": 1, "y": 2}, "data": {"label": "Begin"}},
        {"id": "tool", "type": "mcpTool", "data": {"tool": "a__b", "outputVariable": "found"}, "selected": True},
        {"id": "human", "type": "action", "data": {"actionType": "human_handoff", "reason": "{{found.x}}"}},
        {"id": "say", "type": "send_message", "data": {"text": "ok", "label": "Say"}, "measured": {"width": 1}},
    ],
    "edges": [
        {"id": "e1", "source": "t", "target": "tool", "animated": True},
        {"id": "e2", "source": "tool", "target": "human", "sourceHandle": None},
        {"id": "e3", "source": "human", "target": "say", "sourceHandle": "approved", "targetHandle": "in"},
    ],
}


def drawn() -> Graph:
    registry = builtin_registry()
    return graph_of(read_text(json.dumps({k: v for k, v in DRAWN.items() if k != "viewport"}), registry, file="a.json"))


def test_the_json_of_a_drawing_program_is_understood() -> None:
    made = drawn()
    assert [(node.id, node.type, node.label, node.output) for node in made.nodes] == [
        ("t", "trigger", "Begin", ""),
        ("tool", "mcp_tool", "", "found"),
        ("human", "human_handoff" if "human_handoff" in builtin_registry() else "action", "", ""),
        ("say", "send_message", "Say", ""),
    ]
    assert [(edge.source, edge.handle, edge.target) for edge in made.edges] == [
        ("t", "default", "tool"),
        ("tool", "default", "human"),
        ("human", "approved", "say"),
    ]


def test_fields_have_their_own_names_however_they_are_spelled() -> None:
    made = graph('{"nodes": [{"id": "a", "type": "say", "data": {"maxLength": 3}, "timeoutS": 2}]}', file="a.json")
    assert made.nodes[0].data == {"max_length": 3}
    assert made.nodes[0].timeout_s == 2.0
    foreign = graph('{"nodes": [{"id": "a", "type": "look", "data": {"searchFor": "x"}}]}', file="a.json")
    assert foreign.nodes[0].data == {"query": "x"}


def test_an_edge_without_a_handle_is_the_usual_one() -> None:
    made = graph(
        "nodes: [{id: a, type: gate}, {id: b, type: repeat}, {id: c, type: say}]\n"
        "edges: [{source: a, target: b}, {source: b, target: c}]"
    )
    assert [edge.handle for edge in made.edges] == ["verified", "done"]


NODES = "nodes:\n- {id: a, type: say}\n- {id: b, type: say}\n- {id: c, type: say}\n- {id: r, type: repeat}\n"


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ("a>b b>c c>b a>r", "the edges run in a circle: b → c → b"),
        ("a>a a>b b>c c>r", "the edges run in a circle: a → a"),
        ("a>b b>a c>r", "this node is never reached (only a circle of edges leads here)"),
        ("r.body>a a>b r>b b>c", "this node is reached both inside `body` of `r` and after it"),
        ("r.body>a r>b c>a", "leads into `body` of `r` from outside (lead to `r` itself)"),
        ("a>b a>nobody b>c c>r", "an edge to or from `nobody`, which is no node"),
        ("a.maybe>b b>c c>r", "a `say` node has no edge `maybe` here (there is: default, error)"),
    ],
)
def test_a_graph_that_does_not_hang_together_is_explained(edges: str, said: str) -> None:
    lines: list[str] = []
    for line in edges.split():
        source, _, target = line.partition(">")
        source, _, handle = source.partition(".")
        lines.append(f"- {{source: {source}, target: {target}{f', handle: {handle}' if handle else ''}}}")
    found = problems_of(f"{NODES}edges:\n" + "\n".join(lines))
    assert any(said in one for one in found)


def test_a_body_may_lead_back_and_a_failure_in_it_too() -> None:
    nodes = NODES.replace("- {id: c, type: say}\n", "")
    inside = "{source: r, target: a, handle: body}, {source: a, target: r}, {source: a, target: r, handle: error}"
    assert len(graph(f"{nodes}edges: [{inside}, {{source: r, target: b}}]").edges) == 4


def test_nothing_leads_to_where_runs_begin_and_everything_is_reached_from_there() -> None:
    nodes = "nodes: [{id: s, type: start}, {id: a, type: say}, {id: b, type: say}]\n"
    assert "no edge may lead to `s`" in only(f"{nodes}edges: [{{source: a, target: s}}, {{source: s, target: b}}]")
    assert "no edge leads here from a trigger" in only(f"{nodes}edges: [{{source: s, target: a}}]")


def test_what_undoes_hangs_on_no_edge() -> None:
    nodes = "nodes: [{id: a, type: say, compensate: b}, {id: b, type: say}]\n"
    assert graph(nodes).nodes[0].compensate == "b"
    assert "edges lead to `b`" in only(f"{nodes}edges: [{{source: a, target: b}}]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nodes: 3", "nodes: must be a list"),
        ("nodes: [3]", "workflows.flow.nodes.0: a node is a mapping with id and type"),
        ("nodes: [{id: a}]", "1:9: workflows.flow.nodes.0: `type` is missing"),
        ("nodes: [{type: say}]", "1:9: workflows.flow.nodes.0: `id` is missing"),
        ("nodes: [{id: a, type: say, text: x}]", "nodes.0.text: unknown key (the fields of a node stand under `data`)"),
        ("nodes: [{id: a, type: say, dta: {}}]", "nodes.0.dta: unknown key (did you mean `data`?)"),
        ("nodes: [{id: a, type: say, data: [x]}]", "workflows.flow.a: a node's fields are a mapping"),
        ("nodes: [{id: a, type: say}]\nedges: [3]", "2:9: workflows.flow.edges.0: an edge is a mapping"),
        ("nodes: [{id: a, type: say}]\nedges: [{source: a}]", "2:9: workflows.flow.edges.0: `target` is missing"),
        ("nodes: [{id: a, type: say}]\nsteps: [say]", "a workflow has either steps or nodes and edges, not both"),
        ("nodes: [{id: a, type: say}]\nmax_nodes: lots", "2:12: max_nodes: must be a whole number"),
        ("{}", "a workflow needs a file, steps or nodes"),
        ("a: [", "1:"),
    ],
)
def test_mistakes_of_writing_have_places(text: str, said: str) -> None:
    assert any(said in one for one in problems_of(text))


def test_inputs_are_a_schema_or_short_for_one() -> None:
    short = graph("inputs: {order: string, note: {type: string, default: x}}\nsteps: [say]").inputs
    assert short == {
        "type": "object",
        "properties": {"order": {"type": "string"}, "note": {"type": "string", "default": "x"}},
        "required": ["order"],
    }
    assert graph("inputs: {type: object, required: [a]}\nsteps: [say]").inputs == {"type": "object", "required": ["a"]}


FORK = """
nodes:
  - {id: f, type: fork, data: {branches: [a, b]}}
  - {id: x, type: say}
  - {id: y, type: say}
  - {id: m, type: say}
edges:
  - {source: f, target: x, handle: a}
  - {source: f, target: y, handle: b}
  - {source: x, target: m}
  - {source: y, target: m}
"""


def test_branches_may_be_drawn_to_where_they_meet_when_that_hangs_on_the_node() -> None:
    assert (
        "branches of `f` meet here, and nothing runs where they meet (what follows them hangs on `done`)"
        in (problems_of(FORK)[0])
    )
    assert problems_of(f"{FORK}  - {{source: f, target: m}}\n") == []
