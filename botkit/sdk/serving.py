"""For adapters whose platform is people's browsers: pages, streams and uploads under an address of their own."""

from __future__ import annotations

__all__ = ["ServesHttp", "ServingHost"]

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from botkit.core.events import Conversation
from botkit.core.recall import Recalled
from botkit.sdk.adapter import AdapterHost

Message = MutableMapping[str, Any]


class ServesHttp(ABC):
    """Mixed into an adapter, it gets every request below `/api/bots/webhook/{platform}/{channel}/`.

    Those requests pass no check before: whom to let in is the adapter's own business.
    """

    @abstractmethod
    async def serve(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request, as an ASGI application; `scope["path_params"]["path"]` is what follows the address.

        Raises `BadSignature`, `LimitReached` and `StoreError` as `Adapter.webhook` does, before an answer has begun.

        Source: https://asgi.readthedocs.io/en/latest/specs/www.html
        """

    def closing(self) -> None:
        """The process stops serving: end answers that would go on for ever. Nothing may be lost by it."""
        return


class ServingHost(AdapterHost, Protocol):
    """What botkit offers such an adapter besides."""

    def signing_keys(self) -> Sequence[bytes]:
        """Keys for tickets of the channel's own, 32 bytes each. Sign with the first, take those of any: the master
        key may have been rotated."""
        ...

    async def recall(self, conversation: Conversation, user_ids: Sequence[str], limit: int) -> Recalled:
        """The newest of a private conversation of this channel, from inbox and outbox."""
        ...

    async def keep_file(self, data: AsyncIterator[bytes], limit_bytes: int) -> tuple[str, int]:
        """Store an uploaded file: (file id, size). Raises `LimitReached`, and nothing is kept."""
        ...
