"""What the fake Slack tells a bot, and what the adapter sends, judged by Slack's own types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adapters.slack import Slack
from botkit.core.events import Attachment
from botkit.core.messages import Button, Card, Fact, Form, FormField, Option, OutMessage, Part, Select
from botkit.engine import COMMANDS
from botkit.sdk import Adapter, SetupFor
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.slack import FakeSlack
from tests.adapters.slack.emulator import SlackEmulator, a_channel, conversation_of
from tests.interop.environments import Environments
from tests.interop.schemas import SLACK, SLACK_API, SLACK_MANIFEST, SLACK_PACKAGES, Schemas

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

_MESSAGES = (
    "Plain.",
    "**bold** _it_ `code` <!channel> <@U1>\n\n```python\nprint(1)\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "unbalanced **bold [link](\n```\nno end",
    "long " * 5000,
)
_LINK = "https://shop.example"
_METHODS = {
    "chat.postMessage": "ChatPostMessageArguments",
    "chat.update": "ChatUpdateArguments",
    "chat.postEphemeral": "ChatPostEphemeralArguments",
    "chat.startStream": "ChatStartStreamArguments",
    "chat.appendStream": "ChatAppendStreamArguments",
    "chat.stopStream": "ChatStopStreamArguments",
    "agents.sessions.setStatus": "AgentsSessionsSetStatusArguments",
    "assistant.threads.setTitle": "AssistantThreadsSetTitleArguments",
    "assistant.threads.setSuggestedPrompts": "AssistantThreadsSetSuggestedPromptsArguments",
}


@pytest.fixture(scope="module")
def schemas(installed: Environments) -> Schemas:
    return Schemas(installed, *SLACK_PACKAGES)


@pytest.fixture
async def fake(host: MemoryHost) -> AsyncIterator[FakeSlack]:
    async with FakeSlack(clock=host.clock) as server:
        yield server


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost(public_url="https://bots.example.com")


@pytest.fixture
async def adapter(fake: FakeSlack, host: MemoryHost) -> AsyncIterator[Adapter]:
    adapter = SlackEmulator(fake).adapter(host, suggested_prompts=("Where is my order?",))
    await adapter.start()
    yield adapter
    await adapter.stop()


async def test_what_the_fake_tells_is_what_slack_tells(schemas: Schemas, fake: FakeSlack) -> None:
    general = fake.channel("general")
    said = fake.say("Ada", "@Desk hello & <b> https://example.com")
    asked = fake.say("Ada", "@Desk where?", general)
    fake.say("Bob", "in the thread", general, thread=asked)
    fake.say(fake.person("Robot", is_bot=True), "beep", general)
    fake.edit(said, "changed")
    fake.unfurl(said)
    fake.react("Bob", said, "eyes")
    fake.delete(said)
    fake.send_file("Ada", b"x", name="a.txt")
    fake.send_file("Ada", b"x", name="v.webm", mime="audio/webm", voice_s=2)
    root = fake.open_assistant("Ada")
    fake.look_at("Ada", root, general)
    root.status = "processing"
    fake.stop("Ada", root)
    told = [delivery.payload["event"] for delivery in fake.outbox.deliveries]
    assert {event["type"] for event in told} == {
        *("message", "app_mention", "reaction_added", "agent_session_stopped"),
        *("assistant_thread_started", "assistant_thread_context_changed"),
    }
    for event in told:
        assert schemas.faults_of(_typed(event), SLACK, "SlackEvent") == [], event


def _typed(event: dict[str, Any]) -> dict[str, Any]:
    """The types want of a message inside of an event what Slack tells of the event alone."""
    around = {name: event[name] for name in ("event_ts", "channel", "channel_type") if name in event}
    inside = {name: {**event[name], **around} for name in ("message", "previous_message") if name in event}
    return {**event, **inside}


async def test_what_the_adapter_sends_is_what_slack_reads(
    schemas: Schemas, fake: FakeSlack, adapter: Adapter, host: MemoryHost
) -> None:
    courier = Courier(adapter, host.clock)
    room = fake.channel("talk")
    place = conversation_of(room)
    rows = ((Button(label="Yes", value="y", style="primary"), Button(label="More", value="", url="https://x.example")),)
    host.files["f"] = b"1"
    for text in _MESSAGES:
        await courier.deliver(OutMessage(text=text, buttons=rows), place)
    options = tuple(Option(label=name, value=name.lower(), about="a city") for name in ("Rome", "Oslo", "Paris"))
    one = Select(value="none", label="Where to?", options=options)
    fields = (
        FormField(name="street", label="Street"),
        FormField(name="pieces", label="Pieces", kind="number"),
        FormField(name="size", label="Size", kind="choice", options=options),
    )
    form = Form(value="order:1", title="Your order", fields=fields)
    card = Card(title="Tea", text="**Green**", facts=(Fact(label="Price", value="3 €"),), buttons=rows, url=_LINK)
    for message in (
        OutMessage(text="A trip.", selects=(one,)),
        OutMessage(selects=(msgspec.structs.replace(one, least=0, most=3),)),
        OutMessage(text="To order:", form=form),
        OutMessage(text="What we have:", cards=(card, card)),
    ):
        outcomes = await courier.deliver(message, place)
        assert {outcome.state for outcome in outcomes} == {"sent"}
    fake.press("Ada", next(m for m in reversed(fake.sent) if form.open_label in m.labels), form.open_label)
    assert await adapter.open_form(await host.event(kind="action"), form)
    (opened,) = fake.called("views.open")
    assert schemas.faults_of(msgspec.json.decode(opened.args["view"]), SLACK, "ModalView") == []
    (first,) = await courier.deliver(OutMessage(text="draft"), place)
    await adapter.update(first.part, "draft of more ▌")
    await courier.deliver(OutMessage(text="for you", visible_to=fake.person("Ada").id), place)
    await courier.deliver(OutMessage(attachments=(Attachment(kind="file", name="a.csv", file_id="f"),)), place)
    root = fake.open_assistant("Ada")
    fake.say("Ada", "where is my order?", root.room, thread=root)
    await fake.wait_for(lambda: root.title and root.prompts)
    thread = conversation_of(root.room, root.ts)
    await adapter.typing(thread)
    begun = OutMessage(text="The answer to this ", streaming=True, asked_by=fake.person("Ada").id)
    part = Part(id="p", conversation=thread, payload=adapter.render(begun, thread)[0].payload)
    part = msgspec.structs.replace(part, message_id=(await adapter.send(part)).message_id)
    await adapter.update(part, "The answer to this question is ")
    final = adapter.render(OutMessage(text="The answer to this question is 42.", buttons=rows), thread)[0]
    await adapter.send(msgspec.structs.replace(part, payload=final.payload))
    checked: set[str] = set()
    for call in fake.calls:
        if call.method in _METHODS:
            checked.add(call.method)
            assert schemas.faults_of(call.args, SLACK_API, _METHODS[call.method]) == [], call.args
        blocks: list[Any] = call.args.get("blocks") or []
        for block in blocks:
            assert schemas.faults_of(block, SLACK, "KnownBlock") == [], block
    assert checked == set(_METHODS)


@pytest.mark.parametrize("mode", ["socket", "events"])
def test_the_manifest_is_one(schemas: Schemas, mode: Any) -> None:
    config = a_channel(mode=mode, suggested_prompts=("Where is my order?",))
    about = SetupFor(
        channel="far", name="Order Desk", commands=tuple(COMMANDS), address="https://bots.example.com/hook"
    )
    manifest: Any = msgspec.json.decode(Slack.setup(config, about).document)
    # Newer than this list of events; that it exists is what `SlackEvent` says.
    manifest["settings"]["event_subscriptions"]["bot_events"].remove("agent_session_stopped")
    assert schemas.faults_of(manifest, SLACK_MANIFEST, "Manifest") == []
    manifest["oauth_config"]["scopes"]["bot"].append("everything:do")
    assert schemas.faults_of(manifest, SLACK_MANIFEST, "Manifest") != []
