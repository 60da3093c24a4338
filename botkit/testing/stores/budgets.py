"""The contract of budgets: what is reserved is never more than what is left, and nothing is booked twice or lost."""

from __future__ import annotations

__all__ = ["BudgetsContract", "SharedBudgetsContract", "an_account"]

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from botkit.core.budgets import Account, Amount, Balance, Budgets, Charge, Estimate
from botkit.core.errors import Conflict
from botkit.core.ids import new_id
from botkit.core.journal import LogCall, SetRun, SettleBudget
from botkit.core.tools import CallRecord
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.samples import LANE, a_step, begin_run

_DAY_S = 86_400.0
_CALL = Estimate(tool_calls=1)
_SOUND = Estimate(micros=30)
_MODEL = Estimate(input_tokens=100, output_tokens=400, least_output_tokens=50, input_price=1, output_price=2)
"""At most 900 micros and 500 tokens."""


def an_account(name: str = "all", **fields: Any) -> Account:
    return Account(budget=name, period=fields.pop("period", "2026-11"), **fields)


def _used(charge: Charge, **amount: int) -> Charge:
    return msgspec.structs.replace(charge, used=Amount(**amount))


async def _reserve(budgets: Budgets, account: Account, estimate: Estimate = _CALL, step: str = "") -> Charge:
    reservation = await budgets.reserve("", step or new_id("call"), [account], estimate)
    assert reservation.refused_by is None, reservation
    return reservation.charge


async def _balance(budgets: Budgets, account: Account) -> Balance:
    (balance,) = await budgets.balances([account])
    return balance


async def _passing(budgets: Budgets, accounts: list[Account], count: int, estimate: Estimate = _CALL) -> int:
    """How many of `count` calls at once get a reservation."""
    tried = await asyncio.gather(*(budgets.reserve("", new_id("call"), accounts, estimate) for _ in range(count)))
    return sum(one.refused_by is None for one in tried)


class _WithStore:
    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()


class BudgetsContract(_WithStore):
    """Subclass with a `database` fixture."""

    async def test_calls_at_once_never_reserve_more_than_is_left(self, store: Stores) -> None:
        account = an_account(tool_calls=7)
        assert await _passing(store.budgets, [account], 20) == 7
        balance = await _balance(store.budgets, account)
        assert (balance.reserved.tool_calls, balance.left.tool_calls) == (7, 0)

    async def test_sound_is_held_by_money_and_by_nothing_else(self, store: Stores) -> None:
        poor, talkative = an_account(micros=100), an_account("words", tokens=1, tool_calls=1)
        assert await _passing(store.budgets, [poor, talkative], 5, _SOUND) == 3
        assert (await _balance(store.budgets, poor)).reserved.micros == 90
        charge = (await store.budgets.reserve("", "last", [an_account("other", micros=30)], _SOUND)).charge
        await store.budgets.settle(_used(charge, micros=12))
        assert (await _balance(store.budgets, an_account("other", micros=30))).left.micros == 18

    async def test_a_call_reserves_on_all_its_accounts_or_on_none(self, store: Stores) -> None:
        narrow, wide = an_account(who="person:ada", tool_calls=2), an_account("bot", tool_calls=5)
        assert await _passing(store.budgets, [wide, narrow], 4) == 2
        assert (await _balance(store.budgets, wide)).reserved.tool_calls == 2
        assert await _passing(store.budgets, [wide], 9) == 3

    async def test_two_hundred_calls_at_once_use_a_tight_budget_and_no_more(self, store: Stores) -> None:
        tight, wide = an_account("tight", tokens=500 * 23), an_account("wide", tokens=500 * 1000)
        used = await asyncio.gather(*(_spend(store.budgets, [tight, wide], number) for number in range(200)))
        balance = await _balance(store.budgets, tight)
        assert balance.used.tokens == sum(used) == tight.tokens
        assert balance.reserved == Amount()
        assert (await _balance(store.budgets, wide)).used.tokens == sum(used)

    async def test_the_refusal_names_the_account_without_room(self, store: Stores) -> None:
        full, roomy = an_account("full", tool_calls=0), an_account("roomy", tool_calls=5)
        refused = await store.budgets.reserve("", "c", [roomy, full], _CALL)
        assert refused.refused_by is not None
        assert refused.refused_by.account.budget == "full"

    async def test_a_replayed_step_finds_its_reservation(self, store: Stores) -> None:
        account = an_account(tokens=900)
        first = await store.budgets.reserve("run_1", "turn/0/model", [account], _MODEL)
        again = await store.budgets.reserve("run_1", "turn/0/model", [account, an_account("newer", tokens=1)], _MODEL)
        assert again.charge.accounts == first.charge.accounts
        assert again.charge.output_tokens == first.charge.output_tokens == 400
        assert (await _balance(store.budgets, account)).reserved.tokens == 500

    async def test_a_long_answer_is_cut_to_what_is_left_and_a_short_rest_is_refused(self, store: Stores) -> None:
        by_tokens, by_money = an_account("tokens", tokens=350), an_account("money", micros=400)
        charge = await _reserve(store.budgets, by_tokens, _MODEL)
        assert charge.output_tokens == 250
        charge = await _reserve(store.budgets, by_money, _MODEL)
        assert charge.output_tokens == 150
        assert (await _balance(store.budgets, by_money)).left.micros == 0
        refused = await store.budgets.reserve("", "c", [an_account("small", tokens=149)], _MODEL)
        assert refused.refused_by is not None

    async def test_settling_frees_what_was_not_used(self, store: Stores) -> None:
        account = an_account(micros=1000)
        charge = await _reserve(store.budgets, account, _MODEL)
        assert (await _balance(store.budgets, account)).left.micros == 100
        await store.budgets.settle(_used(charge, micros=123, tokens=60))
        balance = await _balance(store.budgets, account)
        assert (balance.used.micros, balance.reserved.micros, balance.left.micros) == (123, 0, 877)

    async def test_many_settled_calls_add_up(self, store: Stores) -> None:
        account = an_account(micros=1_000_000)
        for number in range(40):
            charge = await _reserve(store.budgets, account, _MODEL)
            await store.budgets.settle(_used(charge, micros=number))
        assert (await _balance(store.budgets, account)).used.micros == sum(range(40))

    async def test_a_step_that_calls_twice_is_booked_twice(self, store: Stores) -> None:
        account = an_account(micros=10_000)
        for _ in range(2):
            charge = (await store.budgets.reserve("run_1", "s", [account], _MODEL)).charge
            await store.budgets.settle(_used(charge, micros=10))
        charge = (await store.budgets.reserve("run_1", "s", [account], _MODEL)).charge
        await store.budgets.settle(_used(charge, micros=5))
        await store.budgets.settle(_used(charge, micros=5))
        balance = await _balance(store.budgets, account)
        assert (balance.used.micros, balance.reserved.micros) == (30, 0)

    async def test_a_settlement_is_committed_with_its_step_or_not_at_all(self, store: Stores) -> None:
        account = an_account(micros=10_000, tool_calls=9)
        claim, run, _ = await begin_run(store.journal)
        charge = (await store.budgets.reserve(run.id, "s", [account], _MODEL)).charge
        settled = SettleBudget(charge=_used(charge, micros=70))
        await store.journal.commit(claim, [settled, a_step(run, "s")])
        with pytest.raises(Conflict):
            await store.journal.commit(claim, [settled, a_step(run, "s")])
        assert (await _balance(store.budgets, account)).used.micros == 70
        charge = (await store.budgets.reserve(run.id, "t", [account], _CALL)).charge
        record = CallRecord(id="call_1", at=1, workspace="desk", charge=_used(charge, tool_calls=1))
        await store.journal.commit(claim, [LogCall(record=record), a_step(run, "t")])
        assert (await _balance(store.budgets, account)).used.tool_calls == 1

    async def test_what_dead_processes_reserved_is_freed_unless_a_run_goes_on(self, database: Database) -> None:
        account = an_account(tool_calls=9)
        dead = await database.open()
        _, run, _ = await begin_run(dead.journal)
        await dead.budgets.reserve(run.id, "s", [account], _CALL)
        await _reserve(dead.budgets, account)
        await dead.budgets.reserve("run_never_committed", "s", [account], _CALL)
        await dead.abandon()
        await database.clock.advance(_DAY_S)

        store = await database.open()
        await store.journal.recover()
        assert (await _balance(store.budgets, account)).reserved.tool_calls == 1
        again = await store.budgets.reserve(run.id, "s", [account], _CALL)
        await store.journal.recover()
        assert (await _balance(store.budgets, account)).reserved.tool_calls == 1
        await store.budgets.settle(_used(again.charge, tool_calls=1))
        assert (await _balance(store.budgets, account)).used.tool_calls == 1

    async def test_an_ended_run_keeps_no_reservation(self, store: Stores) -> None:
        account = an_account(tool_calls=9)
        claim, run, _ = await begin_run(store.journal)
        await store.budgets.reserve(run.id, "s", [account], _CALL)
        held = await _reserve(store.budgets, account)
        await store.journal.commit(claim, [SetRun(run_id=run.id, state="cancelled", at=1)])
        await store.journal.recover()
        assert (await _balance(store.budgets, account)).reserved.tool_calls == 1, "of the call that goes on"
        await store.budgets.settle(held)
        assert (await _balance(store.budgets, account)).left.tool_calls == 9

    async def test_a_warning_is_due_once_in_a_period(self, store: Stores) -> None:
        account = an_account(tool_calls=5, warn_at=0.8)
        charges = [await _reserve(store.budgets, account) for _ in range(4)]
        assert [charge.near for charge in charges] == [False, False, False, True]
        assert await store.budgets.warn(account) is None, "reserved is not used"
        for charge in charges:
            await store.budgets.settle(_used(charge, tool_calls=1))
        warned = await store.budgets.warn(account)
        assert warned is not None
        assert warned.share == pytest.approx(0.8)
        assert await store.budgets.warn(account) is None
        assert not (await _reserve(store.budgets, account)).near
        following = msgspec.structs.replace(account, period="2026-12")
        assert (await _balance(store.budgets, following)).used == Amount()

    async def test_administrators_add_to_a_limit_and_begin_it_anew(self, store: Stores) -> None:
        account = an_account(tool_calls=1)
        charge = await _reserve(store.budgets, account)
        assert await _passing(store.budgets, [account], 1) == 0
        await store.budgets.grant(account, Amount(tool_calls=2))
        balance = await _balance(store.budgets, account)
        assert (balance.account.tool_calls, balance.granted.tool_calls) == (3, 2)
        assert await _passing(store.budgets, [account], 5) == 2
        await store.budgets.settle(_used(charge, tool_calls=1))
        assert await store.budgets.reset(account) == Amount(tool_calls=1)
        assert (await _balance(store.budgets, account)).used.tool_calls == 0
        assert await _passing(store.budgets, [account], 5) == 1, "calls under way still count"

    async def test_counts_are_known_until_long_after_their_period(self, store: Stores) -> None:
        ada = an_account(who="person:ada", tool_calls=1, resets_at=1000)
        ever = an_account(who="person:bob", tool_calls=1)
        for account in (ada, ever):
            await store.budgets.settle(_used(await _reserve(store.budgets, account), tool_calls=1))
        assert list(await store.budgets.known("all", "2026-11")) == ["person:ada", "person:bob"]
        assert await store.budgets.expire(1000) == 0
        assert await store.budgets.expire(1001) == 1
        assert list(await store.budgets.known("all", "2026-11")) == ["person:bob"]
        assert (await _balance(store.budgets, ever)).used.tool_calls == 1


class SharedBudgetsContract:
    """Several processes on one database. Subclass with a `database` fixture."""

    async def test_two_processes_never_overspend_together(self, database: Database) -> None:
        first, second = await database.open(), await database.open()
        tight, wide = an_account("tight", tokens=500 * 23), an_account("wide", tokens=500 * 1000)
        passed = await asyncio.gather(
            *(_spend(store.budgets, [tight, wide], number) for number in range(100) for store in (first, second))
        )
        balance = await _balance(first.budgets, tight)
        assert balance.used.tokens == sum(passed) <= tight.tokens
        assert balance.reserved.tokens == 0
        assert tight.tokens - balance.used.tokens < 150, "no room was left unused that a call fits into"
        assert (await _balance(second.budgets, wide)).used.tokens == balance.used.tokens

    async def test_a_process_takes_over_what_a_dead_one_reserved(self, database: Database) -> None:
        account = an_account(tool_calls=1)
        dead, store = await database.open(), await database.open()
        claim, run, _ = await begin_run(dead.journal)
        await dead.budgets.reserve(run.id, "s", [account], _CALL)
        await dead.abandon()
        await database.clock.advance(10.0)
        await store.journal.heartbeat()
        await database.clock.advance(10.0)
        await store.journal.recover()
        taken = await store.journal.claim(LANE)
        assert taken is not None
        assert taken.claim.epoch > claim.epoch
        again = await store.budgets.reserve(run.id, "s", [account], _CALL)
        assert again.refused_by is None
        settled = SettleBudget(charge=_used(again.charge, tool_calls=1))
        await store.journal.commit(taken.claim, [settled, a_step(run, "s")])
        assert (await _balance(store.budgets, account)).used.tool_calls == 1


async def _spend(budgets: Budgets, accounts: list[Account], number: int) -> int:
    """A call that uses all it reserved; its tokens, or 0 when it was refused."""
    reservation = await budgets.reserve("", f"{new_id('call')}", accounts, _MODEL)
    if reservation.refused_by is not None:
        return 0
    tokens = _MODEL.input_tokens + reservation.charge.output_tokens
    await budgets.settle(_used(reservation.charge, tokens=tokens, micros=number))
    return tokens
