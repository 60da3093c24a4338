"""Which counts a call falls under, for how long, and how much of it fits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.budgets import NO_LIMIT, Amount, Estimate, Payer, accounts_of, affordable, period_of
from botkit.core.clock import from_micros
from botkit.core.config.models.people import Budget
from botkit.core.tools import Principal

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
ADA = Payer(bots=("desk", "front"), person="ada", roles=("member",), workspaces=("shop", "stock"), channel="tg")


def who(budget: Budget, payer: Payer = ADA) -> list[str]:
    found = accounts_of({"b": budget}, payer, now=NOW, timezone="UTC", teams={"support": ("front", "other")})
    return [account.who for account in found]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, [""]),
        ({"bots": "*"}, ["bot:desk", "bot:front"]),
        ({"bots": "front"}, ["bot:front"]),
        ({"bots": "nobody"}, []),
        ({"bots": "*", "shared": True}, [""]),
        ({"bots": "nobody", "shared": True}, []),
        ({"people": "*"}, ["person:ada"]),
        ({"people": ["bob"]}, []),
        ({"roles": "member"}, ["person:ada"]),
        ({"roles": "member", "people": "ada"}, ["person:ada"]),
        ({"roles": "admin"}, []),
        ({"roles": "member", "shared": True}, [""]),
        ({"teams": "support", "channels": "*"}, ["team:support channel:tg"]),
        ({"teams": "sales"}, []),
        (
            {"workspaces": ["shop", "stock"], "people": "ada"},
            ["person:ada workspace:shop", "person:ada workspace:stock"],
        ),
        ({"channels": "web"}, []),
    ],
)
def test_a_budget_counts_what_fits_everything_it_names(named: dict[str, object], expected: list[str]) -> None:
    assert who(Budget.model_validate({"spend": 5, **named})) == expected


def test_nobody_has_no_count_of_their_own() -> None:
    nobody = Payer(bots=("desk",))
    assert who(Budget(people=("*",), tokens=5), nobody) == []
    assert who(Budget(tokens=5), nobody) == [""]


def test_every_bot_that_delegated_pays_and_a_member_pays_as_the_person_they_are() -> None:
    helper = Principal(id="ada", roles=("member",), bot="helper", via=("front", "desk"))
    paying = Payer.of(helper, workspaces=("shop",), bot="helper")
    assert (paying.bots, paying.person) == (("helper", "front", "desk"), "ada")
    member = Payer.of(Principal(kind="member", id="mem_1", person="ada", roles=("admin",)), workspaces=("shop",))
    assert (member.bots, member.person, member.roles) == ((), "ada", ())
    assert Payer.of(Principal(kind="service", id="nightly"), workspaces=()).person == ""


@pytest.mark.parametrize(
    ("per", "period", "ends"),
    [
        ("hour", "2026-11-21T16+01:00", "2026-11-21T16:00"),
        ("day", "2026-11-21", "2026-11-21T23:00"),
        ("week", "2026-W47", "2026-11-22T23:00"),
        ("month", "2026-11", "2026-11-30T23:00"),
        ("lifetime", "ever", "1970-01-01T00:00"),
    ],
)
def test_periods_are_those_of_the_time_zone(per: str, period: str, ends: str) -> None:
    found, resets_at = period_of(per, NOW, "Europe/Berlin")  # pyright: ignore[reportArgumentType] - a parameter
    assert found == period
    assert from_micros(resets_at).isoformat().startswith(ends)


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    names = [period_of("hour", at, "Europe/Berlin")[0] for at in (first, second)]
    assert names == ["2026-10-25T02+02:00", "2026-10-25T02+01:00"]


@given(
    at=st.integers(1_577_836_800_000_000, 2_051_222_400_000_000).map(from_micros),
    per=st.sampled_from(["hour", "day", "week", "month"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati"]),
)
def test_a_period_lasts_until_the_next_begins(at: datetime, per: str, zone: str) -> None:
    period, resets_at = period_of(per, at, zone)  # pyright: ignore[reportArgumentType] - a parameter
    end = from_micros(resets_at)
    assert end > at
    assert period_of(per, end, zone)[0] != period  # pyright: ignore[reportArgumentType]
    assert period_of(per, from_micros(resets_at - 1), zone)[0] == period  # pyright: ignore[reportArgumentType]


ROOM = st.integers(NO_LIMIT, 100_000)
PRICE = st.floats(0, 100, allow_nan=False)


@given(
    tokens=st.integers(1, 20_000),
    output=st.integers(1, 20_000),
    least=st.integers(0, 500),
    into=PRICE,
    out=PRICE,
    left=st.builds(Amount, micros=ROOM, tokens=ROOM, tool_calls=ROOM),
)
def test_what_is_affordable_never_exceeds_what_is_left(
    tokens: int, output: int, least: int, into: float, out: float, left: Amount
) -> None:
    estimate = Estimate(
        input_tokens=tokens, output_tokens=output, least_output_tokens=least, input_price=into, output_price=out
    )
    most = affordable(estimate, left)
    if most is None:
        smallest = estimate.amount(min(least, output))
        short = left.tokens != NO_LIMIT and smallest.tokens > left.tokens
        poor = left.micros != NO_LIMIT and smallest.micros + 1 > left.micros
        assert short or poor, "only refused when even the shortest answer does not fit"
        return
    assert min(least, output) <= most <= output
    amount = estimate.amount(most)
    assert left.tokens == NO_LIMIT or amount.tokens <= left.tokens
    assert left.micros == NO_LIMIT or amount.micros <= left.micros


def test_what_costs_nothing_is_not_held_by_limits_on_money() -> None:
    free = Estimate(input_tokens=10, output_tokens=100)
    assert affordable(free, Amount(micros=0, tokens=NO_LIMIT, tool_calls=NO_LIMIT)) == 100
    assert affordable(Estimate(tool_calls=1), Amount(micros=0, tokens=0, tool_calls=1)) == 0
    assert affordable(Estimate(tool_calls=1), Amount(tool_calls=0)) is None


def test_sound_costs_money_and_no_tokens() -> None:
    sound = Estimate(micros=30)
    assert sound.amount(0) == Amount(micros=30)
    assert affordable(sound, Amount(micros=30, tokens=0, tool_calls=0)) == 0
    assert affordable(sound, Amount(micros=29)) is None
    assert affordable(sound, Amount(micros=NO_LIMIT)) == 0
