"""Ada and Bob on a web site, driven through the emulator interface of the contract. What they see came by HTTP."""

from __future__ import annotations

__all__ = ["SECRET", "SITE", "RememberedWeb", "WebEmulator", "WebHost"]

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from adapters.web import Web
from botkit.core.config.models import SecretRef, WebChannel
from botkit.core.errors import LimitReached, StoreError
from botkit.core.events import Conversation, Event
from botkit.core.messages import Part, Receipt
from botkit.core.recall import Heard, Recalled, Said
from botkit.sdk import Adapter
from botkit.testing.adapters import Emulator, MemoryHost, Seen
from botkit.testing.web import Served, Shown, Visitor, sign_identity

SECRET = "0123456789abcdef0123456789abcdef"
SITE = "https://www.example.com"


class WebHost(MemoryHost):
    """A `ServingHost` in memory: what was said is what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[str, Said] = {}
        self.keys: list[bytes] = [b"k" * 32]
        self.since = 0
        """What changed before is not recalled any more."""

    def signing_keys(self) -> Sequence[bytes]:
        return self.keys

    async def recall(self, conversation: Conversation, user_ids: Sequence[str], limit: int) -> Recalled:
        heard = [Heard(event=e, at=self.clock.micros()) for e in self.events if e.conversation.key == conversation.key]
        said = [one for one in self.parts.values() if one.part.conversation.key == conversation.key]
        return Recalled(heard=tuple(heard), said=tuple(said), since=self.since)

    async def keep_file(self, data: AsyncIterator[bytes], limit_bytes: int) -> tuple[str, int]:
        kept = b"".join([chunk async for chunk in data])
        if len(kept) > limit_bytes:
            raise LimitReached("too large")
        file_id = f"file_{len(self.files)}"
        self.files[file_id] = kept
        return file_id, len(kept)


class RememberedWeb(Web):
    """The adapter under test, with an outbox that remembers, and visitors who have looked when a call returns."""

    emulator: WebEmulator
    host: WebHost

    async def start(self) -> None:
        await super().start()
        self.emulator.served.adapter = self

    async def stop(self) -> None:
        self.emulator.served.adapter = None
        await self.emulator.hang_up()
        await super().stop()

    async def send(self, part: Part) -> Receipt:
        shown = part.message_id or part.id
        now = self.host.clock.micros()
        self.host.parts[shown] = Said(part=part, at=now)
        async with self.emulator.looking(part.conversation.room, shown):
            return await super().send(part)

    async def update(self, part: Part, text: str) -> None:
        async with self.emulator.looking(part.conversation.room, part.message_id):
            await super().update(part, text)

    async def acknowledge(self, event: Event, text: str = "") -> None:
        async with self.emulator.looking(event.conversation.room, event.message_id):
            await super().acknowledge(event, text)


class WebEmulator(Emulator):
    """Visitors send as the widget does: in order, again and again until it was taken."""

    cannot = frozenset(
        {
            *("C7", "C8", "C9", "C14"),  # no groups, no bots
            *("C10", "C16"),  # the widget has no edits and no recorder
            *("C13", "C15", "C17"),  # what is malformed, too large or forged is refused over HTTP: see test_web
            *("C22", "C24", "C26", "C30", "C31"),  # delivered is what is stored, so nobody can refuse it
            "C34",  # nobody else sees the button
        }
    )
    inert_words = ()

    def __init__(self, served: Served):
        self.served = served
        self.people: dict[str, Visitor] = {}
        self._queues: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._posts: set[asyncio.Task[httpx.Response]] = set()
        self._pressed: list[str] = []
        self._last: tuple[str, dict[str, Any]] = ("", {})

    def adapter(self, host: MemoryHost) -> Adapter:
        host.secrets["SITE"] = SECRET
        config = WebChannel(
            platform="web",
            bot="desk",
            allowed_origins=(SITE,),
            identity_secret=SecretRef(secret="SITE"),
            messages_per_minute=600,
        )
        adapter = RememberedWeb("site", config, host)
        adapter.emulator = self
        self._clock = host.clock
        return adapter

    async def close(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for person in self.people.values():
            await person.close()

    # --- the wire -------------------------------------------------------------------------------------------

    async def _person(self, who: str) -> Visitor:
        if who not in self.people:
            claims = {"sub": who.lower(), "name": who, "exp": self._clock.micros() // 1_000_000 + 3600}
            person = Visitor(self.served.base, origin=SITE, identity=sign_identity(SECRET, claims))
            self.people[who] = person
            self._queues[who] = asyncio.Queue()
            self._workers.append(asyncio.create_task(self._work(who)))
        return self.people[who]

    async def _work(self, who: str) -> None:
        """What one person does leaves in order, each until it was taken."""
        person = self.people[who]
        while True:
            body = await self._queues[who].get()
            while not await self._try(person, body):
                await asyncio.sleep(0.02)

    async def _try(self, person: Visitor, body: dict[str, Any]) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            if not person.token:
                await person.begin()
                person.listen()
                await person.until(lambda: person.resets)
            post = asyncio.create_task(person.post("send", body))
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)
            await asyncio.wait((post,))
            return not post.cancelled() and post.result().status_code == 200
        return False

    async def hang_up(self) -> None:
        """The server's process ends: what was under way has no answer."""
        posts = tuple(self._posts)
        for post in posts:
            post.cancel()
        if posts:
            await asyncio.wait(posts)

    def _do(self, who: str, **body: Any) -> str:
        sent = {"id": uuid4().hex, **body}
        self._last = (who, sent)
        self._queues[who].put_nowait(sent)
        return str(sent["id"])

    @contextlib.asynccontextmanager
    async def looking(self, visitor: str, what: str) -> AsyncGenerator[None]:
        """What happens inside is seen, by whoever listens, when the block ends."""
        watching = [one for one in self.people.values() if one.id == visitor and one.listening]
        before = [one.told[what] for one in watching]
        yield
        for one, count in zip(watching, before, strict=True):
            await one.until(lambda one=one, count=count: one.told[what] > count)

    # --- deeds ----------------------------------------------------------------------------------------------

    def mention(self) -> str:
        return ""

    async def say(self, text: str, *, who: str = "Ada", group: bool = False, reply_to: str = "") -> str:
        await self._person(who)
        return self._do(who, kind="message", text=text)

    async def bot_says(self, text: str) -> None:
        raise NotImplementedError

    async def edit(self, message_id: str, text: str) -> None:
        raise NotImplementedError

    async def send_file(self, data: bytes, *, kind: str = "file", name: str = "a.txt", claimed_bytes: int = 0) -> None:
        raise NotImplementedError

    async def press(self, label: str, *, who: str = "Ada") -> None:
        person = self.people[who]
        shown = next(one for one in reversed(person.messages("bot")) if label in one.buttons)
        opens = any(one.get("opens") and one["label"] == label for row in shown.data["buttons"] for one in row)
        kind = "open" if opens else "press"
        self._pressed.append(self._do(who, kind=kind, target=shown.id, value=shown.buttons[label]))

    async def choose(self, *labels: str, who: str = "Ada") -> None:
        shown = next(one for one in reversed(self.people[who].messages("bot")) if set(labels) <= set(one.options))
        values = [shown.options[label] for label in labels]
        value = shown.data["selects"][0]["value"]
        self._pressed.append(self._do(who, kind="choose", target=shown.id, value=value, values=values))

    async def send_form(self, answers: Mapping[str, str | bool | list[str]], *, who: str = "Ada") -> None:
        person = self.people[who]
        told = await person.until(lambda: person.forms and person.forms[-1])
        fields = {field["label"]: field for field in told["form"]["fields"]}
        given = {fields[label]["name"]: _given(fields[label], answer) for label, answer in answers.items()}
        self._pressed.append(self._do(who, kind="form", target=told["id"], value=told["form"]["value"], fields=given))

    async def unsupported(self) -> None:
        await self._person("Ada")
        self._do("Ada", kind="wave")

    async def malformed(self) -> None:
        raise NotImplementedError

    async def redeliver(self) -> None:
        who, sent = self._last
        self._queues[who].put_nowait(sent)

    def expire_files(self) -> None:
        raise NotImplementedError

    # --- sights ---------------------------------------------------------------------------------------------

    def _shown(self) -> list[tuple[Visitor, Shown]]:
        found = [(person, one) for person in self.people.values() for one in person.messages("bot")]
        return sorted(found, key=lambda pair: list(pair[0].screen).index(pair[1].id))

    def seen(self) -> list[Seen]:
        return [
            Seen(
                text=one.text,
                message_id=one.id,
                room=person.id,
                labels=tuple(one.buttons),
                options=(*(each["label"] for each in one.data.get("selects", ()) if each["label"]), *one.options),
                code=one.code,
                files=tuple(file["name"] for file in one.data.get("files", ())),
            )
            for person, one in self._shown()
        ]

    def previews(self) -> list[str]:
        return [one.text for _, one in self._shown() if one.data.get("live")]

    def open_presses(self) -> int:
        done = {press for person in self.people.values() for press in person.acknowledged}
        done |= {told["press"] for person in self.people.values() for told in person.forms}
        return len([press for press in self._pressed if press not in done])

    def requests(self) -> int:
        return self.served.requests

    def rate_limit(self, times: int, retry_after_s: int) -> None:
        raise NotImplementedError

    def fail_after_effect(self) -> None:
        """The connection to who listens breaks right after the next message."""
        for person in self.people.values():
            person.cut_after_next = True

    drop_answer = fail_after_effect

    def refuse_second_send(self) -> None:
        raise NotImplementedError

    async def revoke_token(self) -> None:
        raise NotImplementedError

    async def go_offline(self) -> None:
        raise StoreError("nothing goes out")

    async def come_back(self) -> None:
        return


def _given(field: Mapping[str, Any], answer: str | bool | list[str]) -> Any:
    """An answer by its label as the widget sends it."""
    values = {option["label"]: option["value"] for option in field.get("options", ())}
    if isinstance(answer, list):
        return [values[one] for one in answer]
    return values.get(answer, answer) if isinstance(answer, str) else answer
