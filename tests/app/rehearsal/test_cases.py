"""Cases of workflows: what they mock, what they expect, and what they say when it came otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from botkit.app.rehearsal.cases import Case, case_files, read_cases
from botkit.app.rehearsal.expecting import CaseReport, judge, rehearse
from botkit.app.rehearsal.junit import junit
from botkit.app.rehearsal.perform import Performance, Spoken
from botkit.app.workflows import load_project
from botkit.core.errors import ConfigError

FLOW = """\
steps:
  - wait_for_reply: {question: "Which one?"}
    id: ask
    timeout: [{send_message: {text: "Too late."}, id: late}, end]
  - mcp_tool: {tool: shop__get, arguments: {id: "{{ ask.text }}"}}
    id: get
    retry: 1
  - delay: {duration: 2d}
    id: pause
  - llm_call: {prompt: "Say it kindly: {{ get.data.state }}"}
    id: kind
  - http_request: {url: "https://example.com/seen/{{ ask.text }}", method: POST}
    id: seen
  - send_message: {text: "{{ kind.text }} ({{ seen.json.n }})"}
    id: tell
"""
CONFIG = """\
version: 1
servers: {shop: {run: workspace/servers/shop.py}}
bots: {helper: {name: Helper}}
"""
WORLD: dict[str, Any] = {
    "workflow": "flow",
    "start": "hello",
    "answers": ["A-1"],
    "tools": {"shop__get": [{"error": "busy"}, {"state": "sent"}]},
    "models": ["It is on its way."],
    "http": {"POST https://example.com/seen/*": {"json": {"n": 3}}},
}


@pytest.fixture
def config(tmp_path: Path) -> Any:
    (tmp_path / "workspace" / "workflows").mkdir(parents=True)
    (tmp_path / "workspace" / "servers").mkdir()
    (tmp_path / "workspace" / "servers" / "shop.py").write_text("")
    (tmp_path / "workspace" / "workflows" / "flow.yaml").write_text(FLOW)
    (tmp_path / "bots.yaml").write_text(CONFIG)
    return load_project(tmp_path / "bots.yaml")


def case(**fields: Any) -> Case:
    return msgspec.convert({"name": "it", **WORLD, **fields}, Case)


async def came(config: Any, **fields: Any) -> CaseReport:
    return await rehearse(config, case(**fields))


async def test_everything_outside_is_mocked_and_days_pass_at_once(config: Any) -> None:
    report = await came(
        config,
        expect={
            "path": ["ask", "get", "pause", "kind", "seen", "tell"],
            "messages": ["Which one?", "It is on its way. (3)"],
            "calls": ["shop__get", {"tool": "shop__get", "arguments": {"id": "A-1"}}],
            "variables": {"get": {"data": {"state": "sent"}}},
        },
    )
    assert report.ok, report.differences
    at = report.performance.variables["pause"]["at"]
    assert at.startswith("2026-01-07"), "it began on the fifth and waited for two days"


async def test_time_runs_out_for_who_does_not_answer(config: Any) -> None:
    silent = {"answers": [{"timeout": True}], "models": [], "expect": {"path": ["ask", "late"]}}
    report = await came(config, **silent)
    assert report.ok, report.differences


async def test_a_case_without_an_answer_says_where_the_run_waits(config: Any) -> None:
    report = await came(config, answers=[], expect={"waits_at": "ask"})
    assert report.ok
    report = await came(config, answers=[], models=[])
    assert [one.what for one in report.differences] == ["state"]
    assert report.differences[0].lines == ("- completed", "+ waiting (at `ask`, for reply)")


async def test_what_nobody_mocked_fails_and_is_named(config: Any) -> None:
    report = await came(config, tools={})
    assert "shop__get" in report.performance.missing
    assert ("missing", ("+ shop__get",)) in [(one.what, one.lines) for one in report.differences]
    report = await came(config, http={})
    assert report.performance.missing == ("POST https://example.com/seen/A-1",)
    report = await came(config, models=[])
    assert report.performance.error is not None


async def test_answers_that_nobody_asked_for_are_a_difference(config: Any) -> None:
    report = await came(config, models=["one", "two"], answers=["A-1", "more"])
    assert {one.lines[0] for one in report.differences} == {"- answers: 1 left", "- models: 1 left"}


async def test_a_node_can_be_left_out(config: Any) -> None:
    refused = {"error": {"code": "http_status", "message": "no"}}
    nodes = {"get": {"state": "sent"}, "seen": refused, "kind": {"text": "k"}}
    report = await came(config, nodes=nodes, models=[], expect={"error": "http_status", "calls": []})
    assert report.ok, report.differences
    strange = case(nodes={"nothing": 1})
    with pytest.raises(ConfigError, match="no node `nothing`"):
        await rehearse(config, strange)


async def test_each_node_is_told_with_the_variables_after_it(config: Any) -> None:
    told: list[tuple[str, list[str]]] = []
    await rehearse(config, case(), told=lambda path, visit, variables: told.append((path, sorted(variables))))
    assert [path for path, _ in told] == ["ask", "get", "pause", "kind", "seen", "tell"]
    assert "ask" in told[0][1]
    assert "get" not in told[0][1]


def judged(expect: dict[str, Any], **fields: Any) -> list[str]:
    made = msgspec.structs.replace(Performance(state="completed"), **fields)
    return [one.what for one in judge(case(expect=expect), made)]


def test_gaps_in_a_path_stand_for_any_number_of_visits() -> None:
    path = ("a", "b", "c", "d")
    assert judged({"path": ["a", "...", "d"]}, path=path) == []
    assert judged({"path": ["...", "c", "d", "..."]}, path=path) == []
    assert judged({"path": ["..."]}, path=()) == []
    assert judged({"path": ["a", "...", "c"]}, path=path) == ["path"]
    assert judged({"path": ["a", "b", "c"]}, path=path) == ["path"]
    assert judged({"path": ["...", "d", "a"]}, path=path) == ["path"]


def test_messages_are_compared_whole_in_part_or_by_pattern() -> None:
    messages = (Spoken(text="Order A-1 is sent."), Spoken(text="Done", to="slack:C1:"))
    assert judged({"messages": [{"contains": "a-1"}, {"to": "slack:C1:", "text": "Done"}]}, messages=messages) == []
    assert judged({"messages": [{"matches": "A-[0-9] is"}, "..."]}, messages=messages) == []
    assert judged({"messages": ["Order A-1 is sent.", "Done"]}, messages=messages) == ["messages"], "it went elsewhere"


def test_values_are_compared_by_their_named_fields_and_true_is_not_one() -> None:
    assert judged({"output": {"a": 1}}, output={"a": 1, "b": 2}) == []
    assert judged({"output": True}, output=1) == ["output"]
    assert judged({"output": None}, output=None) == []
    assert judged({"variables": {"x": [1]}}, variables={"x": [1, 2]}) == ["variables.x"]
    assert judged({"variables": {"y": 1}}, variables={}) == ["variables.y"]


def test_files_with_cases_belong_to_the_workflow_they_are_called_after(tmp_path: Path) -> None:
    folder = tmp_path / "workspace" / "workflows"
    folder.mkdir(parents=True)
    (folder / "order_status.test.yaml").write_text("start: hi\n")
    (folder / "order_status.yaml").write_text("steps: []\n")
    assert [path.name for path in case_files(tmp_path, "order-status")] == ["order_status.test.yaml"]
    (only,) = read_cases(folder / "order_status.test.yaml", tmp_path).cases
    assert (only.workflow, only.name, only.began.message) == ("order-status", "case 1", "hi")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cases: [{stat: hi}]", "unknown field `stat`"),
        ("cases: [{start: {webhok: x}}]", "unknown field `webhok`"),
        ("cases: [{start: hi, expect: {state: done}}]", "state"),
        ("cases: [{start: hi}]\nmore: 1", "unknown key `more`"),
        ("cases: [", "is not right"),
    ],
)
def test_a_case_that_is_not_right_is_refused_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "x.test.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_cases(file, tmp_path)


async def test_reports_are_xml_that_build_servers_read(config: Any) -> None:
    good = await came(config)
    bad = await came(config, name="a \x00 <b>", expect={"path": ["x"]})
    root = ElementTree.fromstring(junit([good, bad]))
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "- x" in (failure.text or "")
