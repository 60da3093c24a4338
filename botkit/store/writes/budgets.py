"""Settling what calls reserved on budgets, with their step."""

from __future__ import annotations

__all__: list[str] = []

from botkit.core.journal import SettleBudget
from botkit.store.query import Tx
from botkit.store.reservations import settle
from botkit.store.writes.registry import Act, writes


@writes(SettleBudget)
def _settle_budget(tx: Tx, write: SettleBudget, act: Act) -> None:
    settle(tx, write.charge)
