"""The guide shows the permissions that the code enforces."""

from __future__ import annotations

from pathlib import Path

from botkit.gateway.access.permissions import permission_table

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "access.md"


def test_the_guide_shows_the_permission_table() -> None:
    assert permission_table() in PAGE.read_text(), "put `permission_table()` into docs/guides/access.md"
