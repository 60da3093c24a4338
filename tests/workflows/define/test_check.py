"""What is said about a workflow before it runs."""

from __future__ import annotations

from textwrap import dedent

import pytest

from botkit.sdk.nodes import NodeFailed
from botkit.workflows.check import check_written
from botkit.workflows.checks.names import Facts
from botkit.workflows.define import read_text
from botkit.workflows.registry import Registry, builtin_registry
from botkit.workflows.specs import FieldSpec, NodeSpec
from tests.workflows.define.kinds import REGISTRY

FACTS = Facts(
    models=["fast"],
    bots=["helper"],
    workflows=["flow", "other"],
    channels=["sales"],
    secrets=["API_KEY"],
    servers={"orders": ["get", "refund"], "silent": None, "hidden": ["x"]},
    offered={"default": ["orders", "silent"]},
)


def said(text: str, *, registry: Registry = REGISTRY, facts: Facts | None = FACTS) -> list[str]:
    """Problems as printed, without the file."""
    written = read_text(dedent(text), registry, file="flow.yaml")
    check_written(written, registry, facts)
    return [str(problem).removeprefix("flow.yaml:") for problem in written.report.problems]


def test_a_right_workflow_has_no_problems() -> None:
    text = """
        inputs: {order: string}
        variables: {tries: 0}
        steps:
          - start
          - look: {query: "{{ message.text }} {{ input.order }} {{ tries }}", kind: "{{ 'fast' }}"}
            output: found
          - choose: {when: found.score > 0.5 and user.name != ''}
            true:
              - say: {text: "{{ found.text }}", times: "{{ tries + 1 }}", maxLength: 3}
            false: end
          - repeat: {each: "{{ message.attachments }}"}
            body:
              - say: {text: "{{ index }}: {{ item }}"}
          - use: {tool: orders__get, tools: [orders__refund], model: fast, bot: helper, workflow: other,
                  secret: api-key, headers: {a: {secret: API_KEY}}, to: {channel: sales}, code: "return {{ nothing"}
        reply: "{{ found.text }}"
        """
    assert said(text) == []


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("{say: {txt: a}}", "1:16: workflows.flow.say.txt: a `say` node has no such field (did you mean `text`?)"),
        ("{say: {times: often}}", "1:23: workflows.flow.say.times: must be a whole number"),
        ("{say: {text: [3]}}", "workflows.flow.say.text: must be text"),
        ("{say: {text: '{{ user.roles }}'}}", "this becomes list, and has to be text"),
        ("{say: {times: '{{ user }}'}}", "this becomes object, and has to be number"),
        ("{repeat: {each: '{{ message.text }}'}}", "workflows.flow.repeat.each: this becomes text, and has to be list"),
        ("{use: {headers: {X-Key: {secret: NONE}}}}", "use.headers.X-Key.secret: no secret is stored as `NONE`"),
        ("{look: {}}", "1:10: workflows.flow.look: `query` is missing"),
        ("{look: {query: a, kind: quick}}", "workflows.flow.look.kind: must be fast or slow"),
        ("{choose: {cases: [{name: a, whn: b}]}}", "workflows.flow.choose.cases.0: `when` is missing"),
        ("{say: {text: '{{ usr.name }}'}}", "there is no variable `usr` (did you mean `user`?)"),
        ("{say: {text: '{{ user.nam }'}}", "workflows.flow.say.text: "),
        ("{choose: {when: 'user.name >'}}", "workflows.flow.choose.when: "),
        ("{look: {query: a}, output: f}, {choose: {when: f.scor > 1}}", "(did you mean `score`?)"),
        ("{look: {query: a}, output: f}, {choose: {when: f.text > 1}}", "`>` cannot compare text with number"),
        (
            "{say: {text: '{{ late.text }}'}}, {look: {query: a}, id: late}",
            "`late` writes it, and does not come before",
        ),
        ("{use: {tool: ordrs__get}}", "no server is called `ordrs` (did you mean `orders`?)"),
        ("{use: {tool: orders__gt}}", "`orders` has no tool `gt` (did you mean `get`?)"),
        ("{use: {tools: [hidden__x]}}", "workflows.flow.use.tools.0: the workspace `default` does not offer `hidden`"),
        ("{use: {tool: orders}}", "a tool is written server__tool"),
        ("{use: {model: fst}}", "no model is called `fst` (did you mean `fast`?)"),
        ("{use: {bot: helpr}}", "no bot or team is called `helpr` (did you mean `helper`?)"),
        ("{use: {workflow: othr}}", "no workflow is called `othr` (did you mean `other`?)"),
        ("{use: {to: {channel: sale}}}", "workflows.flow.use.to.channel: no channel is called `sale`"),
        ("{use: {secret: API_KY}}", "no secret is stored as `API_KY`"),
    ],
)
def test_each_mistake_has_its_place_and_its_way_out(steps: str, problem: str) -> None:
    (found,) = said(f"steps: [{steps}]")
    assert problem in found


def test_a_tool_of_a_silent_server_is_a_warning() -> None:
    written = read_text("steps: [use: {tool: silent__any}]", REGISTRY, file="flow.yaml")
    check_written(written, REGISTRY, FACTS)
    assert written.report.problems == []
    assert "has not told its tools yet" in str(written.report.warnings[0])


def test_every_mistake_is_found_at_once() -> None:
    text = """
        steps:
          - say: {txt: a, times: x}
          - look: {query: "{{ nobody }}"}
          - sya: {}
          - use: {model: fst}
        """
    assert [line.split(" ")[0] for line in said(text)] == [
        "5:5:",
        "3:11:",
        "3:26:",
        "4:19:",
        "6:18:",
    ]


def test_branches_of_a_fork_do_not_see_each_other_but_what_follows_sees_both() -> None:
    branches = "fork: {}, branches: {x: [look: {query: a}, id: one], y: [say: {text: '{{ one.text }}'}]}"
    fork = branches.replace("[look: {query: a}, id: one]", "[{look: {query: a}, id: one}]")
    (found,) = said(f"steps: [{{{fork}}}]")
    assert "`one` writes it, and does not come before" in found
    after = fork.replace("{{ one.text }}", "a")
    assert said(f"steps: [{{{after}}}, {{say: {{text: '{{{{ one.text }}}}'}}}}]") == []


def test_what_undoes_may_read_everything() -> None:
    text = """
        steps:
          - say: {}
            compensate: [{say: {text: "{{ last.text }}"}}]
          - look: {query: a}
            id: last
        """
    assert said(text) == []


def test_a_node_known_by_its_description_alone_is_checked_too() -> None:
    score = FieldSpec(name="score", schema={"type": "integer"}, required=True, text="How good.")
    mood = FieldSpec(name="mood", schema={"enum": ["good", "bad"]})
    registry = REGISTRY.with_specs([NodeSpec(type="rate", fields=(score, mood), handles={"up": "", "down": ""})])
    assert said("steps: [{rate: {score: 3, mood: good}, up: end}]", registry=registry) == []
    assert said("steps: [{rate: {score: much, mood: ok, x: 1}, left: [say]}]", registry=registry) == [
        "1:54: workflows.flow.rate.left: a `rate` node has no edge `left` here (there is: down, error, up)",
        "1:40: workflows.flow.rate.x: a `rate` node has no such field (known here: score, mood)",
        "1:24: workflows.flow.rate.score: must be a whole number",
        "1:36: workflows.flow.rate.mood: must be good or bad",
    ]


def test_a_node_that_breaks_while_it_is_checked_breaks_nothing() -> None:
    class Broken(REGISTRY.cls("say")):
        """Breaks."""

        type = "broken"

        @classmethod
        def check(cls, data: object) -> list[tuple[str, str]]:
            raise NodeFailed("no")

        @classmethod
        def handles_of(cls, data: object) -> dict[str, str]:
            raise KeyError("no")

    registry = REGISTRY.with_classes(Broken)
    assert said("steps: [{broken: {text: a}}, say]", registry=registry) == []


@pytest.mark.parametrize(
    ("step", "problems"),
    [
        ("wait_for_reply: {question: How many?, kind: integer, valid: value > 0 and text != ''}", []),
        ("wait_for_reply: {question: Who?, valid: reply.tries < 3 and value}", []),
        ("wait_for_reply: {question: Which?, choices: [a, b], many: true, valid: value | length < 2}", []),
        (
            "wait_for_reply: {question: How many?, kind: integer, valid: value.total > 0}",
            ["number has no field `total`"],
        ),
        (
            "wait_for_reply: {question: Which?, choices: [a, b], valid: reply.word == 'a'}",
            ["there is no field `word` here"],
        ),
        ("wait_for_reply: {question: '{{ value }}?', valid: valeu > 0}", ["variable `value`", "variable `valeu`"]),
        ("set_variable: {name: a, value: b, transform: value | upper}", []),
        ("loop: {while: index < 3}", []),
        ("logic: {value: 3, cases: [{name: some, when: value > 2}]}", []),
        ("auth_gate: {known: address | endswith('@example.com')}", []),
    ],
)
def test_a_field_may_know_more_than_the_rest_of_the_workflow(step: str, problems: list[str]) -> None:
    found = said(f"steps:\n  - {step}\n", registry=builtin_registry(), facts=None)
    found = [line for line in found if "edge" not in line and "body" not in line]
    assert len(found) == len(problems), found
    assert all(wanted in line for wanted, line in zip(problems, found, strict=True)), found
