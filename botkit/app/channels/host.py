"""What one adapter may ask of botkit."""

from __future__ import annotations

__all__ = ["ChannelHost", "HostServices", "channel_keys"]

import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botkit.core.clock import Clock
from botkit.core.errors import NotFound
from botkit.core.events import Attachment, Conversation, Event
from botkit.core.recall import Recalled
from botkit.gateway.keys import MasterKey
from botkit.sdk import Health


@dataclass(frozen=True, slots=True)
class HostServices:
    """What all channels share."""

    clock: Clock
    public_url: str
    commands: Sequence[tuple[str, str]]
    accept: Callable[[Event], Awaitable[bool]]
    secret: Callable[[str], Awaitable[str]]
    read_file: Callable[[str], Awaitable[bytes]]
    converse: Callable[[Event, float], Awaitable[Mapping[str, Any]]]
    heard: Callable[[str, int], Awaitable[Sequence[Event]]]
    link_file: Callable[[Attachment], str]
    signing_keys: Callable[[str], Sequence[bytes]]
    recall: Callable[[Conversation, Sequence[str], int], Awaitable[Recalled]]
    keep_file: Callable[[AsyncIterator[bytes], int], Awaitable[tuple[str, int]]]
    translated_commands: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict[str, Any])


def channel_keys(keys: Sequence[MasterKey], channel: str) -> list[bytes]:
    """Keys for the tickets of one channel, current first; they tell nothing about the master keys or each other."""
    purpose = b"botkit channel ticket\0" + channel.encode()
    return [hmac.new(master.key, purpose, hashlib.sha256).digest() for master in keys]


class ChannelHost:
    """The `AdapterHost` of one channel, and its `ServingHost`."""

    def __init__(self, channel: str, services: HostServices, report: Callable[[Health], None]):
        self._channel = channel
        self._services = services
        self._report = report

    @property
    def clock(self) -> Clock:
        return self._services.clock

    @property
    def public_url(self) -> str:
        return self._services.public_url

    @property
    def commands(self) -> Sequence[tuple[str, str]]:
        return self._services.commands

    @property
    def translated_commands(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return self._services.translated_commands

    async def accept(self, event: Event) -> bool:
        return await self._services.accept(event)

    async def converse(self, event: Event, timeout_s: float) -> Mapping[str, Any]:
        return await self._services.converse(event, timeout_s)

    async def secret(self, name: str) -> str:
        return await self._services.secret(name)

    def report(self, health: Health) -> None:
        self._report(health)

    async def heard(self, limit: int = 500) -> Sequence[Event]:
        return await self._services.heard(self._channel, limit)

    async def load_file(self, attachment: Attachment) -> bytes:
        if not attachment.file_id:
            raise NotFound("this attachment was never stored, so it cannot be sent", name=attachment.name)
        return await self._services.read_file(attachment.file_id)

    async def share_file(self, attachment: Attachment) -> str:
        if not attachment.file_id:
            raise NotFound("this attachment was never stored, so it cannot be sent", name=attachment.name)
        return self._services.link_file(attachment)

    def signing_keys(self) -> Sequence[bytes]:
        return self._services.signing_keys(self._channel)

    async def recall(self, conversation: Conversation, user_ids: Sequence[str], limit: int) -> Recalled:
        return await self._services.recall(conversation, user_ids, limit)

    async def keep_file(self, data: AsyncIterator[bytes], limit_bytes: int) -> tuple[str, int]:
        return await self._services.keep_file(data, limit_bytes)
