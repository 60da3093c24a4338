"""A chat platform in memory: what people would see, and the ways a network can fail.

    platform = FakePlatform()
    adapter = FakeAdapter("fake", host=host, platform=platform)      # once per "process"
    await platform.say("hello", person="ada")
    assert platform.texts() == ["Hello Ada"]

The platform outlives the adapter, as a real one outlives the bot: after a crash, connect a new adapter and
`redeliver`. Messages are counted here, on the far side, so a reply that was sent twice is seen twice.
"""

from __future__ import annotations

__all__ = ["EDITING", "PLAIN", "FakeAdapter", "FakePlatform", "LostAnswer", "LostRequest", "Shown"]

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from msgspec import to_builtins
from msgspec.structs import replace

from botkit.sdk import (
    Action,
    Adapter,
    AdapterHost,
    Capabilities,
    Conversation,
    Event,
    Form,
    Health,
    OutMessage,
    Part,
    Receipt,
    Rendered,
    ReplyTo,
    SendUnknown,
    User,
    degrade,
)

PLAIN = Capabilities(text_limit=4096, edit=True, delete=True, buttons=True, threads=True, commands=True)
"""No streaming, no way to send idempotently: the hardest platform to be exact on."""

EDITING = Capabilities(
    text_limit=4096, stream="edit", stream_interval_s=1.0, edit=True, delete=True, buttons=True, commands=True
)
"""Streams by editing a message."""


class LostAnswer(SendUnknown):
    """The platform took the message, and the connection broke before it said so."""

    def __init__(self) -> None:
        super().__init__("the connection broke after the request was sent")


class LostRequest(SendUnknown):
    """The connection broke; nothing arrived. The sender cannot tell this from `LostAnswer`."""

    def __init__(self) -> None:
        super().__init__("the connection broke while the request was being sent")


@dataclass
class Shown:
    """One message as people see it."""

    id: str
    conversation: Conversation
    part_id: str
    versions: list[str]
    """Its texts, oldest first; the last one is what it says now."""
    buttons: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(label, value)."""
    selects: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Menus as JSON: `{"value", "options": [{"label", "value"}], …}`."""
    form: dict[str, Any] | None = None
    """The form it offers, as JSON."""
    cards: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def text(self) -> str:
        return self.versions[-1]


class FakePlatform:
    """The far side. Everything public may be looked at by a test.

    Args:
        capabilities: what every conversation can do; replace the attribute to change it.
    """

    def __init__(self, capabilities: Capabilities = PLAIN):
        self.capabilities = capabilities
        self.messages: list[Shown] = []
        """In the order they arrived."""
        self.sends: list[Part] = []
        """Every call of `Adapter.send`, also those that failed."""
        self.drafts: list[str] = []
        self.typing: list[str] = []
        """Conversation keys, one per signal."""
        self.acknowledged: list[str] = []
        """Texts shown to people who pressed a button."""
        self.dialogs: list[Form] = []
        """Forms shown to people who pressed their button."""
        self.opens_forms = True
        """Whether there is still time to show a form when its button was pressed."""
        self.dialog_gate: asyncio.Event | None = None
        """When given, showing a form waits for it."""
        self.faults: deque[Exception | None] = deque()
        """What the next sends meet, one each; None: it works."""
        self.fault: Callable[[Part], Exception | None] | None = None
        """Asked for each send when `faults` is empty."""
        self.gate: asyncio.Event | None = None
        """When given, a send waits for it before anything arrives."""
        self.unacknowledged: list[Event] = []
        """Events the bot has not taken yet; delivered again by `redeliver`."""
        self.moved: dict[str, str] = {}
        """Rooms that have another id now: messages to the old one arrive in the new one."""
        self._by_part: dict[str, Shown] = {}
        self._adapters: dict[str, FakeAdapter] = {}
        self._numbers = 0
        self._changed = asyncio.Event()

    # ── what people do ───────────────────────────────────────────────────────────────────────────────────

    def event(
        self,
        text: str = "",
        *,
        person: str = "ada",
        room: str = "",
        thread: str = "",
        channel: str = "fake",
        group: bool = False,
        **more: Any,
    ) -> Event:
        """An event as an adapter would parse it: a message unless `kind` says otherwise.

        Without `room` it is written in the person's direct chat. In groups it is overheard unless
        `addressed` says otherwise.
        """
        self._numbers += 1
        number = f"{self._numbers}"
        adapter = self._adapters.get(channel)
        values: dict[str, Any] = {
            "kind": "message",
            "addressed": "none" if group else "dm",
            "message_id": f"in-{number}",
            "occurred_at": adapter.host.clock.now() if adapter is not None else None,
            **more,
        }
        if isinstance(values.get("reply_to"), Shown):
            answered: Shown = values["reply_to"]
            values["reply_to"] = ReplyTo(message_id=answered.id, is_ours=True, excerpt=answered.text)
        return Event(
            channel=channel,
            dedupe_key=values.pop("dedupe_key", f"update:{number}"),
            conversation=Conversation(
                channel=channel, room=room or self.direct_room(person), thread=thread, kind="group" if group else "dm"
            ),
            sender=User(id=person, name=person.capitalize()),
            text=text,
            **values,
        )

    async def say(self, text: str, **more: Any) -> Event:
        """A person writes; returns once the bot has taken it."""
        return await self.deliver(self.event(text, **more))

    async def press(self, message: Shown, label: str, *, person: str = "ada") -> Event:
        """A person presses the button of that label."""
        value = dict(message.buttons)[label]
        place = message.conversation
        event = self.event(
            person=person,
            room=place.room,
            thread=place.thread,
            channel=place.channel,
            group=place.kind == "group",
            kind="action",
            action=Action(value=value, message_id=message.id, handle=f"press-{self._numbers}"),
        )
        return await self.deliver(event)

    async def choose(self, message: Shown, *labels: str, person: str = "ada") -> Event:
        """A person chooses options of the message's first menu; none of them where that is allowed."""
        menu = message.selects[0]
        values = {option["label"]: str(option["value"]) for option in menu["options"]}
        assert menu.get("least", 1) <= len(labels) <= menu.get("most", 1), "the menu does not allow that many"
        chosen = tuple(values[label] for label in labels)
        return await self._act(message, person, Action(value=chosen[0] if chosen else menu["value"], values=chosen))

    async def open_form(self, message: Shown, *, person: str = "ada") -> Event:
        """A person presses the button of a form; `dialogs` has it when the bot shows it."""
        assert message.form is not None, "the message has no form"
        return await self._act(message, person, Action(value=message.form["value"], opens=True))

    async def submit(self, message: Shown, fields: Mapping[str, str | list[str]], *, person: str = "ada") -> Event:
        """A person sends the form of a message."""
        assert message.form is not None, "the message has no form"
        unknown = set(fields) - {field["name"] for field in message.form["fields"]}
        assert not unknown, f"the form has no {unknown}"
        return await self._act(message, person, Action(value=message.form["value"], fields=dict(fields), sent=True))

    async def _act(self, message: Shown, person: str, action: Action) -> Event:
        place = message.conversation
        self._numbers += 1
        event = self.event(
            person=person,
            room=place.room,
            thread=place.thread,
            channel=place.channel,
            group=place.kind == "group",
            kind="action",
            action=replace(action, message_id=message.id, handle=f"press-{self._numbers}"),
        )
        return await self.deliver(event)

    async def deliver(self, event: Event) -> Event:
        """Hand an event to the bot. It is delivered again by `redeliver` until it was taken."""
        self.unacknowledged.append(event)
        await self._adapters[event.channel].host.accept(event)
        self.unacknowledged.remove(event)
        return event

    async def redeliver(self) -> None:
        """Deliver again what was not taken, in order, as platforms do after an outage."""
        for event in tuple(self.unacknowledged):
            await self._adapters[event.channel].host.accept(event)
            self.unacknowledged.remove(event)

    # ── what people see ──────────────────────────────────────────────────────────────────────────────────

    def texts(self, room: str = "") -> list[str]:
        """What the messages of a room (or of all) say now."""
        return [shown.text for shown in self.messages if not room or shown.conversation.room == room]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once a condition holds; looked at whenever something changes here."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def changed(self) -> None:
        self._changed.set()

    def direct_room(self, user_id: str) -> str:
        """The room of a person's direct chat."""
        return f"dm-{user_id}"

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────────

    def connect(self, adapter: FakeAdapter) -> None:
        self._adapters[adapter.channel] = adapter

    async def take(self, part: Part) -> Receipt:
        """One request of the bot to show or edit a message."""
        self.sends.append(part)
        self.changed()
        if self.gate is not None:
            await self.gate.wait()
        fault = self.faults.popleft() if self.faults else self.fault(part) if self.fault is not None else None
        if fault is not None and not isinstance(fault, LostAnswer):
            raise fault
        shown = self.show(part)
        self.changed()
        if fault is not None:
            raise fault
        return Receipt(message_id=shown.id, conversation=shown.conversation)

    def show(self, part: Part) -> Shown:
        """A request arrived: show it, whatever the sender will hear."""
        if part.message_id:
            shown = next(message for message in self.messages if message.id == part.message_id)
            shown.versions.append(part.text)
            _fill(shown, part.payload)
            return shown
        known = self._by_part.get(part.id)
        if known is not None and self.capabilities.idempotent_send == "native":
            return known
        place = self._place(part.conversation)
        shown = Shown(f"out-{len(self.messages) + 1}", place, part.id, [part.text])
        _fill(shown, part.payload)
        self.messages.append(shown)
        self._by_part[part.id] = shown
        return shown

    def _place(self, conversation: Conversation) -> Conversation:
        room = self.moved.get(conversation.room, conversation.room)
        return replace(conversation, room=room)

    def find(self, part: Part) -> Receipt | None:
        shown = self._by_part.get(part.id)
        return Receipt(message_id=shown.id) if shown is not None else None


class FakeAdapter(Adapter):
    """The near side: one account of a bot on the fake platform."""

    platform: ClassVar[str] = "fake"

    def __init__(self, channel: str, config: Any = None, host: AdapterHost | None = None, *, platform: FakePlatform):
        assert host is not None, "an adapter needs its host"
        super().__init__(channel, config, host)
        self.server = platform

    async def start(self) -> None:
        self.server.connect(self)
        self.host.report(Health(state="ok"))

    async def stop(self) -> None:
        self.host.report(Health(state="off"))

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        """`{"text": "hello", "person": "ada", …}`: the arguments of `FakePlatform.event`."""
        return (self.server.event(channel=self.channel, **payload),)

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return self.server.capabilities

    def direct_room(self, user_id: str) -> str:
        return self.server.direct_room(user_id)

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        """Split at the text limit; what can be pressed sits on the last piece."""
        return [part for piece in degrade(message, self.server.capabilities) for part in self._parts(piece)]

    def _parts(self, message: OutMessage) -> list[Rendered]:
        limit = self.server.capabilities.text_limit
        pieces = [message.text[start : start + limit] for start in range(0, len(message.text), limit)] or [""]
        rendered = [Rendered(payload={"text": piece}, text=piece) for piece in pieces]
        payload: dict[str, Any] = {"text": pieces[-1]}
        if message.buttons:
            payload["buttons"] = [[button.label, button.value] for row in message.buttons for button in row]
        for name in ("selects", "form", "cards", "attachments"):
            if getattr(message, name):
                payload[name] = to_builtins(getattr(message, name))
        rendered[-1] = Rendered(payload=payload, text=pieces[-1])
        return rendered

    async def send(self, part: Part) -> Receipt:
        return await self.server.take(part)

    async def find(self, part: Part) -> Receipt | None:
        return self.server.find(part)

    async def typing(self, conversation: Conversation) -> None:
        self.server.typing.append(conversation.key)
        self.server.changed()

    async def draft(self, conversation: Conversation, draft_id: int, text: str) -> None:
        self.server.drafts.append(text)
        self.server.changed()

    async def update(self, part: Part, text: str) -> None:
        for shown in self.server.messages:
            if shown.id == part.message_id:
                shown.versions.append(text)
        self.server.changed()

    async def open_form(self, event: Event, form: Form) -> bool:
        in_time = self.server.opens_forms
        if in_time:
            self.server.dialogs.append(form)
            self.server.changed()
        if self.server.dialog_gate is not None:
            await self.server.dialog_gate.wait()
        return in_time

    async def acknowledge(self, event: Event, text: str = "") -> None:
        self.server.acknowledged.append(text)
        self.server.changed()


def _fill(shown: Shown, payload: Mapping[str, Any]) -> None:
    """What a message shows besides its text."""
    shown.buttons = [(str(label), str(value)) for label, value in payload.get("buttons", ())]
    shown.selects, shown.form = list(payload.get("selects", ())), payload.get("form")
    shown.cards = list(payload.get("cards", ()))
