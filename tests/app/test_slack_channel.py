"""A whole instance on Slack: Socket Mode, and signed requests at the public address."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from botkit.app.environment import load_environment
from botkit.app.operations import Operations
from botkit.app.serve import Serving, serve
from botkit.testing.slack import FakeSlack


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        yield fake


@pytest.fixture
def start(folder: Path, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    def begin(how: str) -> Any:
        (folder / "bots.yaml").write_text(
            "version: 1\nbots: {desk: {}}\nchannels:\n"
            f"  sl: {{platform: slack, bot: desk, dm_policy: open, bot_token: {{secret: SL_BOT}}, {how}, "
            f"api_base: {slack.api_base}}}\n"
        )
        secrets = {"SL_BOT": slack.bot_token, "SL_APP": slack.app_token, "SL_SIGN": slack.signing_secret}
        for name, value in {"BOTKIT_PORT": "0", "BOTKIT_PUBLIC_URL": "https://bots.example.com", **secrets}.items():
            monkeypatch.setenv(name, value)
        return serve(load_environment(cwd=folder), mode="dev", actor="ada", tell=lambda _: None)

    return begin


async def settled(serving: Serving) -> str:
    await serving.instance.channels.settled("sl")
    (found,) = [channel for channel in serving.instance.channels.health() if channel.name == "sl"]
    return f"{found.state}: {found.detail}"


async def test_a_message_is_answered_over_the_socket(slack: FakeSlack, start: Callable[..., Any]) -> None:
    async with start("app_token: {secret: SL_APP}") as serving:
        assert await settled(serving) == "ok: "
        slack.say("Ada", "hello")
        await slack.wait_for(lambda: slack.sent)


async def test_a_refused_token_is_named(slack: FakeSlack, start: Callable[..., Any]) -> None:
    slack.revoke_token()
    async with start("app_token: {secret: SL_APP}") as serving:
        assert (await settled(serving)).startswith("fatal: Slack refuses the token (token_revoked)")


async def test_signed_requests_come_in_by_the_public_address(slack: FakeSlack, start: Callable[..., Any]) -> None:
    async with start("mode: events, signing_secret: {secret: SL_SIGN}") as serving:
        assert await settled(serving) == "ok: "
        setup = await Operations.of(serving.instance).channels.setup(channel="sl")
        assert setup.webhook == "https://bots.example.com/api/bots/webhook/slack/sl"
        assert json.loads(setup.document)["settings"]["interactivity"]["request_url"] == setup.webhook
        slack.say("Ada", "hello")
        body, kind = slack.outbox.body_of(slack.outbox.deliveries[0])
        async with httpx.AsyncClient(base_url=serving.instance.url) as client:
            path = "/api/bots/webhook/slack/sl"
            assert (await client.post(path, content=body, headers=slack.outbox.signed(b"other"))).status_code == 401
            headers = {**slack.outbox.signed(body), "content-type": kind}
            for _ in range(2):  # Slack repeats what it is not sure of
                assert (await client.post(path, content=body, headers=headers)).status_code == 200
        await slack.wait_for(lambda: slack.sent and not slack.sent[0].shown.endswith("▌"))  # the whole answer
        assert len(await Operations.of(serving.instance).runs.list()) == 1
