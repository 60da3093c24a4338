"""Tool calls under budgets: refused before anything is sent, and booked only where something was."""

from __future__ import annotations

from collections.abc import Sequence

from botkit.core.budgets import Amount, Balance, Charge, Payer
from botkit.core.errors import BudgetUsedUp
from botkit.core.models import Usage
from botkit.core.tools import NeedsApproval, Principal
from botkit.gateway.pipeline import Gateway
from botkit.gateway.settings import BotRules, GatewaySettings, Review, WorkspaceSettings
from tests.gateway.support import Bench, text_of


class Purse:
    """Fills the port `Spending` for tools: grants so many calls."""

    active = True

    def __init__(self, calls: int):
        self.left_calls = calls
        self.asked: list[tuple[Payer, str, str]] = []

    async def reserve_tool(self, payer: Payer, *, run_id: str, step: str) -> Charge | None:
        self.asked.append((payer, run_id, step))
        if self.left_calls == 0:
            raise BudgetUsedUp("No calls are left.", limit="budget", value="b")
        self.left_calls -= 1
        return Charge(run_id=run_id, step=step)

    async def reserve_model(
        self, payer: Payer, *, run_id: str, step: str, model: str, input_tokens: int, output_tokens: int
    ) -> Charge | None:
        raise AssertionError("no model is asked here")

    async def reserve_sound(self, payer: Payer, *, run_id: str, step: str, micros: int) -> Charge | None:
        raise AssertionError("nothing is heard here")

    def priced(self, model: str, usage: Usage) -> Usage:
        return usage

    async def left(self, payer: Payer) -> Sequence[Balance]:
        return ()


async def started(bench: Bench, purse: Purse) -> Bench:
    bench.gateway = Gateway(bench.fleet, redactor=bench.redactor, clock=bench.clock, call_log=bench.log, spending=purse)
    reviews = {
        "raw__echo": Review(tool_class="read-only"),
        "raw__effect": Review(tool_class="write"),
        "raw__crash": Review(tool_class="destructive", approve=True),
    }
    workspaces = {"main": WorkspaceSettings(servers=("*",), reviews=reviews)}
    bots = {name: BotRules(workspace="main") for name in ("desk", "front")}
    await bench.gateway.start(GatewaySettings(servers=(bench.raw(),), workspaces=workspaces, bots=bots))
    await bench.gateway.ready(30.0)
    return bench


async def test_a_call_is_reserved_for_all_who_asked_and_settled_by_its_record(bench: Bench) -> None:
    purse = Purse(1)
    await started(bench, purse)
    asking = Principal(id="ada", roles=("admin",), bot="desk", via=("front",))
    done = await bench.call("raw__echo", asking, text="hi", run_id="run_1", idempotency_key="run_1/k", channel="tg")
    assert text_of(done) == "hi"
    ((payer, run_id, step),) = purse.asked
    assert (payer.bots, payer.person, payer.workspaces, payer.channel) == (("desk", "front"), "ada", ("main",), "tg")
    assert (run_id, step) == ("run_1", "run_1/k")
    assert done.record.charge == Charge(run_id="run_1", step="run_1/k", used=Amount(tool_calls=1))


async def test_a_call_without_room_is_not_sent(bench: Bench) -> None:
    await started(bench, Purse(0))
    refused = await bench.call("raw__effect", text="x")
    assert (refused.is_error, refused.sent, refused.record.status, refused.record.code) == (
        True,
        False,
        "limited",
        "budget",
    )
    assert refused.record.charge is None
    assert not bench.effects.read_text()


async def test_what_was_never_sent_is_not_booked(bench: Bench) -> None:
    purse = Purse(9)
    await started(bench, purse)
    missing = await bench.call("raw__nothing")
    assert missing.record.charge is None, "what is not there is refused before anything is reserved"
    (asked,) = await bench.events("raw__crash")
    assert isinstance(asked, NeedsApproval)
    assert asked.record.charge is not None
    assert asked.record.charge.used == Amount()
