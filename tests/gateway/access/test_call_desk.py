"""Approval of single calls: waiting, expiring, and what a client is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botkit.core.call_approvals import CallApproval
from botkit.core.errors import Conflict, NotFound
from botkit.core.tools import Client, Principal, Tool, ToolCall, arguments_digest
from botkit.gateway.approvals import WAIT_META, CallDesk, approval_error, wanted_wait_s
from tests.gateway.access.conftest import Door

TOOL = Tool(name="orders__refund", server="orders", upstream_name="refund", definition={}, approve=True)
MEMBER = Principal(kind="member", id="mem_1", roles=("admin",), token_id="tok_1")


def a_call(id_: str = "c1", *, meta: dict[str, Any] | None = None, **arguments: Any) -> ToolCall:
    client = Client(meta=meta or {})
    return ToolCall(
        id=id_, workspace="desk", tool=TOOL.name, arguments=arguments, principal=MEMBER, client=client, trace_id="t"
    )


class Counter:
    def __init__(self, door: Door):
        self.desk = CallDesk(door.store.call_approvals, door.clock, ttl_s=lambda: 600.0)

    async def use(self, call: ToolCall) -> CallApproval:
        digest = arguments_digest(call.tool, call.arguments)
        return await self.desk.use(call, TOOL, digest=digest, arguments=call.arguments, approvers=("admin",))


@pytest.fixture
def counter(door: Door) -> Counter:
    return Counter(door)


async def test_a_person_is_asked_once_however_often_a_client_polls(counter: Counter) -> None:
    states = [await counter.use(a_call(f"c{number}", order="A-1")) for number in range(5)]
    assert {one.state for one in states} == {"open"}
    assert len({one.id for one in states}) == 1
    assert await counter.desk.list() == [states[0]]


async def test_a_waiting_client_is_woken_by_the_decision(counter: Counter, door: Door) -> None:
    asked = await counter.use(a_call())
    waiting = asyncio.create_task(counter.desk.wait(asked, 60))
    await door.clock.sleeping()
    assert not waiting.done()
    await counter.desk.decide(asked.id, approved=True, by="ada", via="page")
    await waiting
    used = await counter.use(a_call("c2"))
    assert (used.state, used.decided_by, used.decided_via, used.call_id) == ("used", "ada", "page", "c2")
    assert door.clock.monotonic() == 0


async def test_a_decision_made_by_another_process_is_found_within_a_second(counter: Counter, door: Door) -> None:
    asked = await counter.use(a_call())
    waiting = asyncio.create_task(counter.desk.wait(asked, 60))
    await door.clock.sleeping()
    elsewhere = CallDesk(door.store.call_approvals, door.clock, ttl_s=lambda: 600.0)
    await elsewhere.decide(asked.id, approved=False, by="ada", via="cli")
    await door.clock.advance(1)
    await waiting
    assert (await counter.use(a_call("c2"))).state == "rejected"


async def test_nobody_waits_longer_than_they_asked_for(counter: Counter, door: Door) -> None:
    asked = await counter.use(a_call())
    waiting = asyncio.create_task(counter.desk.wait(asked, 3))
    for _ in range(3):
        await door.clock.sleeping()
        await door.clock.advance(1)
    await waiting
    assert (await counter.use(a_call("c2"))).state == "open"


async def test_expiry_and_rejection_are_told_apart(counter: Counter, door: Door) -> None:
    asked = await counter.use(a_call())
    await door.clock.advance(600)
    expired = await counter.use(a_call("c2"))
    assert (expired.id, expired.state) == (asked.id, "expired")
    with pytest.raises(NotFound):
        await counter.desk.decide(asked.id, approved=True, by="ada", via="cli")
    again = await counter.use(a_call("c3"))
    await counter.desk.decide(again.id, approved=False, by="ada", via="cli", comment="too much")
    with pytest.raises(Conflict):
        await counter.desk.decide(again.id, approved=True, by="bo", via="page")
    rejected = await counter.use(a_call("c4"))
    told = [approval_error(one)["data"]["status"] for one in (asked, expired, rejected)]
    assert told == ["pending", "expired", "rejected"]
    assert {approval_error(one)["code"] for one in (asked, expired, rejected)} == {-32050}
    assert approval_error(rejected)["data"]["comment"] == "too much"
    assert "retryAfterS" not in approval_error(rejected)["data"]


async def test_an_approval_is_for_these_arguments(counter: Counter) -> None:
    asked = await counter.use(a_call(order="A-1", amount=1))
    await counter.desk.decide(asked.id, approved=True, by="ada", via="cli")
    assert (await counter.use(a_call("c2", order="A-1", amount=2))).state == "open"
    assert (await counter.use(a_call("c3", amount=1, order="A-1"))).state == "used"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, 0.0), (30, 30.0), (1e9, 600.0), (-1, 0.0), (True, 0.0), ("30", 0.0), (float("nan"), 0.0)],
)
def test_how_long_a_client_wants_to_wait_is_bounded(wanted: object, expected: float) -> None:
    assert wanted_wait_s(a_call(meta={WAIT_META: wanted})) == expected
    assert wanted_wait_s(a_call()) == 0.0
