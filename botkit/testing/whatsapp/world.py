"""What both carriers share: people, messages, the 24-hour window, ordered faults, and webhooks that are retried."""

from __future__ import annotations

__all__ = ["FakeMessage", "FakePerson", "FakeWhatsApp", "Hook", "Refusal", "code_blocks", "read_markup"]

import asyncio
import itertools
import re
from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from botkit.core.clock import Clock, SystemClock
from botkit.sdk.adapter import HttpRequest
from botkit.testing.faults import Deliveries, Dropped, Faults, Faulty
from botkit.testing.site import Loopback, cut
from botkit.testing.whatsapp.hooks import HttpHook

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


class FakeWhatsApp(Loopback, Faulty[FakeMessage]):
    """One business number on a loopback server. Enter it; then people can write.

    Args:
        push: receives webhooks; they are repeated until it answers 200, in order. `post_to` makes one of an address.
        clock: dates and the window.
        statuses: report `sent` and `delivered` for each message.
    """

    def __init__(self, *, push: Hook | None = None, clock: Clock | None = None, statuses: bool = False, port: int = 0):
        super().__init__(port)
        self._push = push
        self._posts: HttpHook | None = None
        self.clock: Clock = clock or SystemClock()
        self.statuses = statuses
        self.people: dict[str, FakePerson] = {}
        self.sent: list[FakeMessage] = []
        self.calls: list[dict[str, Any]] = []
        """Every request of the bot, as path and body."""
        self.typing: list[str] = []
        """Ids of messages that were answered with a typing signal."""
        self.reactions: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        """Media people sent, by id."""
        self.history: list[HttpRequest] = []
        """Webhooks in the order they were made."""
        self.faults = Faults[FakeMessage]()
        self.deliveries = Deliveries[HttpRequest](self._queue_up)
        self._queue: deque[HttpRequest] = deque()
        self._ids = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._route(self.application)

    # --- life -------------------------------------------------------------------------------------------

    async def opened(self) -> None:
        self._task = asyncio.create_task(self._push_all(), name="fake whatsapp webhooks")

    async def closing(self) -> None:
        self.clear_faults()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._posts is not None:
            await self._posts.close()

    @property
    def push(self) -> Hook | None:
        """Where webhooks go."""
        return self._push

    @push.setter
    def push(self, push: Hook | None) -> None:
        self._push = push
        self.wake()

    def post_to(self, address: str) -> None:
        """Post webhooks over HTTP to where a bot listens, whatever public address they are signed for."""
        self.push = self._posts = HttpHook(address)

    @property
    def pending(self) -> int:
        """Webhooks that are not taken yet."""
        return len(self._queue)

    @property
    @abstractmethod
    def account(self) -> dict[str, str]:
        """What a channel needs to know of this account, by the names bots.yaml has for it."""

    def so_far(self) -> str:
        return f"sent: {self.texts()}, last calls: {[call['path'] for call in self.calls[-8:]]}"

    def texts(self, who: str = "") -> list[str]:
        """What people read, of one person or of all."""
        return [message.text for message in self.sent if not who or message.person.name == who]

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
        self._queue_up(self.history[-1])

    def close_window(self, who: str) -> None:
        """A day has passed since somebody wrote."""
        self.person(who).wrote_at -= WINDOW_S + 1

    def window_closed(self, person: FakePerson) -> bool:
        return self.clock.micros() / 1e6 - person.wrote_at > WINDOW_S

    # --- faults -----------------------------------------------------------------------------------------

    def calls_where(self, *, who: str = "", **where: Any) -> Callable[[FakeMessage], bool]:
        """Sends; those to one person."""
        if where:
            raise TypeError(f"faults of WhatsApp know no {sorted(where)}: say who")
        return lambda message: not who or message.person.name == who

    def rate_limit(self, times: int = 1, retry_after: int = 1, *, after: int = 0, who: str = "") -> None:
        """The next `times` sends are refused for a while."""
        self.order("error", times, after, error=self.too_fast(retry_after), who=who)

    def fail(
        self,
        times: int = 1,
        *,
        code: int = 0,
        message: str = "refused",
        status: int = 400,
        after: int = 0,
        applied: bool = False,
        who: str = "",
    ) -> None:
        """The next sends are refused with a code of the provider's; without one they meet a server error."""
        error = Refusal(status, code, message) if code else self.broken()
        self.order("error_after" if applied else "error", times, after, error=error, who=who)

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

    async def deliver(self, message: FakeMessage) -> None:
        """Show a checked message to its person, with the ordered faults. Raises `Refusal` or `Dropped`."""
        fault = self.faults.take(message)
        await fault.begin()
        self.sent.append(message)
        self.wake()
        if self.statuses:
            self.report(message)
        fault.end()

    async def guard(self, request: web.Request, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
        """Note a call and let it be answered, or cut. Raises `Refusal`."""
        self.calls.append({"path": request.path})
        self.wake()
        try:
            return await answer(request)
        except Dropped:
            return cut(request)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids):032x}"

    def enqueue(self, webhook: HttpRequest) -> None:
        self.history.append(webhook)
        self.deliveries.put(webhook)

    def _deed(self, who: str, deed: Mapping[str, Any]) -> str:
        person = self.person(who)
        person.wrote_at = self.clock.micros() / 1e6
        message_id = self.new_id(self.message_prefix)
        self.enqueue(self._webhook(person, message_id, deed))
        return message_id

    message_prefix = "wamid."

    def _queue_up(self, webhook: HttpRequest) -> None:
        self._queue.append(webhook)
        self.wake()

    async def _push_all(self) -> None:
        while True:
            while not self._queue or self._push is None:
                await self.changed.wait()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    status = await self._push(self._queue[0])
            except Exception:  # the other side fell over; it is asked again, as a provider does
                status = 500
            if status == 200:
                self._queue.popleft()
                self.wake()
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
