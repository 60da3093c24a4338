"""Talking to a bot without a platform: the whole pipeline, through the sandbox channel."""

from __future__ import annotations

__all__ = ["MESSAGE_LIMIT_BYTES", "ChatOperations"]

import asyncio
import mimetypes
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec

from botkit.app.names import SANDBOX
from botkit.app.operations.approvals import ApprovalOperations
from botkit.app.operations.following import Following
from botkit.app.operations.history import read_history
from botkit.core.console import ChatEntry, Sent
from botkit.core.errors import BotkitError, LimitReached, NotFound
from botkit.core.events import Attachment, AttachmentKind, Conversation, Event
from botkit.core.ids import new_id
from botkit.core.live import LiveEvent
from botkit.core.sound import sound_seconds

if TYPE_CHECKING:
    from botkit.app.instance import Instance

MESSAGE_LIMIT_BYTES = 256 * 1024
_REST_S = 0.05
"""How long nothing must happen before the lane is asked whether it rests."""
_WATCH_S = 1.0
"""How often a long turn is interrupted by the question whether the process ends."""
_ROOM_LIMIT = 200


class ChatOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def say(
        self,
        *,
        room: str,
        bot: str,
        person: str,
        text: str,
        message_id: str = "",
        trigger: Mapping[str, Any] | None = None,
        files: Sequence[Attachment] = (),
    ) -> AsyncGenerator[LiveEvent]:
        """Say something and follow what comes of it, until the turn ended, waits, or the bot had nothing to do.

        What happens in the room besides, such as another run that a decision resumed, is not told.

        The last event is `done`. A message that needed no turn, such as a command, ends with a `done` whose
        state is `answered` and whose text is what was said.

        Args:
            bot: `@NAME` tries the workflow NAME without a bot.
            trigger: what the run's `trigger` holds besides, such as `{"kind": "api", "input": {…}}`.
            files: as `attach` returned them.

        Raises:
            NotFound: no such bot.
            LimitReached: the text is too large.
        """
        async with self._i.live.watch(_key(room)) as queue:
            sent = await self.send(
                room=room, bot=bot, person=person, text=text, message_id=message_id, trigger=trigger, files=files
            )
            mine = self._following(message_id=sent.message_id)
            async with aclosing(self._until_done(queue, sent.conversation, mine)) as events:
                async for event in events:
                    yield event

    async def follow(self, event: Event, *, run: str = "") -> AsyncGenerator[LiveEvent]:
        """Take an event of any channel, and follow what comes of it as `say` does. Repeating it is safe.

        Args:
            run: the run a pressed button belongs to; it is followed instead.
        """
        conversation = event.conversation.key
        async with self._i.live.watch(conversation) as queue:
            await self._i.engine.accept(event)
            mine = self._following(message_id="" if run else event.dedupe_key, run_id=run, channel=event.channel)
            async with aclosing(self._until_done(queue, conversation, mine)) as events:
                async for one in events:
                    yield one

    async def decide(
        self, *, room: str, wait: str, approved: bool, by: str, comment: str = "", via: str = "cli"
    ) -> AsyncGenerator[LiveEvent]:
        """Decide about something that waits in a room, and follow its run as `say` does."""
        async with self._i.live.watch(_key(room)) as queue:
            approvals = ApprovalOperations(self._i)
            decided = await approvals.decide(wait=wait, approved=approved, by=by, comment=comment, via=via)
            its = self._following(run_id=decided.run_id)
            async with aclosing(self._until_done(queue, _key(room), its)) as events:
                async for event in events:
                    yield event

    def _following(self, *, message_id: str = "", run_id: str = "", channel: str = SANDBOX) -> Following:
        store = self._i.store
        return Following(store.records, store.journal, channel, message_id=message_id, run_id=run_id)

    async def _until_done(
        self, queue: asyncio.Queue[LiveEvent], conversation: str, following: Following
    ) -> AsyncGenerator[LiveEvent]:
        said: list[str] = []
        in_turn, last = False, None
        while True:
            event = await self._next(queue, conversation, in_turn=in_turn)
            if event is None:
                yield last or _answered(conversation, said)
                return
            if not await following.concerns(event):
                continue
            if event.kind == "done":
                if event.data.get("state") != "waiting":
                    yield event
                    return
                in_turn, last = False, event  # the question is delivered after it, and shown before
                continue
            if event.run_id:
                in_turn = last is None
            elif event.kind == "part":
                said.append(event.text)
            yield event

    async def _next(self, queue: asyncio.Queue[LiveEvent], lane: str, *, in_turn: bool) -> LiveEvent | None:
        """The next event; None when nothing more will come because the lane rests again."""
        rested = False
        while True:
            try:
                async with asyncio.timeout(_WATCH_S if in_turn else _REST_S):
                    return await queue.get()
            except TimeoutError:
                if self._i.closing.is_set():
                    raise BotkitError("botkit stopped meanwhile; the answer comes at its next start") from None
                if rested and queue.empty():
                    return None
                rested = self._rests(lane)  # seen twice: between a commit and its delivery it may look so once

    def _rests(self, lane: str) -> bool:
        return self._i.engine.lanes.scope(lane) is None and not self._i.engine.outbox.busy

    async def send(
        self,
        *,
        room: str,
        bot: str,
        person: str,
        text: str,
        message_id: str = "",
        trigger: Mapping[str, Any] | None = None,
        files: Sequence[Attachment] = (),
    ) -> Sent:
        """Say something; durable when this returns. Repeating with the same `message_id` is safe."""
        if len(text) > MESSAGE_LIMIT_BYTES or len(_storable(text).encode()) > MESSAGE_LIMIT_BYTES:
            raise LimitReached(
                f"a message may have {MESSAGE_LIMIT_BYTES // 1024} KiB; send a file instead",
                limit="message",
                value=MESSAGE_LIMIT_BYTES,
            )
        what: dict[str, Any] = {"text": text, **({"trigger": dict(trigger)} if trigger else {})}
        what |= {"files": msgspec.to_builtins(list(files))} if files else {}
        return await self._accept(room, bot, person, what, message_id)

    async def attach(self, *, name: str, data: bytes) -> Attachment:
        """Store a file for the next message of `say` or `send`. Raises `LimitReached`."""
        limit_bytes = self._i.configs.current.settings.file_limit_bytes
        file_id, size_bytes, _ = await self._i.store.files.put(data, limit_bytes=limit_bytes)
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Attachment(
            kind=_kind_of(name, mime),
            name=name,
            mime=mime,
            size_bytes=size_bytes,
            duration_s=round(sound_seconds(data), 2),
            remote=file_id,
        )

    async def press(
        self,
        *,
        room: str,
        bot: str,
        person: str,
        value: str,
        message_id: str = "",
        values: Sequence[str] = (),
        fields: Mapping[str, Any] | None = None,
    ) -> Sent:
        """Press a button of a message, choose options of a menu (`values`), or send a form (`fields`)."""
        what: dict[str, Any] = {"press": value, "message_id": message_id}
        what |= {"values": list(values)} if values else {}
        what |= {"fields": dict(fields)} if fields is not None else {}
        return await self._accept(room, bot, person, what, "")

    async def stop(self, *, room: str, bot: str, person: str) -> None:
        """Stop the answer being written in a room; nothing happens when none is."""
        await self._accept(room, bot, person, {"stop": True}, "")

    async def watch(self, *, room: str) -> AsyncGenerator[LiveEvent]:
        """Everything that happens in a room from now on, until the process stops; all rooms for an empty one."""
        async with self.watching(room) as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def watching(self, room: str) -> AsyncGenerator[AsyncGenerator[LiveEvent]]:
        """As `watch`, for callers in this process: nothing that happens inside the block is missed."""
        async with self._i.live.watch(_key(room) if room else "") as queue:
            yield self._events(queue)

    async def _events(self, queue: asyncio.Queue[LiveEvent]) -> AsyncGenerator[LiveEvent]:
        closing = asyncio.ensure_future(self._i.closing.wait())
        coming: asyncio.Future[LiveEvent] | None = None
        try:
            while True:
                coming = asyncio.ensure_future(queue.get())
                await asyncio.wait((coming, closing), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    return
                yield coming.result()
        finally:
            closing.cancel()
            if coming is not None:
                coming.cancel()

    async def history(self, *, room: str, limit: int = 100) -> Sequence[ChatEntry]:
        """What was said in a room, oldest first: turns, commands with their answers, notices."""
        return await read_history(self._i.store.records, _key(room), limit=limit)

    async def _accept(self, room: str, bot: str, person: str, what: dict[str, Any], message_id: str) -> Sent:
        if not room or len(room) > _ROOM_LIMIT:
            raise LimitReached(f"a room's name has 1 to {_ROOM_LIMIT} characters", limit="room", value=_ROOM_LIMIT)
        self._check_bot(bot)
        message_id = message_id or new_id("msg")
        payload = {**what, "id": message_id, "room": room, "person": person or "operator", "bot": bot}
        payload = {name: _storable(value) for name, value in payload.items()}
        declared = self._i.configs.current.people.get(person)
        if declared is not None and declared.name:
            payload["name"] = declared.name
        (event,) = self._i.channels.renderer(SANDBOX).parse(payload)
        new = await self._i.engine.accept(event)
        return Sent(conversation=event.conversation.key, message_id=message_id, new=new)

    def _check_bot(self, bot: str) -> None:
        config = self._i.configs.current
        if bot.startswith("@"):
            if bot[1:] not in config.workflows:
                known = ", ".join(config.workflows) or "none"
                raise NotFound(f"no workflow is called `{bot[1:]}`; bots.yaml has: {known}")
            return
        names = [name for name, found in config.bots.items() if found.enabled] + list(config.teams)
        if bot and bot not in names:
            known = ", ".join(names) or "none"
            raise NotFound(f"no bot is called `{bot}`; bots.yaml has: {known}", bot=bot)
        if not names:
            raise NotFound("bots.yaml has no bot; add one under `bots:`")


def _kind_of(name: str, mime: str) -> AttachmentKind:
    """What a file is in a chat: Ogg is what people speak into their phones."""
    if name.casefold().endswith((".ogg", ".oga", ".opus")):
        return "voice"
    match mime.partition("/")[0]:
        case "image" | "audio" | "video" as kind:
            return kind
        case _:
            return "file"


def _storable(value: Any) -> Any:
    """Text without what no database and no platform takes: halves of surrogate pairs, NUL."""
    if isinstance(value, list):
        return [_storable(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in cast("dict[Any, Any]", value).items()}
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _answered(conversation: str, said: Sequence[str]) -> LiveEvent:
    """The end of a message that needed no turn."""
    data: dict[str, Any] = {"state": "answered", "status": "answered", "text": "\n\n".join(said)}
    return LiveEvent(kind="done", conversation=conversation, data=data)


def _key(room: str) -> str:
    return Conversation(channel=SANDBOX, room=room).key
