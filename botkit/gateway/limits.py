"""How often tools may be called.

The limiter is a port: this one counts within one process; on several processes one over the database takes its place.
"""

from __future__ import annotations

__all__ = [
    "Limiter",
    "Quota",
    "Rule",
    "SlidingWindow",
    "month_of",
    "quotas_for",
    "rules_for",
]

from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime

from botkit.core.budgets import period_of
from botkit.core.clock import Clock
from botkit.core.limits import Limiter, Quota, Rule, rule_reached
from botkit.core.tools import Principal
from botkit.gateway.settings import WorkspaceSettings


def rules_for(settings: WorkspaceSettings, workspace: str, principal: Principal) -> list[Rule]:
    """What limits a call each minute, the narrow rule first: of the token or person, and of the workspace.

    A token with a plan of its own follows that instead of the workspace's rule for each.
    """
    rules: list[Rule] = []
    if each := principal.per_minute or settings.calls_per_minute_each:
        rules.append(Rule(key=f"{_who(principal)}:{workspace}", limit=each))
    if settings.calls_per_minute:
        rules.append(Rule(key=f"workspace:{workspace}", limit=settings.calls_per_minute))
    return rules


def quotas_for(
    settings: WorkspaceSettings, workspace: str, principal: Principal, *, now: datetime, timezone: str
) -> list[Quota]:
    """What limits a call each calendar month, the narrow quota first."""
    each = principal.per_month or settings.calls_per_month_each
    if not each and not settings.calls_per_month:
        return []
    period, resets_at = month_of(now, timezone)
    quotas: list[Quota] = []
    if each:
        key = f"{_who(principal)}:{workspace}"
        quotas.append(Quota(key=key, limit=each, period=period, resets_at=resets_at))
    if settings.calls_per_month:
        key = f"workspace:{workspace}"
        quotas.append(Quota(key=key, limit=settings.calls_per_month, period=period, resets_at=resets_at))
    return quotas


def month_of(now: datetime, timezone: str) -> tuple[str, int]:
    """The calendar month of an instant as people there call it, `2026-11`, and when the next one begins."""
    return period_of("month", now, timezone)


def _who(principal: Principal) -> str:
    return f"token:{principal.token_id}" if principal.token_id else f"{principal.kind}:{principal.id}"


_LONGEST_S = 3600.0
"""No rule has a longer window."""


class SlidingWindow:
    """Exact: remembers the moment of every call in the window. Memory is bounded by limits × keys in use.

    Keys not used for a window are forgotten, and no others: a crowd of new keys cannot free an old one of its calls.
    """

    def __init__(self, clock: Clock):
        self._clock = clock
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    async def take(self, rules: Sequence[Rule]) -> None:
        now = self._clock.monotonic()
        windows: list[deque[float]] = []
        for rule in rules:
            window = self._calls.setdefault(rule.key, deque())
            self._calls.move_to_end(rule.key)
            while window and now - window[0] >= rule.window_s:
                window.popleft()
            if len(window) >= rule.limit:
                raise rule_reached(rule, rule.window_s - (now - window[0]))
            windows.append(window)
        for window in windows:
            window.append(now)
        while self._calls:  # the least recently used stands first
            key, window = next(iter(self._calls.items()))
            if window and now - window[-1] < _LONGEST_S:
                break
            del self._calls[key]
