"""Limits counted in the database: exact across restarts, and across processes that share it."""

from __future__ import annotations

__all__ = ["SqlCounters", "SqlLimiter"]

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, exists, select, update

from botkit.core.clock import Clock
from botkit.core.errors import LimitReached
from botkit.core.limits import Quota, Rule, quota_reached, rule_reached
from botkit.store.query import Insert, Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.schema import counters, limit_hits, limit_keys
from botkit.store.writer import Writer

_CHUNK = 400
_MICROS = 1_000_000

_START = Query(
    "key period",
    lambda insert: (
        insert(counters).values(key=arg("key"), period=arg("period"), used=const(0)).on_conflict_do_nothing()
    ),
)
_USED = Query(
    "key period",
    lambda _: (
        select(counters.c.used)
        .where(counters.c.key == arg("key"), counters.c.period == arg("period"))
        .with_for_update()
    ),
)
_COUNT = Query(
    "key period",
    lambda _: (
        update(counters)
        .values(used=counters.c.used + const(1))
        .where(counters.c.key == arg("key"), counters.c.period == arg("period"))
    ),
)
_EXPIRE = Query("before", lambda _: delete(counters).where(counters.c.period < arg("before")))

_KNOW = Query("key", lambda insert: insert(limit_keys).values(key=arg("key"), taken=const(0)).on_conflict_do_nothing())
_LOCK = Query("key", lambda _: select(limit_keys.c.taken).where(limit_keys.c.key == arg("key")).with_for_update())
_HIT = Query(
    "key slot",
    lambda _: select(limit_hits.c.at).where(limit_hits.c.key == arg("key"), limit_hits.c.slot == arg("slot")),
)
_TAKE = Query(
    "taken key", lambda _: update(limit_keys).values(taken=arg("taken")).where(limit_keys.c.key == arg("key"))
)


def _hit(insert: Insert) -> object:
    statement = insert(limit_hits).values(key=arg("key"), slot=arg("slot"), at=arg("at"))
    return statement.on_conflict_do_update(index_elements=["key", "slot"], set_={"at": statement.excluded.at})


_FILL = Query("key slot at", _hit)  # pyright: ignore[reportArgumentType] - the dialects' inserts have no common type
_FORGET_HITS = Query("before", lambda _: delete(limit_hits).where(limit_hits.c.at < arg("before")))
_FORGET_KEYS = Query("", lambda _: delete(limit_keys).where(~exists().where(limit_hits.c.key == limit_keys.c.key)))


class SqlCounters:
    """Implements `botkit.core.limits.Counters`."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock):
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def take(self, quotas: Sequence[Quota]) -> None:
        if not quotas:
            return
        # Everybody locks in one order, so no two wait for each other.
        ordered = sorted(quotas, key=lambda quota: quota.key)

        def unit(tx: Tx) -> Quota | None:
            for quota in ordered:
                tx(_START, quota.key, quota.period)
                row = tx(_USED, quota.key, quota.period).fetchone()
                if row is None or row[0] >= quota.limit:
                    return quota
            for quota in ordered:
                tx(_COUNT, quota.key, quota.period)
            return None

        reached = await self._writer.run(unit, key=f"quota:{ordered[0].key}")
        if reached is not None:
            raise quota_reached(reached, self._clock.micros())

    async def used(self, keys: Sequence[str], period: str) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(keys), _CHUNK):
            rows = await self._reader.all(
                select(counters.c.key, counters.c.used).where(
                    counters.c.period == period, counters.c.key.in_(list(keys[start : start + _CHUNK]))
                )
            )
            found.update((row[0], row[1]) for row in rows)
        return found

    async def expire(self, before: str) -> int:
        return await self._writer.execute(_EXPIRE, before)


class SqlLimiter:
    """Implements `botkit.core.limits.Limiter` for processes that share a database.

    The moments of a rule's calls lie in a ring of `limit` slots: the next call may pass when its slot is empty or
    its last call there left the window. So each call reads and writes one slot, however large the limit is.
    A rule whose limit changes begins a new ring.
    """

    def __init__(self, writer: Writer, clock: Clock):
        self._writer = writer
        self._clock = clock

    async def take(self, rules: Sequence[Rule]) -> None:
        if not rules:
            return
        ordered = sorted(
            ((rule, f"{rule.key}@{rule.limit}/{rule.window_s:g}") for rule in rules), key=lambda pair: pair[1]
        )

        def unit(tx: Tx) -> LimitReached | None:
            now = self._clock.micros()
            taken: list[int] = []
            for rule, key in ordered:
                tx(_KNOW, key)
                row = tx(_LOCK, key).fetchone()
                assert row is not None
                hit = tx(_HIT, key, row[0] % rule.limit).fetchone()
                free_at = hit[0] + int(rule.window_s * _MICROS) if hit is not None else 0
                if free_at > now:
                    return rule_reached(rule, (free_at - now) / _MICROS)
                taken.append(row[0])
            for (rule, key), count in zip(ordered, taken, strict=True):
                tx(_FILL, key, count % rule.limit, now)
                tx(_TAKE, count + 1, key)
            return None

        reached = await self._writer.run(unit, key=f"limit:{ordered[0][1]}")
        if reached is not None:
            raise reached

    async def forget(self, before: int) -> None:
        """Drop what happened before; it must lie further back than any window."""

        def unit(tx: Tx) -> None:
            tx(_FORGET_HITS, before)
            tx(_FORGET_KEYS)

        await self._writer.run(unit)
