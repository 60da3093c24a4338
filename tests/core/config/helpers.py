"""Short ways to load texts."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from botkit.core.config import Config, load_config
from botkit.core.errors import ConfigError, Problem


def load(text: str = "", *, env: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None) -> Config:
    """Load a text as this version would."""
    texts = {"bots.yaml": dedent(text), **{k: dedent(v) for k, v in (files or {}).items()}}
    return load_config("bots.yaml", files=texts, env=env or {}, platforms=())


def load_all(text: str, *, env: Mapping[str, str] | None = None) -> Config:
    """Load a text as a version with every feature would."""
    texts = {"bots.yaml": dedent(text)}
    return load_config("bots.yaml", files=texts, env=env or {}, platforms=(), unavailable=())


def problems(
    text: str, *, env: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None, every: bool = False
) -> list[Problem]:
    """Problems of a text that must not load."""
    with pytest.raises(ConfigError) as caught:
        load_all(text, env=env) if every else load(text, env=env, files=files)
    assert caught.value.problems
    return list(caught.value.problems)


def lines(
    text: str, *, env: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None, every: bool = False
) -> list[str]:
    """The same, as printed."""
    return [str(problem) for problem in problems(text, env=env, files=files, every=every)]
