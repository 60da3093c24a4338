"""Files at the command line: attached to a message, read, heard, named when nobody can look into them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from botkit.core.silence import silence_saying
from tests.agents.pictures import PNG

Cli = Callable[..., Result]

SPEECH = "settings: {speech: {transcription: demo/offline, synthesis: demo/offline}}\n"


def test_a_picture_is_named_where_the_model_cannot_see(cli: Cli, project: Path) -> None:
    (project / "receipt.png").write_bytes(PNG)

    done = cli("chat", "desk", "-m", "what is this?", "--file", "receipt.png", "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["response"].endswith("*(I could not look into: receipt.png.)*")


def test_several_files_go_with_one_message_and_text_is_read(cli: Cli, project: Path) -> None:
    (project / "a.txt").write_text("ORD-1")
    (project / "b.csv").write_text("id,city\n7,Rome\n")

    done = cli("chat", "desk", "-m", "look", "--file", "a.txt", "--file", "b.csv", "--json")
    shown = json.loads(cli("runs", "show", json.loads(done.stdout)["run_id"], "--json").stdout)

    steps = shown["trace"]["run"]["steps"]
    assert [steps[f"files/{number}"]["result"]["text"] for number in (0, 1)] == ["ORD-1", "id,city\n7,Rome\n"]
    assert "could not look" not in done.stdout


def test_a_recording_alone_is_a_message(cli: Cli, project: Path) -> None:
    (project / "bots.yaml").write_text((project / "bots.yaml").read_text() + SPEECH)
    (project / "question.ogg").write_bytes(silence_saying("What can you do?"))

    done = cli("chat", "desk", "--file", "question.ogg", "--json")
    assert done.exit_code == 0, done.output
    run = json.loads(done.stdout)["run_id"]

    assert "demo model" in json.loads(done.stdout)["response"]
    assert "[heard by demo/offline, 1.06 s] What can you do?" in cli("runs", "show", run).stdout


@pytest.mark.parametrize("path", ["nothing.png", "."])
def test_what_is_no_file_is_refused_before_anything_is_sent(cli: Cli, path: str) -> None:
    assert cli("chat", "desk", "-m", "look", "--file", path).exit_code == 2


def test_a_file_that_is_too_large_says_the_limit(cli: Cli, project: Path) -> None:
    text = (project / "bots.yaml").read_text() + "settings: {file_limit_bytes: 10}\n"
    (project / "bots.yaml").write_text(text)
    (project / "a.txt").write_text("more than ten bytes")

    done = cli("chat", "desk", "-m", "look", "--file", "a.txt")

    assert (done.exit_code, "larger than 10 bytes" in done.output) == (1, True)
