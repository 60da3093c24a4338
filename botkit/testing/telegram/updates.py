"""How updates reach the bot: the queue behind `getUpdates`, and the webhook pusher."""

from __future__ import annotations

__all__ = ["UpdateQueue", "Webhook", "WebhookPusher"]

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from botkit.core.clock import Clock
from botkit.testing.faults import Deliveries
from botkit.testing.telegram.params import ApiError, Call, bad_request

_OPT_IN = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Update kinds that are not sent unless `allowed_updates` names them."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_SET = "Conflict: terminated by setWebhook request"
_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


@dataclass(slots=True)
class Webhook:
    url: str = ""
    secret: str = ""
    max_connections: int = 40
    last_error: str = ""
    last_error_date: int = 0


@dataclass(slots=True)
class UpdateQueue:
    """Updates in order, until their offset was passed or a webhook took them."""

    next_id: int = 9_000_001
    pending: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    repeats: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Updates to deliver once more although their offset was passed."""
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Everything ever queued, for `redeliver` and for schema checks."""
    allowed: tuple[str, ...] = ()
    webhook: Webhook = field(default_factory=Webhook)
    heard: Callable[[], None] = lambda: None
    """Told whenever something changed here."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    poll: int = 0
    """Number of the newest poll; an older one that still waits answers 409."""
    polls: int = 0
    deliveries: Deliveries[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(self._deliver)

    def wants(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in _OPT_IN

    def push(self, update: dict[str, Any]) -> int:
        """Queue `{"message": …}` under the next id (or its own `update_id`); returns the id, 0 if unwanted."""
        kinds = [key for key in update if key != "update_id"]
        if kinds and not self.wants(kinds[0]):
            return 0
        update_id = int(update.get("update_id", self.next_id))
        self.next_id = max(self.next_id, update_id + 1)
        self.deliveries.put({"update_id": update_id, **update})
        return update_id

    def _deliver(self, update: dict[str, Any]) -> None:
        self.pending.append(update)
        self.history.append(update)
        self.wake()

    def redeliver(self, count: int = 1) -> None:
        """Queue the last updates once more, under the ids they had."""
        self.repeats.extend(self.history[-count:])
        self.wake()

    def head(self) -> dict[str, Any] | None:
        """The update to post next."""
        waiting = self.repeats or self.pending
        return waiting[0] if waiting else None

    def done(self, update: dict[str, Any]) -> None:
        """Forget a posted update."""
        waiting = self.repeats if any(item is update for item in self.repeats) else self.pending
        waiting[:] = [item for item in waiting if item is not update]

    def wake(self) -> None:
        event, self.changed = self.changed, asyncio.Event()
        event.set()
        self.heard()

    def set_allowed(self, call: Call) -> None:
        if call.text("allowed_updates"):
            value = call.value("allowed_updates", "allowed_updates")
            self.allowed = tuple(str(item) for item in value) if isinstance(value, list) else ()

    async def get_updates(self, call: Call, closing: Callable[[], bool]) -> list[dict[str, Any]]:
        """Long polling.

        Raises:
            ApiError: 409, when a webhook is set or a newer poll took over (the *older* poll is refused).
        """
        if self.webhook.url:
            raise ApiError(409, _WEBHOOK_ACTIVE)
        self.set_allowed(call)
        self.poll += 1
        self.polls += 1
        mine = self.poll
        self.wake()
        offset = call.integer("offset")
        self._acknowledge(offset)
        limit = min(max(call.integer("limit", 100), 1), 100)
        deadline = asyncio.get_running_loop().time() + min(max(call.integer("timeout"), 0), 50)
        while True:
            changed = self.changed
            if mine != self.poll:
                raise ApiError(409, _WEBHOOK_SET if self.webhook.url else _OTHER_POLLER)
            found = [*self.repeats, *self.pending][:limit]
            wait_s = deadline - asyncio.get_running_loop().time()
            if found or wait_s <= 0 or closing():
                del self.repeats[:limit]
                return found
            try:
                async with asyncio.timeout(wait_s):
                    await changed.wait()
            except TimeoutError:
                continue

    def _acknowledge(self, offset: int) -> None:
        if offset > 0:
            self.pending = [update for update in self.pending if update["update_id"] >= offset]
        elif offset < 0:
            self.pending = self.pending[offset:]

    def set_webhook(self, call: Call) -> bool:
        url = call.text("url")
        secret = call.text("secret_token")
        parts = urlsplit(url)
        if url and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if url and secret and not _SECRET.fullmatch(secret):
            raise bad_request(
                "secret token is too long" if len(secret) > 256 else "secret token contains unallowed characters"
            )
        self.set_allowed(call)
        if call.flag("drop_pending_updates"):
            self.pending.clear()
        self.webhook = Webhook(url, secret if url else "", call.integer("max_connections", 40))
        if url:
            self.poll += 1
        self.wake()
        return True

    def webhook_info(self) -> dict[str, Any]:
        hook = self.webhook
        info: dict[str, Any] = {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
        }
        if hook.url:
            info |= {"max_connections": hook.max_connections, "ip_address": "127.0.0.1"}
        if hook.last_error:
            info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
        if self.allowed:
            info["allowed_updates"] = list(self.allowed)
        return info


class WebhookPusher:
    """Posts updates one by one in order; a non-2xx answer is repeated with growing pauses on the clock.

    Only to loopback: for a public address the updates stay pending, for the test to deliver.
    """

    def __init__(self, queue: UpdateQueue, clock: Clock, *, retry_s: float):
        self.queue = queue
        self.clock = clock
        self.retry_s = retry_s
        self.attempts: list[tuple[int, int]] = []
        """(update id, status) of every post; status 0 when there was no answer."""

    async def run(self) -> None:
        """Never returns; cancel it."""
        failures = 0
        async with aiohttp.ClientSession() as session:
            while True:
                changed = self.queue.changed
                update = self.queue.head()
                if update is None or urlsplit(self.queue.webhook.url).hostname not in _LOOPBACK:
                    await changed.wait()
                    failures = 0
                    continue
                if await self._post(session, update):
                    failures = 0
                    self.queue.done(update)
                    self.queue.wake()
                else:
                    failures = min(failures + 1, 6)
                    self.queue.wake()
                    await self.clock.sleep(self.retry_s * 2 ** (failures - 1))

    async def _post(self, session: aiohttp.ClientSession, update: dict[str, Any]) -> bool:
        hook = self.queue.webhook
        headers = {"Content-Type": "application/json"}
        if hook.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret
        status = 0
        try:
            async with session.post(hook.url, data=json.dumps(update), headers=headers) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            hook.last_error = f"Connection failed: {type(error).__name__}"
        self.attempts.append((int(update["update_id"]), status))
        if 200 <= status < 300:
            return True
        hook.last_error_date = int(self.clock.now().timestamp())
        if status:
            hook.last_error = f"Wrong response from the webhook: {status}"
        return False
