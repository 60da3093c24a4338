"""Messages that one person sees among others: by the address a slash command brought, else as ephemeral ones.

The address works in channels the bot is not in, five times within half an hour.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses,
https://docs.slack.dev/reference/methods/chat.postEphemeral
"""

from __future__ import annotations

__all__ = ["Asides", "aside"]

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from adapters.slack.api import Refused, SlackApi
from botkit.sdk import Clock, Part, Rendered

_log = structlog.get_logger("botkit.slack")

USES = 5
LIFE_S = 1740.0
"""Slack's half hour, less a minute."""
_KEPT = 2000


def aside(rendered: Rendered, person: str) -> Rendered:
    """The same, for one person only."""
    if "attachments" in rendered.payload:
        return rendered  # files have no such form
    return msgspec.structs.replace(rendered, payload={**rendered.payload, "for": person})


@dataclass(slots=True)
class _Address:
    url: str
    until: float
    """On the monotonic clock."""
    uses: int = USES


class Asides:
    """What one channel says to single people."""

    def __init__(self, api: SlackApi, clock: Clock, channel: str):
        self._api = api
        self._clock = clock
        self._channel = channel
        self._addresses: OrderedDict[tuple[str, str], _Address] = OrderedDict()

    def learn(self, payload: Mapping[str, Any]) -> None:
        """Keep the address of a slash command."""
        url = str(payload.get("response_url") or "")
        if "command" not in payload or not self._api.is_own(url):
            return
        key = (str(payload.get("channel_id")), str(payload.get("user_id")))
        self._addresses[key] = _Address(url, self._clock.monotonic() + LIFE_S)
        self._addresses.move_to_end(key)
        while len(self._addresses) > _KEPT:
            self._addresses.popitem(last=False)

    async def send(self, part: Part) -> str:
        """Show a part to the person it is for; returns an id that nothing can be done with.

        Repeating it shows it twice, to that person. Raises what `SlackApi.call` raises.
        """
        room, person = part.conversation.room, str(part.payload["for"])
        shown = {key: value for key, value in part.payload.items() if key in ("text", "blocks")}
        address = self._addresses.get((room, person))
        if address is not None and await self._answer((room, person), address, shown):
            return ""
        answer = await self._api.call(
            "chat.postEphemeral",
            safe=True,
            channel=room,
            user=person,
            thread_ts=part.conversation.thread or None,
            **shown,
        )
        return str(answer.get("message_ts") or "")

    async def _answer(self, key: tuple[str, str], address: _Address, shown: Mapping[str, Any]) -> bool:
        if address.uses <= 0 or self._clock.monotonic() > address.until:
            del self._addresses[key]
            return False
        address.uses -= 1
        try:
            await self._api.respond(address.url, {"response_type": "ephemeral", **shown})
        except Refused as error:
            self._addresses.pop(key, None)
            _log.info("slack_response_url_used_up", channel=self._channel, detail=error.error)
            return False
        return True
