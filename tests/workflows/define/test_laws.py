"""Laws that hold for any workflow: every way to write a graph gives one graph, and nothing written breaks a reader."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.sdk.workflow import Step, Workflow
from botkit.workflows.check import check_written
from botkit.workflows.checks.names import Facts
from botkit.workflows.define import graph_of, read_text
from botkit.workflows.graph import Graph, graph_hash
from botkit.workflows.picture import mermaid, svg
from tests.workflows.define.kinds import REGISTRY

CALM = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])

# a tree of steps, of which every form is written


def _steps(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    block = st.lists(inner, max_size=3)
    return st.one_of(
        st.tuples(st.just("say"), st.text(max_size=5), st.integers(1, 9)),
        st.tuples(st.just("choose"), block, block),
        st.tuples(st.just("repeat"), block),
        st.tuples(st.just("fork"), block, block),
    )


_LEAF = st.tuples(st.just("say"), st.text(max_size=5), st.integers(1, 9))
_TREES = st.lists(st.recursive(_LEAF, _steps, max_leaves=12), min_size=1, max_size=4)


def short(tree: list[Any], numbers: list[int]) -> list[Any]:
    """As steps, with ids in the order of the file."""
    steps: list[Any] = []
    for one in tree:
        node_id = f"n{numbers[0]}"
        numbers[0] += 1
        if one[0] == "say":
            steps.append({"say": {"text": one[1], "times": one[2]}, "id": node_id})
        elif one[0] == "choose":
            ways = {"true": short(one[1], numbers), "false": short(one[2], numbers)}
            steps.append({"choose": {"when": "1 == 1"}, "id": node_id, "on": ways})
        elif one[0] == "repeat":
            steps.append({"repeat": {"each": [1]}, "id": node_id, "body": short(one[1], numbers)})
        else:
            ways = {"a": short(one[1], numbers), "b": short(one[2], numbers)}
            steps.append({"fork": {"branches": ["a", "b"]}, "id": node_id, "branches": ways})
    return steps


def built(tree: list[Any], w: Workflow, ends: list[tuple[Step, str]], numbers: list[int]) -> list[tuple[Step, str]]:
    """The same by the builder: nodes in the same order, edges as they come."""
    for one in tree:
        node_id = f"n{numbers[0]}"
        numbers[0] += 1
        fields: dict[str, Any] = {
            "say": lambda one=one: {"text": one[1], "times": one[2]},
            "choose": lambda: {"when": "1 == 1"},
            "repeat": lambda: {"each": [1]},
            "fork": lambda: {"branches": ["a", "b"]},
        }[one[0]]()
        step = w.node(one[0], id=node_id, **fields)
        for source, handle in ends:
            w.edge(source, step, handle)
        if one[0] == "choose":
            ends = [*built(one[1], w, [(step, "true")], numbers), *built(one[2], w, [(step, "false")], numbers)]
        elif one[0] == "repeat":
            built(one[1], w, [(step, "body")], numbers)
            ends = [(step, "done")]
        elif one[0] == "fork":
            built(one[1], w, [(step, "a")], numbers)
            built(one[2], w, [(step, "b")], numbers)
            ends = [(step, "done")]
        else:
            ends = [(step, "")]
    return ends


def compiled(value: Any) -> Graph:
    written = read_text(json.dumps(value), REGISTRY, file="flow.json")
    check_written(written, REGISTRY, Facts())
    return graph_of(written)


@CALM
@given(_TREES)
def test_every_form_of_one_graph_compiles_alike(tree: list[Any]) -> None:
    from_steps = compiled({"steps": short(tree, [0])})
    w = Workflow()
    built(tree, w, [], [0])
    made = w.to_json()
    bare = {key: [{k: v for k, v in one.items() if k != "line"} for one in made[key]] for key in ("nodes", "edges")}
    from_builder = compiled(bare)
    nodes: list[dict[str, Any]] = [msgspec.to_builtins(node) for node in from_steps.nodes]
    edges = [{"source": e.source, "target": e.target, "sourceHandle": e.handle} for e in reversed(from_steps.edges)]
    camel = [{"id": n["id"], "type": n["type"], "position": {"x": 0}, "data": n.get("data", {})} for n in nodes]
    from_nodes = compiled({"nodes": camel, "edges": edges})
    assert graph_hash(from_builder) == graph_hash(from_steps)
    assert {(e.source, e.handle, e.target) for e in from_nodes.edges} == {
        (e.source, e.handle, e.target) for e in from_steps.edges
    }
    assert [n.data for n in from_nodes.nodes] == [n.data for n in from_steps.nodes]
    assert mermaid(from_steps)
    assert svg(from_steps)


# garbage

_KEYS = """steps nodes edges id type data source target handle say look choose gate repeat fork use start on then goto
    end compensate retry output timeout_s body true false branches text times when query tool each attempts codes
    inputs variables reply n1 n2 error action actionType human_handoff {{ {{message.text}} a.b["""
_WORDS = st.sampled_from(_KEYS.split())
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 10**9), st.floats(), st.text(max_size=6), _WORDS)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | st.text(max_size=3), inner, max_size=5),
    max_leaves=30,
)


def is_explained(text: str, file: str) -> None:
    """A graph, or problems that all have a place."""
    written = read_text(text, REGISTRY, file=file)
    check_written(written, REGISTRY, Facts())
    problems = written.report.problems
    if not problems:
        assert graph_of(written).nodes
    for problem in problems:
        assert problem.file == file
        assert problem.line >= 1
        assert problem.message


@CALM
@given(st.text(max_size=200))
def test_any_text_is_read_or_explained(text: str) -> None:
    is_explained(text, "flow.yaml")
    is_explained(text, "flow.json")


@CALM
@given(st.dictionaries(_WORDS, _VALUES, max_size=4))
def test_any_mapping_is_read_or_explained(value: dict[str, Any]) -> None:
    is_explained(json.dumps(value), "flow.json")


@settings(CALM, max_examples=200)
@given(st.lists(_VALUES, max_size=5), st.lists(_VALUES, max_size=5))
def test_any_steps_nodes_and_edges_are_read_or_explained(first: list[Any], second: list[Any]) -> None:
    is_explained(json.dumps({"steps": first}), "flow.yaml")
    is_explained(json.dumps({"nodes": first, "edges": second}), "flow.json")
