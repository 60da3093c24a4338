"""What both carriers share: people, messages, the 24-hour window, ordered faults, and webhooks that are retried."""

from __future__ import annotations

__all__ = ["FakeMessage", "FakePerson", "FakeWhatsApp", "Hook", "Refusal", "code_blocks", "read_markup"]

import asyncio
import itertools
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from botkit.core.clock import Clock, SystemClock
from botkit.sdk.adapter import HttpRequest
from botkit.testing.site import Site

Hook = Callable[[HttpRequest], Awaitable[int]]
"""Where webhooks go; answers with the HTTP status."""

WINDOW_S = 24 * 3600.0
_RETRY_S = 0.01
_PATIENCE_S = 2.0
"""How long a webhook may take before it is tried again."""
_FENCED = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]*\S)_(?![\w_])"), r"\1"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]*\S)~(?![\w~])"), r"\1"),
    (re.compile(r"(?<![\w`])`(?=\S)([^`\n]*\S)`(?![\w`])"), r"\1"),
)


@dataclass(slots=True)
class FakePerson:
    """Somebody on WhatsApp. `hides_phone`: webhooks carry only the business-scoped id."""

    name: str
    phone: str
    user_id: str = ""
    hides_phone: bool = False
    wrote_at: float = 0.0
    """When the window opened last, on the fake's clock."""
    blocked: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(one for one in (self.phone, f"+{self.phone}", self.user_id) if one)


@dataclass(slots=True)
class FakeMessage:
    """A message of the business as the person has it."""

    id: str
    person: FakePerson
    kind: str
    raw_text: str
    values: dict[str, str] = field(default_factory=dict[str, str])
    """Label → what pressing it sends back."""
    name: str = ""
    """Of a file."""
    data: bytes = b""
    reply_to: str = ""
    tag: str = ""
    """What the sender asked to get back with status reports."""
    request: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def text(self) -> str:
        """As people read it: styles shown, not written."""
        return read_markup(self.raw_text) or self.name

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.values)


class Refusal(Exception):
    """An error answer: HTTP status, the provider's code, and its words."""

    def __init__(self, status: int, code: int, message: str, retry_after_s: int = 0):
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after_s = status, code, message, retry_after_s


@dataclass(slots=True)
class _Fault:
    after: int = 0
    """Sends that still succeed before it hits."""
    refusal: Refusal | None = None
    applied: bool = False
    """It takes effect all the same."""
    drop: bool = False
    """No answer comes."""


class FakeWhatsApp(ABC):
    """One business number on a loopback server. Enter it; then people can write.

    Args:
        push: receives webhooks; they are repeated until it answers 200, in order for each person.
        clock: dates and the window.
        statuses: report `sent` and `delivered` for each message.
    """

    def __init__(self, *, push: Hook | None = None, clock: Clock | None = None, statuses: bool = False, port: int = 0):
        self.push = push
        self.clock: Clock = clock or SystemClock()
        self.statuses = statuses
        self.people: dict[str, FakePerson] = {}
        self.sent: list[FakeMessage] = []
        self.calls: list[dict[str, Any]] = []
        """Every request of the bot, as path and body."""
        self.typing: list[str] = []
        """Ids of messages that were answered with a typing signal."""
        self.reactions: dict[str, str] = {}
        self.revoked = False
        self.files: dict[str, bytes] = {}
        """Media people sent, by id."""
        self.history: list[HttpRequest] = []
        """Webhooks in the order they were made."""
        self._faults: list[_Fault] = []
        self._queue: deque[HttpRequest] = deque()
        self._changed = asyncio.Event()
        self._ids = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        application = web.Application(client_max_size=128 * 1024 * 1024)
        self._route(application)
        self._site = Site(application, port)

    # --- life -------------------------------------------------------------------------------------------

    @property
    def api_base(self) -> str:
        """What a channel's `api_base` must be."""
        return self._site.url

    async def __aenter__(self) -> Self:
        await self._site.__aenter__()
        self._task = asyncio.create_task(self._push_all(), name="fake whatsapp webhooks")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._site.__aexit__(kind, error, trace)

    async def go_offline(self) -> None:
        await self._site.go_offline()

    async def come_back(self) -> None:
        await self._site.come_back()

    async def wait_for(self, found: Callable[[], Any], *, timeout_s: float = 45.0) -> Any:
        """Wait until `found()` is true, asking again after each call and webhook; returns its value."""
        async with asyncio.timeout(timeout_s):
            while not (value := found()):
                self._changed.clear()
                await self._changed.wait()
        return value

    # --- people -----------------------------------------------------------------------------------------

    def person(self, name: str) -> FakePerson:
        """Somebody by name; made at first use."""
        known = self.people.get(name)
        if known is None:
            number = len(self.people) + 1
            known = FakePerson(name, f"1555000{number:04d}", f"US.{10_000 + number}")
            self.people[name] = known
        return known

    def find(self, address: str) -> FakePerson:
        """By phone number or business-scoped id. Raises `Refusal`."""
        for person in self.people.values():
            if address in person.ids:
                return person
        raise self.nobody(address)

    def say(self, who: str, text: str, *, reply_to: str = "") -> str:
        """Write a message; returns its id."""
        return self._deed(who, {"text": text, "reply_to": reply_to})

    def send_file(self, who: str, data: bytes, *, kind: str = "document", name: str = "", size: int = 0) -> str:
        """Send a file; `size` is what the platform claims."""
        media_id = f"media{next(self._ids)}"
        self.files[media_id] = data
        return self._deed(who, {"file": media_id, "kind": kind, "name": name, "size": size or len(data)})

    def press(self, who: str, message: FakeMessage, label: str) -> str:
        """Press a button, or choose a row."""
        return self._deed(who, {"press": message.values[label], "label": label, "on": message.id, "kind": message.kind})

    def redeliver(self) -> None:
        """Deliver the newest webhook once more."""
        self._enqueue(self.history[-1], again=True)

    def window_closed(self, person: FakePerson) -> bool:
        return self.clock.micros() / 1e6 - person.wrote_at > WINDOW_S

    # --- faults -----------------------------------------------------------------------------------------

    def rate_limit(self, times: int, retry_after_s: int, *, after: int = 0) -> None:
        for _ in range(times):
            self._faults.append(_Fault(after, self.too_fast(retry_after_s)))

    def fail_after_effect(self) -> None:
        """The next send takes effect and is answered with a 5xx."""
        self._faults.append(_Fault(refusal=self.broken(), applied=True))

    def drop_request(self) -> None:
        """The connection of the next send breaks before it takes effect."""
        self._faults.append(_Fault(drop=True))

    def drop_answer(self) -> None:
        """The next send takes effect and is not answered."""
        self._faults.append(_Fault(applied=True, drop=True))

    def refuse(self, code: int, message: str = "refused", status: int = 400) -> None:
        """The next send is refused with a code of the provider's."""
        self._faults.append(_Fault(refusal=Refusal(status, code, message)))

    # --- for the carriers -------------------------------------------------------------------------------

    @abstractmethod
    def _route(self, application: web.Application) -> None: ...

    @abstractmethod
    def _webhook(self, person: FakePerson, message_id: str, deed: Mapping[str, Any]) -> HttpRequest:
        """What the provider posts about a deed."""

    @abstractmethod
    def report(self, message: FakeMessage) -> None:
        """Post that a message was sent and delivered."""

    @abstractmethod
    def nobody(self, address: str) -> Refusal: ...

    @abstractmethod
    def too_fast(self, retry_after_s: int) -> Refusal: ...

    @abstractmethod
    def broken(self) -> Refusal: ...

    async def deliver(self, request: web.Request, message: FakeMessage) -> None:
        """Show a checked message to its person, with the ordered faults. Raises `Refusal`."""
        fault = self._next_fault()
        if fault is None or fault.applied:
            self.sent.append(message)
            self.changed()
        if fault is None:
            return
        if fault.applied and self.statuses:
            self.report(message)
        if fault.drop:
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        assert fault.refusal is not None
        raise fault.refusal

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids):032x}"

    def enqueue(self, webhook: HttpRequest) -> None:
        self._enqueue(webhook, again=False)

    def changed(self) -> None:
        self._changed.set()

    def _deed(self, who: str, deed: Mapping[str, Any]) -> str:
        person = self.person(who)
        person.wrote_at = self.clock.micros() / 1e6
        message_id = self.new_id(self.message_prefix)
        self.enqueue(self._webhook(person, message_id, deed))
        return message_id

    message_prefix = "wamid."

    def _next_fault(self) -> _Fault | None:
        for fault in self._faults:
            if fault.after:
                fault.after -= 1
                continue
            self._faults.remove(fault)
            return fault
        return None

    def _enqueue(self, webhook: HttpRequest, *, again: bool) -> None:
        if not again:
            self.history.append(webhook)
        self._queue.append(webhook)
        self.changed()

    async def _push_all(self) -> None:
        while True:
            while not self._queue or self.push is None:
                self._changed.clear()
                await self._changed.wait()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    status = await self.push(self._queue[0])
            except Exception:  # the other side fell over; it is asked again, as a provider does
                status = 500
            if status == 200:
                self._queue.popleft()
                self.changed()
            else:
                await asyncio.sleep(_RETRY_S)


def read_markup(text: str) -> str:
    """What a person reads where a text uses WhatsApp's markup; joiners are invisible."""
    pieces = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    for index, piece in enumerate(pieces):
        if piece.startswith("```"):
            pieces[index] = _FENCED.sub(r"\1", piece)
            continue
        for _ in range(3):  # styles inside of styles
            for pattern, shown in _STYLES:
                piece = pattern.sub(shown, piece)
        pieces[index] = piece
    return "".join(pieces).replace("\u2060", "")


def code_blocks(text: str) -> Sequence[str]:
    return _FENCED.findall(text)
