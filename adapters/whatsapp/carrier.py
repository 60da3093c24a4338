"""What the channel asks of whoever carries its messages: Meta's Cloud API or Twilio."""

from __future__ import annotations

__all__ = ["Carrier"]

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from botkit.sdk import Attachment, Capabilities, Event, HttpRequest, HttpResponse, Part


class Carrier(ABC):
    """One sending number at one provider."""

    capabilities: ClassVar[Capabilities]

    @abstractmethod
    async def check(self) -> str:
        """Ask who we are; returns the number as people see it.

        Raises:
            ChannelFatal: the credentials are refused.
            AdapterError: retryable, it cannot be reached.
        """

    @abstractmethod
    def receive(self, request: HttpRequest) -> Mapping[str, Any] | HttpResponse:
        """A verified payload for `parse`, or the answer to a request that carries none.

        Raises:
            BadSignature: it is not from the provider.
        """

    @abstractmethod
    def parse(self, payload: Mapping[str, Any], now: datetime) -> Sequence[Event]: ...

    @abstractmethod
    async def send(self, part: Part) -> str:
        """Deliver one part and return the message's id. Raises as `Adapter.send`."""

    @abstractmethod
    async def typing(self, room: str, message_id: str) -> None:
        """Show activity in answer to a message of the person. Raises `AdapterError`."""

    async def react(self, room: str, message_id: str, emoji: str) -> None:
        """Add or take away a reaction. Raises `AdapterError`."""
        return

    @abstractmethod
    def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        """The bytes of a file a person sent. Raises `LimitReached`, `NotFound`."""

    @abstractmethod
    async def close(self) -> None: ...
