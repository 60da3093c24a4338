"""The page about expressions says what the code does."""

from __future__ import annotations

from pathlib import Path

from botkit.workflows.expressions.reference import reference_markdown

PAGE = Path(__file__).resolve().parents[3] / "docs" / "expressions.md"


def test_the_page_is_made_from_the_filters() -> None:
    """Mend with: python -m botkit.workflows.expressions.reference > docs/expressions.md"""
    assert PAGE.read_text() == reference_markdown()
