"""The server: HTTP and sockets in front of the world, faults in between, and what a test asks for."""

from __future__ import annotations

__all__ = ["FakeSlack"]

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from botkit.core.clock import Clock, SystemClock
from botkit.testing.slack.faults import Call, Fault, Faults, Hold
from botkit.testing.slack.methods import Methods
from botkit.testing.slack.people import People
from botkit.testing.slack.sockets import Outbox
from botkit.testing.slack.world import ApiError, FakeMessage, World

_BODY_LIMIT_BYTES = 128 * 1024 * 1024


class FakeSlack(People):
    """A Slack workspace on loopback, for one app: Web API, Socket Mode, signed posts.

        async with FakeSlack() as fake:
            ...start an adapter with api_base=fake.api_base and the tokens...
            fake.say("Ada", "hello")
            await fake.wait_for(lambda: fake.sent)

    Deeds of people (`say`, `press`, `command` …) are plain calls; what the app did is in `sent` and `calls`. Faults
    are ordered in advance and hit the next matching call.

    Args:
        clock: gives `ts` and dates, and pauses before something is posted again.
        port: 0 picks a free one.
    """

    bot_token = "xoxb-fake"
    app_token = "xapp-fake"
    signing_secret = "fake-signing-secret"

    def __init__(self, *, clock: Clock | None = None, name: str = "Desk", port: int = 0):
        world = World(clock=clock or SystemClock(), name=name)
        super().__init__(world)
        self.changed = asyncio.Event()
        self.outbox = Outbox(world.clock, self.wake)
        self.outbox.signing_secret = self.signing_secret
        self.methods = Methods(world, self.announce)
        self.faults = Faults()
        self.calls: list[Call] = []
        """Every call that was answered or failed by a fault, in order."""
        self.revoked = False
        self.port = port
        self.application = web.Application(client_max_size=_BODY_LIMIT_BYTES)
        self.application.router.add_route("*", "/api/{method}", self._handle)
        self.application.router.add_post("/upload/{file}", self._upload)
        self.application.router.add_get("/files-pri/{file}/{path:.+}", self._download)
        self.application.router.add_get("/link", self.outbox.serve)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._posting: asyncio.Task[None] | None = None

    # --- life -------------------------------------------------------------------------------------------

    @property
    def api_base(self) -> str:
        """What a channel's `api_base` must be."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self.application, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.come_back()
        self._posting = asyncio.create_task(self.outbox.post_all(1.0), name="fake slack posts")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.clear()
        self.outbox.close()
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.gather(self._posting, return_exceptions=True)
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
        assert self._runner is not None, "enter the server first: `async with FakeSlack() as fake`"
        if self._site is not None:
            return
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        if not self.port:
            self.port = int(self._runner.addresses[0][1])
        self.world.base = self.api_base

    def wake(self) -> None:
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    def deliver(self, kind: str, payload: dict[str, Any]) -> None:
        self.outbox.put(kind, payload)

    # --- what the app did -------------------------------------------------------------------------------

    @property
    def sent(self) -> list[FakeMessage]:
        """The app's messages that people still see, oldest first, each in its latest wording."""
        return [m for m in self.world.messages if m.sender is self.world.app and not m.deleted]

    def texts(self) -> list[str]:
        return [m.shown for m in self.sent]

    def called(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    async def wait_for(self, found: Callable[[], Any], *, timeout_s: float = 45.0) -> Any:
        """Wait until `found()` is true, asking again after every call and every answer; returns its value.

        Raises:
            TimeoutError: with what was sent until then.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            changed = self.changed
            value = found()
            if value:
                return value
            try:
                await asyncio.wait_for(changed.wait(), deadline - asyncio.get_running_loop().time())
            except TimeoutError:
                calls = [call.method for call in self.calls[-8:]]
                raise TimeoutError(f"nothing matched in {timeout_s} s; sent: {self.texts()}, calls: {calls}") from None

    # --- faults -----------------------------------------------------------------------------------------

    def rate_limit(self, times: int = 1, retry_after: int = 1, *, method: str = "") -> None:
        """The next `times` calls answer 429."""
        error = ApiError("ratelimited", status=429, retry_after=retry_after)
        self.faults.add(Fault("error", method, times, error=error))

    def fail(self, error: str, times: int = 1, *, method: str = "", applied: bool = False, **more: Any) -> None:
        """The next calls answer an error; with `applied` their effect happened all the same."""
        self.faults.add(Fault("error_after" if applied else "error", method, times, error=ApiError(error, **more)))

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

    def redeliver(self) -> None:
        self.outbox.redeliver()

    def revoke_token(self) -> None:
        """Every call answers `token_revoked` from now on, and the sockets close."""
        self.revoked = True
        self.outbox.close()

    # --- HTTP -------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        fault = self.faults.take(call)
        try:
            if fault is not None and fault.hold is not None:
                fault.hold.reached.set()
                await fault.hold.released.wait()
            if fault is not None and fault.kind == "drop_before":
                return _drop(request)
            if fault is not None and fault.kind == "error" and fault.error is not None:
                raise fault.error
            result = self._answer(call)
            if fault is not None and fault.kind == "drop_after":
                return _drop(request)
            if fault is not None and fault.kind == "error_after" and fault.error is not None:
                raise fault.error
        except ApiError as error:
            return _respond(error)
        finally:
            self.calls.append(call)
            self.wake()
        return web.json_response({"ok": True, **result})

    def _answer(self, call: Call) -> dict[str, Any]:
        wanted = self.app_token if call.method == "apps.connections.open" else self.bot_token
        if self.revoked:
            raise ApiError("token_revoked")
        if call.token != wanted:
            raise ApiError("invalid_auth")
        if call.method == "apps.connections.open":
            return {"url": f"ws://127.0.0.1:{self.port}/link"}
        return self.methods.answer(call.method, call.args)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self.world.files[request.match_info["file"]].data = await request.read()
        return web.Response(text="OK")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        file = self.world.files.get(request.match_info["file"].removeprefix("T01-"))
        if file is None or file.gone:
            return web.Response(status=404)
        if request.headers.get("Authorization") != f"Bearer {self.bot_token}":
            raise web.HTTPFound("/login")
        return web.Response(body=file.data, content_type="application/octet-stream")


async def _read(request: web.Request) -> Call:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if request.content_type == "application/json":
        args: dict[str, Any] = json.loads(await request.read() or b"{}")
    else:
        args = {key: str(value) for key, value in {**request.query, **await request.post()}.items()}
    return Call(request.match_info["method"], args, token or str(args.pop("token", "")))


def _respond(error: ApiError) -> web.Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
    body = {"ok": False, "error": error.error, **error.more}
    if error.status >= 500:
        return web.Response(status=error.status, text="upstream connect error")
    return web.json_response(body, status=error.status, headers=headers)


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
