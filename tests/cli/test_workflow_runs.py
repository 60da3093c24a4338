"""Workflows from the command line: run, test, trace, replay, migrate, and decisions with changed values."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Cli = Callable[..., Result]
Ask = Callable[..., Any]

REFUND = """\
description: Asks, has it decided, tells.
steps:
  - set_variable: {name: order, value: "{{ message.text | find('A-[0-9]+') }}"}
    id: read
  - human_handoff:
      title: "Refund {{ order }}"
      reason: "Somebody wants it back."
      edit: {cents: 4900}
      tell: ""
    id: boss
    rejected: [{send_message: {text: "No."}, id: "no"}, end]
  - send_message: {text: "{{ boss.values.cents }} cents for {{ order }}."}
    id: "yes"
"""
CASES = """\
cases:
  - name: it is approved
    start: "refund A-1"
    answers: [{approve: true, values: {cents: 5}}]
    expect: {path: [read, boss, "yes"], messages: ["5 cents for A-1."]}
  - name: it is not
    start: "refund A-1"
    answers: [{reject: true}]
    expect: {path: [read, boss, "no"]}
"""


@pytest.fixture(autouse=True)
def nobody_types(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Standard input is empty, also where the tests run in a terminal."""
    kept = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    yield
    os.dup2(kept, 0)
    os.close(kept)
    os.close(empty)


@pytest.fixture
def flow(project: Path) -> Path:
    folder = project / "workspace" / "workflows"
    folder.mkdir(parents=True)
    (folder / "refund.yaml").write_text(REFUND)
    (folder / "refund.test.yaml").write_text(CASES)
    return folder / "refund.yaml"


def paused(cli: Cli) -> str:
    """A run that waits for its approval."""
    result = cli("workflows", "run", "refund", "-m", "refund A-7", "--json")
    assert result.exit_code == 3, result.output
    found = json.loads(result.stdout)
    assert found["state"] == "waiting"
    assert found["path"] == ["read"]
    return found["run_id"]


def go_on(cli: Cli, run: str, *options: str) -> None:
    """Approve while nothing runs; the next start finds it."""
    assert cli("approvals", "approve", run, *options).exit_code == 0
    cli("chat", "helper", "-m", "hello", "--room", "elsewhere")


def test_a_run_waits_is_decided_with_a_changed_value_and_ends(cli: Cli, ask: Ask, flow: Path) -> None:
    run = paused(cli)
    (listed,) = ask("runs", "list", "--workflow", "refund")
    assert (listed["workflow"], listed["waits_at"]) == ("refund", "boss")
    assert "waits at boss" in cli("runs", "show", run).output
    (wait,) = ask("approvals", "list")
    assert (wait["title"], wait["edit"]) == ("Refund A-7", {"cents": 4900})
    refused = cli("approvals", "approve", run, "--set", "euros=3")
    assert refused.exit_code == 1
    assert "those that may: cents" in refused.stderr
    assert cli("approvals", "approve", run, "--set", "cents").exit_code == 2
    go_on(cli, run, "--set", "cents=300")
    shown = ask("workflows", "trace", run)
    assert shown["path"] == ["read", "boss", "yes"]
    assert shown["nodes"][2]["said"] == ["300 cents for A-7."]
    assert shown["nodes"][1]["waits"][0]["state"] == "answered"
    text = cli("workflows", "trace", run, "--steps").output
    assert "boss (human_handoff) → approved" in text
    assert "waited" in text


def test_a_run_that_ends_prints_what_it_said_and_its_path(cli: Cli, project: Path) -> None:
    folder = project / "workspace" / "workflows"
    folder.mkdir(parents=True)
    (folder / "hi.yaml").write_text('steps: [{send_message: {text: "Hello {{ input.who }}."}, id: greet}]\n')
    result = cli("workflows", "run", "hi", "--input", '{"who": "Ada"}')
    assert result.exit_code == 0, result.output
    assert result.stdout == "Hello Ada.\n"
    assert "completed: greet" in result.stderr
    assert cli("workflows", "run", "hi").exit_code == 2
    assert cli("workflows", "run", "hi", "--input", "{").exit_code == 2
    failed = cli("workflows", "run", "hi", "-m", "x", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["error"]["code"] == "expression"


def test_cases_run_without_a_home_and_show_what_differs(cli: Cli, flow: Path, project: Path) -> None:
    result = cli("workflows", "test", "refund")
    assert result.exit_code == 0, result.output
    assert not (project / ".botkit").exists()
    stepped = cli("workflows", "test", "refund", "--case", "approved", "--step").output
    assert "boss → approved" in stepped
    assert 'order = "A-1"' in stepped
    flow.write_text(REFUND.replace("cents for", "cent for"))
    report = project / "report.xml"
    wrong = cli("workflows", "test", "--all", "--junit", str(report))
    assert wrong.exit_code == 1
    assert "- 5 cents for A-1." in wrong.output
    assert "+ 5 cent for A-1." in wrong.output
    assert 'failures="1"' in report.read_text()
    found = json.loads(cli("workflows", "test", "--all", "--json").stdout)
    assert (found["failed"], len(found["cases"])) == (1, 2)
    assert cli("workflows", "test", "nothing").exit_code == 1
    assert cli("workflows", "test").exit_code == 2


def test_a_replay_shows_what_an_edit_makes_of_a_run(cli: Cli, ask: Ask, flow: Path) -> None:
    run = paused(cli)
    go_on(cli, run)
    assert ask("workflows", "replay", run)["same"]
    flow.write_text(REFUND.replace("cents for", "cents, dear customer, for"))
    changed = ask("workflows", "replay", run)
    assert changed["messages"] == ["- 4900 cents for A-7.", "+ 4900 cents, dear customer, for A-7."]
    assert changed["path"] == []
    check = '    id: read\n  - llm_call: {prompt: "Is {{ order }} real?"}\n    id: check\n'
    flow.write_text(REFUND.replace("    id: read\n", check))
    missing = ask("workflows", "replay", run)
    assert missing["missing"] == ["check/model (llm_call.model)"]
    assert missing["error"]["code"] == "not_recorded"
    other = flow.parent.parent.parent / "other.yaml"
    other.write_text(REFUND.replace("id: read", "id: look"))
    assert "+ look" in ask("workflows", "replay", run, "--against", str(other))["path"]
    assert cli("workflows", "replay", run, "--against", "nowhere.yaml").exit_code == 2


def test_a_paused_run_moves_to_the_graph_of_now_when_it_fits(cli: Cli, ask: Ask, flow: Path) -> None:
    run = paused(cli)
    flow.write_text(REFUND.replace("id: boss", "id: manager").replace("boss.", "manager.").replace("for {{", "on {{"))
    assert cli("apply").exit_code == 0
    refused = cli("workflows", "migrate", run, "--json")
    assert refused.exit_code == 1
    assert "it waits at `boss`, and node `boss` is not there any more" in json.loads(refused.stdout)[0]["reasons"]
    (dry,) = ask("workflows", "migrate", "--all", "--workflow", "refund", "--map", "boss=manager", "--dry-run")
    assert (dry["state"], dry["waits_at"]) == ("could be moved", ["manager"])
    (moved,) = ask("workflows", "migrate", run, "--map", "boss=manager")
    assert moved["state"] == "moved"
    assert ask("workflows", "migrate", run)[0]["state"] == "current"
    go_on(cli, run)
    shown = ask("workflows", "trace", run)
    assert shown["path"] == ["read", "manager", "yes"]
    assert shown["nodes"][2]["said"] == ["4900 cents on A-7."]


def test_a_run_whose_work_does_not_fit_stays(cli: Cli, ask: Ask, flow: Path) -> None:
    run = paused(cli)
    other = REFUND.replace("set_variable: {name: order, value:", "llm_call: {prompt:").replace("{{ order }}", "it")
    flow.write_text(other)
    assert cli("apply").exit_code == 0, cli("check").output
    refused = json.loads(cli("workflows", "migrate", run, "--json").stdout)
    assert refused[0]["reasons"] == ["`read` was done as `set_variable`, and `read` is a `llm_call` now"]
    assert cli("workflows", "migrate", run, "--all").exit_code == 2
    assert cli("workflows", "migrate", run, "--map", "x").exit_code == 2


def test_a_template_is_written_and_says_what_to_do_next(cli: Cli, ask: Ask, project: Path) -> None:
    assert {row["name"] for row in ask("workflows", "new", "--list")} >= {"refund", "escalation", "triage"}
    result = cli("workflows", "new", "status", "--template", "order-status")
    assert result.exit_code == 0
    assert "botkit workflows test status" in result.output
    assert cli("check").exit_code == 0
    assert cli("workflows", "test", "status").exit_code == 0
    assert cli("workflows", "new", "status", "--template", "order-status").exit_code == 1
    assert cli("workflows", "new", "x").exit_code == 2


LOUD = """
from botkit.sdk.nodes import Node, NodeContext, Outcome, node


@node("loud")
class Loud(Node):
    text: str

    async def run(self, ctx: NodeContext) -> Outcome:
        return Outcome(output=self.text.MADE)
"""


def test_a_paused_run_whose_own_node_was_edited_is_moved(cli: Cli, ask: Ask, flow: Path) -> None:
    nodes = flow.parents[1] / "nodes"
    nodes.mkdir()
    (nodes / "loud.py").write_text(LOUD.replace("MADE", "upper()"))
    flow.write_text(
        REFUND.replace(
            '  - send_message: {text: "{{ boss',
            '  - loud: {text: "{{ order }}"}\n  - send_message: {text: "{{ loud }} {{ boss',
        )
    )
    run, other = paused(cli), paused(cli)
    (nodes / "loud.py").write_text(LOUD.replace("MADE", "lower()"))

    assert ask("workflows", "migrate", other)[0]["state"] == "moved"
    assert ask("workflows", "migrate", other)[0]["state"] == "current"
    go_on(cli, other)
    assert ask("workflows", "trace", other)["nodes"][3]["said"] == ["a-7 4900 cents for A-7."]

    go_on(cli, run)
    (waits,) = ask("approvals", "list", "--kind", "reconcile")
    assert "the node `loud` changed" in waits["reason"]
    (moved,) = ask("workflows", "migrate", run)
    assert (moved["state"], moved["waits_at"]) == ("moved", [])
    assert ask("approvals", "list", "--kind", "reconcile") == []
    cli("chat", "helper", "-m", "hello", "--room", "elsewhere")
    assert ask("workflows", "trace", run)["nodes"][3]["said"] == ["a-7 4900 cents for A-7."]


def test_a_replay_runs_own_nodes_as_they_are_now(cli: Cli, ask: Ask, flow: Path) -> None:
    nodes = flow.parents[1] / "nodes"
    nodes.mkdir()
    (nodes / "loud.py").write_text(LOUD.replace("MADE", "upper()"))
    flow.write_text('steps: [{loud: {text: "{{ message.text }}"}}, {send_message: {text: "{{ loud }}"}, id: told}]\n')
    run = ask("workflows", "run", "refund", "-m", "abc")["run_id"]
    kept = ask("workflows", "replay", run)
    assert kept["same"], json.dumps(kept)
    (nodes / "loud.py").write_text(LOUD.replace("MADE", "title()"))
    changed = ask("workflows", "replay", run)
    assert changed["messages"] == ["- ABC", "+ Abc"]
    other = flow.parents[2] / "other.yaml"
    other.write_text(flow.read_text().replace("id: told", "id: said"))
    assert "+ said" in ask("workflows", "replay", run, "--against", str(other))["path"]


def in_a_terminal(folder: Path, words: str, *command: str) -> tuple[int, str]:
    """Run botkit on a terminal of its own, where somebody types these words."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "botkit.cli", *command],
        cwd=folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "dumb", "NO_COLOR": "1"},
    )
    os.close(slave)
    os.write(master, words.encode())
    shown = b""
    with contextlib.suppress(OSError):  # the terminal is gone with its last process
        while piece := os.read(master, 65536):
            shown += piece
    os.close(master)
    return child.wait(60), shown.decode()


def test_a_dry_run_stops_after_each_node_in_a_terminal(flow: Path) -> None:
    folder = flow.parents[2]
    command = ("workflows", "test", "refund", "--case", "approved", "--step")
    code, shown = in_a_terminal(folder, "\nv\nc\n", *command)
    assert code == 0, shown
    first, second = shown.index("read → default"), shown.index("boss → approved")
    assert shown.index("Enter: next") < second
    assert first < second < shown.rindex('user = {"id"') < shown.index("yes → default")
    assert shown.count("Enter: next") == 3  # once more after the variables
    code, shown = in_a_terminal(folder, "q\n", *command)
    assert (code, "boss → approved" in shown) == (1, False)


def test_a_run_may_pretend_to_be_an_event(cli: Cli, ask: Ask, flow: Path) -> None:
    flow.write_text(
        'steps: [{trigger: {kind: event, name: paid}}, {send_message: {text: "{{ trigger.body.total }}"}}]\n'
    )
    ran = ask("workflows", "run", "refund", "--trigger", "event", "--from", "paid", "--input", '{"total": 42}')
    assert (ran["state"], ran["messages"]) == ("completed", ["42"])
    other = cli("workflows", "run", "refund", "--trigger", "event", "--from", "lost", "--input", "{}", "--json")
    assert json.loads(other.stdout)["state"] == "ignored"
