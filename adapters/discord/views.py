"""What is shown in passing: typing, intermediate edits, reactions. Its failures stay here."""

from __future__ import annotations

__all__ = ["DIRECT", "SERVER", "Views"]

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import msgspec
import structlog

from adapters.discord.api import DiscordApi
from adapters.discord.formatting import TEXT_LIMIT
from adapters.discord.media import DOWNLOAD_LIMIT_BYTES, UPLOAD_LIMIT_BYTES
from adapters.discord.rendering import preview
from adapters.discord.sending import edit_body, target_of
from botkit.sdk import BotkitError, Capabilities, Clock, Conversation, RateLimited

_log = structlog.get_logger("botkit.discord")

TIMEOUT_S = 8.0
"""A final answer may be waiting behind it."""

DIRECT = Capabilities(
    text_limit=TEXT_LIMIT,
    text_unit="utf16",
    stream="edit",
    stream_interval_s=1.2,
    typing_s=10.0,
    edit=True,
    delete=True,
    buttons=True,
    button_value_bytes=100,
    selects=25,
    multi_selects=True,
    forms=5,
    cards=10,
    mentions=True,
    threads=False,
    reactions=True,
    files=True,
    file_in_limit_bytes=DOWNLOAD_LIMIT_BYTES,
    file_out_limit_bytes=UPLOAD_LIMIT_BYTES,
    idempotent_send="native",
    commands=True,
)
"""A chat with one person. Five edits in five seconds are allowed; some are kept for the final text."""
SERVER = msgspec.structs.replace(DIRECT, threads=True, stream_interval_s=1.5)


class Views:
    """The passing side of all conversations of one channel.

    An edit that is on its way is finished even when its turn is cancelled, and `settled` lets the final text wait for
    it: the two can not overtake each other.
    """

    def __init__(self, api: DiscordApi, clock: Clock, channel: str):
        self._api = api
        self._clock = clock
        self._channel = channel
        self._quiet_until: dict[str, float] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._showing: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up what is on its way."""
        tasks = tuple(self._showing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def settled(self, conversation: Conversation) -> AsyncGenerator[None]:
        """Inside, no intermediate edit of this conversation is on its way."""
        async with self._lock(conversation.key):
            yield

    async def typing(self, conversation: Conversation) -> None:
        path = "/channels/{channel_id}/typing"
        await self._quietly("POST", path, key=f"typing {conversation.key}", channel_id=target_of(conversation))

    async def update(self, conversation: Conversation, message_id: str, text: str) -> None:
        task = asyncio.create_task(self._update(conversation, message_id, text))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)
        await asyncio.shield(task)

    async def _update(self, conversation: Conversation, message_id: str, text: str) -> None:
        async with self._lock(conversation.key):
            await self._quietly(
                "PATCH",
                "/channels/{channel_id}/messages/{message_id}",
                key=conversation.key,
                body=edit_body({"content": preview(text)}, []),
                channel_id=target_of(conversation),
                message_id=message_id,
            )

    async def react(self, conversation: Conversation, message_id: str, emoji: str, *, add: bool) -> None:
        await self._quietly(
            "PUT" if add else "DELETE",
            "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me",
            key=f"reaction {conversation.key}",
            channel_id=target_of(conversation),
            message_id=message_id,
            emoji=emoji,
        )

    async def _quietly(self, method: str, path: str, *, key: str, **arguments: Any) -> None:
        """Make a call whose failure nobody needs to hear of; none while Discord asks to wait with this `key`."""
        if self._clock.monotonic() < self._quiet_until.get(key, 0.0):
            return
        self._quiet_until.pop(key, None)
        work: Coroutine[Any, Any, Any] = self._api.call(method, path, timeout_s=TIMEOUT_S, safe=True, **arguments)
        try:
            await work
        except RateLimited as error:
            self._quiet_until[key] = self._clock.monotonic() + (error.retry_after_s or 1.0)
        except BotkitError as error:
            _log.debug("discord_call_failed", channel=self._channel, code=error.code, detail=str(error))

    def _lock(self, key: str) -> asyncio.Lock:
        """Held while what a conversation shows is being changed; gone when nobody holds or awaits it."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock
