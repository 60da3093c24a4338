"""What our fake platforms tell a bot, and what our adapters send, judged by the types others wrote for them."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from botkit.core.config.models import DiscordChannel, SecretRef
from botkit.core.events import Attachment, Conversation
from botkit.core.messages import (
    Button,
    Card,
    Fact,
    Form,
    FormField,
    Mention,
    Option,
    OutMessage,
    Part,
    Select,
)
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.clock import ManualClock
from botkit.testing.discord import FakeDiscord
from botkit.testing.discord import people as discord_people
from botkit.testing.telegram import FakeTelegram
from botkit.testing.telegram import people as telegram_people
from tests.adapters.test_discord import DiscordEmulator
from tests.interop.environments import Environments
from tests.interop.schemas import DISCORD, TELEGRAM, Schemas

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def schemas(installed: Environments) -> Schemas:
    return Schemas(installed)


# --- Telegram -----------------------------------------------------------------------------------------------


_TELEGRAM_KINDS = (
    *("message", "edited_message", "callback_query", "my_chat_member", "chat_member", "message_reaction"),
    "stopped_message_generation",
)
_FILES = ("document", "photo", "video", "audio", "voice", "animation", "sticker", "video_note")
_OTHERS: tuple[tuple[str, Any], ...] = (
    ("dice", {"emoji": "🎲", "value": 3}),
    ("location", {"latitude": 48.2, "longitude": 16.3}),
    ("contact", {"phone_number": "+4312345", "first_name": "Eve"}),
)


def _everything_people_do(fake: FakeTelegram) -> set[str]:
    """Every deed the fake has, in all its forms; returns their names."""
    fake.queue.allowed = _TELEGRAM_KINDS
    group, forum = fake.group(), fake.group("Forum", forum=True)
    first = fake.say("Ada", "/start hello @desk_bot https://example.com #tag 👩‍👩‍👧")
    fake.say("Bob", "in reply", group, reply_to=fake.say("Ada", "in a group", group))
    fake.say("Ada", "in a topic", forum, thread=fake.topic(forum, "Orders"))
    fake.say(fake.user("Robot", is_bot=True), "beep", group)
    for kind in _FILES:
        fake.send_file("Ada", kind=kind, caption="" if kind in {"voice", "sticker", "video_note"} else "see *this*")
    for number in range(2):
        fake.send_file("Ada", kind="photo", album="album", name=f"{number}.jpg")
    for kind, media in _OTHERS:
        fake.send_other("Ada", kind, media)
    fake.edit(first, "changed")
    fake.react("Ada", first, "👍")
    fake.react("Ada", first, "")
    fake.join("Eve", group)
    fake.leave("Eve", group)
    fake.block("Ada")
    fake.unblock("Ada")
    fake.migrate(fake.group("Old", basic=True))
    fake.kick_bot(group)
    return {*("dm", "group", "topic", "user", "say", "send_file", "send_other", "edit", "react", "join", "leave")} | {
        *("block", "unblock", "migrate", "kick_bot", "expire_callbacks"),
        *("press", "stop_generation"),  # in the test: they need something the bot showed
    }


async def _call(fake: FakeTelegram, method: str, **arguments: Any) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{fake.api_base}/bot{fake.token}/{method}", json=arguments) as answer,
    ):
        body = await answer.json()
    assert body["ok"], body
    return body["result"]


async def test_every_update_of_the_fake_telegram_is_one(schemas: Schemas) -> None:
    async with FakeTelegram() as fake:
        done = _everything_people_do(fake)
        chat = fake.dm("Ada").id
        keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
        shown = await _call(fake, "sendMessage", chat_id=chat, text="Sure?", reply_markup=keyboard)
        fake.press("Ada", fake.sent[-1], "Yes")
        await _call(fake, "sendMessageDraft", chat_id=chat, draft_id=7, text="so far", can_stop=True)
        fake.stop_generation("Ada")
        fake.expire_callbacks()
        kinds = {key for update in fake.queue.history for key in update} - {"update_id"}
        assert kinds == set(_TELEGRAM_KINDS)
        for update in fake.queue.history:
            assert (update, schemas.faults_of(update, TELEGRAM, "Update")) == (update, [])
        assert schemas.faults_of(shown, TELEGRAM, "Message") == []
        me = await _call(fake, "getMe")
        assert schemas.faults_of(me, TELEGRAM, "UserFromGetMe") == []
    deeds = inspect.getmembers(telegram_people.People, inspect.isfunction)
    assert {name for name, _ in deeds if not name.startswith("_")} == done


async def test_the_schema_of_updates_tells_wrong_ones(schemas: Schemas) -> None:
    async with FakeTelegram() as fake:
        fake.say("Ada", "hello")
        (update,) = fake.queue.history
        update["message"]["chat"].pop("type")
        assert schemas.faults_of(update, TELEGRAM, "Update")


ROWS = ((Button(label="Yes", value="y"), Button(label="No", value="n", style="danger")),)
MENU = Select(value="none", label="Letter", options=(Option(label="Alpha", value="a"), Option(label="Beta", value="b")))
FORM = Form(
    value="form",
    title="Report",
    fields=(
        FormField(name="why", label="Why", kind="paragraph", required=True, about="In your words", least=2, most=90),
        FormField(name="tags", label="Tags", kind="choice", many=True, options=MENU.options),
        FormField(name="sure", label="Sure", kind="checkbox"),
    ),
)
ANSWERS: dict[str, str | bool | list[str]] = {"Why": "It broke", "Tags": ["Alpha"], "Sure": True}
CARD = Card(
    title="Order 7",
    text="**On** its way",
    facts=(Fact(label="Status", value="sent"),),
    buttons=((Button(label="Track", value="t"), Button(label="Open", value="o", url="https://example.com/7")),),
    url="https://example.com/7",
)

# --- Discord ------------------------------------------------------------------------------------------------


@pytest.fixture
async def discord() -> AsyncIterator[tuple[FakeDiscord, DiscordEmulator, MemoryHost, Any]]:
    """A fake Discord, and the adapter that is connected to it."""
    host = MemoryHost(clock=ManualClock())
    async with FakeDiscord(clock=host.clock) as fake:
        emulator = DiscordEmulator(fake)
        adapter = emulator.adapter(host)
        assert isinstance(adapter.config, DiscordChannel)
        assert isinstance(adapter.config.token, SecretRef)
        await adapter.start()
        await host.until(lambda: host.state == "ok")
        yield fake, emulator, host, adapter
        await adapter.stop()


async def test_every_event_of_the_fake_gateway_is_one(schemas: Schemas, discord: Any) -> None:
    fake, _, host, adapter = discord
    guild = fake.guild("Shop")
    general = fake.channel(guild, "general")
    thread = fake.thread(general, "Order 7")
    said = fake.say("Ada", "hello")
    fake.say("Bob", "@Desk and @&Desk", general, reply_to=fake.say("Ada", "lunch?", general))
    fake.say("Ada", "there", thread)
    fake.say(fake.user("Robot", bot=True), "beep", general)
    fake.send_file("Ada", text="see")
    fake.send_file("Ada", voice_s=2.5, name="voice-message.ogg", mime="audio/ogg")
    fake.edit(said, "changed")
    fake.react("Ada", said, "👍")
    event = await host.event(0)
    where = event.conversation
    courier = Courier(adapter, host.clock)
    await courier.deliver(OutMessage(text="Sure?", buttons=ROWS, reply_to=event.message_id), where)
    fake.press("Ada", fake.sent[-1], "Yes")
    await courier.deliver(OutMessage(text="Which?", selects=(MENU,)), where)
    fake.choose("Ada", fake.sent[-1], "Beta")
    pressed = await _dialog(fake, host, courier, where)
    fake.submit(pressed, ANSWERS)
    fake.unfurl(said)
    await fake.wait_for(lambda: fake.world.commands)
    fake.command("Ada", "help", general)
    fake.delete(said)
    fake.leave(guild)
    (session,) = fake.gateway.sessions.values()
    kinds = {payload["t"] for payload in session.events}
    assert kinds >= {"READY", "GUILD_CREATE", "CHANNEL_CREATE", "THREAD_CREATE", "INTERACTION_CREATE"}
    assert kinds >= {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_REACTION_ADD", "GUILD_DELETE"}
    for payload in session.events:
        faults = schemas.faults_of(payload, DISCORD, _dispatch_type(payload["t"]))
        assert (payload["t"], faults, payload["d"]) == (payload["t"], [], payload["d"])

    deeds = {name for name, _ in inspect.getmembers(discord_people.People, inspect.isfunction) if name[0] != "_"}
    setting = {"user", "dm", "raw_event"}  # who and where; and what need not be an event at all
    tried = {*("guild", "channel", "thread", "leave", "say", "send_file", "edit", "unfurl", "delete", "react")}
    assert deeds == setting | tried | {"press", "choose", "submit", "command"}


async def _dialog(fake: FakeDiscord, host: MemoryHost, courier: Courier, where: Conversation) -> Any:
    """Open the form, as somebody who presses its button."""
    (outcome,) = await courier.deliver(OutMessage(text="Please:", form=FORM), where)
    assert (outcome.state, outcome.error) == ("sent", "")
    pressed = fake.press("Ada", fake.sent[-1], FORM.open_label)
    opens = await host.until(lambda: [e for e in host.of_kind("action") if e.action is not None and e.action.opens])
    assert await courier.adapter.open_form(opens[-1], FORM)
    return pressed


def _dispatch_type(name: str) -> str:
    """`MESSAGE_CREATE` → `GatewayMessageCreateDispatch`."""
    return f"Gateway{''.join(word.capitalize() for word in name.split('_'))}Dispatch"


# The generator cannot say the types of webhooks' bodies, which have the fields of the channels' ones.
_BODIES = (
    ("POST", r"/channels/\d+/messages", "RESTPostAPIChannelMessageJSONBody"),
    ("PATCH", r"/channels/\d+/messages/\d+", "RESTPatchAPIChannelMessageJSONBody"),
    ("POST", r"/interactions/\d+/[^/]+/callback", "RESTPostAPIInteractionCallbackJSONBody"),
    ("PATCH", r"/webhooks/\d+/[^/]+/messages/@original", "RESTPatchAPIChannelMessageJSONBody"),
    ("POST", r"/webhooks/\d+/[^/]+", "RESTPostAPIChannelMessageJSONBody"),
    ("POST", r"/users/@me/channels", "RESTPostAPICurrentUserCreateDMChannelJSONBody"),
)


async def test_what_the_adapter_sends_is_what_discord_reads(schemas: Schemas, discord: Any) -> None:
    fake, emulator, host, adapter = discord
    await emulator.say("hello")
    where = (await host.event(0)).conversation
    courier = Courier(adapter, host.clock)
    host.files["f"] = b"a,b\n"
    (asked,) = await courier.deliver(OutMessage(text="**Sure?**", buttons=ROWS, silent=True), where)
    await courier.deliver(OutMessage(text="Which?", selects=(MENU,)), where)
    await courier.deliver(OutMessage(text="Yours:", cards=(CARD, CARD)), where)
    await courier.deliver(OutMessage(text="<@1> look", mentions=(Mention(id="1", name="Eve"),)), where)
    await _dialog(fake, host, courier, where)
    file = Attachment(kind="file", name="a.csv", size_bytes=4, file_id="f")
    await courier.deliver(OutMessage(text="see", attachments=(file,)), where)
    await courier.deliver(OutMessage(text="| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx\n```" * 40), where)
    edited = Part(id="run.e", conversation=where, payload=asked.part.payload, message_id=asked.part.message_id)
    await adapter.send(edited)
    await emulator.press("Yes")
    await host.event(kind="action")
    fake.command("Ada", "help", fake.channel(fake.guild("Shop"), "general"))
    command = await host.event(kind="command")
    answered = Conversation(channel=where.channel, room=command.conversation.room, kind=command.conversation.kind)
    await courier.deliver(OutMessage(text="**Help**", reply_to=command.message_id), answered)
    seen: set[str] = set()
    for call in fake.calls:
        for method, path, name in _BODIES:
            if call.method == method and re.fullmatch(path, call.path):
                seen.add(name)
                assert (call.path, schemas.faults_of(call.body, DISCORD, name), call.body) == (call.path, [], call.body)
        if call.method == "PUT" and call.path.endswith("/commands"):
            name = "RESTPutAPIApplicationCommandsJSONBody"
            seen.add(name)
            assert schemas.faults_of(call.body["_"], DISCORD, name) == []
    assert seen >= {
        "RESTPostAPIChannelMessageJSONBody",
        "RESTPatchAPIChannelMessageJSONBody",
        "RESTPostAPIInteractionCallbackJSONBody",
        "RESTPutAPIApplicationCommandsJSONBody",
    }
