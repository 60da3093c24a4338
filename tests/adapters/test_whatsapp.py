"""The WhatsApp channel against the adapter contract, by both carriers, and what only WhatsApp has (W1 … W14)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from twilio.request_validator import RequestValidator  # pyright: ignore[reportMissingTypeStubs]

from adapters.whatsapp import WhatsApp
from botkit.core.config.models import SecretRef, WhatsAppChannel
from botkit.core.errors import BadSignature, BotkitError, ChannelFatal, SendFailed
from botkit.core.events import Attachment, Conversation
from botkit.core.messages import Button, OutMessage, Part, Template
from botkit.sdk.adapter import Adapter, HttpRequest
from botkit.testing.adapters import AdapterContract, Courier, Emulator, MemoryHost, Seen
from botkit.testing.whatsapp import FakeCloud, FakeMessage, FakeTwilio, FakeWhatsApp
from botkit.testing.whatsapp.world import code_blocks

PUBLIC = "https://bots.example"
HOOK = f"{PUBLIC}/api/bots/webhook/whatsapp/shop"


def cloud_config(fake: FakeCloud, **settings: Any) -> WhatsAppChannel:
    return WhatsAppChannel(
        platform="whatsapp",
        bot="helper",
        dm_policy="open",
        provider="cloud",
        phone_number_id=fake.number_id,
        access_token=SecretRef(secret="TOKEN"),
        verify_token=SecretRef(secret="VERIFY"),
        app_secret=SecretRef(secret="APP"),
        api_base=fake.api_base,
        **settings,
    )


def twilio_config(fake: FakeTwilio, **settings: Any) -> WhatsAppChannel:
    return WhatsAppChannel(
        platform="whatsapp",
        bot="helper",
        dm_policy="open",
        provider="twilio",
        account_sid=fake.account_sid,
        auth_token=SecretRef(secret="TOKEN"),
        number=fake.number,
        api_base=fake.api_base,
        **settings,
    )


class WhatsAppEmulator(Emulator):
    """A fake number as the contract drives it. WhatsApp has no groups, edits or other bots for us."""

    cannot = frozenset({"C7", "C8", "C9", "C10", "C14"})
    inert_words = ()

    def __init__(self, fake: FakeWhatsApp):
        self.fake = fake
        fake.person("Ada")
        fake.person("Bob")

    def adapter(self, host: MemoryHost, **settings: Any) -> Adapter:
        fake = self.fake
        host.public_url = PUBLIC
        host.secrets["TOKEN"] = fake.token if isinstance(fake, FakeCloud | FakeTwilio) else ""
        host.secrets["VERIFY"], host.secrets["APP"] = FakeCloud.verify_token, FakeCloud.app_secret
        if isinstance(fake, FakeTwilio):
            fake.public = HOOK

            async def fetch(url: str) -> bytes | None:
                return host.files.get(urlsplit(url).path.rsplit("/", 1)[-1])

            fake.fetch = fetch
            config = twilio_config(fake, **settings)
        else:
            assert isinstance(fake, FakeCloud)
            config = cloud_config(fake, **settings)
        adapter = WhatsApp("shop", config, host)

        async def push(request: HttpRequest) -> int:
            return (await adapter.webhook(request)).status

        fake.push = push
        return adapter

    def mention(self) -> str:
        raise AssertionError("no groups")

    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        return self.fake.say(who, text, reply_to=reply_to)

    async def bot_says(self, text: str) -> None:
        raise AssertionError("no other bots")

    async def edit(self, message_id: str, text: str) -> None:
        raise AssertionError("no edits")

    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        self.fake.send_file("Ada", data, kind=kind, name=name, size=claimed_bytes)

    async def press(self, label: str, *, who: str = "Ada") -> None:
        message = next(one for one in reversed(self.fake.sent) if label in one.labels)
        self.fake.press(who, message, label)

    async def unsupported(self) -> None:
        fake, ada = self.fake, self.fake.person("Ada")
        if isinstance(fake, FakeCloud):
            poll = {"type": "poll_update", "poll_update": {"x": 1}}
            fake.enqueue(fake.signed(fake.message(ada, fake.new_id("wamid."), poll)))
        elif isinstance(fake, FakeTwilio):
            fake.enqueue(fake.signed(fake.form(ada, fake.new_id("SM"))))

    async def malformed(self) -> None:
        fake, ada = self.fake, self.fake.person("Ada")
        if isinstance(fake, FakeCloud):
            fake.enqueue(fake.signed(fake.message(ada, "wamid.x", {"type": "text", "text": ["not an object"]})))
        elif isinstance(fake, FakeTwilio):
            fake.enqueue(fake.signed(fake.form(ada, "SMx", Latitude="north", Longitude="east")))

    async def redeliver(self) -> None:
        self.fake.redeliver()

    def expire_files(self) -> None:
        self.fake.files.clear()

    def seen(self) -> list[Seen]:
        return [
            Seen(one.text, one.id, one.person.name, one.labels, tuple(code_blocks(one.raw_text)))
            for one in self.fake.sent
        ]

    def previews(self) -> list[str]:
        return []

    def open_presses(self) -> int:
        return 0

    def requests(self) -> int:
        return len(self.fake.calls)

    def rate_limit(self, times: int, retry_after_s: int) -> None:
        self.fake.rate_limit(times, retry_after_s)

    def fail_after_effect(self) -> None:
        self.fake.fail(applied=True)

    def drop_answer(self) -> None:
        self.fake.drop_after()

    def refuse_second_send(self) -> None:
        self.fake.rate_limit(1, 2, after=1)

    async def revoke_token(self) -> None:
        self.fake.revoked = True

    async def go_offline(self) -> None:
        await self.fake.go_offline()

    async def come_back(self) -> None:
        await self.fake.come_back()


@pytest.fixture
async def cloud() -> AsyncIterator[FakeCloud]:
    async with FakeCloud() as fake:
        yield fake


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio() as fake:
        yield fake


class TestCloudContract(AdapterContract):
    @pytest.fixture
    def emulator(self, cloud: FakeCloud) -> WhatsAppEmulator:
        return WhatsAppEmulator(cloud)


class TestTwilioContract(AdapterContract):
    @pytest.fixture
    def emulator(self, twilio: FakeTwilio) -> WhatsAppEmulator:
        return WhatsAppEmulator(twilio)

    async def test_c15_a_file_is_fetched_or_refused_with_its_reason(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        """Twilio tells neither a file's name nor its size."""
        await emulator.send_file(b"a,b\n", name="orders.csv")
        (attachment,) = (await host.event(0)).attachments
        assert attachment.mime == "text/csv"
        assert b"".join([chunk async for chunk in adapter.fetch(attachment)]) == b"a,b\n"
        emulator.expire_files()
        with pytest.raises(BotkitError, match="gone"):
            async for _ in adapter.fetch(attachment):
                pass

    async def test_c16_a_voice_note_is_a_voice_with_its_length(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.send_file(b"ogg", kind="voice", name="v.ogg")
        (attachment,) = (await host.event(0)).attachments
        assert attachment.kind == "voice"


# --- what only WhatsApp has, by both carriers ---------------------------------------------------------------


@pytest.fixture(params=["cloud", "twilio"])
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator[WhatsAppEmulator]:
    fake: FakeWhatsApp = FakeCloud() if request.param == "cloud" else FakeTwilio()
    async with fake:
        yield WhatsAppEmulator(fake)


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost()


@pytest.fixture
async def start(emulator: WhatsAppEmulator, host: MemoryHost) -> AsyncIterator[Callable[..., Any]]:
    """Start the channel with these settings; returns the adapter."""
    started: list[Adapter] = []

    async def start(**settings: Any) -> Adapter:
        emulator.fake.clock = host.clock
        adapter = emulator.adapter(host, **settings)
        await adapter.start()
        started.append(adapter)
        return adapter

    yield start
    for adapter in started:
        await adapter.stop()


async def greeted(emulator: WhatsAppEmulator, host: MemoryHost) -> Conversation:
    await emulator.say("hello")
    return (await host.event(0)).conversation


Start = Callable[..., Any]


async def test_w1_after_24_hours_of_silence_a_message_fails_and_says_so(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    await host.clock.advance(24 * 3600 + 1)
    (outcome,) = await Courier(adapter, host.clock).deliver(OutMessage(text="Your parcel is here."), where)
    assert outcome.state == "failed"
    assert outcome.error.startswith("window_closed: 24 hours have passed")
    assert emulator.fake.sent == []


async def test_w1_with_a_template_the_message_goes_out_as_its_text(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    fake = emulator.fake
    if isinstance(fake, FakeCloud):
        fake.templates["news"] = 1
        adapter = await start(template={"name": "news", "language": "en_US"})
    else:
        assert isinstance(fake, FakeTwilio)
        fake.contents["HX1"] = {"kind": "template", "values": {}}
        adapter = await start(template={"name": "HX1"})
    where = await greeted(emulator, host)
    await host.clock.advance(24 * 3600 + 1)
    (outcome,) = await Courier(adapter, host.clock).deliver(OutMessage(text="Your parcel\n\nis here."), where)
    assert outcome.state == "sent"
    (message,) = fake.sent
    assert (message.kind, message.text) == ("template", "Your parcel is here.")


async def test_w1_a_message_that_names_a_template_is_sent_as_it_at_any_time(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    fake = emulator.fake
    name = "news" if isinstance(fake, FakeCloud) else "HX1"
    if isinstance(fake, FakeCloud):
        fake.templates[name] = 1
    else:
        assert isinstance(fake, FakeTwilio)
        fake.contents[name] = {"kind": "template", "values": {}}
    adapter = await start()
    where = await greeted(emulator, host)
    await host.clock.advance(24 * 3600 + 1)
    message = OutMessage(text="Your order A-7 is here.", template=Template(name=name, variables=("A-7",)))
    (outcome,) = await Courier(adapter, host.clock).deliver(message, where)
    assert (outcome.state, outcome.part.text) == ("sent", "Your order A-7 is here.")
    assert [(one.kind, one.text) for one in fake.sent] == [("template", "A-7")]


async def test_w2_a_status_report_names_the_part_and_why_it_failed(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    (outcome,) = await Courier(adapter, host.clock).deliver(OutMessage(text="hi"), where)
    (message,) = emulator.fake.sent
    report(emulator.fake, message, failed=True)
    event = await host.event(kind="delivery_status")
    assert (event.target_id, event.text, event.status) == (message.id, outcome.part.id, "failed")
    assert event.detail.startswith(("131047", "63016"))
    assert event.conversation.room in message.person.ids


async def test_w3_a_report_that_comes_before_the_answer_carries_the_parts_id(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    emulator.fake.drop_after()
    (outcome,) = await Courier(adapter, host.clock).deliver(OutMessage(text="once"), where)
    assert outcome.state == "unknown"
    report(emulator.fake, emulator.fake.sent[0])
    event = await host.event(kind="delivery_status")
    assert (event.text, event.status) == (outcome.part.id, "delivered")


async def test_w4_a_report_that_comes_twice_is_stored_once(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    await Courier(adapter, host.clock).deliver(OutMessage(text="hi"), where)
    for _ in range(2):
        report(emulator.fake, emulator.fake.sent[0])
    await emulator.say("next")
    await host.event(1, "message")
    assert len(host.of_kind("delivery_status")) == 1


def report(fake: FakeWhatsApp, message: FakeMessage, *, failed: bool = False) -> None:
    if isinstance(fake, FakeCloud):
        fake.status(message, "failed" if failed else "delivered", code=131047 if failed else 0, title="window")
    elif isinstance(fake, FakeTwilio):
        fake.status(message, "undelivered" if failed else "delivered", code=63016 if failed else 0)


async def test_w5_who_hides_their_number_is_known_and_reached_by_the_scoped_id(
    cloud: FakeCloud, host: MemoryHost
) -> None:
    cloud.person("Ada").hides_phone = True
    emulator = WhatsAppEmulator(cloud)
    adapter = emulator.adapter(host)
    await adapter.start()
    await emulator.say("hello")
    event = await host.event(0)
    assert event.sender.id == cloud.person("Ada").user_id
    await Courier(adapter, host.clock).deliver(OutMessage(text="hi"), event.conversation)
    assert cloud.sent[0].request["recipient"] == event.sender.id
    assert "to" not in cloud.sent[0].request
    await adapter.stop()


async def test_w6_a_changed_number_moves_the_conversation(cloud: FakeCloud, host: MemoryHost) -> None:
    emulator = WhatsAppEmulator(cloud)
    adapter = emulator.adapter(host)
    await adapter.start()
    ada = cloud.person("Ada")
    ada.user_id = ""
    system = {"body": "Ada changed her number", "wa_id": "15559990001", "type": "user_changed_number"}
    cloud.enqueue(cloud.signed(cloud.message(ada, "wamid.sys", {"type": "system", "system": system})))
    event = await host.event(0)
    assert (event.kind, event.status, event.target_id) == ("member", "migrated", "15559990001")
    assert event.conversation.room == ada.phone
    await adapter.stop()


async def refused(adapter: Adapter, request: HttpRequest) -> None:
    with pytest.raises(BadSignature):
        await adapter.webhook(request)


async def test_c17_a_wrong_stale_or_missing_signature_is_refused_and_nothing_is_stored(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    fake = emulator.fake
    assert isinstance(fake, FakeCloud | FakeTwilio)
    if isinstance(fake, FakeCloud):
        good = fake.signed(fake.message(fake.person("Ada"), "wamid.1", {"type": "text", "text": {"body": "x"}}))
        header = "x-hub-signature-256"
    else:
        good = fake.signed(fake.form(fake.person("Ada"), "SM1", Body="x"))
        header = "x-twilio-signature"
    for value in ("", "sha256=", "sha256=" + "0" * 64, "\udcff", good.headers[header][:-2] + "aa"):
        await refused(adapter, msgspec.structs.replace(good, headers={**good.headers, header: value}))
    await refused(adapter, msgspec.structs.replace(good, headers={}))
    await refused(adapter, msgspec.structs.replace(good, body=good.body + b"&A=1"))
    assert host.events == []
    assert (await adapter.webhook(good)).status == 200
    assert [event.text for event in host.events] == ["x"]


async def test_w7_behind_a_proxy_the_signature_counts_for_the_public_address(
    twilio: FakeTwilio, host: MemoryHost
) -> None:
    adapter = WhatsAppEmulator(twilio).adapter(host)
    await adapter.start()
    request = twilio.signed(twilio.form(twilio.person("Ada"), "SM1", Body="x"))
    await refused(adapter, msgspec.structs.replace(request, url="http://10.0.0.5:8080/hook"))
    assert (await adapter.webhook(request)).status == 200
    await adapter.stop()


async def test_w8_blank_and_spaced_fields_are_part_of_the_signature(twilio: FakeTwilio, host: MemoryHost) -> None:
    adapter = WhatsAppEmulator(twilio).adapter(host)
    await adapter.start()
    form = twilio.form(twilio.person("Ada"), "SM1", Body="  spaced  ", Empty="", ProfileName="Ada & Bob + é")
    assert (await adapter.webhook(twilio.signed(form))).status == 200
    (event,) = host.events
    assert (event.text, event.sender.name) == ("  spaced  ", "Ada & Bob + é")
    await adapter.stop()


async def test_w9_a_json_webhook_is_checked_by_the_digest_in_its_address(twilio: FakeTwilio, host: MemoryHost) -> None:
    adapter = WhatsAppEmulator(twilio).adapter(host)
    await adapter.start()
    body = json.dumps(twilio.form(twilio.person("Ada"), "SM1", Body="from json"))
    url = f"{HOOK}?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    signature: str = RequestValidator(twilio.token).compute_signature(url, {})  # pyright: ignore[reportUnknownMemberType]
    request = HttpRequest(
        method="POST",
        path="/",
        headers={"x-twilio-signature": signature, "content-type": "application/json"},
        query={"bodySHA256": url.rpartition("=")[2]},
        body=body.encode(),
        url=url,
    )
    assert (await adapter.webhook(request)).status == 200
    assert host.events[0].text == "from json"
    await refused(adapter, msgspec.structs.replace(request, body=body.replace("json", "evil").encode()))
    await adapter.stop()


async def test_w10_a_pressed_button_and_a_chosen_row_are_actions(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    courier = Courier(adapter, host.clock)
    for count in (2, 5):
        rows = tuple((Button(label=f"Choice {n}", value=f"v{count}:{n}"),) for n in range(count))
        await courier.deliver(OutMessage(text="Which one?", buttons=rows), where)
        await emulator.press("Choice 1")
    for number, value in enumerate(("v2:1", "v5:1")):
        event = await host.event(number, "action")
        assert event.action is not None
        assert (event.action.value, event.action.message_id) == (value, emulator.fake.sent[number].id)


async def test_w11_many_choices_are_a_list_and_more_are_numbered(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    courier = Courier(adapter, host.clock)

    async def offer(count: int) -> list[FakeMessage]:
        emulator.fake.sent.clear()
        rows = tuple((Button(label=f"Option number {n}", value=f"v{n}"),) for n in range(1, count + 1))
        outcomes = await courier.deliver(OutMessage(text="Which one?", buttons=rows), where)
        assert {outcome.state for outcome in outcomes} == {"sent"}
        return list(emulator.fake.sent)

    (four,) = await offer(4)
    assert "list" in four.kind
    assert len(four.labels) == 4
    numbered, *lists = await offer(11)
    assert numbered.text.splitlines()[-1] == "11. Option number 11"
    assert [label for one in lists for label in one.labels][-1] == "11. Option number 11"
    emulator.fake.press("Ada", lists[-1], "11. Option number 11")
    event = await host.event(kind="action")
    assert event.action is not None
    assert event.action.value == "v11"


async def test_w12_typing_answers_the_newest_message_and_its_failure_is_no_matter(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    await adapter.typing(where)
    assert emulator.fake.typing == [host.events[0].message_id]
    await emulator.go_offline()
    await adapter.typing(where)
    await adapter.typing(Conversation(channel="shop", room="nobody"))
    await emulator.come_back()


async def test_w13_a_pair_rate_limit_spaces_the_messages(cloud: FakeCloud, host: MemoryHost) -> None:
    emulator = WhatsAppEmulator(cloud)
    adapter = emulator.adapter(host)
    await adapter.start()
    where = await greeted(emulator, host)
    cloud.fail(code=131056, message="(Business Account, Consumer Account) pair rate limit hit")
    part = Part(id="p", conversation=where, payload=adapter.render(OutMessage(text="x"), where)[0].payload)
    with pytest.raises(BotkitError) as caught:
        await adapter.send(part)
    assert caught.value.retry_after_s == 6.0
    await adapter.stop()


async def test_commands_are_texts_that_begin_like_one(
    emulator: WhatsAppEmulator, host: MemoryHost, start: Start
) -> None:
    await start()
    for text in ("/reset", "/Help me", "/ not one", "1/2"):
        await emulator.say(text)
    await host.event(3)
    assert [(event.kind, event.command, event.text) for event in host.events] == [
        ("command", "reset", ""),
        ("command", "help", "me"),
        ("message", "", "/ not one"),
        ("message", "", "1/2"),
    ]


async def test_an_answer_to_our_message_says_so(emulator: WhatsAppEmulator, host: MemoryHost, start: Start) -> None:
    adapter = await start()
    where = await greeted(emulator, host)
    (outcome,) = await Courier(adapter, host.clock).deliver(OutMessage(text="hi"), where)
    await emulator.say("thanks", reply_to=outcome.part.message_id)
    event = await host.event(1, "message")
    assert event.reply_to is not None
    assert (event.reply_to.message_id, event.reply_to.is_ours) == (outcome.part.message_id, True)


async def test_without_a_public_address_the_channel_says_what_is_missing(
    emulator: WhatsAppEmulator, host: MemoryHost
) -> None:
    adapter = emulator.adapter(host)
    host.public_url = ""
    with pytest.raises(ChannelFatal, match="BOTKIT_PUBLIC_URL"):
        await adapter.start()


async def test_meta_asks_once_whether_the_address_is_ours(cloud: FakeCloud, host: MemoryHost) -> None:
    adapter = WhatsAppEmulator(cloud).adapter(host)
    await adapter.start()

    def question(token: str) -> HttpRequest:
        query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
        return HttpRequest(method="GET", path="/", headers={}, query=query)

    answer = await adapter.webhook(question(cloud.verify_token))
    assert (answer.status, answer.body) == (200, b"1158201444")
    await refused(adapter, question("wrong"))
    await adapter.stop()


async def test_a_refused_file_type_says_why(cloud: FakeCloud, host: MemoryHost) -> None:
    emulator = WhatsAppEmulator(cloud)
    adapter = emulator.adapter(host)
    await adapter.start()
    where = await greeted(emulator, host)
    host.files["f"] = b"MZ"
    cloud.fail(code=131053, message="Media upload error")
    odd = Attachment(kind="file", name="a.exe", size_bytes=2, file_id="f")
    (rendered,) = adapter.render(OutMessage(attachments=(odd,)), where)
    with pytest.raises(SendFailed, match="131053"):
        await adapter.send(Part(id="p", conversation=where, payload=rendered.payload))
    await adapter.stop()
