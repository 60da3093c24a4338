"""orders.py: customers, orders, refunds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Ask = Callable[..., Awaitable[Any]]

REFUND = {"order_id": "A-1001", "reason": "arrived broken"}


def ledger(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / "refunds.jsonl").read_text().splitlines()]


async def test_orders_and_customers_are_looked_up(ask: Ask) -> None:
    order = await ask("orders", "get_order", order_id="a-1001")
    assert (order["status"], order["total_cents"], order["refund"]) == ("delivered", 6600, None)
    customer = await ask("orders", "get_customer", email="ADA@example.com")
    assert customer["name"] == "Ada Larsen"
    listed = await ask("orders", "list_orders", email="ada@example.com")
    assert [o["order_id"] for o in listed["orders"]] == ["A-1002", "A-1001"]
    assert (await ask("orders", "list_orders", status="delivered"))["total"] == 3


async def test_what_is_not_there_is_said(ask: Ask) -> None:
    assert "no order A-9999" in await ask("orders", "get_order", order_id="A-9999")
    assert "no customer" in await ask("orders", "get_customer", email="eve@example.com")


async def test_a_refund_is_one_line_in_the_ledger_and_shows_at_the_order(ask: Ask, data: Path) -> None:
    refund = await ask("orders", "refund_order", **REFUND)
    assert (refund["refund_id"], refund["amount_cents"]) == ("R-00001", 6600)
    assert [line["order_id"] for line in ledger(data)] == ["A-1001"]
    assert (await ask("orders", "get_order", order_id="A-1001"))["refund"] == refund
    assert (await ask("orders", "list_refunds"))["result"] == [refund]


async def test_an_order_is_refunded_once(ask: Ask, data: Path) -> None:
    await ask("orders", "refund_order", **REFUND)
    assert "already refunded" in await ask("orders", "refund_order", **REFUND)
    assert len(ledger(data)) == 1


async def test_the_same_idempotency_key_gives_the_same_refund(ask: Ask, data: Path) -> None:
    key = {"io.botkit/idempotency-key": "run_1/refund/1"}
    refund = await ask("orders", "refund_order", key, **REFUND)
    assert await ask("orders", "refund_order", key, **REFUND) == refund
    assert "already refunded" in await ask("orders", "refund_order", {"io.botkit/idempotency-key": "x"}, **REFUND)
    assert len(ledger(data)) == 1


async def test_of_two_refunds_at_once_one_wins(ask: Ask, data: Path) -> None:
    answers = await asyncio.gather(*(ask("orders", "refund_order", **REFUND) for _ in range(5)))
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert len(ledger(data)) == 1


async def test_refunds_stay_within_what_was_paid(ask: Ask, data: Path) -> None:
    assert "more than order A-1001 cost" in await ask("orders", "refund_order", **REFUND, amount_cents=6601)
    assert "is pending" in await ask("orders", "refund_order", order_id="A-1006", reason="changed mind")
    assert "is cancelled" in await ask("orders", "refund_order", order_id="A-1004", reason="changed mind")
    assert ledger(data) == []
    assert (await ask("orders", "refund_order", **REFUND, amount_cents=100))["amount_cents"] == 100


async def test_half_a_line_left_by_a_crash_is_cut_off(ask: Ask, data: Path) -> None:
    await ask("orders", "refund_order", **REFUND)
    whole = (data / "refunds.jsonl").read_bytes()
    (data / "refunds.jsonl").write_bytes(whole + '{"refund_id": "R-2", "reason": "für'.encode()[:-1])
    refund = await ask("orders", "refund_order", order_id="A-1003", reason="too loud")
    assert refund["refund_id"] == "R-00002"
    assert [line["order_id"] for line in ledger(data)] == ["A-1001", "A-1003"]


async def test_a_damaged_ledger_refunds_nothing(ask: Ask, data: Path) -> None:
    (data / "refunds.jsonl").write_text('{"nonsense": 1}\n')
    assert "damaged" in await ask("orders", "refund_order", **REFUND)


async def test_own_orders_replace_the_sample(ask: Ask, data: Path) -> None:
    await ask("orders", "get_order", order_id="A-1001")
    shop = json.loads((data / "orders.json").read_text())
    shop["orders"] = [{**shop["orders"][0], "order_id": "B-0001"}]
    (data / "orders.json").write_text(json.dumps(shop))
    assert (await ask("orders", "list_orders"))["orders"][0]["order_id"] == "B-0001"
    (data / "orders.json").write_text('{"customers": []}')
    assert "orders.json does not fit" in await ask("orders", "list_orders")
