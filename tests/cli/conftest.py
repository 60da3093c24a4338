"""A project in a folder of its own, and the command line over it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from botkit.cli.root import root

CONFIG = """\
version: 1
bots:
  helper:
    name: Helper
    welcome: Welcome!
  desk:
    name: Order desk
    model: demo/offline
channels:
  tg:
    platform: telegram
    bot: desk
    enabled: auto
    dm_policy: open
    token: {secret: TG_TOKEN}
    rooms:
      "-100": {bot: helper}
people:
  ada: {name: Ada, roles: [admin]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the test: bots.yaml and nothing else."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "bots.yaml").write_text(CONFIG)
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("BOTKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("LOGNAME", "ada")
    return folder


@pytest.fixture
def cli(project: Path) -> Callable[..., Result]:
    """Run a command in this process."""

    def run(*args: str, stdin: str = "") -> Result:
        return CliRunner().invoke(root, list(args), input=stdin, prog_name="botkit", catch_exceptions=False)

    return run


@pytest.fixture
def ask(cli: Callable[..., Result]) -> Callable[..., Any]:
    """Run a command with `--json` that must succeed; what it printed."""

    def run(*args: str, stdin: str = "") -> Any:
        result = cli(*args, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run
