"""The server: HTTP in front of the world, faults in between, and what a test asks for."""

from __future__ import annotations

__all__ = ["FakeTelegram"]

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from botkit.core.clock import Clock, SystemClock
from botkit.testing.telegram import account, drafts, media, messages
from botkit.testing.telegram.checks import Methods
from botkit.testing.telegram.faults import Fault, Faults, Hold
from botkit.testing.telegram.params import ApiError, Call, read_call
from botkit.testing.telegram.people import People
from botkit.testing.telegram.updates import UpdateQueue, WebhookPusher
from botkit.testing.telegram.world import FakeChat, FakeDraft, FakeMessage, World

_LOADED = (account, drafts, media, messages)
"""Importing them registers their methods."""
_BODY_LIMIT_BYTES = 64 * 1024 * 1024


class FakeTelegram(People):
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
        super().__init__(World(clock=clock, bot_username=username, privacy_mode=privacy_mode), UpdateQueue())
        self.token = token
        self.faults = Faults()
        self.calls: list[Call] = []
        """Every call that was answered or failed by a fault, in order, without `getUpdates`."""
        self.revoked = False
        self.pusher = WebhookPusher(self.queue, clock, retry_s=webhook_retry_s)
        self.port = port
        self.application = web.Application(client_max_size=_BODY_LIMIT_BYTES)
        self.application.router.add_route("*", "/bot{token}/{method}", self._handle)
        self.application.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._pushing: asyncio.Task[None] | None = None
        self._closing = False

    # --- life -------------------------------------------------------------------------------------------

    @property
    def api_base(self) -> str:
        """What a channel's `api_base` must be."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self.application, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.come_back()
        self._pushing = asyncio.create_task(self.pusher.run(), name="fake telegram webhook")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self.faults.clear()
        self.queue.wake()
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.gather(self._pushing, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def go_offline(self) -> None:
        """Cut every connection and refuse new ones, as when the network is gone."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self._runner is not None and self._runner.server is not None:
            for connection in list(self._runner.server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
        await asyncio.sleep(0.02)  # until the other side has noticed

    async def come_back(self) -> None:
        """Listen again, on the same port."""
        assert self._runner is not None, "enter the server first: `async with FakeTelegram() as fake`"
        if self._site is not None:
            return
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        if not self.port:
            self.port = int(self._runner.addresses[0][1])

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

    async def wait_for(self, found: Callable[[], Any], *, timeout_s: float = 45.0) -> Any:
        """Wait until `found()` is true, asking again after every call and every update; returns its value.

        Raises:
            TimeoutError: with what was sent until then.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            changed = self.queue.changed
            value = found()
            if value:
                return value
            try:
                await asyncio.wait_for(changed.wait(), deadline - asyncio.get_running_loop().time())
            except TimeoutError:
                raise TimeoutError(
                    f"nothing matched in {timeout_s} s; sent: {self.texts()}, "
                    f"last calls: {[call.method for call in self.calls[-8:]]}"
                ) from None

    # --- faults -----------------------------------------------------------------------------------------

    def raw_update(self, update: dict[str, Any]) -> int:
        """Queue any update, also a malformed one; an `update_id` of its own is kept."""
        return self.queue.push(update)

    def redeliver(self, count: int = 1) -> None:
        """Deliver the last updates once more with the ids they had."""
        self.queue.redeliver(count)

    def rate_limit(
        self, times: int = 1, retry_after: int = 1, *, method: str = "", chat: FakeChat | None = None
    ) -> None:
        """The next `times` calls answer 429."""
        error = ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
        self.faults.add(Fault("error", method, times, chat_id=chat.id if chat else 0, error=error))

    def fail(
        self,
        times: int = 1,
        *,
        code: int = 500,
        description: str = "Internal Server Error",
        method: str = "",
        after: int = 0,
        applied: bool = False,
    ) -> None:
        """The next calls answer an error; with `applied` their effect happened all the same."""
        kind = "error_after" if applied else "error"
        self.faults.add(Fault(kind, method, times, after, error=ApiError(code, description)))

    def drop_before(self, times: int = 1, *, method: str = "", after: int = 0) -> None:
        """Close the connection when the call arrived, before it has any effect."""
        self.faults.add(Fault("drop_before", method, times, after))

    def drop_after(self, times: int = 1, *, method: str = "", after: int = 0) -> None:
        """Close the connection after the effect, instead of an answer."""
        self.faults.add(Fault("drop_after", method, times, after))

    def hold(self, times: int = 1, *, method: str = "", after: int = 0) -> Hold:
        """Let the next calls wait until `release()`; `reached` tells that one arrived."""
        hold = Hold()
        self.faults.add(Fault("hold", method, times, after, hold=hold))
        return hold

    def clear_faults(self) -> None:
        """Forget all faults and let every held call go on."""
        self.faults.clear()

    def revoke_token(self) -> None:
        """From now on every call answers 401."""
        self.revoked = True
        self.queue.poll += 1
        self.queue.wake()

    def restore_token(self) -> None:
        self.revoked = False

    # --- HTTP -------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
            call = await read_call(request, request.match_info["method"])
            result = await self._answer(request, call)
        except ApiError as error:
            return _respond(error)
        except web.HTTPRequestEntityTooLarge:
            return _respond(ApiError(413, "Request Entity Too Large"))
        if result is None:
            return _drop(request)
        return web.json_response({"ok": True, "result": result})

    def _check_token(self, request: web.Request) -> None:
        token = request.match_info["token"]
        if ":" not in token:
            raise ApiError(401, "Unauthorized: invalid token specified")
        if self.revoked or token != self.token:
            raise ApiError(401, "Unauthorized")

    async def _answer(self, request: web.Request, call: Call) -> Any:
        """The result of a call; None when the connection must be cut."""
        fault = self.faults.take(call)
        if fault is not None and fault.hold is not None:
            fault.hold.reached.set()
            await fault.hold.released.wait()
        if fault is not None and fault.kind == "drop_before":
            self._note(call)
            return None
        if fault is not None and fault.kind == "error" and fault.error is not None:
            self._note(call)
            raise fault.error
        try:
            result = await self._run(call)
        finally:
            self._note(call)
        if fault is not None and fault.kind == "drop_after":
            return None
        if fault is not None and fault.kind == "error_after" and fault.error is not None:
            raise fault.error
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
            if fault is not None and fault.kind.startswith("drop"):
                return _drop(request)
            file = next((f for f in self.world.files.values() if f.path == call.text("path")), None)
            if file is None or file.expired:
                raise ApiError(404, "Not Found")
        except ApiError as error:
            return _respond(error)
        return web.Response(body=file.data, content_type="application/octet-stream")


def _respond(error: ApiError) -> web.Response:
    retry_after = error.parameters.get("retry_after")
    headers = {"Retry-After": str(retry_after)} if retry_after else None
    return web.json_response(error.as_json(), status=error.code, headers=headers)


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
