"""Plans and quotas: what counts a call, and exactly when the next one may pass."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.clock import to_micros
from botkit.core.errors import LimitReached
from botkit.core.tools import Principal
from botkit.gateway.limits import Rule, SlidingWindow, month_of, quotas_for, rules_for
from botkit.gateway.settings import WorkspaceSettings
from botkit.testing.clock import ManualClock

MEMBER = Principal(kind="member", id="mem_1", token_id="tok_1")


@given(
    steps=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4), st.booleans()), max_size=40),
    each=st.integers(1, 4),
    together=st.integers(1, 6),
)
async def test_a_call_passes_exactly_when_all_its_windows_have_room(
    steps: list[tuple[int, int, bool]], each: int, together: int
) -> None:
    """Neither more nor fewer pass: the model is a plain list of moments."""
    clock = ManualClock()
    limiter = SlidingWindow(clock)
    taken: list[tuple[float, bool]] = []
    for pause, tries, who in steps:
        await clock.advance(pause)
        now = clock.monotonic()
        for _ in range(tries):
            recent = [caller for at, caller in taken if now - at < 60]
            room = len(recent) < together and recent.count(who) < each
            rules = [Rule(key=f"token:{who}", limit=each), Rule(key="workspace:desk", limit=together)]
            try:
                await limiter.take(rules)
            except LimitReached:
                assert not room
            else:
                assert room
                taken.append((now, who))


@pytest.mark.parametrize("plan", [60, 300, 1200, 6000, 7])
async def test_a_plan_is_exact_at_its_boundary(plan: int) -> None:
    clock = ManualClock()
    limiter = SlidingWindow(clock)
    rules = rules_for(WorkspaceSettings(calls_per_minute_each=plan), "desk", MEMBER)
    for _ in range(plan):
        await limiter.take(rules)
    with pytest.raises(LimitReached) as refused:
        await limiter.take(rules)
    assert refused.value.retry_after_s == 60.0
    await clock.advance(59.999)
    with pytest.raises(LimitReached):
        await limiter.take(rules)
    await clock.advance(0.001)
    for _ in range(plan):
        await limiter.take(rules)
    with pytest.raises(LimitReached):
        await limiter.take(rules)


def test_a_token_with_its_own_plan_follows_that() -> None:
    workspace = WorkspaceSettings(calls_per_minute=300, calls_per_minute_each=120)
    rules = [(rule.key, rule.limit) for rule in rules_for(workspace, "desk", MEMBER)]
    assert rules == [("token:tok_1:desk", 120), ("workspace:desk", 300)]
    planned = Principal(kind="member", id="mem_1", token_id="tok_1", per_minute=6000)
    assert [rule.limit for rule in rules_for(workspace, "desk", planned)] == [6000, 300]
    chatting = Principal(id="per_1", roles=("member",))
    assert rules_for(workspace, "desk", chatting)[0].key == "person:per_1:desk"


@pytest.mark.parametrize(
    ("now", "timezone", "period", "resets_at"),
    [
        ("2026-11-30T23:59:59.999999+00:00", "UTC", "2026-11", "2026-12-01T00:00:00+00:00"),
        ("2026-12-01T00:00:00+00:00", "UTC", "2026-12", "2027-01-01T00:00:00+00:00"),
        ("2026-11-30T23:30:00+00:00", "Europe/Berlin", "2026-12", "2026-12-31T23:00:00+00:00"),
        ("2026-11-01T03:00:00+00:00", "America/New_York", "2026-10", "2026-11-01T04:00:00+00:00"),
        ("2026-03-15T00:00:00+00:00", "Europe/Berlin", "2026-03", "2026-03-31T22:00:00+00:00"),
    ],
)
def test_a_month_is_that_of_the_calendar_where_people_live(
    now: str, timezone: str, period: str, resets_at: str
) -> None:
    found = month_of(datetime.fromisoformat(now), timezone)
    assert found == (period, to_micros(datetime.fromisoformat(resets_at)))


def test_nothing_is_counted_where_no_quota_is_set() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert quotas_for(WorkspaceSettings(), "desk", MEMBER, now=now, timezone="UTC") == []
    workspace = WorkspaceSettings(calls_per_month=50_000, calls_per_month_each=5_000)
    quotas = quotas_for(workspace, "desk", MEMBER, now=now, timezone="UTC")
    assert [(quota.key, quota.limit) for quota in quotas] == [
        ("token:tok_1:desk", 5_000),
        ("workspace:desk", 50_000),
    ]
    own = Principal(kind="member", id="mem_1", token_id="tok_1", per_month=7)
    assert quotas_for(WorkspaceSettings(), "desk", own, now=now, timezone="UTC")[0].limit == 7
