"""Contract of the sums over the call log: whatever is asked, they add up to the rows."""

from __future__ import annotations

__all__ = ["AnalyticsContract"]

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from botkit.core.analytics import CallFilter, FeedbackFilter, SpendFilter
from botkit.core.journal import AddUsage, Consume, ModelCall, SetRun, StartRun
from botkit.core.models import Usage
from botkit.core.tools import CallRecord
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.samples import a_run, an_event

_FILTERS = (
    CallFilter(),
    CallFilter(workspace="desk"),
    CallFilter(server="notes", status="error"),
    CallFilter(tool="notes__add", principals=("mem_1", "mem_0")),
    CallFilter(since=20, until=70),
    CallFilter(token="tok_2"),
    CallFilter(method="resources/read"),
    CallFilter(tool_class="write", bot="helper"),
    CallFilter(trace="t3"),
    CallFilter(workspace="nowhere"),
)


def some_calls(number: int, *, seed: int = 7) -> list[CallRecord]:
    """Calls of every kind, refusals too, in no order of duration."""
    dice = random.Random(seed)
    found: list[CallRecord] = []
    for at in range(number):
        server = dice.choice(("notes", "orders", ""))
        found.append(
            CallRecord(
                id=f"c{at}",
                at=at,
                workspace=dice.choice(("desk", "shop")),
                server=server,
                tool=f"{server or 'absent'}__{dice.choice(('add', 'find'))}",
                principal_kind=dice.choice(("member", "person")),
                principal=f"mem_{dice.randrange(3)}",
                bot=dice.choice(("", "helper")),
                token_id=f"tok_{dice.randrange(3)}",
                trace_id=f"t{dice.randrange(9)}",
                status=dice.choice(("ok", "ok", "ok", "error", "limited", "denied", "timeout", "waiting")),
                duration_ms=float(dice.randrange(1, 900)),
                result_bytes=dice.randrange(5000),
                request_bytes=dice.randrange(500),
                method=dice.choice(("tools/call", "resources/read")),
                tool_class=dice.choice(("read-only", "write", "")),
            )
        )
    return found


def admits(wanted: CallFilter, row: CallRecord) -> bool:
    """The filter, said once more in other words."""
    fields = ("workspace", "server", "tool", "bot", "status", "method", "tool_class")
    same = all(not getattr(wanted, name) or getattr(wanted, name) == getattr(row, name) for name in fields)
    return (
        same
        and (not wanted.principals or row.principal in wanted.principals)
        and (not wanted.token or wanted.token == row.token_id)
        and (not wanted.trace or wanted.trace == row.trace_id)
        and row.at >= wanted.since
        and (not wanted.until or row.at < wanted.until)
    )


class AnalyticsContract:
    """Subclass it and provide `database`."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_totals_equal_the_rows_whatever_is_asked(self, store: Stores) -> None:
        logged = some_calls(120)
        await store.calls.append(logged)
        for wanted in _FILTERS:
            rows = [row for row in logged if admits(wanted, row)]
            totals = await store.analytics.totals(wanted)
            counted = Counter(
                (row.workspace, row.server, row.tool, row.principal_kind, row.principal, row.status) for row in rows
            )
            found = {
                (one.workspace, one.server, one.tool, one.principal_kind, one.principal, one.status): one.calls
                for one in totals
            }
            assert found == counted
            assert sum(one.duration_ms for one in totals) == sum(row.duration_ms for row in rows)
            assert sum(one.request_bytes for one in totals) == sum(row.request_bytes for row in rows)
            assert sum(one.result_bytes for one in totals) == sum(row.result_bytes for row in rows)
            assert max((one.last_at for one in totals), default=-1) == max((row.at for row in rows), default=-1)
            assert [one.calls for one in totals] == sorted((one.calls for one in totals), reverse=True)

    async def test_percentiles_are_those_of_the_rows(self, store: Stores) -> None:
        logged = some_calls(150)
        await store.calls.append(logged)
        for wanted in _FILTERS:
            timings = await store.analytics.timings(wanted)
            assert [one.p95_ms for one in timings] == sorted((one.p95_ms for one in timings), reverse=True)
            for one in timings:
                tool = (one.workspace, one.server, one.tool)
                took = sorted(
                    row.duration_ms
                    for row in logged
                    if admits(wanted, row)
                    and (row.workspace, row.server, row.tool) == tool
                    and row.status in ("ok", "error", "timeout")
                )
                assert one.calls == len(took)
                assert (one.p50_ms, one.p95_ms, one.max_ms) == (_nearest(took, 50), _nearest(took, 95), took[-1])

    async def test_rows_come_oldest_first_and_all_of_them(self, store: Stores) -> None:
        logged = some_calls(60)
        await store.calls.append(logged[::-1])
        for wanted in _FILTERS:
            expected = [row for row in logged if admits(wanted, row)]
            assert [row async for row in store.analytics.rows(wanted)] == expected
            assert await store.analytics.latest(wanted, limit=5) == expected[::-1][:5]

    async def test_what_is_logged_after_a_place_is_found_from_there(self, store: Stores) -> None:
        logged = some_calls(6)
        assert await store.analytics.newest() == 0
        await store.calls.append(logged[:2])
        place = await store.analytics.newest()
        assert list(await store.analytics.after(place, CallFilter())) == []
        await store.calls.append(logged[2:])
        found = await store.analytics.after(place, CallFilter(), limit=3)
        assert [row for _, row in found] == logged[2:5]
        assert [row for _, row in await store.analytics.after(found[-1][0], CallFilter())] == [logged[5]]
        missed = await store.analytics.after(place, CallFilter(workspace=logged[3].workspace))
        assert logged[3] in [row for _, row in missed]

    async def test_model_calls_are_summed_by_whom_they_served(self, store: Stores) -> None:
        spent = [
            ModelCall(
                id=f"m{at}",
                at=at,
                model="demo/offline",
                workspace="desk" if at % 2 else "shop",
                person_id=f"per_{at % 3}",
                bot="helper",
                usage=Usage(input_tokens=at, output_tokens=1, cost_micros=10 * at),
            )
            for at in range(12)
        ]
        await store.journal.commit(None, [AddUsage(call=call) for call in spent])
        totals = await store.analytics.models(CallFilter(since=2))
        assert sum(one.calls for one in totals) == 10
        assert sum(one.input_tokens for one in totals) == sum(range(2, 12))
        assert sum(one.cost_micros for one in totals) == 10 * sum(range(2, 12))
        assert [one.cost_micros for one in totals] == sorted((one.cost_micros for one in totals), reverse=True)
        (one,) = await store.analytics.models(CallFilter(workspace="desk", principals=("per_1",)))
        assert (one.calls, one.input_tokens) == (2, 1 + 7)
        assert list(await store.analytics.models(CallFilter(bot="nobody"))) == []

    async def test_what_was_spent_adds_up_in_every_direction(self, store: Stores) -> None:
        quarter = 900_000_000
        calls = [
            ModelCall(
                id=f"m{at}",
                at=at * quarter // 3,
                model=f"m/{at % 2}",
                workspace="desk",
                channel=f"c{at % 2}",
                person_id=f"per_{at % 3}",
                bot=f"bot{at % 4}",
                usage=Usage(
                    input_tokens=at, output_tokens=1, cached_tokens=at, cost_micros=10 * at, unpriced=at % 6 == 0
                ),
                reused=at % 4 == 0,
            )
            for at in range(24)
        ]
        await store.journal.commit(None, [AddUsage(call=call) for call in calls])
        for by_time in (False, True):
            rows = await store.analytics.spent(SpendFilter(), by_time=by_time)
            assert sum(one.calls for one in rows) == 24
            assert sum(one.cost_micros for one in rows) == 10 * sum(range(24))
            assert sum(one.cached_tokens for one in rows) == sum(range(24))
            assert (sum(one.reused for one in rows), sum(one.unpriced for one in rows)) == (6, 4)
            assert {one.at for one in rows} == ({at * quarter for at in range(8)} if by_time else {0})
        chosen = await store.analytics.spent(SpendFilter(bots=("bot0", "bot1"), person="per_1", model="m/0", since=1))
        wanted = [at for at in range(1, 24) if at % 4 in (0, 1) and at % 3 == 1 and at % 2 == 0]
        assert sum(one.input_tokens for one in chosen) == sum(wanted)
        elsewhere = SpendFilter(workspace="shop"), SpendFilter(channel="c9")
        assert [list(await store.analytics.spent(one)) for one in elsewhere] == [[], []]

    async def test_what_model_calls_were_for_is_told_by_their_steps(self, store: Stores) -> None:
        steps = {
            "route/0": "routing",
            "m/0/turn/0/tool/0/route": "routing",
            "m/0/compact/again": "summaries",
            "guard/input": "guardrails",
            "m/1/turn/0/model": "answers",
            "reroute/agent/turn/0/model": "answers",
        }
        calls = [ModelCall(id=step, at=1, step=step, model="m", usage=Usage(cost_micros=1)) for step in steps]
        await store.journal.commit(None, [AddUsage(call=call) for call in calls])
        spent = {one.purpose: one.calls for one in await store.analytics.spent(SpendFilter())}
        assert spent == Counter(steps.values())

    async def test_thumbs_are_counted_once_a_person_and_run_as_they_said_last(self, store: Stores) -> None:
        answered = {"r1": ("desk", "billing", "m/1"), "r2": ("desk", "billing", "m/1"), "r3": ("helper", "", "m/2")}
        for number, (run_id, (bot, member, model)) in enumerate(answered.items()):
            run = a_run(run_id, lane=f"web:{number}", person_id=f"per_{number}", revision="rev")
            run = msgspec.structs.replace(run, bot=bot)
            output = {"text": "hi", "model": model, **({"member": member} if member else {})}
            ended = SetRun(run_id=run_id, state="completed", at=1, output=output)
            await store.journal.commit(None, [StartRun(run=run, event_ids=()), ended])
        said = [("r1", "ada", "up"), ("r1", "bo", "up"), ("r2", "ada", "up"), ("r2", "ada", "down"), ("r3", "cy", "up")]
        said += [("r3", "di", "down"), ("r3", "cy", "none")]
        for number, (run_id, who, verdict) in enumerate(said):
            event = msgspec.structs.replace(an_event(f"reaction-{number}", sender=who), kind="reaction")
            accepted = await store.journal.accept(event, f"web:{who}", claim=False)
            done = Consume(event_ids=(accepted.id,), outcome=f"feedback: {verdict}", run_id=run_id)
            await store.journal.commit(None, [done])

        found = await store.analytics.feedback(FeedbackFilter())
        assert [(one.asked, one.bot, one.model, one.up, one.down) for one in found] == [
            ("desk", "billing", "m/1", 2, 1),
            ("helper", "helper", "m/2", 0, 1),
        ]
        assert {one.revision for one in found} == {"rev"}
        (one,) = await store.analytics.feedback(FeedbackFilter(people=("per_2",)))
        assert one.bot == "helper"
        assert list(await store.analytics.feedback(FeedbackFilter(since=1 << 60))) == []


def _nearest(sorted_values: Sequence[float], percent: int) -> float:
    return sorted_values[(len(sorted_values) * percent + 99) // 100 - 1]
