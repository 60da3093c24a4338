"""`botkit eval`: what it prints, what it exits with, what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import Result

Cli = Callable[..., Result]

TALK = """\
bot: helper
cases:
  - name: says what it is
    tags: [smoke, offline]
    turns: [{say: hello, expect: {contains: demo/offline}}]
  - name: speaks Latin
    turns:
      - say: hello
        expect:
          contains: salve
  - name: later
    skip: not built yet
    turns: [hello]
"""


@pytest.fixture
def talk(project: Path) -> Path:
    folder = project / "workspace" / "evals"
    folder.mkdir(parents=True)
    (folder / "talk.yaml").write_text(TALK)
    return folder / "talk.yaml"


def test_a_case_that_fails_is_told_with_its_line_and_the_conversation(cli: Cli, talk: Path) -> None:
    result = cli("eval", str(talk))
    assert result.exit_code == 1
    assert "✓ helper: says what it is" in result.stdout
    assert "✗ helper: speaks Latin" in result.stdout
    assert "workspace/evals/talk.yaml:10: contains of turn 1\n      - salve" in result.stdout
    assert "> hello" in result.stdout
    assert "– helper: later  not built yet" in result.stdout
    assert "1 passed, 1 failed, 1 skipped" in result.stdout


@pytest.mark.parametrize(
    "choice", [("--tag", "smoke"), ("--case", "what it is"), ("--tag", "none", "--tag", "offline"), ("--case", "later")]
)
def test_cases_are_chosen_by_tag_and_name(cli: Cli, talk: Path, choice: tuple[str, ...]) -> None:
    assert cli("eval", *choice).exit_code == 0


@pytest.mark.parametrize("choice", [("--tag", "none"), ("--case", "Greek"), ("--bot", "desk")])
def test_where_nothing_fits_nothing_passes(cli: Cli, talk: Path, choice: tuple[str, ...]) -> None:
    result = cli("eval", *choice)
    assert result.exit_code == 1
    assert "no case of workspace/evals/ fits" in result.stderr


def test_programs_get_everything(cli: Cli, talk: Path) -> None:
    result = cli("eval", "--json", "--repeat", "2")
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(case["state"], len(case["tries"])) for case in report["cases"]] == [
        ("passed", 2),
        ("failed", 2),
        ("skipped", 0),
    ]
    turn = report["cases"][0]["tries"][0]["seen"]["turns"][0]
    assert (turn["said"], turn["state"], turn["model_calls"]) == ("hello", "completed", 1)
    assert report["usage"]["input_tokens"] > 0


def test_build_servers_get_their_file(cli: Cli, talk: Path, project: Path) -> None:
    cli("eval", "--junit", "report.xml")
    root = ElementTree.parse(project / "report.xml").getroot()
    (suite,) = root
    assert suite.attrib["name"] == "workspace/evals/talk.yaml"
    assert [suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "workspace/evals/talk.yaml:10: contains" in (failure.text or "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TALK.replace("turns:\n", "turn:\n"), "talk.yaml:7:5: cases.1.turn: unknown key (did you mean `turns`?)"),
        (
            TALK.replace("bot: helper", "bot: helpr"),
            "talk.yaml:1:6: bot: no bot or team is called `helpr` (did you mean",
        ),
        ("[", "talk.yaml:1:"),
    ],
)
def test_a_file_with_a_mistake_is_a_wrong_configuration(cli: Cli, talk: Path, text: str, told: str) -> None:
    talk.write_text(text)
    result = cli("eval")
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_recording_is_played_until_it_is_out_of_date(cli: Cli, talk: Path, project: Path) -> None:
    one = ("eval", "--case", "what it is")
    missing = cli(*one, "--recorded")
    assert (missing.exit_code, "nothing was recorded yet" in missing.stderr) == (2, True)
    recorded = cli(*one, "--record")
    assert "Recorded: talk.recorded.json" in recorded.stdout
    assert cli(*one, "--recorded").exit_code == 0
    (project / "bots.yaml").write_text(
        (project / "bots.yaml").read_text().replace("name: Helper", 'name: Helper\n    prompt: "You are new."')
    )
    stale = cli(*one, "--recorded")
    assert stale.exit_code == 2
    assert "? helper: says what it is" in stale.stdout
    assert "is out of date, the instructions changed since" in stale.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--record", "--recorded"), "use one of them"),
        (("nothing.yaml",), "does not exist"),
        (("--model", "nobody"), "no model is called nobody"),
        (("compare", "--traffic", "3"), "--traffic needs --bot"),
        (("compare", "--base", "abc"), "there is no file abc, and nothing ran here yet"),
    ],
)
def test_what_cannot_be_meant_is_told(cli: Cli, talk: Path, words: tuple[str, ...], told: str) -> None:
    result = cli("eval", *words)
    assert result.exit_code in (1, 2)
    assert told in result.stderr


def test_the_real_instance_is_not_touched(cli: Cli, talk: Path, project: Path) -> None:
    cli("eval", "--tag", "smoke")
    assert not (project / ".botkit").exists()


def test_versions_are_compared_on_what_people_wrote(cli: Cli, talk: Path, project: Path) -> None:
    cli("chat", "helper", "-m", "hello")
    text = (project / "bots.yaml").read_text()
    (project / "bots.new.yaml").write_text(text.replace("name: Helper", 'name: Helper\n    prompt: "You are new."'))
    same = cli("eval", "compare", "--bot", "helper", "--traffic", "5", "--all")
    assert same.exit_code == 0, same.output
    assert "helper: hello  (same)  run_" in same.stdout
    assert "1 same, 0 changed." in same.stdout
    other = cli("eval", "compare", "--bot", "helper", "--traffic", "5", "--with", "bots.new.yaml", "--json")
    found = json.loads(other.stdout)
    assert (found["base"], found["with"], len(found["rows"])) == ("as it was answered", "bots.new.yaml", 1)
    assert found["tokens"][1] != found["tokens"][0]
    both = cli("eval", "compare", "--with", "bots.new.yaml", "--tag", "smoke", "--all")
    assert "helper: says what it is" in both.stdout
    assert both.exit_code == 0
