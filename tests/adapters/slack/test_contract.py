"""The Slack channel against the adapter contract, by socket and by post."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from botkit.testing.adapters import AdapterContract, Emulator
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import RINGS, PostedEmulator, SlackEmulator


class TestContract(AdapterContract):
    @pytest.fixture
    def emulator(self, fake: FakeSlack) -> SlackEmulator:
        return SlackEmulator(fake)

    def rings(self, emulator: Emulator) -> list[str]:
        assert isinstance(emulator, SlackEmulator)
        texts = [text for message in emulator.fake.sent for text in (message.text, message.shown)]
        return [word for text in texts for word in RINGS.findall(text)]


class TestContractByPost(TestContract):
    @pytest.fixture
    async def emulator(self, fake: FakeSlack) -> AsyncIterator[PostedEmulator]:
        emulator = PostedEmulator(fake)
        application = web.Application()
        application.router.add_post("/api/bots/webhook/slack/support", emulator.receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.outbox.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/bots/webhook/slack/support"
        yield emulator
        await runner.cleanup()
