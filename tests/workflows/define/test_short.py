"""The short form: what leads where."""

from __future__ import annotations

import pytest

from tests.workflows.define.kinds import graph, only, read


def edges(text: str) -> list[str]:
    """`source.handle>target`, the handle left out where it is `default`."""
    return [
        f"{e.source}{'' if e.handle == 'default' else f'.{e.handle}'}>{e.target}"
        for e in graph(f"steps:\n{text}").edges
    ]


def test_steps_follow_each_other() -> None:
    assert edges("- say: {text: a}\n- say\n- say:\n  id: last") == ["say>say_2", "say_2>last"]


def test_the_ends_of_branches_join_the_next_step() -> None:
    text = "- choose: {when: a}\n  on:\n    true: [{say: , id: a}]\n    false: [{say: , id: b}]\n- say: {}\n  id: next"
    assert edges(text) == ["choose.false>b", "choose.true>a", "a>next", "b>next"]


def test_branches_may_stand_under_their_own_names() -> None:
    assert edges("- choose:\n  true: [{say: , id: a}]\n  false: end\n- say:\n  id: b") == ["choose.true>a", "a>b"]


def test_a_branch_nobody_wrote_goes_on_where_the_node_says_so() -> None:
    assert edges("- choose:\n  true: [{say: , id: a}, end]\n- say:\n  id: b") == ["choose.false>b", "choose.true>a"]


def test_only_the_usual_edge_of_a_gate_goes_on() -> None:
    assert edges("- gate\n- say") == ["gate.verified>say"]
    assert edges("- gate\n  failed: [{say: , id: sorry}, end]\n- say".replace("- gate\n", "- gate:\n")) == [
        "gate.failed>sorry",
        "gate.verified>say",
    ]
    assert "nothing leads to this step" in only("steps: [{gate: , verified: [look: {query: a}, end]}, say]")


def test_what_a_loop_repeats_does_not_join() -> None:
    text = "- repeat:\n  body:\n    - say:\n      id: a\n    - say:\n      id: b\n- say:\n  id: after"
    assert edges(text) == ["repeat.body>a", "repeat.done>after", "a>b"]


def test_a_body_may_lead_back_to_its_loop() -> None:
    text = "- repeat:\n  id: l\n  body:\n    - choose:\n      true: {goto: l}\n    - say"
    assert edges(text) == ["l.body>choose", "choose.false>say", "choose.true>l"]


def test_branches_of_a_fork_need_no_second_list() -> None:
    found = graph("steps:\n- fork:\n  branches:\n    x: [say]\n    y: [say, say]\n- say:\n  id: z")
    assert found.nodes[0].data == {"branches": ["x", "y"]}
    assert {(e.handle, e.target) for e in found.edges if e.source == "fork"} == {
        ("x", "say"),
        ("y", "say_2"),
        ("done", "z"),
    }


def test_goto_leads_anywhere() -> None:
    text = (
        "- choose:\n  true:\n    - say:\n      id: a\n    - goto: end_of_all\n- say:\n  id: b\n- say:\n  id: end_of_all"
    )
    assert edges(text) == ["choose.false>b", "choose.true>a", "a>end_of_all", "b>end_of_all"]


def test_every_trigger_leads_to_the_first_step() -> None:
    assert edges("- start\n- start\n- say") == ["start>say", "start_2>say"]


def test_made_ids_never_meet_written_ones() -> None:
    found = graph("steps:\n- say\n- say:\n  id: say\n- say:\n  id: say_2\n- say")
    assert [node.id for node in found.nodes] == ["say_3", "say", "say_2", "say_4"]


def test_steps_that_undo_may_stand_below_what_they_undo() -> None:
    found = graph("steps:\n- say:\n  id: pay\n  compensate:\n    - say:\n      id: give_back\n    - say\n- say")
    assert found.nodes[0].compensate == "give_back"
    assert [(e.source, e.target) for e in found.edges] == [("pay", "say"), ("give_back", "say_2")]


def test_options_stand_beside_the_type() -> None:
    options = "label: Greet\n  output: greeting\n  timeout_s: 3\n  retry: {attempts: 2, codes: [x]}"
    text = f"steps:\n- say: {{text: Hi}}\n  {options}"
    node = graph(text).nodes[0]
    assert (node.label, node.output, node.timeout_s, node.retry.attempts, node.retry.codes) == (
        "Greet",
        "greeting",
        3.0,
        2,
        ("x",),
    )
    assert node.data == {"text": "Hi"}
    assert node.line == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: [{lok: {}}]", "1:10: workflows.flow.lok: there is no node type `lok` (did you mean `look`?)"),
        ("steps: [3]", "1:9: workflows.flow.3: there is no node type `3` (there is: choose"),
        ("steps: [[say]]", "1:9: workflows.flow: a step is a node type with its fields"),
        ("steps: [{say: hello}]", "1:15: workflows.flow.say: a node's fields are a mapping"),
        ("steps: [{id: a}]", "1:9: workflows.flow.steps: a step names a node type"),
        ("steps: [{say: , look: }]", "1:9: workflows.flow.steps: a step has one node type, this one has say, look"),
        ("steps: [{say: , lable: {}}]", "has say, lable (did you mean `label`?)"),
        ("steps: [say, end, say]", "1:19: workflows.flow.say_2: nothing leads to this step"),
        ("steps: [{say: , goto: nowhere}]", "1:23: workflows.flow: an edge to or from `nowhere`, which is no node"),
        ("steps: [{gate: , verifyed: [say]}]", "has no edge `verifyed` here (did you mean `verified`?)"),
        ("steps: [{say: , retry: often}]", "1:24: workflows.flow.say.retry: must be how often"),
        ("steps: [{say: , retry: {atempts: 1}}]", "workflows.flow.say.retry.atempts: unknown key"),
        ("steps: [{say: , retry: {attempts: -1}}]", "must be a whole number from 0 to 100"),
        ("steps: [{say: , timeout_s: soon}]", "must be a number of seconds above 0"),
        ("steps: [{say: , output: a b}]", "a variable has letters, digits and underscores"),
        ("steps: [{say: , id: a b}]", "an id has at most 64 letters"),
        ("steps: [{say: , compensate: gone}]", "workflows.flow.say.compensate: there is no node `gone`"),
    ],
)
def test_mistakes_are_explained(text: str, said: str) -> None:
    assert said in only(text)


def test_an_unknown_workflow_key_has_a_place() -> None:
    assert str(read("stepps: []").report.problems[0]).startswith("flow.yaml:1:1: ")
