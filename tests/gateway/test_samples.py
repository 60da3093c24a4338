"""The servers that ship, through the gateway, as the sample bots use them."""

from __future__ import annotations

import json
from pathlib import Path

from botkit.core.clock import SystemClock
from botkit.core.tools import NeedsApproval, Principal
from botkit.gateway.fleet import Fleet
from botkit.gateway.pipeline import Gateway
from botkit.gateway.settings import Review
from tests.gateway.support import Bench, text_of

SAMPLES = Path(__file__).parents[2] / "workspace" / "servers"
CUSTOMER = Principal(id="carla", roles=("guest",))


async def test_a_customer_gets_a_refund_once_after_approval(bench: Bench) -> None:
    bench.fleet = Fleet(
        vault=bench.vault,
        redactor=bench.redactor,
        clock=SystemClock(),
        store=bench.catalog,
        data_folder=bench.folder / "data",
        servers_folder=SAMPLES,
    )
    bench.gateway = Gateway(bench.fleet, redactor=bench.redactor, clock=SystemClock(), call_log=bench.log)
    refund_review = Review(tool_class="destructive", approve=True, roles=("guest",))
    reviews = {"orders__get_order": Review(tool_class="read-only"), "orders__refund_order": refund_review}
    await bench.start(reviews=reviews)
    assert [one.name for one in bench.gateway.status()] == ["notes", "orders", "web"]
    assert all(one.state == "ready" and not one.left_out for one in bench.gateway.status())
    assert await bench.names(CUSTOMER) == ["orders__get_order", "orders__refund_order"]

    order = await bench.call("orders__get_order", CUSTOMER, order_id="A-1001")
    assert order.content["structuredContent"]["total_cents"] == 6600

    refund = {"order_id": "A-1001", "reason": "arrived broken"}
    ledger = bench.folder / "data" / "orders" / "refunds.jsonl"
    asked = await bench.call("orders__refund_order", CUSTOMER, arguments=refund, idempotency_key="run/1")
    assert isinstance(asked, NeedsApproval)
    assert ledger.read_text() == ""
    for _ in range(2):  # the second one as after a lost answer
        done = await bench.call(
            "orders__refund_order", CUSTOMER, arguments=refund, idempotency_key="run/1", approval=asked.digest
        )
        assert done.content["structuredContent"]["refund_id"] == "R-00001"
    again = await bench.call(
        "orders__refund_order", CUSTOMER, arguments=refund, idempotency_key="run/2", approval=asked.digest
    )
    assert "already refunded" in text_of(again)
    assert len([json.loads(line) for line in ledger.read_text().splitlines()]) == 1

    wrong = await bench.call("orders__get_order", CUSTOMER, order_id="1001")
    assert (wrong.record.status, wrong.sent) == ("invalid", False)
    local = await bench.call("web__fetch", url="http://127.0.0.1:8080/")
    assert "private network" in text_of(local)
    note = await bench.call("notes__add", text="It all works", tags=["Launch"])
    assert note.content["structuredContent"]["tags"] == ["launch"]
