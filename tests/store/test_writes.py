"""The writes of the journal."""

from __future__ import annotations

from typing import get_args

from botkit.core.journal import Write
from botkit.store import writes
from botkit.store.writes.registry import known_writes


def test_every_kind_of_write_has_a_function() -> None:
    assert writes.apply_write
    assert known_writes() == frozenset(get_args(Write))
