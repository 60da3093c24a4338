"""A whole instance in a folder, without tool servers and without a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from botkit.app.environment import load_environment
from botkit.app.instance import Instance
from botkit.app.names import Mode
from botkit.app.runtime import open_instance

CONFIG = """\
version: 1
bots:
  helper: {name: Helper}
"""

OpenInstance = Callable[..., AbstractAsyncContextManager[Instance]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project; no variable of the machine reaches it."""
    (tmp_path / "bots.yaml").write_text(CONFIG)
    for name in [name for name in os.environ if name.startswith("BOTKIT_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def opened(folder: Path) -> OpenInstance:
    """Open the project's instance."""

    def open_it(mode: Mode = "chat", **options: object) -> AbstractAsyncContextManager[Instance]:
        return open_instance(load_environment(cwd=folder), mode=mode, **options)  # pyright: ignore[reportArgumentType] - passed on

    return open_it
