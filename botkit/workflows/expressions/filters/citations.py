"""Filters that work on what was looked up."""

from __future__ import annotations

__all__: list[str] = []

from typing import Any

from botkit.core.citations import cited_answer
from botkit.workflows.expressions.budget import Budget
from botkit.workflows.expressions.filters.arguments import as_items, as_object, as_text
from botkit.workflows.expressions.functions import function

_GROUP = "Text"


@function(
    "cited",
    _GROUP,
    "'In 14 days [k1aaaaaaa].' | cited([{'id': 'k1aaaaaaa', 'citation': 'docs/a.md, line 3'}])",
    '"In 14 days [1].\\n\\n[1] docs/a.md, line 3"',
    result="text",
)
def cited(budget: Budget, value: Any, passages: Any) -> str:
    """An answer with numbered sources in place of the ids a model cited, from the `passages` of `knowledge_search`.
    An id of none of them is taken out."""
    known: dict[str, str] = {}
    for one in as_items(passages, budget):
        held = as_object(one, budget)
        known[str(held.get("id", ""))] = str(held.get("citation", ""))
    text = cited_answer(as_text(value, budget), known).text
    budget.text(len(text))
    return text
