"""The contracts of counters, of limiters, and of approvals of single calls."""

from __future__ import annotations

__all__ = ["CallApprovalsContract", "CountersContract", "SharedLimiterContract"]

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from botkit.core.call_approvals import APPROVALS_LANE, CallApproval, look_at
from botkit.core.errors import Conflict, LimitReached, NotFound
from botkit.core.ids import new_id
from botkit.core.journal import Audit, Wake, Write
from botkit.core.limits import Counters, Limiter, Quota, Rule
from botkit.testing.stores.database import Database, Stores

_MINUTE = 60_000_000


def a_quota(limit: int, key: str = "token:tok_1", period: str = "2026-11", resets_at: int = 0) -> Quota:
    return Quota(key=key, limit=limit, period=period, resets_at=resets_at)


async def _tries(taking: Counters | Limiter, what: Any, count: int) -> int:
    """How many of `count` calls at once pass."""
    results = await asyncio.gather(*(taking.take(what) for _ in range(count)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(error, LimitReached) for error in refused), refused
    return count - len(refused)


class _WithStore:
    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()


class CountersContract(_WithStore):
    """Subclass with a `database` fixture."""

    async def test_a_quota_lets_exactly_its_number_pass_however_many_come_at_once(self, store: Stores) -> None:
        quota = a_quota(7)
        assert await _tries(store.counters, [quota], 20) == 7
        assert await _tries(store.counters, [quota], 5) == 0
        assert await store.counters.used([quota.key, "token:none"], quota.period) == {quota.key: 7}

    async def test_a_call_counts_against_all_quotas_or_none(self, store: Stores) -> None:
        narrow, wide = a_quota(2), a_quota(5, "workspace:desk")
        assert await _tries(store.counters, [narrow, wide], 4) == 2
        assert await _tries(store.counters, [wide], 4) == 3
        assert await store.counters.used([narrow.key, wide.key], "2026-11") == {narrow.key: 2, wide.key: 5}
        other = a_quota(9, "token:tok_2")
        assert await _tries(store.counters, [other, wide], 4) == 0
        assert await store.counters.used([other.key], "2026-11") in ({}, {other.key: 0})

    async def test_a_new_month_starts_at_nothing_and_old_ones_are_forgotten(self, store: Stores) -> None:
        assert await _tries(store.counters, [a_quota(1)], 2) == 1
        assert await _tries(store.counters, [a_quota(1, period="2026-12")], 2) == 1
        assert await store.counters.expire("2026-12") == 1
        assert await store.counters.used(["token:tok_1"], "2026-11") == {}

    async def test_counts_survive_a_restart(self, store: Stores, database: Database) -> None:
        assert await _tries(store.counters, [a_quota(3)], 2) == 2
        await store.close()
        again = await database.open()
        assert await _tries(again.counters, [a_quota(3)], 2) == 1

    async def test_a_refusal_says_when_to_come_back(self, store: Stores, database: Database) -> None:
        quota = a_quota(1, resets_at=database.clock.micros() + 90_000_000)
        await store.counters.take([quota])
        with pytest.raises(LimitReached) as refused:
            await store.counters.take([quota])
        assert refused.value.retry_after_s == 90.0
        assert refused.value.facts == {"limit": "token_month", "value": 1}
        await store.counters.take([])


class SharedLimiterContract:
    """Subclass with a `database` fixture whose stores can be open twice at once."""

    async def test_two_processes_share_one_window(self, database: Database) -> None:
        one, two = await database.open(), await database.open()
        rules = [Rule(key="token:t", limit=10), Rule(key="workspace:desk", limit=15)]
        passed = await asyncio.gather(_tries(one.limiter, rules, 12), _tries(two.limiter, rules, 12))
        assert sum(passed) == 10
        others = [Rule(key="token:u", limit=10), Rule(key="workspace:desk", limit=15)]
        passed = await asyncio.gather(_tries(one.limiter, others, 12), _tries(two.limiter, others, 12))
        assert sum(passed) == 5

    async def test_the_window_slides_and_is_exact_at_its_boundary(self, database: Database) -> None:
        store = await database.open()
        rule = Rule(key="token:t", limit=2, window_s=60.0)
        await store.limiter.take([rule])
        await database.clock.advance(30)
        await store.limiter.take([rule])
        with pytest.raises(LimitReached) as refused:
            await store.limiter.take([rule])
        assert refused.value.retry_after_s == 30.0
        await database.clock.advance(29.999_999)
        with pytest.raises(LimitReached):
            await store.limiter.take([rule])
        await database.clock.advance(0.000_001)
        await store.limiter.take([rule])
        with pytest.raises(LimitReached):
            await store.limiter.take([rule])

    async def test_two_processes_count_one_quota(self, database: Database) -> None:
        one, two = await database.open(), await database.open()
        quotas = [a_quota(10), a_quota(30, "workspace:desk")]
        passed = await asyncio.gather(_tries(one.counters, quotas, 12), _tries(two.counters, quotas, 12))
        assert sum(passed) == 10


def an_approval(digest: str = "d-1", *, now: int, **fields: Any) -> CallApproval:
    return CallApproval(
        id=new_id("apr"),
        workspace=fields.pop("workspace", "desk"),
        principal_kind="member",
        principal=fields.pop("principal", "mem_1"),
        tool="orders__refund",
        server="orders",
        arguments={"order": "A-1"},
        digest=digest,
        approvers=("admin",),
        created_at=now,
        expires_at=now + 10 * _MINUTE,
        **fields,
    )


class CallApprovalsContract(_WithStore):
    """Subclass with a `database` fixture."""

    async def _decide(
        self, store: Stores, id_: str, approved: bool, at: int, by: str = "operator", decided: Sequence[Write] = ()
    ) -> CallApproval:
        audit = Audit(at=at, actor=by, via="cli", action="approvals.test", target=id_)
        return await store.call_approvals.decide(
            id_, approved=approved, by=by, via="cli", comment="ok", at=at, audit=audit, decided=decided
        )

    async def test_what_follows_from_asking_and_deciding_is_committed_with_it_once(
        self, store: Stores, database: Database
    ) -> None:
        now = database.clock.micros()
        asked = an_approval(now=now)
        looks = {why: Wake(lane=APPROVALS_LANE, event=look_at(asked.id, why, at=now)) for why in ("asked", "decided")}
        for _ in range(2):
            await store.call_approvals.use(asked, at=now, asked=[looks["asked"]])
        again = an_approval(now=now)
        other = Wake(lane=APPROVALS_LANE, event=look_at(again.id, "asked", at=now))
        assert (await store.call_approvals.use(again, at=now, asked=[other])).id == asked.id
        for approved in (True, False):
            with contextlib.suppress(Conflict):
                await self._decide(store, asked.id, approved, now, decided=[looks["decided"]])
        keys = [row["dedupe_key"] for row in await store.records.inbox()]
        assert sorted(keys) == [f"{asked.id}/asked", f"{asked.id}/decided"]
        claimed = await store.journal.claim(APPROVALS_LANE)
        assert claimed is not None
        assert [row.event.signal for row in claimed.events] == [{"call_approval": asked.id}] * 2

    async def test_a_call_asks_once_and_is_used_once(self, store: Stores, database: Database) -> None:
        now = database.clock.micros()
        asked = [await store.call_approvals.use(an_approval(now=now, call_id=f"c{n}"), at=now) for n in range(3)]
        assert {one.id for one in asked} == {asked[0].id}
        assert (asked[0].state, asked[0].arguments, asked[0].approvers) == ("open", {"order": "A-1"}, ("admin",))
        assert await store.call_approvals.list() == [asked[0]]
        decided = await self._decide(store, asked[0].id, True, now)
        assert (decided.state, decided.decided_by, decided.comment) == ("approved", "operator", "ok")
        used = await asyncio.gather(
            *(store.call_approvals.use(an_approval(now=now, call_id=f"u{n}"), at=now) for n in range(5))
        )
        assert sorted(one.state for one in used) == ["open"] * 4 + ["used"]
        (spent,) = [one for one in used if one.state == "used"]
        assert spent.id == asked[0].id
        stored = await store.call_approvals.get(spent.id)
        assert stored is not None
        assert (stored.state, stored.used_at, stored.call_id) == ("used", now, spent.call_id)

    @pytest.mark.parametrize(
        "other",
        [{"digest": "d-2"}, {"principal": "mem_2"}, {"workspace": "sales"}],
        ids=["arguments", "principal", "workspace"],
    )
    async def test_an_approval_covers_nothing_else(
        self, store: Stores, database: Database, other: dict[str, str]
    ) -> None:
        now = database.clock.micros()
        asked = await store.call_approvals.use(an_approval(now=now), at=now)
        await self._decide(store, asked.id, True, now)
        elsewhere = await store.call_approvals.use(an_approval(now=now, **other), at=now)
        assert (elsewhere.state, elsewhere.id == asked.id) == ("open", False)

    async def test_a_rejection_is_told_once(self, store: Stores, database: Database) -> None:
        now = database.clock.micros()
        asked = await store.call_approvals.use(an_approval(now=now), at=now)
        await self._decide(store, asked.id, False, now)
        told = await store.call_approvals.use(an_approval(now=now), at=now)
        assert (told.id, told.state, told.comment) == (asked.id, "rejected", "ok")
        again = await store.call_approvals.use(an_approval(now=now), at=now)
        assert (again.state, again.id == asked.id) == ("open", False)

    @pytest.mark.parametrize("approved", [True, False])
    async def test_expiry_is_told_once_and_is_not_a_rejection(
        self, store: Stores, database: Database, approved: bool
    ) -> None:
        now = database.clock.micros()
        asked = await store.call_approvals.use(an_approval(now=now), at=now)
        later = now + 10 * _MINUTE
        if approved:
            await self._decide(store, asked.id, True, later - 1)
        else:
            with pytest.raises(NotFound):
                await self._decide(store, asked.id, True, later)
            assert await store.call_approvals.list(now=later) == []
        told = await store.call_approvals.use(an_approval(now=later), at=later)
        assert (told.id, told.state) == (asked.id, "expired")
        again = await store.call_approvals.use(an_approval(now=later), at=later)
        assert (again.state, again.id == asked.id) == ("open", False)

    async def test_two_deciders_at_once_decide_once_with_one_audit_row(self, store: Stores, database: Database) -> None:
        now = database.clock.micros()
        asked = await store.call_approvals.use(an_approval(now=now), at=now)
        results = await asyncio.gather(
            *(self._decide(store, asked.id, approved, now) for approved in (True, False)), return_exceptions=True
        )
        assert [type(result) for result in results if isinstance(result, BaseException)] == [Conflict]
        assert len(await store.records.audits()) == 1
        with pytest.raises(NotFound):
            await self._decide(store, "apr_none", True, now)

    async def test_an_approval_is_found_by_the_beginning_of_its_id(self, store: Stores, database: Database) -> None:
        now = database.clock.micros()
        asked = [await store.call_approvals.use(an_approval(digest, now=now), at=now) for digest in ("a", "b")]
        assert await store.call_approvals.get(asked[0].id) == asked[0]
        assert await store.call_approvals.get("") is None
        assert await store.call_approvals.get("apr_zzz") is None
        with pytest.raises(Conflict):
            await store.call_approvals.get("apr_")
