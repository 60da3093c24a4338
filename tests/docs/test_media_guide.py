"""The guide to pictures, voices and documents: its files load, its commands run, and what it says happens."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from botkit.cli.root import root
from botkit.core.config import load_config
from botkit.core.silence import silence_saying
from tests.agents.pictures import PNG
from tests.docs.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "guides" / "media.md"


@pytest.mark.parametrize("body", list(blocks(PAGE, "yaml")))
def test_every_file_of_the_guide_loads(body: str, tmp_path: Path) -> None:
    bots = "" if "bots:" in body else "bots: {desk: {}}\n"
    (tmp_path / "bots.yaml").write_text(f"version: 1\n{bots}{body}")

    assert load_config(tmp_path / "bots.yaml").bots["desk"]


def test_the_commands_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, offline = blocks(PAGE, "yaml")
    (tmp_path / "bots.yaml").write_text(f"version: 1\nbots: {{desk: {{}}}}\n{offline}")
    (tmp_path / "receipt.png").write_bytes(PNG)
    (tmp_path / "offer.txt").write_text("two teapots")
    (tmp_path / "order.csv").write_text("item,count\nteapot,2\n")
    (tmp_path / "question.ogg").write_bytes(silence_saying("What can you do?"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOTKIT_HOME", str(tmp_path / "home"))
    said: list[str] = []
    for body in blocks(PAGE, "sh"):
        for line in filter(None, map(str.strip, body.splitlines())):
            words = shlex.split(line)
            done = CliRunner().invoke(root, words[1:], prog_name=words[0], catch_exceptions=False)
            assert done.exit_code == 0, done.output
            said.append(done.output)

    picture, texts, question = said
    assert "I could not look into: receipt.png" in picture
    assert "could not look" not in texts
    assert "demo model" in question
