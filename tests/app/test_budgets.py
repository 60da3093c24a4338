"""Budgets of a whole instance: nobody overspends, the stop is polite, and those concerned are warned once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from botkit.app.instance import Instance
from botkit.core.budgets import Amount, Balance
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import say

PRICED = """\
version: 1
models: {paid: {model: demo/offline, price: {input_per_million: 10, output_per_million: 100}}}
"""


async def settled(instance: Instance) -> None:
    """Let warnings that follow a commit be given."""
    while instance.budgets.looking:
        await asyncio.gather(*instance.budgets.looking)


async def balance(instance: Instance, budget: str, who: str = "") -> Balance:
    (found,) = await instance.store.budgets.balances([instance.budgets.account(budget, who)])
    return found


def project(folder: Path, text: str) -> None:
    (folder / "bots.yaml").write_text(PRICED + text)


async def test_a_turn_is_booked_on_every_budget_it_counts_on(folder: Path, opened: OpenInstance) -> None:
    project(
        folder,
        """
bots: {helper: {model: paid, spending_cap: 5 USD}, other: {model: paid, spending_cap: 5 USD}}
people: {ada: {roles: member}}
budgets:
  all: {spend: 10 USD, tokens: 100000}
  each: {people: "*", tokens: 50000, per: day}
  elsewhere: {bots: other, spend: 1}
""",
    )
    async with opened() as instance:
        done = await say(instance, "hello")
        assert done.data["state"] == "completed"
        usage = done.data["usage"]
        tokens, cost = usage["input_tokens"] + usage["output_tokens"], usage["cost_micros"]
        assert cost > 0
        everything = await balance(instance, "all")
        assert everything.used == Amount(micros=cost, tokens=tokens)
        assert everything.reserved == Amount()
        assert (await balance(instance, "each", "person:ada")).used.tokens == tokens
        assert (await balance(instance, "bots.helper.spending_cap", "bot:helper")).used.micros == cost
        assert (await balance(instance, "elsewhere", "bot:other")).used == Amount()


async def test_a_used_up_budget_stops_the_turn_before_the_model_is_asked(folder: Path, opened: OpenInstance) -> None:
    project(
        folder,
        """
bots: {helper: {model: paid, spending_cap: 0 USD}, polite: {model: paid, spending_cap: 0 USD, fallback: Come back.}}
people: {ada: {locale: de}}
""",
    )
    async with opened() as instance:
        done = await say(instance, "hello")
        assert (done.data["state"], done.data["error"]["code"]) == ("limit_reached", "budget")
        assert done.data["error"]["value"] == "bots.helper.spending_cap"
        assert done.data["text"] == "Das kann ich jetzt nicht beantworten: Das Budget dafür ist aufgebraucht."
        done = await say(instance, "hello", bot="polite", room="r2")
        assert done.data["text"] == "Come back."
        assert not await instance.store.records.model_calls(limit=10)
        counted = instance.metrics.text().decode()
        assert 'botkit_budget_events_total{budget="bots.helper.spending_cap",event="refused"} 1.0' in counted


async def test_two_hundred_turns_at_once_never_overspend(folder: Path, opened: OpenInstance) -> None:
    project(
        folder,
        """
bots: {helper: {model: paid, max_output_tokens: 300}}
budgets: {tight: {tokens: 20000}, roomy: {spend: 1000 USD}}
""",
    )
    async with opened() as instance:
        done = await asyncio.gather(*(say(instance, "hello", room=f"r{number}") for number in range(200)))
        states = [one.data["state"] for one in done]
        assert set(states) == {"completed", "limit_reached"}
        tight = await balance(instance, "tight")
        calls = await instance.store.records.model_calls(limit=1000)
        assert len(calls) == states.count("completed")
        assert tight.used.tokens == sum(call.usage.input_tokens + call.usage.output_tokens for call in calls)
        assert tight.used.tokens <= 20_000
        assert tight.reserved == Amount()
        assert (await balance(instance, "roomy")).used.micros == sum(call.usage.cost_micros for call in calls)


async def test_who_runs_low_is_warned_once_and_sees_what_is_left(folder: Path, opened: OpenInstance) -> None:
    project(
        folder,
        """
bots: {helper: {model: paid}}
people: {ada: {roles: member}, bob: {roles: member}}
budgets: {own: {people: "*", tokens: 30000, warn_at: 0.001, per: lifetime}}
""",
    )
    async with opened() as instance:
        await say(instance, "hello")
        await settled(instance)
        await say(instance, "hello again")
        await settled(instance)
        parts = await instance.store.records.parts(channel="sandbox", limit=50)
        told = [part.text for part in parts if "of your budget `own`" in part.text]
        assert len(told) == 1
        status = await say(instance, "/status")
        own = await balance(instance, "own", "person:ada")
        assert f"Budget `own`, left: {own.left.tokens:,} tokens." in status.data["text"]
        status = await say(instance, "/status", person="bob", room="b")
        assert "left: 30,000 tokens" in status.data["text"], "nobody sees what another has left"


async def test_a_workflow_stops_as_an_agent_does(folder: Path, opened: OpenInstance) -> None:
    project(
        folder,
        """
bots:
  flow: {model: paid, workflow: asks, spending_cap: 0.01 USD}
  broke: {model: paid, workflow: asks, spending_cap: 0 USD}
workflows:
  asks:
    steps: [{llm_call: {prompt: "Say hello.", max_output_tokens: 50}, id: said}]
    reply: "{{ said.text }}"
""",
    )
    async with opened() as instance:
        done = await say(instance, "hello", bot="flow")
        assert done.data["state"] == "completed", done.data
        (call,) = await instance.store.records.model_calls(limit=10)
        cap = await balance(instance, "bots.flow.spending_cap", "bot:flow")
        assert cap.used.micros == call.usage.cost_micros > 0
        assert cap.reserved == Amount()
        done = await say(instance, "hello", bot="broke", room="b")
        assert (done.data["state"], done.data["error"]["code"]) == ("limit_reached", "budget")
        assert "used up" in done.data["text"]
        assert len(await instance.store.records.model_calls(limit=10)) == 1
