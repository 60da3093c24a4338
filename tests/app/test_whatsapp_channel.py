"""A whole instance on WhatsApp: webhooks in, replies out, reports noted, files given to Twilio by address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.serve import Serving, serve
from botkit.core.analytics import CallFilter
from botkit.testing.whatsapp import FakeCloud, FakeTwilio, FakeWhatsApp

PUBLIC = "https://bots.example.com"
PATH = "/api/bots/webhook/whatsapp/wa"
HOOK = PUBLIC + PATH


def config_of(fake: FakeWhatsApp) -> str:
    if isinstance(fake, FakeCloud):
        return (
            f'phone_number_id: "{fake.number_id}", access_token: {{secret: WA_TOKEN}}, '
            "app_secret: {secret: WA_APP}, verify_token: {secret: WA_VERIFY}"
        )
    assert isinstance(fake, FakeTwilio)
    return (
        f'provider: twilio, account_sid: {fake.account_sid}, auth_token: {{secret: WA_TOKEN}}, number: "{fake.number}"'
    )


@pytest.fixture(params=["cloud", "twilio"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeCloud | FakeTwilio]:
    made = FakeCloud(statuses=True) if request.param == "cloud" else FakeTwilio(public=HOOK, statuses=True)
    async with made:
        yield made


@pytest.fixture
async def serving(
    folder: Path, fake: FakeCloud | FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Serving]:
    (folder / "bots.yaml").write_text(
        "version: 1\nbots: {desk: {}}\nchannels:\n"
        f"  wa: {{platform: whatsapp, bot: desk, dm_policy: open, api_base: {fake.api_base}, {config_of(fake)}}}\n"
    )
    values = {
        "BOTKIT_PORT": "0",
        "BOTKIT_PUBLIC_URL": PUBLIC,
        "WA_TOKEN": fake.token,
        "WA_APP": FakeCloud.app_secret,
        "WA_VERIFY": FakeCloud.verify_token,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    async with serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None) as serving:
        await started(serving)
        fake.post_to(serving.instance.url.rstrip("/") + PATH)
        yield serving
        fake.push = None


async def started(serving: Serving) -> None:
    async with asyncio.timeout(45):
        while (found := {one.name: one for one in serving.instance.channels.health()}["wa"]).state != "ok":
            assert found.state != "fatal", found.detail
            await asyncio.sleep(0.01)


async def rows(serving: Serving, kind: str) -> list[dict[str, Any]]:
    return [row for row in await serving.instance.store.records.inbox() if row["kind"] == kind]


async def test_a_message_is_answered_and_its_reports_are_kept(fake: FakeCloud | FakeTwilio, serving: Serving) -> None:
    fake.say("Ada", "hello")
    await fake.wait_for(lambda: fake.sent, timeout_s=45)
    assert "demo/offline" in fake.sent[0].text
    async with asyncio.timeout(45):
        while len([row for row in await rows(serving, "delivery_status") if row["outcome"]]) < 2:
            await asyncio.sleep(0.01)
    (part,) = await serving.instance.store.records.parts(channel="wa")
    assert (part.state, part.message_id) == ("sent", fake.sent[0].id)


async def test_thumbs_are_kept_with_the_run_and_added_up(fake: FakeCloud | FakeTwilio, serving: Serving) -> None:
    if not isinstance(fake, FakeCloud):
        pytest.skip("Twilio passes no reactions on")
    fake.say("Ada", "hello")
    await fake.wait_for(lambda: fake.sent, timeout_s=45)
    fake.react("Ada", fake.sent[0], "👎")
    fake.react("Ada", fake.sent[0], "👍🏽")
    async with asyncio.timeout(45):
        while len([row for row in await rows(serving, "reaction") if row["outcome"]]) < 2:
            await asyncio.sleep(0.01)
    report = await serving.operations.calls.report(wanted=CallFilter())
    assert [(one.bot, one.model, one.up, one.down) for one in report.feedback] == [("desk", "demo/offline", 1, 0)]


async def test_a_forged_message_is_refused(fake: FakeCloud | FakeTwilio, serving: Serving) -> None:
    async with httpx.AsyncClient(base_url=serving.instance.url) as client:
        forged = await client.post(PATH, content=b"Body=hello&From=whatsapp:%2B1")
    assert forged.status_code == 401
    assert await rows(serving, "message") == []
