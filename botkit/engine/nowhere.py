"""The place where nobody listens: runs that no chat began (webhooks, schedules) say nothing there."""

from __future__ import annotations

__all__ = ["SomewhereOrNowhere", "is_nowhere"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

from botkit.core.events import Conversation, Event
from botkit.core.messages import Capabilities, OutMessage, Part, Receipt, Rendered
from botkit.engine.by_mail import MAIL
from botkit.engine.ports import Channels
from botkit.sdk.adapter import Adapter


def is_nowhere(channel: str) -> bool:
    """Whether a run's channel is only a name for what began it, such as `@webhook`."""
    return channel.startswith("@")


class _Nowhere(Adapter):
    platform: ClassVar[str] = "nowhere"

    def __init__(self) -> None:
        super().__init__("@nowhere", None, cast("Any", None))

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return ()

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return Capabilities()

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return ()

    async def send(self, part: Part) -> Receipt:
        return Receipt(message_id="")


_NOWHERE = _Nowhere()


class SomewhereOrNowhere:
    """Channels, with a renderer that renders nothing where nobody listens.

    Args:
        mail: delivers to people who are not in a chat; their parts wait while it is None.
    """

    def __init__(self, channels: Channels, mail: Adapter | None = None):
        self._channels = channels
        self._mail = mail

    def adapter(self, channel: str) -> Adapter | None:
        if channel == MAIL:
            return self._mail
        return None if is_nowhere(channel) else self._channels.adapter(channel)

    def renderer(self, channel: str) -> Adapter:
        return _NOWHERE if is_nowhere(channel) else self._channels.renderer(channel)

    def policy(self, channel: str) -> Literal["hold", "resend"]:
        return self._channels.policy(channel)
