"""How updates come: long polling that loses nothing, or a webhook that is watched.

Polling moves its offset only past what the host has stored. aiogram's own loop acknowledges before it handles
and stops for good at an update it cannot decode; this one reads each raw update alone.

Source: https://core.telegram.org/bots/api#getting-updates
"""

from __future__ import annotations

__all__ = ["ALLOWED_UPDATES", "Poller", "WebhookWatch"]

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import structlog
from aiogram.methods import DeleteWebhook, GetUpdates, GetWebhookInfo, SetWebhook

from adapters.telegram.api import PollConflict, TelegramApi
from botkit.sdk import AdapterError, BotkitError, ChannelFatal, Clock, Event

_log = structlog.get_logger("botkit.telegram")

ALLOWED_UPDATES = [
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "message_reaction",
    "stopped_message_generation",
]
POLL_S = 50
"""How long Telegram may hold an empty poll."""
WATCH_S = 60.0
"""Between two looks at the webhook's state."""
_BATCH = 100
_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)


class Poller:
    """Fetches updates until it is cancelled.

    Args:
        parse: one raw update to events; must not raise.
        accept: stores an event durably.
        report: (state, detail) of the channel's health; called at changes only.
    """

    def __init__(
        self,
        *,
        api: TelegramApi,
        channel: str,
        clock: Clock,
        parse: Callable[[Any], Sequence[Event]],
        accept: Callable[[Event], Awaitable[bool]],
        report: Callable[[str, str], None],
    ):
        self._api = api
        self._channel = channel
        self._clock = clock
        self._parse = parse
        self._accept = accept
        self._report = report
        self._offset = 0
        self._failures = 0

    async def run(self) -> None:
        """Poll for ever; returns only when a person must act first, which it reported."""
        while True:
            try:
                updates = await self._fetch(POLL_S)
                self._recovered()
                await self._store(updates)
            except ChannelFatal as error:
                self._report("fatal", str(error))
                return
            except PollConflict as error:
                await self._on_conflict(error)
            except BotkitError as error:
                await self._pause(error)
            except Exception as error:  # a mistake of ours must not end the channel without a word
                _log.exception("telegram_polling_mistake", channel=self._channel)
                await self._pause(AdapterError(f"{type(error).__name__} while storing an update; see the log"))

    async def _fetch(self, timeout_s: int) -> list[Any]:
        method = GetUpdates(
            offset=self._offset or None, limit=_BATCH, timeout=timeout_s, allowed_updates=ALLOWED_UPDATES
        )
        found = await self._api.call(method, timeout_s=timeout_s + 15.0, safe=True)
        return cast("list[Any]", found) if isinstance(found, list) else []

    async def _store(self, updates: list[Any]) -> None:
        for update in updates:
            for event in self._parse(update):
                await self._accept(event)
            self._passed(update)

    def _passed(self, update: Any) -> None:
        """Stored: Telegram may forget it. An update without an id cannot exist, but must not stop the rest."""
        update_id: object = cast("dict[str, Any]", update).get("update_id") if isinstance(update, dict) else None
        if isinstance(update_id, int):
            self._offset = max(self._offset, update_id + 1)

    def _recovered(self) -> None:
        if self._failures:
            _log.info("telegram_polling_again", channel=self._channel, failures=self._failures)
        self._failures = 0
        self._report("ok", "")

    async def _on_conflict(self, error: PollConflict) -> None:
        if not error.webhook:
            await self._pause(error)
            return
        try:
            await self._api.call(DeleteWebhook(), safe=True)
        except AdapterError as failed:
            await self._pause(failed)

    async def _pause(self, error: BotkitError) -> None:
        wait_s = error.retry_after_s or _BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)]
        self._failures += 1
        self._report("degraded", str(error))
        _log.warning(
            "telegram_polling_failed", channel=self._channel, code=error.code, detail=str(error), wait_s=wait_s
        )
        await self._clock.sleep(wait_s)


class WebhookWatch:
    """Registers the webhook and looks after it: Telegram tells only there that it cannot reach us.

    Args:
        report: (state, detail) of the channel's health; called at every look.
    """

    def __init__(self, *, api: TelegramApi, clock: Clock, url: str, secret: str, report: Callable[[str, str], None]):
        self._api = api
        self._clock = clock
        self._url = url
        self._secret = secret
        self._report = report

    async def register(self) -> None:
        """Safe to repeat. Raises what `TelegramApi.call` raises; a bad address is `Refused`."""
        method = SetWebhook(url=self._url, secret_token=self._secret, allowed_updates=ALLOWED_UPDATES)
        await self._api.call(method, safe=True)

    async def run(self) -> None:
        """Look at it for ever; returns only when a person must act first, which it reported."""
        while True:
            await self._clock.sleep(WATCH_S)
            try:
                state, detail = await self._look()
            except ChannelFatal as error:
                self._report("fatal", str(error))
                return
            except BotkitError as error:
                state, detail = "degraded", str(error)
            self._report(state, detail)

    async def _look(self) -> tuple[str, str]:
        info = cast("dict[str, Any]", await self._api.call(GetWebhookInfo(), safe=True))
        if info.get("url") != self._url:
            await self.register()
            return "degraded", "another process had taken the webhook over; it is set again"
        waiting = int(info.get("pending_update_count") or 0)
        if waiting and info.get("last_error_message"):
            return "degraded", (
                f"Telegram cannot deliver to {self._url} ({info['last_error_message']}; {waiting} waiting): "
                "check BOTKIT_PUBLIC_URL and the proxy in front"
            )
        return "ok", ""
