"""Messages that grow on Slack: however a stream ends, there is one message with the final text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from botkit.core.errors import AdapterError, RateLimited, SendUnknown
from botkit.core.events import Conversation
from botkit.core.messages import Button, OutMessage, Part
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import MemoryHost
from botkit.testing.slack import FakeMessage, FakeSlack
from tests.adapters.slack.emulator import SlackEmulator, conversation_of

FINAL = "Here is what I found: your order left **yesterday**."


class Talk:
    """An answer to Ada in a thread, word by word."""

    def __init__(self, fake: FakeSlack, adapter: Adapter, host: MemoryHost, place: Conversation):
        self.fake = fake
        self.adapter = adapter
        self.host = host
        self.place = place
        self.asked_by = fake.person("Ada").id
        self.part = Part(id="run.0", conversation=place, payload={})

    def first(self, text: str = "Here is what ") -> Part:
        message = OutMessage(text=text, streaming=True, asked_by=self.asked_by)
        rendered = self.adapter.render(message, self.place)[0]
        now = self.host.clock.micros()
        return Part(id="run.0", conversation=self.place, payload=rendered.payload, text=rendered.text, created_at=now)

    async def begin(self, text: str = "Here is what ") -> FakeMessage:
        receipt = await self.adapter.send(self.first(text))
        self.part = msgspec.structs.replace(self.part, message_id=receipt.message_id)
        return self.fake.sent[-1]

    async def grow(self, text: str) -> None:
        await self.adapter.update(self.part, text)

    def final(self, text: str = FINAL, **more: Any) -> Part:
        rendered = self.adapter.render(OutMessage(text=text, **more), self.place)[0]
        return msgspec.structs.replace(self.part, payload=rendered.payload, text=rendered.text)

    async def end(self, text: str = FINAL, **more: Any) -> None:
        await self.adapter.send(self.final(text, **more))

    def one_message(self, text: str = FINAL) -> None:
        """What everything here ends with."""
        (message,) = self.fake.sent
        assert (message.shown, message.streaming_since) == (text, 0.0)
        assert message.metadata == {"event_type": "botkit_part", "event_payload": {"part": "run.0"}}

    def calls(self) -> list[str]:
        return [call.method for call in self.fake.calls if call.method.startswith("chat.")]


@pytest.fixture
def talk(fake: FakeSlack, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost) -> Talk:
    asked = fake.say("Ada", "@Desk where is my order?", emulator.general)
    return Talk(fake, adapter, host, conversation_of(emulator.general, asked.ts))


async def test_c27_a_stream_is_started_appended_to_and_stopped(talk: Talk) -> None:
    message = await talk.begin()
    await talk.grow("Here is what I fou")
    assert (message.shown, message.streaming_since > 0) == ("Here is what I ", True)
    await talk.grow("Here is what I found: your order")
    await talk.end()
    talk.one_message()
    assert talk.calls() == ["chat.startStream", "chat.appendStream", "chat.appendStream", "chat.stopStream"]
    (started,) = talk.fake.called("chat.startStream")
    assert (started.args["recipient_user_id"], started.args["recipient_team_id"]) == (talk.asked_by, "T01")


async def test_c27_nothing_is_streamed_outside_of_threads(fake: FakeSlack, adapter: Adapter, host: MemoryHost) -> None:
    place = conversation_of(fake.dm("Ada"))
    assert adapter.capabilities(place).stream == "edit"
    assert adapter.capabilities(msgspec.structs.replace(place, thread="1.1")).stream == "native"


async def test_c27_buttons_come_with_the_end_of_a_stream(talk: Talk) -> None:
    message = await talk.begin()
    await talk.end(buttons=((Button(label="Thanks", value="t"),),))
    talk.one_message()
    assert message.labels == ["Thanks"]
    assert "chat.update" not in talk.calls()


async def test_c27_an_answer_that_turns_out_another_one_replaces_the_stream(talk: Talk) -> None:
    message = await talk.begin()
    await talk.grow("Here is what I found: ")
    await talk.end("Sorry, I was stopped.")
    talk.one_message("Sorry, I was stopped.")
    assert message.edits[-1].startswith("Here is what")


async def test_c27_a_model_that_begins_again_goes_on_by_edits(talk: Talk) -> None:
    await talk.begin()
    await talk.grow("Here is what I found: ")
    await talk.grow("Another model says this ")
    (message,) = talk.fake.sent
    assert message.shown == "Another model says this ▌"
    await talk.end()
    talk.one_message()


async def test_c21_words_that_ring_people_are_inert_in_a_stream_too(talk: Talk) -> None:
    message = await talk.begin("Attention, dear <")
    for text in ("Attention, dear <!chan", "Attention, dear <!channel> and <@U0002> too"):
        await talk.grow(text)
        assert "<!" not in message.shown
    await talk.end("Attention, dear <!channel> and <@U0002> too.")
    talk.one_message("Attention, dear &lt;!channel> and &lt;@U0002> too.")
    pieces = [str(call.args.get("markdown_text", "")) for call in talk.fake.calls]
    assert not [piece for piece in pieces if "<!" in piece or "<@" in piece]


async def test_c27_text_without_blanks_is_streamed_all_the_same(talk: Talk) -> None:
    message = await talk.begin(
        "ご注文の商品について調べましたところ昨日発送されたことがわかりましたのでご安心くださいますようお願い"
    )
    shown = message.shown
    assert len(shown) > 30
    await talk.grow(shown + "いたします")
    assert message.shown == shown + "いたします"


@pytest.mark.parametrize("how", ["expired", "stopped_by_user", "deleted", "an error", "a lost answer"])
async def test_s10_a_stream_that_is_lost_or_expired_ends_in_the_same_message(talk: Talk, how: str) -> None:
    message = await talk.begin()
    match how:
        case "expired":
            await talk.host.clock.advance(301)
        case "stopped_by_user":
            talk.fake.methods.streams.stop(message)
        case "an error":
            talk.fake.fail("internal_error", method="chat.appendStream")
        case "a lost answer":
            talk.fake.drop_after(method="chat.appendStream")
        case _:
            talk.fake.methods.streams.stop(message)
            talk.fake.delete(message)
    await talk.grow("Here is what I found: ")
    if how != "deleted":
        assert message.shown == "Here is what I found: ▌"
    await talk.end()
    talk.one_message()
    assert (talk.fake.sent[0] is message) == (how != "deleted")


async def test_s10_a_stream_is_not_used_to_its_last_second(talk: Talk) -> None:
    await talk.begin()
    await talk.host.clock.advance(280)
    await talk.grow("Here is what I found: ")
    assert talk.calls() == ["chat.startStream", "chat.stopStream", "chat.update"]
    await talk.end()
    talk.one_message()


@pytest.mark.parametrize("trouble", ["expired", "refused", "busy", "lost"])
async def test_s10_a_stream_that_cannot_be_stopped_is_edited(talk: Talk, trouble: str) -> None:
    await talk.begin()
    match trouble:
        case "expired":
            await talk.host.clock.advance(301)
        case "refused":
            talk.fake.fail("invalid_blocks", method="chat.stopStream")
        case "busy":
            talk.fake.rate_limit(1, 3, method="chat.stopStream")
            with pytest.raises(RateLimited):
                await talk.end()
        case _:
            talk.fake.drop_after(method="chat.stopStream")
            with pytest.raises(AdapterError) as caught:
                await talk.end()
            assert caught.value.retryable
            assert not isinstance(caught.value, SendUnknown)
    await talk.end()
    talk.one_message()


@pytest.mark.parametrize("done", ["open", "closed"])
async def test_s10_after_a_crash_the_same_message_ends_with_the_final_text(
    talk: Talk, emulator: SlackEmulator, adapter: Adapter, host: MemoryHost, done: str
) -> None:
    message = await talk.begin()
    await adapter.stop()
    if done == "closed":
        talk.fake.methods.streams.stop(message)
    talk.adapter = emulator.adapter(host)
    await talk.adapter.start()
    await talk.end()
    talk.one_message()
    await talk.adapter.stop()


async def test_s10_a_stream_whose_start_was_not_confirmed_is_found_and_goes_on(talk: Talk) -> None:
    assert await talk.adapter.find(talk.first()) is None
    talk.fake.drop_after(method="chat.startStream")
    with pytest.raises(SendUnknown):
        await talk.begin()
    found = await talk.adapter.find(talk.first())
    assert found is not None
    (message,) = talk.fake.sent
    assert found.message_id == message.ts
    talk.part = msgspec.structs.replace(talk.part, message_id=found.message_id)
    await talk.grow("Here is what I found: ")
    assert (message.shown, message.streaming_since > 0) == ("Here is what I found: ", True)
    await talk.end()
    talk.one_message()


@pytest.mark.parametrize("why", ["nobody asked", "missing_recipient_user_id", "missing_recipient_team_id"])
async def test_s11_without_recipients_it_is_edited(talk: Talk, why: str) -> None:
    if why == "nobody asked":
        talk.asked_by = ""
    else:
        talk.fake.fail(why, method="chat.startStream")
    message = await talk.begin()
    assert message.shown == "Here is what ▌"
    await talk.grow("Here is what I found")
    assert message.shown == "Here is what I found ▌"
    await talk.end()
    talk.one_message()
    assert talk.calls()[-3:] == ["chat.postMessage", "chat.update", "chat.update"]
    assert len(talk.fake.called("chat.startStream")) == (why != "nobody asked")


async def test_s11_a_workspace_without_streams_is_asked_once(talk: Talk) -> None:
    talk.fake.fail("unknown_method", method="chat.startStream")
    for _ in range(2):
        await talk.begin()
        await talk.end()
    assert len(talk.fake.called("chat.startStream")) == 1
    assert talk.fake.texts() == [FINAL, FINAL]


async def test_c22_starts_stay_below_the_limit_and_one_that_is_refused_is_posted_at_once(talk: Talk) -> None:
    for _ in range(20):
        await talk.begin()
        await talk.end()
    assert len(talk.fake.called("chat.startStream")) == 18
    await talk.host.clock.advance(60)
    talk.fake.rate_limit(1, 30, method="chat.startStream")
    for _ in range(2):
        await talk.begin()
        await talk.end()
    assert len(talk.fake.called("chat.startStream")) == 19
    assert talk.fake.texts() == [FINAL] * 22


async def test_c22_while_appending_is_limited_pieces_gather(talk: Talk) -> None:
    message = await talk.begin()
    talk.fake.rate_limit(1, 5, method="chat.appendStream")
    await talk.grow("Here is what I found: ")
    await talk.grow("Here is what I found: your order ")
    assert message.shown == "Here is what "
    await talk.host.clock.advance(5)
    await talk.grow("Here is what I found: your order left ")
    assert message.shown == "Here is what I found: your order left "
    assert len(talk.fake.called("chat.appendStream")) == 2
    await talk.end()
    talk.one_message()
