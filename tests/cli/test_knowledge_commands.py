"""Knowledge at the command line: read, searched, shown, measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Cli = Callable[..., Result]
Ask = Callable[..., Any]

QUESTIONS = """
sources: shop
at_least: 0.6
cases:
  docs/pay.md: [When are refunds paid?, Do you hire?]
"""


@pytest.fixture(autouse=True)
def knowledge(project: Path) -> None:
    with (project / "bots.yaml").open("a") as file:
        file.write("knowledge: {shop: {paths: docs, description: What customers ask.}}\n")
    (project / "docs").mkdir()
    (project / "docs/pay.md").write_text("# Pay\n\nRefunds are paid on Fridays.\n")
    (project / "docs/broken.json").write_text("{")
    (project / "questions.yaml").write_text(QUESTIONS)


def test_files_are_read_searched_and_shown(ask: Ask, cli: Cli) -> None:
    (told,) = ask("knowledge", "index").values()
    assert (told["added"], told["unreadable"], told["notice"]) == (1, 1, "")
    files = {row["file"]: row["problem"] for row in ask("knowledge", "list")}
    assert files == {"docs/pay.md": "", "docs/broken.json": "it is no JSON"}
    found = ask("knowledge", "search", "when are refunds paid")
    (passage,) = found["passages"]
    assert (passage["file"], passage["found_by"]) == ("docs/pay.md", ["words"])
    printed = cli("knowledge", "search", "refunds").output
    assert f"[1] docs/pay.md, Pay, line 3 (100%, by words, {passage['id']})" in printed
    assert "Nothing was found." in cli("knowledge", "search", "elephants").output
    (view,) = ask("knowledge", "show")
    assert (view["name"], view["files"], view["unreadable"], view["passages"]) == ("shop", 2, 1, 1)
    assert "Refunds are paid on Fridays." in cli("knowledge", "show", "docs/pay.md").output
    assert ask("knowledge", "show", "docs/pay.md")[0]["id"] == passage["id"]


def test_what_is_not_there_is_said(cli: Cli) -> None:
    for arguments in (("show", "docs/none.md"), ("index", "nope"), ("search", "x", "--source", "nope")):
        result = cli("knowledge", *arguments)
        assert result.exit_code == 1
        assert "docs/none.md" in result.output or "nope" in result.output


def test_questions_are_measured(ask: Ask, cli: Cli) -> None:
    result = cli("knowledge", "eval", "questions.yaml")
    assert result.exit_code == 1  # 50 %, and the file wants 60 %
    assert "by words: 50.0% among the first five" in result.output
    assert "Do you hire?" in result.output
    (score,) = ask("knowledge", "eval", "questions.yaml", "--at-least", "0.5")
    assert (score["total"], score["recall"]) == (2, 0.5)
    Path("questions.yaml").write_text("cases: {}")
    assert cli("knowledge", "eval", "questions.yaml").exit_code == 2


def test_doctor_tells_what_cannot_be_read(cli: Cli) -> None:
    printed = cli("doctor", "--json").output
    assert "2 files, 1 passages; 1 cannot be read" in printed
    assert "botkit knowledge list shop" in printed
