"""Laws that hold for any text."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.core.config import Config, load_config
from botkit.core.config.interpolate import interpolate
from botkit.core.config.models import Document
from botkit.core.errors import ConfigError
from tests.core.config.corpus import INVALID, VALID

CALM = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

_words = st.sampled_from(
    [
        *Document.model_fields,
        "a",
        "default",
        "platform",
        "telegram",
        "bot",
        "run",
        "command",
        "url",
        "secret",
        "*",
        "<<",
    ]
)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**20),
    st.floats(),
    st.text(max_size=8),
    _words,
    st.sampled_from(["${A}", "${", "$${", "${A:-1}", "1 USD", "a/b", "x.py", "0 9 * * *"]),
)
_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words | st.text(max_size=4), inner, max_size=5),
    max_leaves=25,
)


def outcome(text: str | None, path: Path = Path("bots.yaml")) -> Config | ConfigError:
    """A configuration or the error that explains why not; anything else escapes."""
    files = None if text is None else {"bots.yaml": text}
    try:
        return load_config(path, files=files, env={"A": "1"}, platforms=(), unavailable=())
    except ConfigError as error:
        return error


def loads_or_explains(text: str | None, path: Path = Path("bots.yaml")) -> None:
    """The law: a configuration, or an error with at least one place in a file."""
    result = outcome(text, path)
    if isinstance(result, Config):
        assert len(result.revision) == 64
        return
    assert result.problems
    for problem in result.problems:
        assert problem.file
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message


@CALM
@given(st.text(max_size=200))
def test_any_text_loads_or_is_explained(text: str) -> None:
    loads_or_explains(text)


@CALM
@given(st.text(alphabet=st.sampled_from("ab:-{}[]&*!|>'\"%@`#,?<~. \n\t\\0"), max_size=120))
def test_any_punctuation_loads_or_is_explained(text: str) -> None:
    loads_or_explains(text)


@CALM
@given(st.dictionaries(_words, _values, max_size=6))
def test_any_structure_loads_or_is_explained(value: dict[str, Any]) -> None:
    loads_or_explains(json.dumps(value))


@CALM
@given(
    st.sampled_from([*VALID.values(), *(text for text, _ in INVALID.values())]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 12), st.text(max_size=6)), max_size=4),
)
def test_a_file_broken_anywhere_loads_or_is_explained(text: str, cuts: list[tuple[int, int, str]]) -> None:
    for at, length, inserted in cuts:
        text = text[:at] + inserted + text[at + length :]
    loads_or_explains(text)


@CALM
@given(st.binary(max_size=60))
def test_any_bytes_on_disk_load_or_are_explained(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("project") / "bots.yaml"
    path.write_bytes(data)
    loads_or_explains(None, path)


@CALM
@given(st.text(alphabet=string.ascii_letters + "${}:- é", max_size=40))
def test_escaped_text_comes_back_unchanged(text: str) -> None:
    escaped = text.replace("$" + "{", "$$" + "{")
    back, reasons = interpolate(escaped, {})
    assert (back, reasons) == (text, [])
