"""Workflows in files of their own: found, read in place, part of the revision."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from botkit.core.config import load_config
from botkit.core.errors import ConfigError
from tests.core.config.helpers import lines, load

REFUND = """\
description: Gives money back.
max_nodes: 20
steps:
  - send_message: {text: "${NOT_FILLED_IN} and ${{ amount }}"}
"""
FOLDER = "workspace/workflows"


def test_a_file_in_the_folder_is_a_workflow_called_like_it() -> None:
    config = load("bots: {a: {workflow: refund-order}}", files={f"{FOLDER}/refund_order.yaml": REFUND})
    workflow = config.workflows["refund-order"]
    assert workflow.file == f"{FOLDER}/refund_order.yaml"
    assert workflow.max_nodes == 20
    assert workflow.steps == ({"send_message": {"text": "${NOT_FILLED_IN} and ${{ amount }}"}},)


def test_its_keys_know_the_file_they_stand_in() -> None:
    config = load(files={f"{FOLDER}/refund.yaml": REFUND})
    place = config.place("workflows", "refund", "max_nodes")
    assert place is not None
    assert (place.file, place.line, place.column) == (f"{FOLDER}/refund.yaml", 2, 1)


def test_a_mistake_in_it_is_reported_there() -> None:
    text = REFUND.replace("max_nodes: 20", "max_nods: 20")
    assert lines("", files={f"{FOLDER}/refund.yaml": text}) == [
        f"{FOLDER}/refund.yaml:2:1: workflows.refund.max_nods: unknown key (did you mean `max_nodes`?)"
    ]


def test_the_entry_wins_over_the_file() -> None:
    config = load("workflows: {refund: {max_nodes: 7}}", files={f"{FOLDER}/refund.yaml": REFUND})
    assert config.workflows["refund"].max_nodes == 7
    assert config.workflows["refund"].description == "Gives money back."


def test_a_listed_file_is_not_found_a_second_time() -> None:
    text = f"workflows: {{money: {FOLDER}/refund.yaml}}"
    assert list(load(text, files={f"{FOLDER}/refund.yaml": REFUND}).workflows) == ["money"]


def test_json_with_tabs_pairs_and_drawing_keys_is_read() -> None:
    text = '{\n\t"viewport": {"x": 1},\n\t"nodes": [{"id": "a", "type": "x", "data": {"t": "\\ud83d\\ude00\\/"}}]\n}'
    config = load_config("bots.yaml", files={"bots.yaml": "", f"{FOLDER}/a.json": text}, env={}, platforms=())
    assert config.workflows["a"].nodes == ({"id": "a", "type": "x", "data": {"t": "😀/"}},)


def test_two_files_of_one_name_and_a_name_that_is_none() -> None:
    files = {f"{FOLDER}/a.json": "{}", f"{FOLDER}/a.yaml": REFUND, f"{FOLDER}/What?.yaml": REFUND}
    said = lines("", files=files)
    assert f"{FOLDER}/What?.yaml: no workflow can be called `what?` (rename it, such as refund_order.yaml)" in said
    assert f"{FOLDER}/a.yaml: {FOLDER}/a.json is called `a` too (rename one of them)" in said


def test_what_is_broken_as_yaml_is_said_once() -> None:
    assert len(lines("bots: {b: {workflow: a}}", files={f"{FOLDER}/a.yaml": "steps: [\n"})) == 1


def test_the_text_is_part_of_the_revision_which_loads_again(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / "bots.yaml").write_text("")
    (tmp_path / FOLDER / "refund.yaml").write_text(dedent(REFUND))
    (tmp_path / FOLDER / "_draft.yaml").write_text("nonsense: [")
    first = load_config(tmp_path / "bots.yaml", env={}, platforms=())
    again = load_config("bots.yaml", files=first.files, env={}, platforms=())
    assert (again.revision, again.workflows) == (first.revision, first.workflows)
    (tmp_path / FOLDER / "refund.yaml").write_text(REFUND + "reply: Done.\n")
    assert load_config(tmp_path / "bots.yaml", env={}, platforms=()).revision != first.revision


def test_the_file_names_no_further_file() -> None:
    with pytest.raises(ConfigError, match="does not name another"):
        load(files={f"{FOLDER}/a.yaml": "file: b.yaml\nsteps: [end]\n"})
