"""What an operator is told to do at Slack, and what is missing when they did not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.slack import Slack
from adapters.slack.manifest import SCOPES, command_of
from botkit.engine import COMMANDS
from botkit.sdk import SetupFor
from botkit.testing.adapters import MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator, a_channel

ADDRESS = "https://bots.example.com/api/bots/webhook/slack/support"


def made(mode: Any, **about: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    config = a_channel(mode=mode, suggested_prompts=("Where is my order?",))
    given: dict[str, Any] = {"channel": "support", "name": "Order Desk", "commands": tuple(COMMANDS), **about}
    setup = Slack.setup(config, SetupFor(**given))
    return setup.steps, json.loads(setup.document)


def test_a_socket_needs_no_addresses() -> None:
    steps, manifest = made("socket", address="")
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in json.dumps(manifest)
    assert "url" not in manifest["features"]["slash_commands"][0]
    assert any("connections:write: botkit secrets set APP" in step for step in steps)


def test_posts_have_their_address_in_three_places() -> None:
    steps, manifest = made("events", address=ADDRESS)
    settings = manifest["settings"]
    assert settings["socket_mode_enabled"] is False
    assert settings["event_subscriptions"]["request_url"] == settings["interactivity"]["request_url"] == ADDRESS
    assert manifest["features"]["slash_commands"][0]["url"] == ADDRESS
    assert any("signing secret: botkit secrets set SIGN" in step for step in steps)


def test_it_asks_for_what_the_channel_uses() -> None:
    _, manifest = made("socket", description="Knows\n all orders. " * 20)
    assert manifest["oauth_config"]["scopes"]["bot"] == sorted(SCOPES)
    assert "agent_session_stopped" in manifest["settings"]["event_subscriptions"]["bot_events"]
    agent = manifest["features"]["agent_view"]
    assert agent["suggested_prompts"] == [{"title": "Where is my order?", "message": "Where is my order?"}]
    assert len(agent["agent_description"]) <= 140
    (command,) = manifest["features"]["slash_commands"]
    assert command["command"] == "/order-desk"
    assert "reset" in command["usage_hint"]


@pytest.mark.parametrize(
    ("name", "command"), [("Desk", "desk"), ("Ünïcode & Söhne", "n-code-s-hne"), ("日本", "bot"), ("x" * 50, "x" * 31)]
)
def test_a_command_is_named_after_the_bot(name: str, command: str) -> None:
    assert command_of(name) == command


async def test_scopes_that_are_missing_are_named_with_what_they_are_for(
    fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
) -> None:
    fake.world.scopes = [scope for scope in SCOPES if scope not in {"reactions:write", "files:read"}]
    adapter = emulator.adapter(host)
    await adapter.start()
    await host.until(lambda: host.state == "ok")
    assert host.health[-1].detail == (
        "the app lacks scopes: files:read (read files people send), reactions:write (react); "
        "add them under OAuth & Permissions and install it again"
    )
    await adapter.stop()


async def test_with_all_scopes_there_is_nothing_to_say(
    fake: FakeSlack, emulator: SlackEmulator, host: MemoryHost
) -> None:
    assert sorted(fake.world.scopes) == sorted(SCOPES)
    adapter = emulator.adapter(host)
    await adapter.start()
    await host.until(lambda: host.state == "ok")
    assert host.health[-1].detail == ""
    await adapter.stop()
