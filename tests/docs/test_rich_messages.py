"""The guide on rich messages: its examples are messages, its table is what the adapters declare."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from botkit.core.messages import OutMessage
from botkit.core.rich import parse_message
from tests.docs.shown import shown_table

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "rich-messages.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_message(example: str) -> None:
    message = parse_message(YAML(typ="safe").load(example))  # pyright: ignore[reportUnknownMemberType]
    assert isinstance(message, OutMessage)


def test_the_table_is_what_the_adapters_declare() -> None:
    """Mend with: python -m tests.docs.shown"""
    assert shown_table() in PAGE
