"""One web channel: visitors write by HTTP, and are told by streams what is in the outbox.

A message is delivered when it is stored: whoever looks is shown it at once, everybody else when they look again. So a
send cannot fail, and a network that breaks loses nothing.
"""

from __future__ import annotations

__all__ = ["Web"]

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar, cast

import msgspec

from adapters.web.frames import Frames
from adapters.web.limits import Limits
from adapters.web.parsing import parse_payload, problem_with, room_of
from adapters.web.rendering import FILE_LIMIT_BYTES, TEXT_LIMIT, render_message
from adapters.web.site import Site
from adapters.web.streams import BEAT, Frame, Streams
from adapters.web.tickets import FileTicket, Tickets, Visitor, new_visitor_id, read_identity
from adapters.web.tree import tree
from botkit.sdk import (
    Adapter,
    Attachment,
    BadSignature,
    Capabilities,
    ChannelFatal,
    Conversation,
    Event,
    Form,
    Health,
    LimitReached,
    OutMessage,
    Part,
    Receipt,
    Rendered,
    ServesHttp,
    ServingHost,
    plain_json,
    quarantined,
)

_SECRET_CHARS = 32
_TYPING_S = 6.0
_BEAT_S = 15.0
_KEYS_S = 60.0
_FILE_LINK_S = 24 * 3600
_UPLOAD_S = 24 * 3600
_IDENTITY_S = 12 * 3600
_OVERLAP_MICROS = 60_000_000
"""How far a resumed stream looks back behind the last frame: commits are not seen in the order of their times."""
_RECALLED_RUNS = 40
_LOOK_EVERY = 4
"""Beats between two looks for what another process said."""
_PER_MINUTE = {"request": 600.0, "message": 120.0, "begin": 20.0, "stream": 60.0, "upload": 10.0}


class Web(Adapter, ServesHttp):
    """The chat of one or more web sites. Configuration: `WebChannel`."""

    platform: ClassVar[str] = "web"

    def __init__(self, channel: str, config: Any, host: Any):
        super().__init__(channel, config, host)
        self._host = cast("ServingHost", host)
        self._secret = b""
        self._keys: tuple[float, Sequence[bytes]] = (0.0, ())
        self._tickets = Tickets(self._signing_keys, self._now)
        self._limits = Limits(host.clock)
        self._streams = Streams()
        self._site = Site(self)
        self._beating: asyncio.Task[None] | None = None
        self.upload_limit_bytes = int(config.upload_limit_mb * 1024 * 1024)
        self.origins = frozenset(config.allowed_origins)
        self._capabilities = Capabilities(
            text_limit=TEXT_LIMIT,
            text_unit="utf16",
            stream="edit",
            stream_interval_s=0.25,
            typing_s=_TYPING_S,
            edit=True,
            buttons=True,
            button_limit=100,
            selects=100,
            multi_selects=True,
            forms=50,
            form_choices=100,
            files=True,
            file_in_limit_bytes=self.upload_limit_bytes,
            file_out_limit_bytes=FILE_LIMIT_BYTES,
            idempotent_send="native",
            commands=True,
        )

    # --- life -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Raises `ChannelFatal` for a secret that can be guessed."""
        if self.config.identity_secret is not None:
            secret = await self._host.secret(self.config.identity_secret.secret)
            if len(secret) < _SECRET_CHARS:
                raise ChannelFatal(
                    f"identity_secret has fewer than {_SECRET_CHARS} characters, and whoever guesses it is anybody; "
                    "store a longer one, such as 64 random ones"
                )
            self._secret = secret.encode()
        elif not self.config.anonymous:
            raise ChannelFatal("nobody can write: set identity_secret, or anonymous: true")
        self._beating = asyncio.get_running_loop().create_task(self._beat(), name=f"web {self.channel}")
        state, detail = "ok", ""
        if not self.origins:
            state = "degraded"
            detail = f"no site may embed it yet: list yours under channels.{self.channel}.allowed_origins"
        self._host.report(Health(state=cast("Any", state), detail=detail, since=self._host.clock.micros()))

    async def stop(self) -> None:
        self._streams.end_all()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait((self._beating,))
            self._beating = None
        self._secret = b""
        self._host.report(Health(state="off", since=self._host.clock.micros()))

    def closing(self) -> None:
        self._streams.end_all()

    async def _beat(self) -> None:
        while True:
            await self._host.clock.sleep(_BEAT_S)
            self._streams.tell_all(BEAT)

    async def serve(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        await self._site(scope, receive, send)

    # --- who ------------------------------------------------------------------------------------------------

    def limit(self, what: str, who: str) -> None:
        """Count something that somebody does. Raises `RateLimited`."""
        per_minute = float(self.config.messages_per_minute) if what == "send" else _PER_MINUTE[what]
        self._limits.take(f"{what}/{who}", per_minute)

    def session(self, asked: Mapping[str, Any], network: str) -> dict[str, Any]:
        """What the widget looks like, and who is looking: as the site's backend says, as before, or somebody new.

        Nobody gets an id before `begin`: whoever only visits the page is not known.

        Raises:
            BadSignature: the identity is forged or has ended.
        """
        answer: dict[str, Any] = {"config": self._public()}
        token, identity = str(asked.get("token") or ""), str(asked.get("identity") or "")
        visitor = self._identified(identity) if identity else self._returning(token)
        if visitor is None and asked.get("begin") and self.config.anonymous:
            self.limit("begin", network)
            visitor = Visitor(id=new_visitor_id(), until=self._anonymous_until())
        if visitor is not None:
            answer |= {
                "visitor": visitor.id,
                "name": visitor.name,
                "anonymous": visitor.is_anonymous,
                "until": visitor.until,
                "token": self._tickets.make("visitor", visitor),
            }
        return answer

    def visitor(self, token: str) -> Visitor:
        """Who holds a ticket. Raises `BadSignature`."""
        visitor = self._tickets.read("visitor", token, Visitor)
        if visitor.is_anonymous and not self.config.anonymous:
            raise BadSignature("visitors have to be logged in", ended=True)
        if not visitor.is_anonymous and not self._secret:
            raise BadSignature("nobody vouches for this visitor any more", ended=True)
        return visitor

    def _identified(self, token: str) -> Visitor:
        if not self._secret:
            raise BadSignature("this channel has no identity_secret, so it cannot check who this is")
        said = read_identity(token, self._secret, channel=self.channel, now=self._now())
        until = min(said.exp, int(self._now()) + _IDENTITY_S)
        return Visitor(id=said.sub, until=until, name=said.name[:200])

    def _returning(self, token: str) -> Visitor | None:
        """The holder of an earlier ticket; an anonymous one lasts longer by coming back."""
        if not token:
            return None
        try:
            visitor = self.visitor(token)
        except BadSignature:
            return None
        return Visitor(id=visitor.id, until=self._anonymous_until()) if visitor.is_anonymous else visitor

    def _anonymous_until(self) -> int:
        return int(self._now()) + self.config.visitor_days * 86_400

    def _public(self) -> dict[str, Any]:
        config = self.config
        return {
            "title": config.title,
            "greeting": tree(config.greeting),
            "colour": config.colour,
            "position": config.position,
            "theme": config.theme,
            "language": config.language,
            "privacy": str(config.privacy_url or ""),
            "anonymous": config.anonymous,
            "feedback": config.feedback,
            "upload_bytes": self.upload_limit_bytes,
        }

    def _signing_keys(self) -> Sequence[bytes]:
        now = self._host.clock.monotonic()
        if not self._keys[1] or now - self._keys[0] > _KEYS_S:
            self._keys = (now, tuple(self._host.signing_keys()))
        return self._keys[1]

    def _now(self) -> float:
        return self._host.clock.micros() / 1_000_000

    # --- in -------------------------------------------------------------------------------------------------

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        now = self._host.clock.now()
        try:
            return (parse_payload(self.channel, payload, now),)
        except Exception as error:
            return (quarantined(self.channel, plain_json(payload), error, now),)

    async def take(self, visitor: Visitor, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Store what a visitor does. Durable when it returns; the same `id` again changes nothing.

        Raises:
            ValueError: it has not the shape; nothing is stored.
        """
        if problem := problem_with(payload):
            raise ValueError(problem)
        self.limit("send", visitor.id)
        files = [self._attached(visitor, ticket) for ticket in payload.get("files", ())]
        (event,) = self.parse({**payload, "user": visitor.id, "name": visitor.name, "files": files})
        new = await self._host.accept(event)
        shown = self._frames(visitor.id).of_event(event, self._host.clock.micros()) if new else None
        if shown is not None:
            self._streams.tell(visitor.id, Frame("message", shown, self._host.clock.micros()))
        return {"id": event.message_id, "new": new}

    async def upload(self, visitor: Visitor, data: AsyncIterator[bytes], name: str, mime: str) -> dict[str, Any]:
        """Keep a file until its message comes."""
        self.limit("upload", visitor.id)
        file_id, size = await self._host.keep_file(data, self.upload_limit_bytes)
        until = int(self._now()) + _UPLOAD_S
        ticket = FileTicket(file=file_id, visitor=visitor.id, until=until, name=name, mime=mime, size=size)
        return {"file": self._tickets.make("file", ticket), "name": name, "size": size}

    def _attached(self, visitor: Visitor, ticket: str) -> dict[str, Any]:
        file = self._tickets.read("file", ticket, FileTicket)
        if file.visitor != visitor.id:
            raise BadSignature("this file is somebody else's")
        kind = file.mime.partition("/")[0]
        return {
            "kind": kind if kind in ("image", "audio", "video") else "file",
            "name": file.name,
            "mime": file.mime,
            "size_bytes": file.size,
            "remote": file.file,
        }

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        if attachment.size_bytes > self.upload_limit_bytes:
            raise LimitReached("the file is larger than this channel takes", limit="upload_limit_mb")
        yield await self._host.load_file(Attachment(kind="file", name=attachment.name, file_id=attachment.remote))

    async def download(self, ticket: str) -> tuple[FileTicket, bytes]:
        """Raises `BadSignature` or `NotFound`."""
        file = self._tickets.read("file", ticket, FileTicket)
        return file, await self._host.load_file(Attachment(kind="file", name=file.name, file_id=file.file))

    # --- out ------------------------------------------------------------------------------------------------

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return self._capabilities

    def direct_room(self, user_id: str) -> str:
        return user_id

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return render_message(message, self._capabilities)

    async def send(self, part: Part) -> Receipt:
        """Always succeeds: it is stored, and whoever looks is told."""
        visitor = part.conversation.room
        self._streams.tell(visitor, Frame("message", self._frames(visitor).of_part(part), self._host.clock.micros()))
        return Receipt(message_id=part.message_id or part.id)

    async def typing(self, conversation: Conversation) -> None:
        self._streams.tell(conversation.room, Frame("typing", {"seconds": _TYPING_S}))

    async def update(self, part: Part, text: str) -> None:
        visitor = part.conversation.room
        self._streams.tell(visitor, Frame("live", {"id": part.message_id, **self._frames(visitor).body(text)}))

    async def acknowledge(self, event: Event, text: str = "") -> None:
        pressed = event.action.handle if event.action is not None else ""
        self._streams.tell(event.conversation.room, Frame("ack", {"id": pressed, "text": text}))

    async def open_form(self, event: Event, form: Form) -> bool:
        """Shows the form below its message, in the tab where the button was pressed; False when none is open."""
        pressed = event.action
        if pressed is None or not self._streams.are_watching(event.conversation.room):
            return False
        shown = plain_json(msgspec.to_builtins(form))
        told = {"id": pressed.message_id, "press": pressed.handle, "form": shown}
        self._streams.tell(event.conversation.room, Frame("form", told))
        return True

    async def events(self, visitor: Visitor, network: str, after: int) -> AsyncGenerator[bytes]:
        """Frames for one tab, until it leaves or is sent away: first what it missed, then what happens.

        Args:
            after: the cursor of the last frame it saw; 0: it knows nothing.
        """
        self.limit("stream", network)
        with self._streams.open(visitor.id, network) as stream:
            now = self._host.clock.micros()
            cursor = min(after, now)
            yield b"retry: 1000\n\n" + await self._missed(visitor, cursor, reset=not after)
            cursor, beats = now, 0
            while (frame := await stream.next()) is not None:
                if frame is not BEAT:
                    cursor = max(cursor, frame.cursor)
                    yield frame.encode()
                    continue
                if visitor.until < self._now():
                    yield Frame("ended", {}).encode()
                    return
                yield BEAT.encode()
                beats += 1
                if beats % _LOOK_EVERY == 0:
                    now = self._host.clock.micros()
                    yield await self._missed(visitor, cursor)
                    cursor = now
            yield Frame("bye", {}).encode()

    async def _missed(self, visitor: Visitor, cursor: int, *, reset: bool = False) -> bytes:
        """Everything that changed since, from what is stored; all of it where not everything can be told."""
        now = self._host.clock.micros()
        where = room_of(self.channel, visitor.id)
        recalled = await self._host.recall(where, (visitor.id,), _RECALLED_RUNS)
        after = cursor - _OVERLAP_MICROS
        if reset or recalled.since > after:
            messages = self._frames(visitor.id).everything(recalled)
            return Frame("reset", {"messages": messages, "whole": not recalled.since}, now).encode()
        missed = self._frames(visitor.id).everything(recalled, after=after)
        return b"".join(Frame("message", one, now).encode() for one in missed)

    def _frames(self, visitor: str) -> Frames:
        return Frames(visitor, self._link)

    def _link(self, file: FileTicket) -> str:
        until = (int(self._now() + _FILE_LINK_S) // 3600 + 1) * 3600  # the same for a while, so browsers keep the file
        made = FileTicket(file=file.file, visitor=file.visitor, until=until, name=file.name, mime=file.mime)
        return f"file/{self._tickets.make('file', made)}"
