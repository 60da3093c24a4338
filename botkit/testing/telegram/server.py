"""The server: HTTP in front of the world, faults in between, and what a test asks for."""

from __future__ import annotations

__all__ = ["FakeTelegram"]

import asyncio
from typing import Any

from aiohttp import web

from botkit.core.clock import Clock, SystemClock
from botkit.testing.faults import Dropped, Faults
from botkit.testing.site import Loopback, cut
from botkit.testing.telegram import account, drafts, media, messages
from botkit.testing.telegram.checks import Methods
from botkit.testing.telegram.faults import TelegramFaults
from botkit.testing.telegram.params import ApiError, Call, read_call
from botkit.testing.telegram.people import People
from botkit.testing.telegram.updates import UpdateQueue, WebhookPusher
from botkit.testing.telegram.world import FakeChat, FakeDraft, FakeMessage, World

_LOADED = (account, drafts, media, messages)
"""Importing them registers their methods."""


class FakeTelegram(Loopback, TelegramFaults, People):
    """A Telegram Bot API server on loopback, for one bot.

        async with FakeTelegram() as fake:
            ...start an adapter with api_base=fake.api_base, token=fake.token...
            fake.say("Ada", "hello")
            reply = await fake.wait_for(lambda: fake.sent)
            assert reply[-1].text == "hi"

    Deeds of people (`say`, `press`, `block` …) are plain calls; what the bot did is in `sent`, `drafts`,
    `calls`. Faults are ordered in advance and hit the next matching call. Nothing in it counts real seconds,
    apart from the long poll's own timeout and the pauses between webhook posts.

    Args:
        clock: gives dates and the end of drafts.
        privacy_mode: the bot hears only what concerns it in groups, as new bots do.
        token: the only token that is accepted.
        webhook_retry_s: first pause after a failed webhook post, on `clock`.
        port: 0 picks a free one.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        privacy_mode: bool = False,
        token: str = "4242:fake-telegram-token",
        username: str = "desk_bot",
        webhook_retry_s: float = 0.05,
        port: int = 0,
    ):
        clock = clock or SystemClock()
        Loopback.__init__(self, port)
        world = World(clock=clock, bot_username=username, privacy_mode=privacy_mode)
        People.__init__(self, world, UpdateQueue(heard=self.wake))
        self.token = token
        self.faults = Faults[Call]()
        self.deliveries = self.queue.deliveries
        self.calls: list[Call] = []
        """Every call that was answered or failed by a fault, in order, without `getUpdates`."""
        self.pusher = WebhookPusher(self.queue, clock, retry_s=webhook_retry_s)
        self.application.router.add_route("*", "/bot{token}/{method}", self._handle)
        self.application.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._pushing: asyncio.Task[None] | None = None
        self._closing = False

    # --- life -------------------------------------------------------------------------------------------

    async def opened(self) -> None:
        self._pushing = asyncio.create_task(self.pusher.run(), name="fake telegram webhook")

    async def closing(self) -> None:
        self._closing = True
        self.clear_faults()
        self.queue.wake()
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.gather(self._pushing, return_exceptions=True)

    # --- what the bot did -------------------------------------------------------------------------------

    @property
    def sent(self) -> list[FakeMessage]:
        """The bot's messages that people still see, oldest first, each in its latest wording."""
        return [m for m in self.world.order if m.sender is self.world.bot and not m.deleted and m.kind != "service"]

    def texts(self, chat: FakeChat | None = None) -> list[str]:
        """The texts of `sent`, of one chat or of all."""
        return [m.text for m in self.sent if chat is None or m.chat_id == chat.id]

    @property
    def drafts(self) -> list[FakeDraft]:
        """Streamed previews that people see now."""
        live = [self.world.live_draft(*key) for key in self.world.drafts]
        return [draft for draft in live if draft is not None and (not draft.stopped or draft.keep_on_stop)]

    @property
    def draft_history(self) -> list[FakeDraft]:
        """Every preview the bot ever showed, oldest first."""
        return self.world.draft_history

    def called(self, method: str) -> list[Call]:
        """The calls of one method, in order."""
        return [call for call in self.calls if call.method.lower() == method.lower()]

    def so_far(self) -> str:
        return f"sent: {self.texts()}, last calls: {[call.method for call in self.calls[-8:]]}"

    # --- faults -----------------------------------------------------------------------------------------

    def raw_update(self, update: dict[str, Any]) -> int:
        """Queue any update, also a malformed one; an `update_id` of its own is kept."""
        return self.queue.push(update)

    def redeliver(self, count: int = 1) -> None:
        """Deliver the last updates once more with the ids they had."""
        self.queue.redeliver(count)

    def revoke_token(self) -> None:
        super().revoke_token()
        self.queue.poll += 1
        self.queue.wake()

    # --- HTTP -------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
            call = await read_call(request, request.match_info["method"])
            result = await self._answer(call)
        except ApiError as error:
            return _respond(error)
        except web.HTTPRequestEntityTooLarge:
            return _respond(ApiError(413, "Request Entity Too Large"))
        except Dropped:
            return cut(request)
        return web.json_response({"ok": True, "result": result})

    def _check_token(self, request: web.Request) -> None:
        token = request.match_info["token"]
        if ":" not in token:
            raise ApiError(401, "Unauthorized: invalid token specified")
        if self.revoked or token != self.token:
            raise ApiError(401, "Unauthorized")

    async def _answer(self, call: Call) -> Any:
        fault = self.faults.take(call)
        try:
            await fault.begin()
            result = await self._run(call)
        finally:
            self._note(call)
        fault.end()
        return result

    def _note(self, call: Call) -> None:
        if call.method.lower() != "getupdates":
            self.calls.append(call)
            self.queue.wake()

    async def _run(self, call: Call) -> Any:
        match call.method.lower():
            case "getupdates":
                updates = await self.queue.get_updates(call, lambda: self._closing)
                if self.revoked:
                    raise ApiError(401, "Unauthorized")
                return updates
            case "setwebhook":
                return self.queue.set_webhook(call)
            case "deletewebhook":
                call.args["url"] = ""
                return self.queue.set_webhook(call)
            case "getwebhookinfo":
                return self.queue.webhook_info()
            case "logout" | "close":
                return True
            case name:
                method = Methods.get(name)
                if method is None:
                    raise ApiError(404, "Not Found")
                return method(self.world, call)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
            call = Call("download", {"path": request.match_info["path"]})
            fault = self.faults.take(call)
            await fault.begin()
            file = next((f for f in self.world.files.values() if f.path == call.text("path")), None)
            if file is None or file.expired:
                raise ApiError(404, "Not Found")
            fault.end()
        except ApiError as error:
            return _respond(error)
        except Dropped:
            return cut(request)
        return web.Response(body=file.data, content_type="application/octet-stream")


def _respond(error: ApiError) -> web.Response:
    retry_after = error.parameters.get("retry_after")
    headers = {"Retry-After": str(retry_after)} if retry_after else None
    return web.json_response(error.as_json(), status=error.code, headers=headers)
