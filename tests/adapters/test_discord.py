"""The Discord channel against the adapter contract, and what only Discord has (D1 … D14)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from adapters.discord import Discord
from adapters.discord.sending import nonce_of
from botkit.core.config.models import DiscordChannel, SecretRef
from botkit.core.errors import AdapterError, BadSignature, ChannelFatal, ChatGone, NotFound, RateLimited, SendFailed
from botkit.core.events import Attachment, Conversation
from botkit.core.messages import Button, Card, Form, FormField, Mention, Option, OutMessage, Part
from botkit.sdk.adapter import Adapter, HttpRequest
from botkit.testing.adapters import AdapterContract, Courier, Emulator, MemoryHost, Seen
from botkit.testing.discord import FakeChannel, FakeDiscord, FakeMessage
from botkit.testing.discord.layouts import all_components

_BLOCK = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)


def shown(content: str) -> str:
    """What people read of a message: without the marks of bold and code blocks."""
    return content.replace("**", "").replace("\\|", "|")


class DiscordEmulator(Emulator):
    """`FakeDiscord` as the contract drives it."""

    inert_words = ("@everyone", "@Bob", "<@&1>")

    def __init__(self, fake: FakeDiscord):
        self.fake = fake
        self.guild = fake.guild("Team")
        self.general = fake.channel(self.guild, "general")
        fake.user("Ada")
        fake.user("Bob")

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        host.secrets["DISCORD_TOKEN"] = self.fake.token
        config = DiscordChannel(
            platform="discord",
            bot="helper",
            dm_policy="open",
            token=SecretRef(secret="DISCORD_TOKEN"),
            api_base=self.fake.api_base,
            **settings,
        )
        return Discord("support", config, host)

    def mention(self) -> str:
        return "@Desk"

    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        place = self.general if group else None
        return str(self.fake.say(who, text, place, reply_to=int(reply_to or 0)).id)

    async def bot_says(self, text: str) -> None:
        self.fake.user("Robo", bot=True)
        self.fake.say("Robo", text, self.general)

    async def edit(self, message_id: str, text: str) -> None:
        self.fake.edit(self.fake.world.messages[int(message_id)], text)

    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        mime = {"voice": "audio/ogg", "image": "image/png"}.get(kind, "text/plain")
        seconds = 2.5 if kind == "voice" else 0.0
        self.fake.send_file("Ada", data, name=name, mime=mime, size=claimed_bytes, voice_s=seconds)

    async def press(self, label: str, *, who: str = "Ada") -> None:
        message = next(m for m in reversed(self.fake.sent) if label in m.labels)
        self.fake.press(who, message, label)

    async def choose(self, *labels: str, who: str = "Ada") -> None:
        message = next(m for m in reversed(self.fake.sent) if m.menus)
        self.fake.choose(who, message, *labels)

    async def send_form(self, answers: Mapping[str, str | bool | list[str]], *, who: str = "Ada") -> None:
        pressed = next(p for p in reversed(self.fake.world.interactions.values()) if p.dialog is not None)
        self.fake.submit(pressed, dict(answers))

    async def unsupported(self) -> None:
        self.fake.say("Ada", "", extra={"poll": {"question": {"text": "Lunch?"}, "answers": []}})

    async def malformed(self) -> None:
        self.fake.raw_event("MESSAGE_CREATE", {"id": 5, "author": "nobody", "content": ["\ud83d"]})

    async def redeliver(self) -> None:
        self.fake.redeliver()

    def expire_files(self) -> None:
        for file in self.fake.world.files.values():
            file.gone = True

    def seen(self) -> list[Seen]:
        return [self._seen(message) for message in self.fake.sent]

    @staticmethod
    def _seen(message: FakeMessage) -> Seen:
        code = tuple(_BLOCK.findall(message.text))
        return Seen(
            shown(message.text),
            str(message.id),
            str(message.channel_id),
            tuple(message.labels),
            code,
            tuple(
                word
                for menu in message.menus
                for word in (menu.get("placeholder", ""), *(option["label"] for option in menu["options"]))
            ),
            tuple(file.name for file in message.files),
        )

    def previews(self) -> list[str]:
        return []

    def open_presses(self) -> int:
        return sum(item.state == "open" for item in self.fake.world.interactions.values())

    def requests(self) -> int:
        return len(self.fake.calls) + len(self.fake.gateway.identifies) + len(self.fake.gateway.resumes)

    def rate_limit(self, times: int, retry_after_s: int) -> None:
        self.fake.rate_limit(times, retry_after_s)

    def fail_after_effect(self) -> None:
        self.fake.fail(applied=True, status=502)

    def drop_answer(self) -> None:
        self.fake.drop_after()

    def refuse_second_send(self) -> None:
        self.fake.rate_limit(1, 2, after=1)

    async def revoke_token(self) -> None:
        self.fake.revoke_token()

    async def go_offline(self) -> None:
        await self.fake.go_offline()

    async def come_back(self) -> None:
        await self.fake.come_back()


@pytest.fixture
async def fake(host: MemoryHost) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(clock=host.clock) as server:
        yield server


@pytest.fixture
def emulator(fake: FakeDiscord) -> DiscordEmulator:
    return DiscordEmulator(fake)


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost(public_url="https://bots.example.com")


@pytest.fixture
async def adapter(emulator: DiscordEmulator, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = emulator.adapter(host)
    await adapter.start()
    yield adapter
    await adapter.stop()


@pytest.fixture
def courier(adapter: Adapter, host: MemoryHost) -> Courier:
    return Courier(adapter, host.clock)


class TestContract(AdapterContract):
    @pytest.fixture
    def emulator(self, fake: FakeDiscord) -> DiscordEmulator:
        return DiscordEmulator(fake)

    def rings(self, emulator: Emulator) -> list[str]:
        assert isinstance(emulator, DiscordEmulator)
        return [name for message in emulator.fake.sent for name in message.rang]


def _conversation(place: FakeChannel) -> Conversation:
    if place.user is not None:
        return Conversation(channel="support", room=str(place.id))
    if place.parent_id:
        return Conversation(channel="support", room=str(place.parent_id), thread=str(place.id), kind="group")
    return Conversation(channel="support", room=str(place.id), kind="group")


def _part(adapter: Adapter, place: FakeChannel, text: str, **more: Any) -> Part:
    where = _conversation(place)
    return Part(id="p", conversation=where, payload=adapter.render(OutMessage(text=text), where)[0].payload, **more)


class TestGateway:
    async def test_d1_a_resume_brings_what_was_missed_and_nothing_twice(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "one")
        await host.event(0)
        fake.gateway.close(4000)
        fake.say("Ada", "two")
        await host.event(1)
        fake.say("Ada", "three")
        await host.event(2)
        assert [event.text for event in host.events] == ["one", "two", "three"]
        assert (len(fake.gateway.identifies), len(fake.gateway.resumes), host.repeats) == (1, 1, [])

    async def test_what_was_read_and_not_stored_comes_again_at_a_resume(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "one")
        await host.event(0)
        host.full = 10_000
        fake.say("Ada", "two")
        fake.say("Ada", "three")
        await host.until(lambda: host.state == "degraded", "a store that is busy")
        await adapter.stop()
        host.full = 0
        await adapter.start()
        await host.event(2)
        assert [event.text for event in host.events] == ["one", "two", "three"]

    async def test_what_was_written_while_the_process_was_down_is_read_when_it_is_back(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        thread = fake.thread(emulator.general, "Order 7")
        places = (fake.dm("Ada"), emulator.general, thread)
        first = emulator.adapter(host)
        await first.start()
        for place in places:
            fake.say("Ada", "before", place)
        await host.event(2)
        await first.stop()
        for place in places:
            fake.say("Ada", "one", place)
            fake.say("Ada", "@Desk two", place)
        second = emulator.adapter(host)
        await second.start()
        await host.event(8)
        missed = host.events[3:]
        for place in places:
            told = [(e.text, e.addressed) for e in missed if e.conversation.key == _conversation(place).key]
            assert told == (
                [("one", "dm"), ("@Desk two", "dm")] if place.user else [("one", "none"), ("@Desk two", "mention")]
            )
        fake.say("Ada", "after")
        await host.event(9)
        assert (host.repeats, len(fake.gateway.resumes)) == ([], 0)
        await second.stop()

    async def test_d2_a_request_to_reconnect_is_followed_at_once(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.gateway.ask_to_reconnect()
        fake.say("Ada", "meanwhile")
        assert (await host.event(0)).text == "meanwhile"
        assert len(fake.gateway.resumes) == 1

    @pytest.mark.parametrize("resumable", [True, False])
    async def test_d3_an_invalid_session_is_resumed_or_opened_anew(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, *, resumable: bool
    ) -> None:
        fake.gateway.invalidate(resumable=resumable)
        await host.until(lambda: len(fake.gateway.identifies) + len(fake.gateway.resumes) == 2, "a second connection")
        await fake.wait_for(lambda: fake.gateway.connected)
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"
        assert len(fake.gateway.resumes) == resumable

    async def test_a_session_that_cannot_be_resumed_is_replaced(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.gateway.forget_sessions()
        fake.gateway.close(4000)
        await host.until(lambda: len(fake.gateway.identifies) == 2, "a new session")
        await fake.wait_for(lambda: fake.gateway.connected)
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"

    async def test_d4_a_connection_that_fell_silent_is_replaced(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Discord, "heartbeat_timeout_s", 0.3)
        fake.gateway.heartbeat_ms = 60_000
        fake.gateway.acknowledges = False
        adapter = emulator.adapter(host)
        await adapter.start()
        await host.until(lambda: fake.gateway.resumes, "a resume")
        await adapter.stop()

    async def test_heartbeats_name_the_last_event(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        fake.gateway.heartbeat_ms = 20
        adapter = emulator.adapter(host)
        await adapter.start()
        await fake.wait_for(lambda: fake.gateway.heartbeats >= 3)
        assert host.state == "ok"
        await adapter.stop()

    async def test_d5_a_token_that_was_reset_is_fatal_and_says_what_to_do(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.revoke_token()
        await host.until(lambda: host.state == "fatal", "fatal health")
        assert "Bot page" in host.health[-1].detail

    async def test_d6_a_refused_intent_is_named(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        hold = fake.hold(path="GET /gateway/bot")
        adapter = emulator.adapter(host)
        starting = asyncio.create_task(adapter.start())
        await hold.reached.wait()
        fake.world.flags = 0
        hold.release()
        with pytest.raises(ChannelFatal, match="Message Content"):
            await starting
        await adapter.stop()

    async def test_without_the_intent_it_runs_and_says_what_it_cannot_read(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        fake.world.flags = 0
        adapter = emulator.adapter(host)
        await adapter.start()
        assert host.state == "ok"
        assert "switch on Message Content" in host.health[-1].detail
        for text in ("lunch?", "@Desk where is it?"):
            fake.say("Ada", text, emulator.general)
        fake.say("Ada", "and in private")
        await host.event(2)
        assert [(e.kind, e.text, e.addressed) for e in host.events] == [
            ("unsupported", "", "none"),
            ("message", "@Desk where is it?", "mention"),
            ("message", "and in private", "dm"),
        ]
        await adapter.stop()

    async def test_a_start_without_network_keeps_trying(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        adapter = emulator.adapter(host)
        await fake.go_offline()
        await adapter.start()
        assert host.state == "degraded"
        await fake.come_back()
        await host.until(lambda: host.state == "ok", "health ok")
        fake.say("Ada", "hello")
        assert (await host.event(0)).text == "hello"
        await adapter.stop()

    async def test_no_session_left_for_today_is_waited_out(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        fake.rest.sessions_left = 0
        adapter = emulator.adapter(host)
        await adapter.start()
        assert host.state == "degraded"
        assert fake.gateway.identifies == []
        fake.rest.sessions_left = 1000
        await host.clock.advance(14_400)
        await host.until(lambda: host.state == "ok", "health ok")
        await adapter.stop()

    async def test_a_poisoned_event_is_kept_and_passed(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.raw_event("MESSAGE_REACTION_ADD", {"user_id": "1"})
        fake.raw_event("MESSAGE_CREATE", {})
        fake.raw_event("GUILD_CREATE", {"id": None, "channels": "?", "roles": [3]})
        fake.raw_event("SOMETHING_NEW", {"x": 1})
        fake.say("Ada", "after it")
        await host.until(lambda: host.of_kind("message"))
        assert [event.kind for event in host.events] == ["quarantined", "quarantined", "message"]

    async def test_commands_are_registered_once(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        for _ in range(2):
            adapter = emulator.adapter(host)
            await adapter.start()
            await adapter.stop()
        assert [command["name"] for command in fake.world.commands] == ["help", "reset"]
        assert len(fake.called("PUT /applications")) == 1


class TestReceiving:
    async def test_a_thread_is_a_conversation_of_its_own_in_its_channel(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        thread = fake.thread(emulator.general, "Order 7")
        assert (await host.event(kind="thread_started")).text == "Order 7"
        said = fake.say("Ada", "@Desk where is it?", thread)
        event = await host.event(kind="message")
        assert (event.conversation.key, event.conversation.title) == (_conversation(thread).key, "Order 7")
        await courier.deliver(OutMessage(text="here", reply_to=event.message_id), event.conversation)
        (answer,) = fake.sent
        assert (answer.channel_id, answer.reply_to, answer.rang) == (thread.id, said.id, [])

    async def test_a_thread_nobody_announced_is_looked_up(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        guild = fake.world.guilds[emulator.general.guild_id]
        thread = fake.world.add_channel(guild, "old", parent=emulator.general)
        fake.say("Ada", "hello", thread)
        event = await host.event(0)
        assert (event.conversation.room, event.conversation.thread) == (str(emulator.general.id), str(thread.id))

    async def test_mentions_are_read_as_people_write_them(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", f"@Desk tell @Bob in <#{emulator.general.id}> <:wave:77>", emulator.general)
        event = await host.event(0)
        assert event.text == "@Desk tell @Bob in #general :wave:"
        assert set(event.mentions) == {str(fake.user("Bob").id), "4242"}

    async def test_the_bots_own_role_is_the_bot(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "@&Desk help", emulator.general)
        event = await host.event(0)
        assert (event.addressed, event.text) == ("mention", "@Desk help")

    async def test_previews_are_no_edits_and_edits_come_once(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        said = fake.say("Ada", "see https://example.com")
        fake.unfurl(said)
        fake.edit(said, "never mind")
        fake.unfurl(said)
        fake.say("Ada", "end")
        await host.until(lambda: [e for e in host.events if e.text == "end"])
        assert [event.kind for event in host.events] == ["message", "edit", "message"]

    async def test_a_deleted_message_is_named(self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost) -> None:
        said = fake.say("Ada", "oops")
        fake.delete(said)
        event = await host.event(kind="delete")
        assert (event.target_id, event.conversation) == (str(said.id), host.events[0].conversation)

    async def test_what_a_webhook_posts_is_a_bots_word(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Feed", "news", emulator.general, extra={"webhook_id": "5"})
        assert (await host.event(0)).sender.is_bot

    async def test_notices_of_discord_are_nobodys_message(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.say("Ada", "", emulator.general, kind=7)
        event = await host.event(0)
        assert (event.kind, event.detail, event.addressed) == ("unsupported", "service:7", "none")

    async def test_an_expired_address_of_a_file_is_renewed(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        said = fake.send_file("Ada", b"a,b\n", name="orders.csv")
        (attachment,) = (await host.event(0)).attachments
        said.files[0].expired = True
        assert b"".join([chunk async for chunk in adapter.fetch(attachment)]) == b"a,b\n"

    async def test_a_file_elsewhere_is_not_loaded(self, adapter: Adapter) -> None:
        foreign = Attachment(kind="file", remote="1/2/3 http://169.254.169.254/latest/meta-data")
        with pytest.raises(NotFound):
            async for _ in adapter.fetch(foreign):
                pass

    async def test_reactions_go_out_and_come_in(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        said = fake.say("Ada", "hello")
        where = (await host.event(0)).conversation
        for emoji in ("👀", "✅", ""):
            await adapter.react(where, str(said.id), emoji)
            assert [e for e, people in said.reactions.items() if people] == [e for e in (emoji,) if e]
        await courier.deliver(OutMessage(text="hi"), where)
        fake.react("Ada", fake.sent[0], "👍")
        event = await host.event(kind="reaction")
        assert (event.status, event.target_id) == ("👍", str(fake.sent[0].id))


class TestInteractions:
    async def test_d7_a_press_is_answered_as_soon_as_it_is_stored(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        row = ((Button(label="Yes", value="y"),),)
        await courier.deliver(OutMessage(text="ok?", buttons=row), _conversation(fake.dm("Ada")))
        host.gate = asyncio.Event()
        pressed = fake.press("Ada", fake.sent[0], "Yes")
        await asyncio.sleep(0.05)
        assert pressed.state == "open"
        host.gate.set()
        event = await host.event(kind="action")
        await fake.wait_for(lambda: pressed.state == "answered")
        await adapter.acknowledge(event, "Approved.")
        await adapter.acknowledge(event, "Approved.")
        assert [(m.content, m.seen_by) for m in fake.sent[1:]] == [("Approved.", fake.user("Ada").id)]

    async def test_d9_a_press_somebody_else_answered_is_left_alone(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        await courier.deliver(
            OutMessage(text="ok?", buttons=((Button(label="Yes", value="y"),),)), _conversation(fake.dm("Ada"))
        )
        fake.fail(status=400, code=40060, message="Interaction has already been acknowledged.", path="callback")
        pressed = fake.press("Ada", fake.sent[0], "Yes")
        pressed.state = "answered"
        event = await host.event(kind="action")
        await adapter.acknowledge(event, "Noted.")
        assert fake.texts()[-1] == "Noted."
        assert host.state == "ok"

    async def test_a_command_is_answered_in_its_place(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        used = fake.command("Ada", "help")
        event = await host.event(kind="command")
        assert (event.command, event.addressed, event.message_id) == ("help", "dm", str(used.id))
        await fake.wait_for(lambda: fake.thinking)
        await courier.deliver(OutMessage(text="I can do this."), event.conversation)
        await courier.deliver(OutMessage(text="And that."), event.conversation)
        assert (fake.texts(), fake.thinking) == (["I can do this.", "And that."], [])
        assert used.response is fake.sent[0]

    async def test_a_command_in_a_server_is_answered_to_its_author_alone(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        fake.command("Ada", "help", emulator.general)
        event = await host.event(kind="command")
        assert event.addressed == "command"
        await fake.wait_for(lambda: fake.thinking)
        await courier.deliver(OutMessage(text="to somebody else"), event.conversation)
        await courier.deliver(OutMessage(text="I can do this.", reply_to=event.message_id), event.conversation)
        assert [(m.content, m.seen_by) for m in fake.sent] == [
            ("I can do this.", fake.user("Ada").id),
            ("to somebody else", 0),
        ]

    async def test_a_command_with_no_answer_stops_thinking(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        fake.command("Ada", "reset")
        event = await host.event(kind="command")
        await fake.wait_for(lambda: fake.thinking)
        await host.until(lambda: not fake.thinking, "no more thinking")
        await courier.deliver(OutMessage(text="late"), event.conversation)
        assert fake.texts() == ["late"]

    @pytest.mark.parametrize("how", ["expired", "deleted"])
    async def test_d8_when_its_place_is_gone_the_answer_is_a_message(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier, how: str
    ) -> None:
        used = fake.command("Ada", "help")
        event = await host.event(kind="command")
        await fake.wait_for(lambda: fake.thinking)
        if how == "expired":
            used.at_s -= 1000
        elif used.response is not None:
            used.response.deleted = True
        await courier.deliver(OutMessage(text="here"), event.conversation)
        assert fake.texts() == ["here"]

    async def test_d10_a_form_goes_out_is_filled_in_and_comes_back(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        several = FormField(
            name="tags",
            label="Tags",
            kind="choice",
            many=True,
            options=(Option(label="Alpha", value="a"), Option(label="Beta", value="b")),
        )
        text = FormField(name="why", label="Why", kind="paragraph", required=True, least=2, most=90, initial="It broke")
        form = Form(value="in:f:token", title="Report", fields=(text, several))
        await courier.deliver(OutMessage(text="Please:", form=form), _conversation(fake.dm("Ada")))
        pressed = fake.press("Ada", fake.sent[-1], "Fill in")
        event = await host.event(kind="action")
        assert event.action is not None
        assert (event.action.opens, event.action.value, pressed.state) == (True, "in:f:token", "open")
        assert await adapter.open_form(event, form)
        assert pressed.dialog is not None
        assert [label["label"] for label in pressed.dialog["components"]] == ["Why", "Tags"]
        fake.submit(pressed, {"Tags": ["Alpha", "Beta"]})
        sent = await host.event(1, "action")
        assert sent.action is not None
        assert (sent.action.sent, sent.action.value) == (True, "in:f:token")
        assert sent.action.fields == {"why": "It broke", "tags": ["a", "b"]}
        assert sent.action.message_id == event.action.message_id

    async def test_d10_a_form_that_comes_too_late_leaves_no_press_spinning(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        form = Form(value="f", title="Report", fields=(FormField(name="why", label="Why"),))
        await courier.deliver(OutMessage(form=form), _conversation(fake.dm("Ada")))
        pressed = fake.press("Ada", fake.sent[-1], "Fill in")
        event = await host.event(kind="action")
        await host.until(lambda: pressed.state == "answered", "the press received")
        assert not await adapter.open_form(event, form)
        assert pressed.dialog is None

    async def test_d10_a_form_that_nobody_opens_is_received_at_once(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        form = Form(value="f", title="Report", fields=(FormField(name="why", label="Why"),))
        await courier.deliver(OutMessage(form=form), _conversation(fake.dm("Ada")))
        pressed = fake.press("Ada", fake.sent[-1], "Fill in")
        await adapter.acknowledge(await host.event(kind="action"), "This question is for somebody else.")
        assert (pressed.state, fake.sent[-1].content) == ("answered", "This question is for somebody else.")

    async def test_d10_a_form_of_an_older_kind_brings_its_answers(self, adapter: Adapter) -> None:
        payload = {
            "id": "1573261620019200001",
            "token": "t",
            "type": 5,
            "channel_id": "5",
            "user": {"id": "7", "username": "ada", "global_name": "Ada"},
            "data": {
                "custom_id": "form:1",
                "components": [
                    {"type": 1, "components": [{"type": 4, "custom_id": "why", "value": "broken"}]},
                    {"type": 18, "component": {"type": 4, "custom_id": "when", "value": "today"}},
                ],
            },
        }
        (event,) = adapter.parse({"t": "INTERACTION_CREATE", "d": payload})
        assert event.action is not None
        assert (event.action.value, event.action.fields) == ("form:1", {"why": "broken", "when": "today"})


class TestByHttp:
    """Interactions posted to `/api/bots/webhook/discord/{channel}`."""

    @staticmethod
    def _request(body: bytes, headers: dict[str, str], method: str = "POST") -> HttpRequest:
        return HttpRequest(method=method, path="/", headers=headers, body=body)

    async def test_a_ping_is_answered_and_stored_nowhere(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        body = b'{"type": 1, "id": "1", "application_id": "4242"}'
        answer = await adapter.webhook(self._request(body, fake.signed(body)))
        assert (answer.status, json.loads(answer.body), answer.content_type) == (200, {"type": 1}, "application/json")
        assert host.events == []

    async def test_a_command_is_stored_and_deferred_in_one_answer(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        fake.interact_by_http = True
        used = fake.command("Ada", "help", emulator.general)
        ((_, payload),) = fake.posts
        body = json.dumps(payload).encode()
        await adapter.webhook(self._request(body, fake.signed(body)))
        answer = await adapter.webhook(self._request(body, fake.signed(body)))
        fake.answered_by_http(used, json.loads(answer.body))
        (event,) = host.events
        assert len(host.repeats) == 1
        await courier.deliver(OutMessage(text="I can do this.", reply_to=event.message_id), event.conversation)
        assert [(m.content, m.seen_by) for m in fake.sent] == [("I can do this.", fake.user("Ada").id)]
        assert fake.called("callback") == []

    async def test_d10_a_form_is_opened_in_the_answer(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        form = Form(value="f", title="Report", fields=(FormField(name="why", label="Why"),))
        await courier.deliver(OutMessage(form=form), _conversation(fake.dm("Ada")))
        fake.interact_by_http = True
        used = fake.press("Ada", fake.sent[-1], "Fill in")
        ((_, payload),) = fake.posts
        body = json.dumps(payload).encode()
        asked = asyncio.create_task(adapter.webhook(self._request(body, fake.signed(body))))
        assert await adapter.open_form(await host.event(kind="action"), form)
        fake.answered_by_http(used, json.loads((await asked).body))
        assert used.dialog is not None
        assert used.dialog["title"] == "Report"

    async def test_c17_what_is_not_signed_by_discord_now_is_refused(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        body = b'{"type": 1}'
        good = fake.signed(body)
        now = int(host.clock.now().timestamp())
        wrong: list[dict[str, str]] = [
            {},
            {**good, "x-signature-ed25519": ""},
            {**good, "x-signature-ed25519": "00" * 64},
            {**good, "x-signature-ed25519": "zz"},
            {**good, "x-signature-timestamp": str(now + 1)},
            {**good, "x-signature-timestamp": "gehéim\udcff"},
            {**good, "x-signature-timestamp": ""},
            fake.signed(b'{"type": 2}'),
            fake.signed(body, timestamp=str(now - 301)),
            fake.signed(body, timestamp=str(now + 301)),
            fake.signed(body, timestamp="yesterday"),
        ]
        for headers in wrong:
            with pytest.raises(BadSignature):
                await adapter.webhook(self._request(body, headers))
        assert (await adapter.webhook(self._request(body, good))).status == 200
        assert host.events == []

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1]", b"null", b"[" * 100_000])
    async def test_what_is_no_interaction_is_400(self, fake: FakeDiscord, adapter: Adapter, body: bytes) -> None:
        assert (await adapter.webhook(self._request(body, fake.signed(body)))).status == 400

    async def test_c18_a_body_of_ten_megabytes_is_413(self, fake: FakeDiscord, adapter: Adapter) -> None:
        assert (await adapter.webhook(self._request(b" " * 10_000_000, {}))).status == 413

    async def test_only_posts_are_taken(self, adapter: Adapter) -> None:
        assert (await adapter.webhook(self._request(b"", {}, "GET"))).status == 405

    async def test_the_key_may_stand_in_the_file(
        self, fake: FakeDiscord, emulator: DiscordEmulator, host: MemoryHost
    ) -> None:
        adapter = emulator.adapter(host, public_key="00" * 32)
        await adapter.start()
        with pytest.raises(BadSignature):
            await adapter.webhook(self._request(b"{}", fake.signed(b"{}")))
        await adapter.stop()


class TestSending:
    async def test_d11_a_missing_permission_is_named(self, emulator: DiscordEmulator, adapter: Adapter) -> None:
        emulator.general.writable = False
        with pytest.raises(SendFailed, match="Send Messages"):
            await adapter.send(_part(adapter, emulator.general, "x"))

    async def test_a_person_who_takes_no_messages_is_gone(self, fake: FakeDiscord, adapter: Adapter) -> None:
        fake.user("Ada").accepts_dms = False
        with pytest.raises(ChatGone, match="no direct messages"):
            await adapter.send(_part(adapter, fake.dm("Ada"), "x"))

    async def test_a_server_the_bot_left_is_gone(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.leave(emulator.guild)
        assert (await host.event(kind="member")).status == "removed"
        with pytest.raises(ChatGone):
            await adapter.send(_part(adapter, emulator.general, "x"))

    async def test_d12_a_part_sent_again_is_one_message(
        self, fake: FakeDiscord, adapter: Adapter, courier: Courier
    ) -> None:
        part = _part(adapter, fake.dm("Ada"), "once")
        first, second = await adapter.send(part), await adapter.send(part)
        assert first == second
        assert fake.texts() == ["once"]
        assert len(nonce_of("run_0198f3a4c5d67e8f9012345678901234/2.17")) == 25

    async def test_a_part_sent_again_an_hour_later_is_found_in_the_channel(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        place = fake.dm("Ada")
        part = _part(adapter, place, "**once**", created_at=host.clock.micros())
        fake.drop_after()
        with pytest.raises(AdapterError):
            await adapter.send(part)
        await host.clock.advance(3600)
        again = _part(adapter, place, "**once**", created_at=part.created_at, attempts=2)
        assert (await adapter.send(again)).message_id == str(fake.sent[0].id)
        assert fake.texts() == ["**once**"]

    async def test_d13_an_archived_thread_is_opened_again(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter
    ) -> None:
        thread = fake.thread(emulator.general)
        thread.archived = True
        await adapter.send(_part(adapter, thread, "still here"))
        assert (fake.texts(thread.id), thread.archived) == (["still here"], False)

    async def test_d14_no_part_is_longer_than_discord_takes(self, fake: FakeDiscord, courier: Courier) -> None:
        text = "x" * 1999 + "😀" * 3000 + "\n\n" + "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 400
        outcomes = await courier.deliver(OutMessage(text=text), _conversation(fake.dm("Ada")))
        assert {outcome.state for outcome in outcomes} == {"sent"}
        assert "".join(fake.texts()).count("😀") == 3000

    @pytest.mark.parametrize("allowed", [True, False])
    async def test_a_voice_message_is_one_or_else_a_file_beside_the_text(
        self, fake: FakeDiscord, courier: Courier, host: MemoryHost, allowed: bool
    ) -> None:
        host.files["v"] = b"OggS"
        voice = Attachment(kind="voice", name="v.ogg", mime="audio/ogg", size_bytes=4, duration_s=2.5, file_id="v")
        if not allowed:
            fake.fail(status=403, code=50173, message="You cannot send voice messages", after=1, path="/messages")
        message = OutMessage(text="It is on its way.", attachments=(voice,))
        outcomes = await courier.deliver(message, _conversation(fake.dm("Ada")))
        assert [outcome.state for outcome in outcomes] == ["sent", "sent"]
        text, sound = fake.sent
        assert (text.text, text.files) == ("It is on its way.", [])
        assert [(file.data, file.duration_s) for file in sound.files] == [(b"OggS", 2.5 if allowed else 0)]
        assert bool(sound.flags & (1 << 13)) is allowed

    async def test_a_sound_of_unknown_length_is_a_file(
        self, fake: FakeDiscord, courier: Courier, host: MemoryHost
    ) -> None:
        host.files["v"] = b"ID3"
        sound = Attachment(kind="voice", name="v.mp3", mime="audio/mpeg", size_bytes=3, file_id="v")
        await courier.deliver(OutMessage(text="Listen", attachments=(sound,)), _conversation(fake.dm("Ada")))
        (message,) = fake.sent
        assert (message.text, [file.name for file in message.files]) == ("Listen", ["v.mp3"])

    async def test_d14_no_message_has_more_than_forty_components(
        self, fake: FakeDiscord, courier: Courier, host: MemoryHost
    ) -> None:
        host.files["p"] = b"png"
        picture = Attachment(kind="image", name="a b.png", mime="image/png", size_bytes=3, file_id="p")
        rows = tuple(tuple(Button(label=f"{r}{c}", value=f"{r}{c}") for c in range(5)) for r in range(2))
        cards = [Card(title=f"Order {n}", image=picture, buttons=rows if n < 4 else ()) for n in range(9)]
        outcomes = await courier.deliver(OutMessage(cards=tuple(cards)), _conversation(fake.dm("Ada")))
        assert {outcome.state for outcome in outcomes} == {"sent"}
        assert "".join(message.text for message in fake.sent).count("Order") == 9
        assert all(len(list(all_components(message.components))) <= 40 for message in fake.sent)
        assert sum(len(message.files) for message in fake.sent) == 9

    async def test_d14_a_card_longer_than_discord_takes_is_text_with_its_picture(
        self, fake: FakeDiscord, courier: Courier, host: MemoryHost
    ) -> None:
        host.files["p"] = b"png"
        picture = Attachment(kind="image", name="a.png", mime="image/png", size_bytes=3, file_id="p")
        card = Card(title="Order 7", text="word " * 1500, image=picture)
        outcomes = await courier.deliver(OutMessage(cards=(card,)), _conversation(fake.dm("Ada")))
        assert {outcome.state for outcome in outcomes} == {"sent"}
        assert sum(message.content.count("word") for message in fake.sent) == 1500
        assert fake.sent[-1].files[0].name == "a.png"

    async def test_a_message_of_cards_can_become_text(
        self, fake: FakeDiscord, adapter: Adapter, courier: Courier
    ) -> None:
        where = _conversation(fake.dm("Ada"))
        (outcome,) = await courier.deliver(OutMessage(cards=(Card(title="Order 7"),)), where)
        text = adapter.render(OutMessage(text="It is **gone**."), where)[0].payload
        part = Part(id="p", conversation=where, payload=text, message_id=outcome.part.message_id, edit_of="x")
        assert (await courier.send(part)).state == "sent"
        assert [message.text for message in fake.sent] == ["It is **gone**."]

    async def test_only_those_a_message_is_meant_for_are_rung(self, fake: FakeDiscord, courier: Courier) -> None:
        ada, bob = fake.user("Ada"), fake.user("Bob")
        where = _conversation(fake.dm("Ada"))
        mentions = (Mention(id=str(ada.id), name="Ada"),)
        await courier.deliver(OutMessage(text=f"<@{bob.id}> @everyone", mentions=mentions), where)
        assert fake.sent[-1].rang == [ada.username]
        assert f"<@{ada.id}>" in fake.sent[-1].content

    async def test_limits_that_are_known_are_not_run_into(self, emulator: DiscordEmulator, host: MemoryHost) -> None:
        async with FakeDiscord(clock=host.clock, buckets=True) as fake:
            emulator = DiscordEmulator(fake)
            adapter = emulator.adapter(host)
            await adapter.start()
            courier = Courier(adapter, host.clock)
            where = _conversation(fake.dm("Ada"))

            async def all_of_them() -> None:
                for number in range(14):
                    await courier.deliver(OutMessage(text=f"{number}"), where)

            sending = asyncio.create_task(all_of_them())
            await host.until(sending.done, "all messages")
            assert fake.texts() == [str(number) for number in range(14)]
            assert fake.refused == 0
            assert len(courier.waits_s) >= 2
            await adapter.stop()

    async def test_a_global_limit_holds_every_call_back(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        fake.rate_limit(1, 3, everywhere=True)
        for place in (emulator.general, fake.dm("Ada")):
            with pytest.raises(RateLimited) as caught:
                await adapter.send(_part(adapter, place, "x"))
            assert caught.value.retry_after_s == 3.0
        assert len(fake.called("POST /channels")) == 1
        await host.clock.advance(3)
        await adapter.send(_part(adapter, fake.dm("Ada"), "x"))

    async def test_a_late_edit_of_a_stream_does_not_replace_the_answer(
        self, fake: FakeDiscord, emulator: DiscordEmulator, adapter: Adapter, courier: Courier
    ) -> None:
        where = _conversation(emulator.general)
        (first,) = await courier.deliver(OutMessage(text="Let ▌"), where)
        hold = fake.hold(path="PATCH /channels")
        turn = asyncio.create_task(adapter.update(first.part, "Let me see ▌"))
        await hold.reached.wait()
        turn.cancel()
        final = asyncio.create_task(
            courier.send(_part(adapter, emulator.general, "Let me see: done.", message_id=first.part.message_id))
        )
        await asyncio.sleep(0.05)
        hold.release()
        assert (await final).state == "sent"
        assert fake.texts() == ["Let me see: done."]
        assert fake.sent[0].edits == ["Let ▌", "Let me see ▌"]

    async def test_a_streamed_message_somebody_deleted_is_sent_anew(
        self, fake: FakeDiscord, emulator: DiscordEmulator, courier: Courier, host: MemoryHost
    ) -> None:
        (first,) = await courier.deliver(OutMessage(text="one ▌"), _conversation(emulator.general))
        fake.delete(fake.sent[0])
        await host.clock.advance(400)  # Discord no longer remembers the nonce
        assert (await courier.send(first.part)).state == "sent"
        assert fake.texts() == ["one ▌"]

    async def test_a_decided_question_loses_its_buttons(
        self, fake: FakeDiscord, adapter: Adapter, courier: Courier
    ) -> None:
        place = fake.dm("Ada")
        row = (
            (Button(label="Approve", value="y", style="primary"), Button(label="Reject", value="n", style="danger")),
            (Button(label="Details", value="", url="https://example.com/42"), Button(label="Broken", value="")),
        )
        (asked,) = await courier.deliver(OutMessage(text="Refund?", buttons=row), _conversation(place))
        assert fake.sent[0].labels == ["Approve", "Reject", "Details"]
        assert "▸ Broken" in fake.sent[0].content
        decided = _part(adapter, place, "Refund? Approved.", edit_of="p1", message_id=asked.part.message_id)
        assert (await courier.send(decided)).state == "sent"
        assert (fake.sent[0].content, fake.sent[0].labels) == ("Refund? Approved.", [])

    async def test_c21_nobody_is_rung_in_a_server_either(
        self, fake: FakeDiscord, emulator: DiscordEmulator, courier: Courier
    ) -> None:
        said = fake.say("Bob", "hello", emulator.general)
        words = f"@everyone @here <@{said.author.id}> <@&{emulator.guild.bot_role}>"
        message = OutMessage(text=words, reply_to=str(said.id))
        (outcome,) = await courier.deliver(message, _conversation(emulator.general))
        edited = msgspec.structs.replace(outcome.part, payload={"content": f"{words}!"})
        assert (await courier.send(edited)).state == "sent"
        assert (fake.sent[0].content, fake.sent[0].rang) == (f"{words}!", [])

    async def test_files_leave_with_the_text(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        host.files = {f"f{number}": b"%d" % number for number in range(12)}
        files = tuple(
            Attachment(kind="image", name=f"{number}.png", mime="image/png", size_bytes=1, file_id=f"f{number}")
            for number in range(12)
        )
        await courier.deliver(OutMessage(text="Sales", attachments=files), _conversation(fake.dm("Ada")))
        assert [(m.content, len(m.files)) for m in fake.sent] == [("Sales", 10), ("", 2)]
        assert fake.sent[0].files[3].data == b"3"

    async def test_links_have_no_preview_and_silent_messages_no_sound(
        self, fake: FakeDiscord, courier: Courier
    ) -> None:
        await courier.deliver(OutMessage(text="https://example.com", silent=True), _conversation(fake.dm("Ada")))
        assert fake.sent[0].flags == 4 + 4096

    async def test_typing_shows_and_its_errors_stay_inside(
        self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost
    ) -> None:
        where = _conversation(fake.dm("Ada"))
        fake.rate_limit(1, 30, path="typing")
        for _ in range(3):
            await adapter.typing(where)
        assert len(fake.called("typing")) == 1
        await host.clock.advance(30)
        await adapter.typing(where)
        assert fake.world.typing == [fake.dm("Ada").id]

    async def test_no_error_shows_the_token(self, fake: FakeDiscord, adapter: Adapter, host: MemoryHost) -> None:
        await fake.go_offline()
        with pytest.raises(AdapterError) as caught:
            await adapter.send(_part(adapter, fake.dm("Ada"), "x"))
        error: BaseException | None = caught.value
        while error is not None:
            assert fake.token not in repr(error)
            error = None if error.__suppress_context__ else (error.__cause__ or error.__context__)
        await host.until(lambda: host.state == "degraded")
        assert all(fake.token not in health.detail for health in host.health)
        await fake.come_back()
