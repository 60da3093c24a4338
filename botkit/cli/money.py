"""Budgets and use as tables."""

from __future__ import annotations

__all__ = ["budget_table"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botkit.cli.output import Table, clock_time

if TYPE_CHECKING:
    from botkit.app.operations.budgets import BudgetRow

_COLUMNS = ("BUDGET", "WHO", "PERIOD", "UNIT", "LIMIT", "USED", "RESERVED", "LEFT", "RESETS")


def budget_table(rows: Sequence[BudgetRow]) -> Table:
    """A line for each count and unit."""
    lines = [
        (
            row.budget,
            row.who or "(all)",
            row.period,
            row.unit,
            *(_number(row.unit, value) for value in (row.limit, row.used, row.reserved, row.left)),
            clock_time(row.resets_at) if row.resets_at else "never",
        )
        for row in rows
    ]
    return Table(_COLUMNS, lines, empty="No budget is in use. `budgets:` in bots.yaml sets them.")


def _number(unit: str, value: float) -> str:
    return f"{value:,.0f}" if unit in ("tokens", "tool calls") else f"{value:,.4f}"
