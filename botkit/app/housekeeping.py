"""Deleting what `settings.retention` and `settings.history_limit` say is to be deleted."""

from __future__ import annotations

__all__ = ["keep_house", "tidy_once"]

from collections import Counter

import structlog

from botkit.app.instance import Instance
from botkit.core.config import Settings
from botkit.core.errors import StoreError
from botkit.gateway.limits import month_of

_log = structlog.get_logger("botkit.housekeeping")

_EVERY_S = 3600.0
_FIRST_S = 60.0
_BATCH = 1000
_PAUSE_S = 0.1
"""Between two batches, so that turns are not held up."""
_DAY_MICROS = 86_400_000_000
_BUDGETS_KEPT_DAYS = 400
"""After the end of their period, so that a year can be compared with the one before."""
_OAUTH_KEPT_DAYS = 30
"""Spent and expired keys and tokens of OAuth clients, so that a copy that turns up is still known for one."""


async def keep_house(instance: Instance) -> None:
    """Tidy soon after the start and then every hour, for as long as the process lives."""
    await instance.clock.sleep(_FIRST_S)
    while True:
        try:
            await tidy_once(instance)
        except StoreError as error:
            _log.error("retention_failed", code=error.code, detail=str(error))
        await instance.clock.sleep(_EVERY_S)


async def tidy_once(instance: Instance) -> dict[str, int]:
    """Delete everything that is too old now; rows by table."""
    settings = instance.configs.current.settings
    deleted: Counter[str] = Counter()
    while found := await _expire(instance, settings):
        deleted.update(found)
        await instance.clock.sleep(_PAUSE_S)
    if settings.history_limit is not None:
        deleted["transcript"] += await instance.store.lifecycle.trim_history(keep=settings.history_limit)
    await _forget_limits(instance, settings)
    gone = {table: rows for table, rows in deleted.items() if rows}
    if gone:
        _log.info("retention", **gone)
    return gone


async def _forget_limits(instance: Instance, settings: Settings) -> None:
    """Counts of last year's months and before, calls that left every window, and what OAuth clients held long ago."""
    month, _ = month_of(instance.clock.now(), settings.timezone)
    year, _, number = month.partition("-")
    await instance.store.counters.expire(f"{int(year) - 1}-{number}")
    await instance.store.oauth_keys.expire(instance.clock.micros() - _OAUTH_KEPT_DAYS * _DAY_MICROS)
    await instance.store.budgets.expire(instance.clock.micros() - _BUDGETS_KEPT_DAYS * _DAY_MICROS)
    if instance.store.shared:
        await instance.store.limiter.forget(instance.clock.micros() - _DAY_MICROS)


async def _expire(instance: Instance, settings: Settings) -> dict[str, int]:
    now, kept = instance.clock.micros(), settings.retention

    def before(days: int | None) -> int:
        return now - days * _DAY_MICROS if days is not None else 0

    rows = await instance.store.lifecycle.expire(
        messages_before=before(kept.messages_days),
        runs_before=before(kept.runs_days),
        logs_before=before(kept.logs_days),
        files_before=before(kept.files_days),
        payloads_before=before(kept.payloads_days),
        notes_before=before(kept.notes_days),
        limit=_BATCH,
    )
    return {table: count for table, count in rows.items() if count}
