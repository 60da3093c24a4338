"""What every adapter must do, as tests to subclass, and a host small enough to see through.

    class TestDiscord(AdapterContract):
        @pytest.fixture
        async def emulator(self) -> AsyncIterator[Emulator]:
            async with FakeDiscord() as fake:
                yield DiscordEmulator(fake)

Each test is named by its case in the list of cases that all platforms share (C1 … C34); those that need the
whole engine are tested there. A case a platform cannot have is skipped by leaving its name in
`Emulator.cannot`.
"""

from __future__ import annotations

__all__ = ["AdapterContract", "Courier", "Emulator", "MemoryHost", "Outcome", "Seen", "refuse_connections"]

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec import structs

from botkit.core.errors import AdapterError, ChannelFatal, LimitReached, NotFound, RateLimited, SendUnknown, StoreBusy
from botkit.core.events import Attachment, Conversation, Event
from botkit.core.messages import (
    Button,
    Card,
    Fact,
    Form,
    FormField,
    Option,
    OutMessage,
    Part,
    PartState,
    Select,
)
from botkit.sdk.adapter import Adapter, Health
from botkit.testing.clock import ManualClock

_REAL_PATIENCE_S = 90.0  # only ends what never comes: a busy machine may need long


class MemoryHost:
    """An `AdapterHost` that keeps everything in lists. Events are unique by their dedupe key, as in the inbox."""

    def __init__(self, *, clock: ManualClock | None = None, public_url: str = ""):
        self.clock = clock or ManualClock()
        self.public_url = public_url
        self.commands: Sequence[tuple[str, str]] = (("help", "what I can do"), ("reset", "forget this conversation"))
        self.translated_commands: Mapping[str, Sequence[tuple[str, str]]] = {}
        self.events: list[Event] = []
        self.repeats: list[Event] = []
        """Events that came again and were not stored twice."""
        self.health: list[Health] = []
        self.secrets: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.answers: list[dict[str, Any]] = []
        self.full = 0
        """How many of the next events cannot be stored."""
        self.gate: asyncio.Event | None = None
        """While set and not released, storing waits."""
        self._changed = asyncio.Event()

    async def accept(self, event: Event) -> bool:
        if self.gate is not None:
            await self.gate.wait()
        if self.full:
            self.full -= 1
            raise StoreBusy("the test's store is busy")
        fresh = all(known.dedupe_key != event.dedupe_key for known in self.events)
        (self.events if fresh else self.repeats).append(event)
        self._wake()
        return fresh

    async def converse(self, event: Event, timeout_s: float) -> dict[str, Any]:
        """Stores it and answers with `answers`, one each; without one, the time is up."""
        await self.accept(event)
        return self.answers.pop(0) if self.answers else {"status": "running", "response": ""}

    async def secret(self, name: str) -> str:
        return self.secrets[name]

    def report(self, health: Health) -> None:
        self.health.append(health)
        self._wake()

    async def heard(self, limit: int = 500) -> list[Event]:
        return self.events[: -limit - 1 : -1]

    async def load_file(self, attachment: Attachment) -> bytes:
        return self.files[attachment.file_id]

    async def share_file(self, attachment: Attachment) -> str:
        return f"{self.public_url}/files/{attachment.file_id}"

    @property
    def state(self) -> str:
        """The channel's latest health."""
        return self.health[-1].state if self.health else "off"

    def of_kind(self, *kinds: str) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    async def until(self, found: Callable[[], Any], what: str = "the expected state") -> Any:
        """Wait until `found()` is true, letting time pass for whoever sleeps on the clock; returns its value.

        Raises:
            TimeoutError: with the events and the health so far.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _REAL_PATIENCE_S
        while not (value := found()):
            if loop.time() > deadline:
                kinds = [event.kind for event in self.events]
                raise TimeoutError(f"{what} did not come; events: {kinds}, health: {self.health[-3:]}")
            if self.clock.sleepers:
                await self.clock.advance(0.5)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await self._changed.wait()
        return value

    async def event(self, number: int = 0, kind: str = "") -> Event:
        """The event of that number (of a kind), once it is there."""

        def stored() -> list[Event]:
            return self.of_kind(kind) if kind else self.events

        await self.until(lambda: len(stored()) > number, f"event {number} {kind}")
        return stored()[number]

    def _wake(self) -> None:
        self._changed.set()


@dataclass(slots=True)
class Outcome:
    """What became of one part."""

    part: Part
    state: PartState
    attempts: int
    error: str = ""


@dataclass(slots=True)
class Courier:
    """Delivers as the outbox does: in order, waiting as told, never repeating what may have arrived."""

    adapter: Adapter
    clock: ManualClock
    attempt_limit: int = 8
    waits_s: list[float] = field(default_factory=list[float])
    count: int = 0

    async def deliver(self, message: OutMessage, conversation: Conversation) -> list[Outcome]:
        """Render and send; one outcome per part."""
        outcomes: list[Outcome] = []
        for index, rendered in enumerate(self.adapter.render(message, conversation)):
            self.count += 1
            part = Part(
                id=f"run.{self.count}",
                conversation=conversation,
                index=index,
                payload=rendered.payload,
                text=rendered.text,
            )
            outcomes.append(await self.send(part))
        return outcomes

    async def send(self, part: Part) -> Outcome:
        for attempt in range(1, self.attempt_limit + 1):
            try:
                receipt = await self.adapter.send(part)
            except SendUnknown as error:
                return Outcome(part, "unknown", attempt, str(error))
            except AdapterError as error:
                if not error.retryable:
                    return Outcome(part, "failed", attempt, f"{error.code}: {error}")
                wait_s = error.retry_after_s or 1.0
                self.waits_s.append(wait_s)
                await self.clock.sleep(wait_s)
            else:
                sent = Part(
                    id=part.id,
                    conversation=receipt.conversation or part.conversation,
                    payload=part.payload,
                    text=part.text,
                    state="sent",
                    message_id=receipt.message_id,
                )
                return Outcome(sent, "sent", attempt)
        return Outcome(part, "pending", self.attempt_limit)


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the bot as people see it now."""

    text: str
    message_id: str
    room: str
    labels: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    """The code blocks in it."""
    options: tuple[str, ...] = ()
    """What its menus offer."""
    files: tuple[str, ...] = ()
    """Names of the files and pictures in it."""


class Emulator(ABC):
    """A platform on loopback, driven as people would. `Ada` and `Bob` exist; so does one group they are in.

    Deeds return once the platform took them; what the adapter makes of them arrives at its host.
    """

    cannot: frozenset[str] = frozenset()
    """Case numbers this platform cannot have, such as `C6`."""
    inert_words: Sequence[str] = ("@everyone", "@bob_builder", "<!channel>")
    """What would ring people if it reached the platform as written."""

    @abstractmethod
    def adapter(self, host: MemoryHost) -> Adapter:
        """A new adapter for the account, not started; also puts its secrets into the host."""

    @abstractmethod
    def mention(self) -> str:
        """How people address the bot in a group."""

    @abstractmethod
    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        """Write a message, in private or in the group; returns its id."""

    @abstractmethod
    async def bot_says(self, text: str) -> None:
        """Another bot writes in the group."""

    @abstractmethod
    async def edit(self, message_id: str, text: str) -> None:
        """Ada changes a private message of hers."""

    @abstractmethod
    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        """Ada sends a file in private; `claimed_bytes` is the size the platform says."""

    @abstractmethod
    async def press(self, label: str, *, who: str = "Ada") -> None:
        """Press a button of the bot's newest message that has it."""

    async def choose(self, *labels: str, who: str = "Ada") -> None:
        """Choose options of the bot's newest menu, where the platform has menus; else press the button of that name."""
        for label in labels:
            await self.press(label, who=who)

    async def send_form(self, answers: Mapping[str, str | bool | list[str]], *, who: str = "Ada") -> None:
        """Fill in the form that was opened last, by the labels people read, and send it."""
        raise NotImplementedError("this platform has no forms")

    @abstractmethod
    async def unsupported(self) -> None:
        """Something happens that no adapter handles."""

    @abstractmethod
    async def malformed(self) -> None:
        """A payload arrives that has not the documented shape."""

    @abstractmethod
    async def redeliver(self) -> None:
        """The platform delivers its last event once more."""

    @abstractmethod
    def expire_files(self) -> None:
        """Links to files people sent are no longer valid."""

    @abstractmethod
    def seen(self) -> list[Seen]:
        """What the bot said and people still see, oldest first."""

    @abstractmethod
    def previews(self) -> list[str]:
        """Unfinished texts that people see now."""

    @abstractmethod
    def open_presses(self) -> int:
        """Pressed buttons that still spin."""

    @abstractmethod
    def requests(self) -> int:
        """Calls of the bot so far, of any kind."""

    @abstractmethod
    def rate_limit(self, times: int, retry_after_s: int) -> None: ...

    @abstractmethod
    def fail_after_effect(self) -> None:
        """The next send takes effect and is answered with a 5xx."""

    @abstractmethod
    def drop_answer(self) -> None:
        """The next send takes effect and is not answered."""

    @abstractmethod
    def refuse_second_send(self) -> None:
        """The send after the next one is answered with a rate limit."""

    @abstractmethod
    async def revoke_token(self) -> None: ...

    @abstractmethod
    async def go_offline(self) -> None: ...

    @abstractmethod
    async def come_back(self) -> None: ...


@contextlib.asynccontextmanager
async def refuse_connections(emulator: Emulator) -> AsyncGenerator[None]:
    """The platform cannot be reached inside of the block."""
    await emulator.go_offline()
    try:
        yield
    finally:
        await emulator.come_back()


def _dm(event: Event) -> Conversation:
    assert event.conversation.kind == "dm"
    return event.conversation


async def _in_background(work: Awaitable[Any]) -> asyncio.Task[Any]:
    async def run() -> Any:
        return await work

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    return task


class AdapterContract:
    """Subclass it, give it an `emulator` fixture, and add what is special about the platform."""

    @pytest.fixture
    def emulator(self) -> Any:
        raise NotImplementedError("give the contract an `emulator` fixture for your platform")

    @pytest.fixture
    def host(self) -> MemoryHost:
        return MemoryHost()

    @pytest.fixture
    async def adapter(self, emulator: Emulator, host: MemoryHost) -> AsyncIterator[Adapter]:
        adapter = emulator.adapter(host)
        await adapter.start()
        await host.until(lambda: host.state == "ok", "health ok")
        yield adapter
        await adapter.stop()
        assert host.state == "off"

    @pytest.fixture
    def courier(self, adapter: Adapter, host: MemoryHost) -> Courier:
        return Courier(adapter, host.clock)

    @pytest.fixture(autouse=True)
    def only_cases_it_can_have(self, request: pytest.FixtureRequest, emulator: Emulator) -> None:
        case = request.node.name.split("[")[0].split("_")[1].upper()
        if case in emulator.cannot:
            pytest.skip(f"{case} cannot happen on this platform")

    # --- inbound ----------------------------------------------------------------------------------------

    async def test_c1_an_event_that_comes_twice_is_stored_once(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.say("hello")
        await host.event(0)
        await emulator.redeliver()
        await emulator.say("and again")
        await host.event(1)
        assert [event.text for event in host.events] == ["hello", "and again"]
        assert [event.text for event in host.repeats] == ["hello"]

    async def test_c2_an_event_that_comes_again_after_a_restart_is_stored_once(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.say("hello")
        await host.event(0)
        await adapter.stop()
        await emulator.redeliver()
        await adapter.start()
        await emulator.say("next")
        await host.event(1)
        assert [event.text for event in host.events] == ["hello", "next"]

    async def test_c3_an_event_that_could_not_be_stored_is_delivered_again(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        host.full = 2
        await emulator.say("keep me")
        event = await host.event(0)
        assert event.text == "keep me"
        await host.until(lambda: host.state == "ok", "health ok again")

    async def test_c4_nothing_is_acknowledged_before_it_is_stored(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        host.gate = asyncio.Event()
        await emulator.say("slowly")
        await asyncio.sleep(0.05)
        await adapter.stop()
        assert host.events == []
        host.gate = None
        await adapter.start()
        assert (await host.event(0)).text == "slowly"

    async def test_c5_events_of_a_conversation_keep_their_order(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        for number in range(12):
            await emulator.say(f"{number}", who="Ada" if number % 3 else "Bob")
        await host.event(11)
        for name in {event.sender.name for event in host.events}:
            said = [int(event.text) for event in host.events if event.sender.name == name]
            assert said == sorted(said)

    async def test_c6_what_the_bot_says_is_not_taken_for_somebody_elses_word(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        await emulator.say("hello")
        await courier.deliver(OutMessage(text="hi"), _dm(await host.event(0)))
        await emulator.say("next")
        await host.until(lambda: [e for e in host.events if e.text == "next"])
        assert all(event.sender.is_self for event in host.events if event.text == "hi")

    async def test_c7_another_bot_is_known_as_one(self, emulator: Emulator, adapter: Adapter, host: MemoryHost) -> None:
        await emulator.bot_says("beep")
        assert (await host.event(0)).sender.is_bot

    async def test_c8_group_talk_is_overheard_and_not_addressed(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.say("lunch?", group=True)
        event = await host.event(0)
        assert (event.addressed, event.conversation.kind) == ("none", "group")

    async def test_c9_a_mention_or_a_reply_in_a_group_is_answered_there(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        await emulator.say(f"{emulator.mention()} where is my order?", group=True)
        event = await host.event(0)
        assert event.addressed == "mention"
        await courier.deliver(OutMessage(text="on its way", reply_to=event.message_id), event.conversation)
        (answer,) = emulator.seen()
        assert (answer.text, answer.room) == ("on its way", event.conversation.room)
        await emulator.say("thanks", group=True, reply_to=answer.message_id)
        event = (await host.until(lambda: [e for e in host.events if e.text == "thanks"]))[0]
        assert event.addressed == "reply"
        assert event.reply_to is not None
        assert (event.reply_to.is_ours, event.reply_to.excerpt) == (True, "on its way")

    async def test_c10_an_edit_names_the_message_and_its_new_text(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        message_id = await emulator.say("helo")
        await emulator.edit(message_id, "hello")
        edit = await host.event(kind="edit")
        assert (edit.text, edit.target_id) == ("hello", (await host.event(0)).message_id)

    async def test_c12_an_unknown_kind_is_an_event_and_not_a_crash(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.unsupported()
        await emulator.say("still there?")
        await host.until(lambda: host.of_kind("message"))
        assert [event.kind for event in host.events] == ["unsupported", "message"]
        assert host.events[0].detail

    async def test_c13_a_malformed_payload_is_kept_and_the_stream_goes_on(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.malformed()
        await emulator.say("still there?")
        await host.until(lambda: host.of_kind("message"))
        (kept,) = host.of_kind("quarantined")
        assert kept.raw

    @pytest.mark.parametrize(
        "words",
        [
            "\U0001f469\u200d\U0001f469\u200d\U0001f467 {} ping",
            "\u202bשלום\u202c {} \U0001f1e9\U0001f1ea",
            "e\u0301 {} \U0001f9d1\U0001f3fd\u200d\U0001f680 x",
        ],
    )
    async def test_c14_emoji_and_right_to_left_text_arrive_exactly(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, words: str
    ) -> None:
        text = words.format(emulator.mention())
        await emulator.say(text, group=True)
        event = await host.event(0)
        assert (event.text, event.addressed) == (text, "mention")

    async def test_c15_a_file_is_fetched_or_refused_with_its_reason(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.send_file(b"a,b\n", name="orders.csv")
        (attachment,) = (await host.event(0)).attachments
        assert (attachment.name, attachment.size_bytes) == ("orders.csv", 4)
        assert b"".join([chunk async for chunk in adapter.fetch(attachment)]) == b"a,b\n"

        limit = adapter.capabilities(_dm(host.events[0])).file_in_limit_bytes
        await emulator.send_file(b"x", claimed_bytes=limit + 1)
        (large,) = (await host.event(1)).attachments
        with pytest.raises(LimitReached):
            async for _ in adapter.fetch(large):
                pass
        emulator.expire_files()
        with pytest.raises(NotFound):
            async for _ in adapter.fetch(attachment):
                pass

    async def test_c16_a_voice_note_is_a_voice_with_its_length(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await emulator.send_file(b"ogg", kind="voice", name="v.ogg")
        (attachment,) = (await host.event(0)).attachments
        assert attachment.kind == "voice"
        assert attachment.duration_s > 0

    async def test_c17_a_refused_token_is_a_fatal_state_that_says_what_to_do(
        self, emulator: Emulator, host: MemoryHost
    ) -> None:
        adapter = emulator.adapter(host)
        await emulator.revoke_token()
        with pytest.raises(ChannelFatal, match="token"):
            await adapter.start()
        await adapter.stop()
        assert host.events == []

    # --- outbound ---------------------------------------------------------------------------------------

    async def _greeted(self, emulator: Emulator, host: MemoryHost) -> Conversation:
        await emulator.say("hello")
        return _dm(await host.event(0))

    async def test_c19_a_long_answer_is_split_and_its_code_stays_code(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        count = max(300, adapter.capabilities(where).text_limit // 10)
        lines = [f"print('line {number:04d}')" for number in range(count)]
        text = "Here is the script.\n\n```python\n" + "\n".join(lines) + "\n```\n\nThat is all."
        outcomes = await courier.deliver(OutMessage(text=text), where)
        seen = emulator.seen()
        assert len(seen) == len(outcomes) > 1
        assert [line for part in seen for block in part.code for line in block.splitlines()] == lines
        assert (seen[0].text[:8], seen[-1].text[-12:]) == ("Here is ", "That is all.")

    @pytest.mark.parametrize(
        "text", ["**bold _and `never closed", "[a](b", "```\nno end", "* * *\n_", "<b>x</i>", "\\", "| a |\n|--", "~~~"]
    )
    async def test_c20_unbalanced_markdown_is_accepted(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier, text: str
    ) -> None:
        (outcome,) = await courier.deliver(OutMessage(text=text), await self._greeted(emulator, host))
        assert (outcome.state, outcome.error) == ("sent", "")

    async def test_c21_words_that_ring_people_are_inert(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        words = "attention " + " ".join(emulator.inert_words)
        await courier.deliver(OutMessage(text=words), await self._greeted(emulator, host))
        (seen,) = emulator.seen()
        assert self.rings(emulator) == []
        assert seen.text.startswith("attention")

    def rings(self, emulator: Emulator) -> list[str]:
        """Whom the bot's messages rang; platforms that can tell override it."""
        return [word for word in emulator.inert_words for seen in emulator.seen() if f" {word} " in f" {seen.text} "]

    async def test_c22_a_rate_limit_is_waited_out_in_order(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        emulator.rate_limit(1, 7)
        sending = await _in_background(self._deliver_all(courier, where, "one", "two"))
        await host.until(sending.done, "both sends")
        assert courier.waits_s == [7.0]
        assert [seen.text for seen in emulator.seen()] == ["one", "two"]

    async def _deliver_all(self, courier: Courier, where: Conversation, *texts: str) -> list[Outcome]:
        return [outcome for text in texts for outcome in await courier.deliver(OutMessage(text=text), where)]

    async def test_c22_a_rate_limit_says_how_long(self, emulator: Emulator, adapter: Adapter, host: MemoryHost) -> None:
        where = await self._greeted(emulator, host)
        emulator.rate_limit(1, 7)
        part = Part(id="p", conversation=where, payload=adapter.render(OutMessage(text="x"), where)[0].payload)
        with pytest.raises(RateLimited) as caught:
            await adapter.send(part)
        assert caught.value.retry_after_s == 7.0

    async def test_c23_a_server_error_is_not_answered_by_a_second_message(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        emulator.fail_after_effect()
        sending = await _in_background(courier.deliver(OutMessage(text="once"), where))
        await host.until(sending.done, "the send")
        (outcome,) = sending.result()
        assert [seen.text for seen in emulator.seen()] == ["once"]
        native = adapter.capabilities(where).idempotent_send == "native"
        assert outcome.state == ("sent" if native else "unknown")

    async def test_c24_a_refused_connection_is_tried_again(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        part = Part(id="p", conversation=where, payload=adapter.render(OutMessage(text="later"), where)[0].payload)
        async with refuse_connections(emulator):
            with pytest.raises(AdapterError) as caught:
                await adapter.send(part)
        assert caught.value.retryable
        assert not isinstance(caught.value, SendUnknown)
        assert (await courier.send(part)).state == "sent"
        assert [seen.text for seen in emulator.seen()] == ["later"]

    async def test_c25_a_lost_answer_is_unknown_and_never_doubled(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        emulator.drop_answer()
        sending = await _in_background(courier.deliver(OutMessage(text="once"), where))
        await host.until(sending.done, "the send")
        (outcome,) = sending.result()
        assert [seen.text for seen in emulator.seen()] == ["once"]
        if adapter.capabilities(where).idempotent_send == "native":
            assert outcome.state == "sent"
        elif adapter.capabilities(where).idempotent_send == "lookup":
            assert await adapter.find(outcome.part) is not None
        elif adapter.capabilities(where).idempotent_send == "none":
            assert outcome.state == "unknown"

    async def test_c26_a_message_that_fails_half_way_goes_on_where_it_stopped(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        limit = adapter.capabilities(where).text_limit
        text = "\n\n".join(letter * (limit - 200) for letter in "abc")
        emulator.refuse_second_send()
        sending = await _in_background(courier.deliver(OutMessage(text=text), where))
        await host.until(sending.done, "all parts")
        assert [outcome.attempts for outcome in sending.result()] == [1, 2, 1]
        assert [seen.text[0] for seen in emulator.seen()] == ["a", "b", "c"]

    async def test_c27_a_stream_ends_as_one_message(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        match adapter.capabilities(where).stream:
            case "draft":
                await adapter.draft(where, 7, "The ans")
                await adapter.draft(where, 7, "The answer **is")
                assert len(emulator.previews()) == 1
                await courier.deliver(OutMessage(text="The answer **is** 42."), where)
            case "edit":
                (outcome,) = await courier.deliver(OutMessage(text="The ans"), where)
                await adapter.update(outcome.part, "The answer **is")
                final = adapter.render(OutMessage(text="The answer **is** 42."), where)[0]
                part = Part(id="p", conversation=where, payload=final.payload, message_id=outcome.part.message_id)
                assert (await courier.send(part)).state == "sent"
                assert (await courier.send(part)).state == "sent"  # saying it again changes nothing
            case _:
                await courier.deliver(OutMessage(text="The answer **is** 42."), where)
        assert [seen.text for seen in emulator.seen()] == ["The answer is 42."]
        assert emulator.previews() == []

    async def test_c29_a_file_goes_out_and_one_that_is_too_large_is_named(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        host.files["f1"] = b"a,b\n"
        limit = adapter.capabilities(where).file_out_limit_bytes
        small = Attachment(kind="file", name="orders.csv", mime="text/csv", size_bytes=4, file_id="f1")
        large = Attachment(kind="file", name="movie.mkv", mime="video/x-matroska", size_bytes=limit + 1, file_id="f2")
        outcomes = await courier.deliver(OutMessage(text="Here.", attachments=(small, large)), where)
        assert {outcome.state for outcome in outcomes} == {"sent"}
        said = "\n".join([*(seen.text for seen in emulator.seen()), *(outcome.part.text for outcome in outcomes)])
        assert "Here." in said
        assert "orders.csv" in said
        assert "movie.mkv is too large" in said

    async def test_c30_a_token_revoked_while_running_turns_the_channel_red_without_a_hot_loop(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        where = await self._greeted(emulator, host)
        await emulator.revoke_token()
        await host.until(lambda: host.state == "fatal", "fatal health")
        assert "token" in host.health[-1].detail
        before = emulator.requests()
        for _ in range(30):
            await host.clock.advance(10)
        assert emulator.requests() - before <= 5
        part = Part(id="p", conversation=where, payload=adapter.render(OutMessage(text="x"), where)[0].payload)
        with pytest.raises(ChannelFatal):
            await adapter.send(part)

    async def test_c31_the_channel_comes_back_with_the_network(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        async with refuse_connections(emulator):
            await host.until(lambda: host.state == "degraded", "degraded health")
            await host.clock.advance(600)
        await emulator.say("are you back?")
        await host.event(1)
        await host.until(lambda: host.state == "ok", "health ok")
        assert (await courier.deliver(OutMessage(text="yes"), where))[0].state == "sent"

    async def test_c32_stopping_keeps_what_was_not_stored(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost
    ) -> None:
        await adapter.stop()
        await emulator.say("while you were away")
        await adapter.start()
        assert (await host.event(0)).text == "while you were away"

    async def test_c33_a_button_pressed_twice_is_two_events_and_both_stop_spinning(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        button = Button(label="Approve", value="ok:y:4kX")
        await courier.deliver(OutMessage(text="Refund?", buttons=((button,),)), where)
        await emulator.press("Approve")
        await emulator.press("Approve")
        for number in range(2):
            event = await host.event(number, "action")
            assert event.action is not None
            assert event.action.value == "ok:y:4kX"
            await adapter.acknowledge(event, "noted")
            await adapter.acknowledge(event, "noted")
        await host.until(lambda: emulator.open_presses() == 0, "the end of the press")

    async def test_c34_a_button_works_after_a_restart_and_says_who_pressed_it(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        (outcome,) = await courier.deliver(
            OutMessage(text="Refund?", buttons=((Button(label="Approve", value="v"),),)), where
        )
        await adapter.stop()
        await adapter.start()
        await emulator.press("Approve", who="Bob")
        event = await host.event(kind="action")
        assert event.sender.name == "Bob"
        assert event.action is not None
        assert event.action.message_id == outcome.part.message_id

    # --- rich messages ----------------------------------------------------------------------------------

    async def test_r1_a_choice_is_the_same_event_by_menu_button_or_word(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        outcomes = await courier.deliver(OutMessage(text="A trip.", selects=(_CITIES,)), where)
        assert {outcome.state for outcome in outcomes} == {"sent"}
        shown = _everything(emulator)
        assert all(word in shown for word in ("A trip.", "Where to?", "Rome", "Oslo", "Paris"))
        can = adapter.capabilities(where)
        if not (can.selects or can.buttons):
            return
        await emulator.choose("Oslo")
        event = await host.event(kind="action")
        assert event.action is not None
        assert (event.action.value, event.action.chosen) == ("osl", ("osl",))
        assert (event.action.sent, event.action.opens) == (False, False)
        await adapter.acknowledge(event)

    async def test_r2_several_options_arrive_together(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        several = structs.replace(_CITIES, least=1, most=3)
        await courier.deliver(OutMessage(selects=(several,)), where)
        assert all(word in _everything(emulator) for word in ("Where to?", "Rome", "Oslo", "Paris"))
        if not adapter.capabilities(where).multi_selects:
            return
        await emulator.choose("Oslo", "Rome")
        event = await host.event(kind="action")
        assert event.action is not None
        assert sorted(event.action.chosen) == ["fco", "osl"]
        await adapter.acknowledge(event)

    async def test_r3_a_form_is_opened_filled_in_and_arrives_by_its_names(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        await courier.deliver(OutMessage(text="To order:", form=_ORDER), where)
        shown = _everything(emulator)
        if adapter.capabilities(where).forms < len(_ORDER.fields):
            for field in _ORDER.fields:
                assert field.label in shown
                assert all(option.label in shown for option in field.options)
            return
        await emulator.press("Order now")
        pressed = await host.event(kind="action")
        assert pressed.action is not None
        assert (pressed.action.opens, pressed.action.value) == (True, "order:1")
        assert await adapter.open_form(pressed, _ORDER)
        await emulator.send_form(
            {"Street": "Main 1", "Pieces": "3", "On": "2027-03-31", "Size": "Large", "As a gift": True}
        )
        sent = await host.event(1, "action")
        assert sent.action is not None
        assert (sent.action.sent, sent.action.value) == (True, "order:1")
        answers = {"street": "Main 1", "pieces": "3", "on": "2027-03-31", "size": "l", "gift": "true"}
        assert sent.action.fields == answers
        assert (sent.sender.name, sent.conversation.key) == ("Ada", where.key)
        await adapter.acknowledge(sent)
        await host.until(lambda: emulator.open_presses() == 0, "the end of the press")

    async def test_r4_a_card_shows_its_facts_its_picture_and_its_buttons(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        host.files["p1"] = b"png"
        picture = Attachment(kind="image", name="books.png", mime="image/png", size_bytes=3, file_id="p1")
        rows = ((Button(label="Track", value="track:7"),),)
        facts = (Fact(label="Status", value="on its way"),)
        card = Card(title="Order 7", text="Two books.", image=picture, facts=facts, buttons=rows)
        outcomes = await courier.deliver(OutMessage(text="Here:", cards=(card, Card(title="Order 8"))), where)
        assert {(outcome.state, outcome.error) for outcome in outcomes} == {("sent", "")}
        shown = _everything(emulator)
        assert all(word in shown for word in ("Here:", "Order 7", "Two books.", "Status", "on its way", "Order 8"))
        if adapter.capabilities(where).files:
            assert "books.png" in "\n".join([shown, *(outcome.part.text for outcome in outcomes)])
        if not adapter.capabilities(where).buttons:
            assert "Track" in shown
            return
        await emulator.press("Track")
        event = await host.event(kind="action")
        assert event.action is not None
        assert event.action.value == "track:7"
        await adapter.acknowledge(event)

    async def test_r5_more_options_than_fit_are_all_there(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        options = tuple(Option(label=f"Seat {number:03d}", value=f"s:{number}") for number in range(60))
        outcomes = await courier.deliver(OutMessage(text="Seats", selects=(Select(value="s", options=options),)), where)
        assert {outcome.state for outcome in outcomes} == {"sent"}
        shown = _everything(emulator)
        assert all(option.label in shown for option in options)

    async def test_r6_a_question_with_buttons_can_be_answered_and_closed(
        self, emulator: Emulator, adapter: Adapter, host: MemoryHost, courier: Courier
    ) -> None:
        where = await self._greeted(emulator, host)
        (outcome, *_) = await courier.deliver(OutMessage(text="Where?", selects=(_CITIES,)), where)
        can = adapter.capabilities(where)
        if not can.edit or not (can.selects or can.buttons):
            return
        (closed,) = adapter.render(OutMessage(text="Where? Oslo", edit_of=outcome.part.id), where)
        part = structs.replace(
            outcome.part, id="closed", payload=closed.payload, text=closed.text, edit_of=outcome.part.id
        )
        assert (await courier.send(part)).state == "sent"
        (seen,) = emulator.seen()
        assert (seen.text, seen.options, seen.labels) == ("Where? Oslo", (), ())


_CITIES = Select(
    value="city",
    label="Where to?",
    options=(
        Option(label="Rome", value="fco", about="sunny"),
        Option(label="Oslo", value="osl"),
        Option(label="Paris", value="cdg"),
    ),
)
_ORDER = Form(
    value="order:1",
    title="Your order",
    open_label="Order now",
    fields=(
        FormField(name="street", label="Street", required=True, about="and number"),
        FormField(name="pieces", label="Pieces", kind="number", least=1),
        FormField(name="on", label="On", kind="date"),
        FormField(
            name="size",
            label="Size",
            kind="choice",
            options=(Option(label="Small", value="s"), Option(label="Large", value="l")),
        ),
        FormField(name="gift", label="As a gift", kind="checkbox"),
    ),
)


def _everything(emulator: Emulator) -> str:
    """All that people see of the bot's messages."""
    words = [word for seen in emulator.seen() for word in (seen.text, *seen.labels, *seen.options, *seen.files)]
    return "\n".join(words)
