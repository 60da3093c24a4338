"""The guide to models: its files load, its commands run, and the tiers it promises are there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from botkit.cli.root import root
from botkit.core.config import load_config
from tests.docs.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "guides" / "models.md"


@pytest.mark.parametrize("body", list(blocks(PAGE, "yaml")))
def test_every_file_of_the_guide_loads(body: str, tmp_path: Path) -> None:
    bots = "" if "bots:" in body else "bots: {desk: {}}\n"
    models = "" if "models:" in body else "models: {fast: demo/offline}\n"
    (tmp_path / "bots.yaml").write_text(f"version: 1\n{bots}{models}{body}")

    assert load_config(tmp_path / "bots.yaml").bots


def test_the_commands_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = "bots: {desk: {model: fast, workspace: shop}}\nworkspaces: {shop: {}}\nmodels: {fast: openai/gpt-5-mini}\n"
    (tmp_path / "bots.yaml").write_text(f"version: 1\n{config}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told: list[str] = []
    for body in blocks(PAGE, "sh"):
        for line in filter(None, map(str.strip, body.splitlines())):
            words = shlex.split(line)
            done = CliRunner().invoke(
                root, words[1:], input="sk-canary-0123456789", prog_name=words[0], catch_exceptions=False
            )
            assert done.exit_code == 0, done.output
            told.append(CliRunner().invoke(root, ["check"], prog_name="botkit", catch_exceptions=False).output)

    assert "OPENAI_API_KEY of the instance" in told[0]
    assert "of the workspace shop for its calls" in told[-1]
    assert "canary" not in str(told)


def test_a_tier_that_nobody_defined_is_the_nearest_that_is_there(tmp_path: Path) -> None:
    def tiers(models: str) -> list[str]:
        (tmp_path / "bots.yaml").write_text(f"version: 1\nbots: {{desk: {{model: fast}}}}\nmodels: {models}\n")
        config = load_config(tmp_path / "bots.yaml")
        return [config.resolve_model(name).model for name in ("fast", "standard", "strong")]

    assert tiers("{}") == ["demo/offline"] * 3
    assert tiers("{default: a/b}") == ["a/b"] * 3
    assert tiers("{standard: a/b, default: c/d}") == ["a/b"] * 3
    assert tiers("{fast: e/f, default: c/d}") == ["e/f", "c/d", "c/d"]
