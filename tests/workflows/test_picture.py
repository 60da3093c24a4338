"""Pictures: everything is in them, nothing lies on anything, nothing in them runs."""

from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.workflows.graph import Graph, GraphEdge, GraphNode
from botkit.workflows.layout import HEIGHT, WIDTH, lay_out
from botkit.workflows.picture import Trail, mermaid, svg
from tests.workflows.define.kinds import graph

FLOW = """
steps:
  - gate:
    id: door
    label: 'Who "is" <it>?'
    failed: [{say: , id: sorry}, end]
  - repeat:
    id: rounds
    body: [{say: , id: again}]
  - say:
    id: last
    compensate: [{say: , id: undo}]
"""
TRAIL = Trail(
    visited={"door": "done", "rounds": "done", "again": "done", "last": "waiting"},
    taken=(("door", "verified"), ("rounds", "done")),
    bodies=("rounds",),
)


def test_mermaid_has_every_node_and_edge_and_marks_the_way() -> None:
    text = mermaid(graph(FLOW), TRAIL)
    assert text.startswith("flowchart TD\n")
    assert 'n0["Who #34;is#34; #60;it#62;?<br/><small>gate</small>"]' in text
    assert 'n0 -->|"verified"| n2' in text
    assert 'n4 -.-|"undone by"| n5' in text
    assert "class n0,n2,n3 done" in text
    assert "class n4 waiting" in text
    assert "linkStyle 1,2,3 stroke" in text


def test_svg_is_xml_that_shows_the_way() -> None:
    tree = ElementTree.fromstring(svg(graph(FLOW), TRAIL))
    states = {one.get("data-node"): one.get("data-state") for one in tree.iter() if one.get("data-node")}
    assert states == {"door": "done", "sorry": "", "rounds": "done", "again": "done", "last": "waiting", "undo": ""}
    taken = {one.get("data-edge") for one in tree.iter() if one.get("data-taken") == "true"}
    assert taken == {"door.verified>rounds", "rounds.body>again", "rounds.done>last"}


def test_a_label_cannot_leave_its_place() -> None:
    made = Graph(name="<x>", nodes=(GraphNode(id="a", type="say", label="</text><script>1</script>"),))
    tree = ElementTree.fromstring(svg(made))
    assert "script" not in {one.tag.rpartition("}")[2] for one in tree.iter()}
    assert "<script>" not in mermaid(made)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 14).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n), st.integers(0, n)), max_size=30))
    )
)
def test_no_two_boxes_meet_whatever_the_edges(shape: tuple[int, list[tuple[int, int]]]) -> None:
    count, pairs = shape
    nodes = tuple(GraphNode(id=f"n{index}", type="say") for index in range(count + 1))
    made = Graph(name="any", nodes=nodes, edges=tuple(GraphEdge(source=f"n{a}", target=f"n{b}") for a, b in pairs))
    layout = lay_out(made)
    for (x1, y1), (x2, y2) in combinations(layout.places.values(), 2):
        assert abs(x1 - x2) >= WIDTH or abs(y1 - y2) >= HEIGHT
    assert all(WIDTH / 2 <= x <= layout.width - WIDTH / 2 for x, _ in layout.places.values())
    ElementTree.fromstring(svg(made))
    assert lay_out(made) == layout
