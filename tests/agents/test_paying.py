"""Turns under a budget: reserved before a model is asked, settled with the step, stopped when there is nothing left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from botkit.core.budgets import Amount, Balance, Charge, Payer
from botkit.core.errors import BudgetUsedUp, ModelUnavailable
from botkit.core.journal import SettleBudget, StepDone
from botkit.core.models import Usage
from botkit.runs.context import Stopped
from botkit.testing.models import ScriptedModel
from tests.agents.support import Bench, a_task

PRICE = 3


class Purse:
    """Fills the port `Spending`: grants so many calls, with so many tokens of output."""

    active = True

    def __init__(self, calls: int = 9, output_tokens: int = 9000):
        self.asked: list[tuple[Payer, str, int]] = []
        self._calls = calls
        self._output_tokens = output_tokens
        self._held: dict[str, Charge] = {}

    async def reserve_model(
        self, payer: Payer, *, run_id: str, step: str, model: str, input_tokens: int, output_tokens: int
    ) -> Charge | None:
        self.asked.append((payer, step, input_tokens))
        if step not in self._held:
            if self._calls == 0:
                raise BudgetUsedUp("nothing left", limit="budget", value="b", who="", resets_at=0)
            self._calls -= 1
            self._held[step] = Charge(run_id=run_id, step=step, output_tokens=min(output_tokens, self._output_tokens))
        return self._held[step]

    async def reserve_tool(self, payer: Payer, *, run_id: str, step: str) -> Charge | None:
        return None

    async def reserve_sound(self, payer: Payer, *, run_id: str, step: str, micros: int) -> Charge | None:
        return None

    def priced(self, model: str, usage: Usage) -> Usage:
        return msgspec.structs.replace(usage, cost_micros=PRICE * usage.output_tokens)

    async def left(self, payer: Payer) -> Sequence[Balance]:
        return ()


def a_bench(model: ScriptedModel, purse: Purse) -> Bench:
    bench = Bench(model)
    bench.spending = purse
    return bench


def settled(bench: Bench) -> list[Amount]:
    return [write.charge.used for write in bench.journal.writes if isinstance(write, SettleBudget)]


async def test_a_model_call_is_reserved_for_whoever_pays_and_settled_with_its_step() -> None:
    purse = Purse(output_tokens=77)
    model = ScriptedModel("Hello.", usage=Usage(input_tokens=10, output_tokens=5, cost_micros=42))
    bench = a_bench(model, purse)
    task = a_task()
    delegated = msgspec.structs.replace(task, principal=msgspec.structs.replace(task.principal, via=("front",)))
    assert (await bench.run(delegated)).text == "Hello."
    ((payer, step, tokens),) = purse.asked
    assert payer.bots == (task.principal.bot, "front")
    assert (payer.person, payer.channel, step) == (task.principal.id, "cli", "turn/0/model")
    assert tokens > 10, "an estimate of everything that is sent"
    assert model.requests[0].max_output_tokens == 77
    assert settled(bench) == [Amount(micros=42, tokens=15)]
    kinds = [type(write) for write in bench.journal.writes]
    assert kinds.index(SettleBudget) < kinds.index(StepDone)


async def test_no_model_is_asked_when_the_budget_is_used_up() -> None:
    model = ScriptedModel()
    bench = a_bench(model, Purse(calls=0))
    outcome = await bench.run()
    assert (outcome.state, (outcome.error or {})["code"], (outcome.error or {})["value"]) == (
        "limit_reached",
        "budget",
        "b",
    )
    assert not model.requests
    assert not bench.billed
    assert not settled(bench)


async def test_a_call_that_is_cut_off_settles_what_it_used_so_far() -> None:
    bench = a_bench(ScriptedModel("A long answer that is stopped", gate=asyncio.Event()), Purse())
    turn = asyncio.create_task(bench.run())
    await bench.clock.sleeping()
    assert bench.ctx is not None
    bench.ctx.stop.set()
    with pytest.raises(Stopped):
        await turn
    (call,) = bench.billed
    assert call.usage.cost_micros == PRICE * call.usage.output_tokens > 0
    tokens = call.usage.input_tokens + call.usage.output_tokens
    assert settled(bench) == [Amount(micros=call.usage.cost_micros, tokens=tokens)]


async def test_a_call_that_failed_frees_what_it_did_not_use() -> None:
    bench = a_bench(ScriptedModel(ModelUnavailable("down", usage=Usage(input_tokens=7, cost_micros=1))), Purse())
    assert (await bench.run()).state == "failed"
    assert settled(bench) == [Amount(micros=1, tokens=7)]


@pytest.mark.parametrize("commits", [0, 1])
async def test_a_turn_that_dies_pays_once(commits: int) -> None:
    purse = Purse(calls=1)
    bench = a_bench(ScriptedModel(respond=lambda request: "Hello."), purse)
    bench.journal.die_after = commits
    with pytest.raises(ConnectionError):
        await bench.run()
    bench.journal.die_after = -1
    for _ in range(2):
        assert (await bench.run()).text == "Hello."
        assert len(settled(bench)) == 1
