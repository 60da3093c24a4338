"""Tools for people who proved who they are: asked at every call, for everybody on whose behalf one is made."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.core.identity import Verification
from botkit.core.tools import Principal
from botkit.gateway.rights import proves
from botkit.gateway.settings import GatewaySettings, Review, WorkspaceSettings
from tests.gateway.support import ADMIN, Bench, text_of

_S = 1_000_000
HOUR = 3600 * _S


def proved(bench: Bench, person: str = "ada") -> Verification:
    now = bench.clock.micros()
    return Verification(
        person_id=person,
        kind="email",
        address=f"{person}@example.com",
        method="email_otp",
        verified_at=now,
        expires_at=now + HOUR,
    )


async def test_a_call_is_refused_until_the_person_proved_who_they_are(bench: Bench) -> None:
    await bench.start(bench.raw(), reviews={"raw__effect": Review(tool_class="write", requires="verified")})
    refused = await bench.call("raw__effect")
    assert (refused.is_error, refused.sent, refused.record.status) == (True, False, "denied")
    assert refused.record.code == "not_verified"
    assert "auth_gate" in text_of(refused)
    assert bench.effect_lines() == []
    bench.proved.append(proved(bench))
    assert not (await bench.call("raw__effect")).is_error
    bench.proved.clear()
    assert (await bench.call("raw__effect")).is_error, "asked again at each call"
    assert "raw__effect" in await bench.names(), "it is shown, so that a bot can say what is missing"


async def test_what_others_proved_does_not_count(bench: Bench) -> None:
    await bench.start(bench.raw(), reviews={"raw__effect": Review(tool_class="write", requires="verified")})
    bench.proved.append(proved(bench, "bob"))
    for principal in (ADMIN, Principal(kind="service", id="bob", roles=("admin",))):
        assert (await bench.call("raw__effect", principal)).record.code == "not_verified"
    member = Principal(kind="member", id="mem_1", roles=("admin",), person="bob")
    assert not (await bench.call("raw__effect", member)).is_error, "a member is the person they are linked to"
    stranger = Principal(kind="member", id="bob", roles=("admin",))
    assert (await bench.call("raw__effect", stranger)).record.code == "not_verified"


async def test_a_tool_lent_to_another_workspace_keeps_its_requirement(bench: Bench) -> None:
    desk = WorkspaceSettings(servers=("raw",), reviews={"raw__effect": Review(tool_class="write", requires="verified")})
    office = WorkspaceSettings(workspaces=("desk",), reviews={"desk__raw__effect": Review(tool_class="write")})
    await bench.gateway.start(GatewaySettings(servers=(bench.raw(),), workspaces={"desk": desk, "office": office}))
    await bench.gateway.ready(30)
    refused = await bench.call("desk__raw__effect", workspace="office")
    assert refused.record.code == "not_verified"
    bench.proved.append(proved(bench))
    assert not (await bench.call("desk__raw__effect", workspace="office")).is_error


@pytest.mark.parametrize(
    ("review", "kind", "age_s", "counts"),
    [
        (Review(requires="verified"), "custom", 0, True),
        (Review(requires="verified_email"), "email", 0, True),
        (Review(requires="verified_email"), "phone", 0, False),
        (Review(requires="verified_phone"), "phone", 0, True),
        (Review(requires="verified", verified_within_s=60), "email", 60, True),
        (Review(requires="verified", verified_within_s=60), "email", 61, False),
        (Review(requires="verified"), "email", 3599, True),
        (Review(requires="verified"), "email", 3600, False),
        (Review(requires="verified"), "email", -1, False),
    ],
)
def test_kind_and_age_have_to_fit(review: Review, kind: Any, age_s: int, counts: bool) -> None:
    at = 10 * HOUR
    one = Verification(person_id="ada", kind=kind, address="x", method="m", verified_at=at, expires_at=at + 3600 * _S)
    assert proves(review, [one], at + age_s * _S) is counts
