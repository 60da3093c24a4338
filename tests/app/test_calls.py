"""Reports of the call log: every way of adding up counts each row once, and followers miss nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from botkit.app.operations.calls import CallOperations, make_report
from botkit.core.analytics import CallFilter, CallTotal
from botkit.core.tools import CallRecord
from botkit.store.open import open_store
from botkit.testing.clock import ManualClock

STATUSES = ("ok", "error", "denied", "limited", "timeout", "unavailable", "invalid", "waiting", "cancelled")
rows = st.builds(
    CallRecord,
    id=st.uuids().map(str),
    at=st.integers(0, 10**15),
    workspace=st.sampled_from(("desk", "shop")),
    server=st.sampled_from(("", "notes", "orders")),
    tool=st.sampled_from(("notes__add", "orders__find")),
    principal_kind=st.sampled_from(("person", "member")),
    principal=st.sampled_from(("a", "b", "")),
    status=st.sampled_from(STATUSES),
    duration_ms=st.integers(0, 10_000).map(float),
    request_bytes=st.integers(0, 10**6),
    result_bytes=st.integers(0, 10**6),
)


def totals_of(logged: list[CallRecord]) -> list[CallTotal]:
    groups: defaultdict[tuple[Any, ...], list[CallRecord]] = defaultdict(list)
    for row in logged:
        groups[row.workspace, row.server, row.tool, row.principal_kind, row.principal, row.status].append(row)
    return [
        CallTotal(
            workspace=key[0],
            server=key[1],
            tool=key[2],
            principal_kind=key[3],
            principal=key[4],
            status=key[5],
            calls=len(group),
            duration_ms=sum(row.duration_ms for row in group),
            request_bytes=sum(row.request_bytes for row in group),
            result_bytes=sum(row.result_bytes for row in group),
            last_at=max(row.at for row in group),
        )
        for key, group in groups.items()
    ]


@given(st.lists(rows, max_size=30))
def test_each_view_counts_every_row_once(logged: list[CallRecord]) -> None:
    report = make_report(CallFilter(), totals_of(logged), [], [], {"a": "Ada"})
    failed = sum(row.status not in ("ok", "waiting") for row in logged)
    assert report.total.calls == sum(report.total.statuses.values()) == len(logged)
    assert sum(use.calls for use in report.uses) == sum(tool.calls for tool in report.tools) == len(logged)
    assert sum(use.errors for use in report.uses) == sum(tool.errors for tool in report.tools) == failed
    assert report.total.errors == failed
    assert sum(hit.calls for hit in report.limits) == sum(row.status == "limited" for row in logged)
    assert report.total.request_bytes == sum(row.request_bytes for row in logged)
    assert report.total.users == len({(row.principal_kind, row.principal) for row in logged})
    assert max((use.last_used for use in report.uses), default=0) == max((row.at for row in logged), default=0)
    assert "a" not in {use.user for use in report.uses}


async def test_a_follower_sees_each_call_once_in_order_until_the_end(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_store(tmp_path, clock=clock) as store:
        instance: Any = SimpleNamespace(store=store, clock=clock, closing=asyncio.Event())
        calls = CallOperations(instance)

        def logged(first: int, last: int) -> list[CallRecord]:
            # times that go back: the log's order is that of its rows, not of when a call began
            return [
                CallRecord(id=f"c{n}", at=10_000 - n, workspace="desk" if n % 2 else "shop") for n in range(first, last)
            ]

        await store.calls.append(logged(0, 5))
        seen: list[str] = []

        async def follow() -> None:
            async for row in calls.follow(wanted=CallFilter(workspace="desk")):
                seen.append(row.id)  # noqa: PERF401 - one by one: the test looks while it goes on

        following = asyncio.create_task(follow())
        await clock.sleeping()
        await store.calls.append(logged(5, 1305))
        await clock.advance(1)
        await clock.sleeping()
        await store.calls.append(logged(1305, 1308))
        instance.closing.set()
        await clock.advance(1)
        await following
        assert seen == [f"c{n}" for n in range(5, 1305) if n % 2]
