"""What is shown in passing: typing, drafts, intermediate edits, reactions. Its failures stay here."""

from __future__ import annotations

__all__ = ["GROUP", "PRIVATE", "Views"]

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
from aiogram.methods import SendChatAction, SendMessageDraft
from aiogram.methods.base import TelegramMethod

from adapters.passing import Passing
from adapters.telegram.api import TelegramApi
from adapters.telegram.media import DOWNLOAD_LIMIT_BYTES, UPLOAD_LIMIT_BYTES
from adapters.telegram.rendering import CAN, preview
from adapters.telegram.sending import edit_text
from botkit.sdk import Capabilities, Clock, Conversation

TIMEOUT_S = 8.0
"""A final answer may be waiting behind it."""
REFRESH_S = 20.0
"""A draft disappears after 30 s; an older one is shown again while the bot is still at work."""

PRIVATE = Capabilities(
    text_limit=4096,
    text_unit="utf16",
    stream="draft",
    stream_interval_s=0.7,
    typing_s=5.0,
    edit=True,
    delete=True,
    buttons=True,
    button_value_bytes=64,
    button_limit=CAN.button_limit,
    threads=True,
    reactions=True,
    files=True,
    file_in_limit_bytes=DOWNLOAD_LIMIT_BYTES,
    file_out_limit_bytes=UPLOAD_LIMIT_BYTES,
    idempotent_send="none",
    commands=True,
)
"""A chat with one person."""
GROUP = msgspec.structs.replace(PRIVATE, stream="edit", stream_interval_s=3.0)
"""A group knows no drafts, and takes twenty messages a minute from a bot, edits included."""


class _Draft(msgspec.Struct, frozen=True):
    id: int
    text: str
    shown_at: float
    """On the monotonic clock."""


class Views(Passing):
    """On Telegram a private answer is shown as a draft while it is written."""

    def __init__(self, api: TelegramApi, clock: Clock, channel: str):
        super().__init__(clock, channel, "telegram")
        self._api = api
        self._drafts: dict[str, _Draft] = {}

    @asynccontextmanager
    async def settled(self, conversation: Conversation) -> AsyncGenerator[None]:
        """Inside, no preview of this conversation is on its way, and its draft is done with."""
        async with self.lock(conversation.key):
            self._drafts.pop(conversation.key, None)
            yield

    async def typing(self, conversation: Conversation) -> None:
        """Show "typing…", and keep a draft alive that would soon disappear."""
        action = SendChatAction(
            chat_id=int(conversation.room), action="typing", message_thread_id=_thread(conversation)
        )
        await self.quietly(action, conversation.key)
        draft = self._drafts.get(conversation.key)
        if draft is not None and self._clock.monotonic() - draft.shown_at >= REFRESH_S:
            await self.finish(self._draft(conversation, draft.id, draft.text, instead_of=draft))

    async def draft(self, conversation: Conversation, draft_id: int, text: str) -> None:
        await self.finish(self._draft(conversation, draft_id, text))

    async def update(self, conversation: Conversation, room: str, message_id: str, text: str) -> None:
        await self.finish(self._update(conversation, room, message_id, text))

    async def quietly(self, method: TelegramMethod[Any], key: str = "") -> bool:
        """Make a call whose failure nobody needs to hear of.

        False: it failed, or was left out because Telegram asked to wait with calls for this `key`.
        """
        return await self.try_to(key, lambda: self._api.call(method, timeout_s=TIMEOUT_S, safe=True))

    async def _draft(
        self, conversation: Conversation, draft_id: int, text: str, *, instead_of: _Draft | None = None
    ) -> None:
        shown = preview(text)
        method = SendMessageDraft(
            chat_id=int(conversation.room),
            draft_id=draft_id,
            message_thread_id=_thread(conversation),
            text=shown.text,
            entities=cast("Any", shown.entities_json()),
            parse_mode=None,
            can_stop=True,
            keep_on_stop=True,
        )
        async with self.lock(conversation.key):
            if instead_of is not None and self._drafts.get(conversation.key) is not instead_of:
                return  # the answer itself came first
            if await self.quietly(method, conversation.key):
                self._drafts[conversation.key] = _Draft(draft_id, text, self._clock.monotonic())

    async def _update(self, conversation: Conversation, room: str, message_id: str, text: str) -> None:
        async with self.lock(conversation.key):
            await self.quietly(edit_text(room, message_id, preview(text)), conversation.key)


def _thread(conversation: Conversation) -> int | None:
    return int(conversation.thread) if conversation.thread else None
