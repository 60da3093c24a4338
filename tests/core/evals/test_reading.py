"""Files of evaluations: what they may say, and that every mistake is told with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest

from botkit.core.errors import ConfigError
from botkit.core.evals import EvalSuite, Routing, eval_files, read_evals
from botkit.core.evals.reference import eval_reference, eval_schema

ROOT = Path(__file__).parents[3]

RIGHT = """\
bot: desk
as: customer
cases:
  - name: all there is
    tags: smoke
    tools:
      orders__get_order: {status: paid}
      "notes__*": [one, {error: gone}]
    turns:
      - Where is it?
      - {say: here, files: docs/a.txt, expect: {contains: a, matches: ["(?i)b"], tools: [orders__get_order]}}
      - {press: "Yes", expect: {tools: [], not_called: "orders__*"}}
      - {fill: {city: Rome, when: 3}}
      - {approve: true, by: ada, comment: fine}
      - {decline: true}
    simulate: {goal: a refund, persona: in a hurry, turns: 3, model: openai/x}
    expect:
      tools: [{tool: orders__get_order, arguments: {order_id: A-1}}, orders__get_order]
      order: exact
      member: billing
      state: completed
      output: {type: object, required: [total]}
      judged: {rubric: [{name: polite, description: It is polite.}], at_least: 0.5}
      limits: {cost: 0.02 USD, tokens: 100, latency_s: 2, steps: 3}
    repeat: 3
    pass_rate: 0.6
"""


def read(tmp_path: Path, text: str) -> EvalSuite | Routing:
    file = tmp_path / "case.yaml"
    file.write_text(text)
    return read_evals(file, tmp_path)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    return [str(problem) for problem in raised.value.problems]


def case(**keys: Any) -> str:
    return json.dumps({"cases": [{"name": "a", "turns": ["hi"], **keys}]})


def test_everything_that_may_be_said_is_read(tmp_path: Path):
    suite = read(tmp_path, RIGHT)
    assert isinstance(suite, EvalSuite)
    one = suite.file.cases[0]
    assert [turn.say for turn in one.turns[:2]] == ["Where is it?", "here"]
    assert one.tags == ("smoke",)
    assert one.turns[1].expect.contains == ("a",)
    assert one.turns[2].expect.tools == ()
    assert one.expect.tools is not None
    assert [wanted.arguments for wanted in one.expect.tools] == [{"order_id": "A-1"}, {}]
    assert one.expect.judged[0].least_score == 0.5
    assert suite.place("cases", 0, "expect", "member") == "case.yaml:20"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bot: a\n", "case.yaml:1:1: `cases` is missing"),
        ("cases: []\n", "cases: there is no case in it"),
        (case(turn=["x"]), "unknown key (did you mean `turns`?)"),
        (case(turns=[{"sai": "x"}]), "turns.0.sai: unknown key (did you mean `say`?)"),
        (case(turns=[{"say": "x", "press": "y"}]), "a turn does one thing: say, press, fill, approve, decline"),
        (case(turns=[{"approve": True, "files": "a.txt"}]), "`files` come with `say`"),
        (case(turns=[{"approve": False}]), "must be true"),
        (case(turns=[]), "a case needs `turns` or `simulate`"),
        (case(expect={"state": "complete"}), "(did you mean `completed`?)"),
        (case(expect={"matches": "(a"}), "expect.matches: this is not a pattern of RE2"),
        (case(expect={"judged": {"rubric": []}}), "needs at least 1 entries"),
        (
            case(expect={"judged": {"rubric": [{"name": "a", "description": "b"}], "at_least": "best"}}),
            "names none of the bands: good, fair, poor",
        ),
        (case(expect={"limits": {"cost": "free"}}), "this must be an amount of money such as 5 USD"),
        (case(**{"as": "ada", "roles": "guest"}), "`as` and `roles` exclude each other"),
        (case(repeat=0), "must be at least 1"),
        (case(pass_rate=1.5), "must be at most 1"),
        (json.dumps({"cases": [{"name": "a", "turns": ["x"]}] * 2}), "two cases are called `a`"),
        ("team: a\ncases: {b: c}\nteams: d\n", "case.yaml:3:1: teams: unknown key (did you mean `team`?)"),
        ("team: a\ncases: {b: c}\n", "cases.b: must be a list of messages"),
        ("team: a\ncases: {b: [c]}\nat_least: 2\n", "must be a fraction from 0 to 1"),
        ("cases: [", "case.yaml:1:"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_likely_fix(tmp_path: Path, text: str, told: str):
    found = mistakes(tmp_path, text)
    assert any(told in one for one in found), found
    assert all(one.startswith("case.yaml:") for one in found)


def test_all_mistakes_are_told_at_once(tmp_path: Path):
    text = (
        RIGHT.replace("contains:", "contain:").replace("order: exact", "order: strict").replace("repeat: 3", "rep: 3")
    )
    assert len(mistakes(tmp_path, text)) == 3


def test_routing_has_a_shape_of_its_own(tmp_path: Path):
    found = read(tmp_path, "team: support\nat_least: 0.9\ncases: {billing: [pay, bill]}\n")
    assert isinstance(found, Routing)
    assert (found.team, found.at_least, found.cases) == ("support", 0.9, {"billing": ("pay", "bill")})


def test_cases_of_workflows_are_no_evaluations(tmp_path: Path):
    folder = tmp_path / "workspace" / "evals"
    folder.mkdir(parents=True)
    for name in ("b.yaml", "a.yml", "c.test.yaml", "b.recorded.json", "notes.txt"):
        (folder / name).write_text("")
    assert [path.name for path in eval_files(tmp_path)] == ["a.yml", "b.yaml"]


def test_the_schema_takes_what_is_read_and_refuses_what_is_not(tmp_path: Path):
    from ruamel.yaml import YAML

    validator = jsonschema_rs.validator_for(eval_schema())
    texts = [path.read_text() for path in eval_files(ROOT) if isinstance(read_evals(path, ROOT), EvalSuite)]
    for text in (RIGHT, *texts):
        values: Any = cast("Any", YAML(typ="safe", pure=True)).load(text)
        assert [error.message for error in validator.iter_errors(values)] == []
    assert not validator.is_valid({"cases": [{"name": "a", "turns": [{"sai": "x"}]}]})
    assert not validator.is_valid({"cases": [{"name": "a", "turns": ["x"], "expect": {"state": "complete"}}]})


def test_the_reference_page_is_current():
    """Mend with: python -m botkit.core.evals.reference"""
    assert (ROOT / "docs" / "evals-yaml.md").read_text(encoding="utf-8") == eval_reference()
