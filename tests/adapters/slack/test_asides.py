"""What one person sees among others."""

from __future__ import annotations

import pytest

from botkit.core.errors import AdapterError
from botkit.core.messages import OutMessage, Part
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator, conversation_of


class Aside:
    """Words for Ada alone, in the channel."""

    def __init__(self, fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost):
        self.fake, self.emulator, self.adapter, self.host = fake, emulator, adapter, host
        self.ada = fake.person("Ada").id

    async def command(self) -> None:
        known = len(self.host.events)
        self.fake.command("Ada", "/desk", "status", self.emulator.general)
        await self.host.event(known)

    async def say(self, text: str = "You are Ada.") -> None:
        where = conversation_of(self.emulator.general)
        rendered = self.adapter.render(OutMessage(text=text, visible_to=self.ada), where)[0]
        part = Part(id="p", conversation=where, payload=rendered.payload, text=rendered.text)
        assert await self.adapter.find(part) is None
        await self.adapter.send(part)

    def seen(self) -> list[str]:
        assert {message.seen_by for message in self.fake.sent} <= {self.ada}
        return self.fake.texts()


@pytest.fixture
def aside(fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost) -> Aside:
    return Aside(fake, emulator, adapter, host)


async def test_an_answer_to_a_command_is_for_who_used_it_also_where_the_bot_is_no_member(aside: Aside) -> None:
    aside.emulator.general.member = False
    await aside.command()
    await aside.say()
    assert aside.seen() == ["You are Ada."]
    assert not aside.fake.called("chat.postEphemeral")


async def test_without_a_command_it_is_an_ephemeral_message(aside: Aside) -> None:
    await aside.say()
    assert aside.seen() == ["You are Ada."]
    assert len(aside.fake.called("chat.postEphemeral")) == 1


async def test_s7_a_response_url_that_is_used_up_gives_way_to_an_ephemeral_message(aside: Aside) -> None:
    await aside.command()
    for number in range(6):
        await aside.say(f"{number}")
    assert aside.seen() == ["0", "1", "2", "3", "4", "5"]
    assert (aside.fake.responses.answered, len(aside.fake.called("chat.postEphemeral"))) == (5, 1)


@pytest.mark.parametrize("later_s", [1750, 3600])
async def test_s7_a_response_url_expires(aside: Aside, later_s: int) -> None:
    await aside.command()
    await aside.host.clock.advance(later_s)
    await aside.say()
    assert (aside.fake.responses.answered, aside.seen()) == (0, ["You are Ada."])


async def test_s7_a_response_url_that_slack_does_not_know_any_more(aside: Aside) -> None:
    await aside.command()
    aside.fake.responses.forget()
    await aside.say()
    await aside.say("again")
    assert aside.seen() == ["You are Ada.", "again"]


async def test_an_address_elsewhere_is_not_answered_at(aside: Aside) -> None:
    payload = {"command": "/desk", "text": "status", "channel_id": aside.emulator.general.id, "user_id": aside.ada}
    stolen = {"trigger_id": "1", "response_url": "http://127.0.0.1:9/elsewhere"}
    aside.fake.deliver("slash_commands", {**payload, **stolen})
    await aside.host.event(0)
    await aside.say()
    assert aside.seen() == ["You are Ada."]


async def test_a_lost_answer_is_tried_again(aside: Aside) -> None:
    await aside.command()
    await aside.fake.go_offline()
    with pytest.raises(AdapterError) as caught:
        await aside.say()
    assert caught.value.retryable
    await aside.fake.come_back()
    await aside.say()
    assert aside.seen() == ["You are Ada."]
