"""What is shown in passing: typing, intermediate edits, reactions. Its failures stay here."""

from __future__ import annotations

__all__ = ["DIRECT", "SERVER", "Views"]

from typing import Any

import msgspec

from adapters.discord.api import DiscordApi
from adapters.discord.formatting import TEXT_LIMIT
from adapters.discord.media import DOWNLOAD_LIMIT_BYTES, UPLOAD_LIMIT_BYTES
from adapters.discord.rendering import preview
from adapters.discord.sending import edit_body, target_of
from adapters.passing import Passing
from botkit.sdk import Capabilities, Clock, Conversation

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


class Views(Passing):
    """On Discord an answer is a message that grows by edits."""

    def __init__(self, api: DiscordApi, clock: Clock, channel: str):
        super().__init__(clock, channel, "discord")
        self._api = api

    async def typing(self, conversation: Conversation) -> None:
        path = "/channels/{channel_id}/typing"
        await self._quietly("POST", path, key=f"typing {conversation.key}", channel_id=target_of(conversation))

    async def update(self, conversation: Conversation, message_id: str, text: str) -> None:
        await self.finish(self._update(conversation, message_id, text))

    async def _update(self, conversation: Conversation, message_id: str, text: str) -> None:
        async with self.lock(conversation.key):
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
        await self.try_to(key, lambda: self._api.call(method, path, timeout_s=TIMEOUT_S, safe=True, **arguments))
