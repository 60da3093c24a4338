"""The server: HTTP and WebSocket in front of the world, faults in between, and what a test asks for."""

from __future__ import annotations

__all__ = ["FakeDiscord"]

import asyncio
import json
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import unquote

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from botkit.core.clock import Clock, SystemClock
from botkit.testing.discord.buckets import Buckets
from botkit.testing.discord.faults import ApiError, Call, Fault, Faults, Hold
from botkit.testing.discord.gateway import Gateway
from botkit.testing.discord.interactions import Interactions
from botkit.testing.discord.people import People
from botkit.testing.discord.rest import Rest
from botkit.testing.discord.world import LOADING, FakeInteraction, FakeMessage, World

_BODY_LIMIT_BYTES = 128 * 1024 * 1024
_REACTION = re.compile(r"/channels/(\d+)/messages/(\d+)/reactions/(.+)/@me$")
_CALLBACK = re.compile(r"/interactions/(\d+)/([^/]+)/callback$")
_WEBHOOK = re.compile(r"/webhooks/\d+/([^/]+)(?:/messages/(@original|\d+))?$")


class FakeDiscord(People):
    """Discord's API v10 and gateway on loopback, for one bot.

        async with FakeDiscord() as fake:
            ...start an adapter with api_base=fake.api_base, token=fake.token...
            fake.say("Ada", "hello")
            await fake.wait_for(lambda: fake.sent)

    Deeds of people (`say`, `press`, `command` …) are plain calls; what the bot did is in `sent`, `world.typing`,
    `calls`. Faults are ordered in advance and hit the next matching call.

    Args:
        clock: gives dates, ids, and the ends of tokens and nonces.
        token: the only token that is accepted.
        buckets: enforce the rate limit of each route instead of only telling it.
        port: 0 picks a free one.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        token: str = "fake-discord-token",
        name: str = "Desk",
        buckets: bool = False,
        port: int = 0,
    ):
        world = World(clock=clock or SystemClock(), name=name)
        self.changed = asyncio.Event()
        self.token = token
        self.revoked = False
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes_raw().hex()
        gateway = Gateway(world, is_token=self._is_token, address=lambda: self.gateway_address, changed=self.wake)
        rest = Rest(world, gateway, gateway_address=lambda: self.gateway_address, public_key=self.public_key)
        super().__init__(world, gateway, rest)
        self.interactions = Interactions(world, rest)
        self.buckets = Buckets(world.clock, enforced=buckets)
        self.faults = Faults()
        self.calls: list[Call] = []
        """Every call that was answered or failed by a fault, in order."""
        self.refused = 0
        """Calls answered 429."""
        self.port = port
        self.application = web.Application(client_max_size=_BODY_LIMIT_BYTES)
        self.application.router.add_route("*", "/api/v10/{path:.+}", self._handle)
        self.application.router.add_get("/gateway/", gateway.serve)
        self.application.router.add_get("/cdn/attachments/{channel}/{file}/{name}", self._download)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    # --- life -------------------------------------------------------------------------------------------

    @property
    def api_base(self) -> str:
        """What a channel's `api_base` must be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def gateway_address(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway/"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self.application, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.come_back()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.clear()
        self.gateway.close(1001)
        if self._runner is not None:
            await self._runner.cleanup()

    async def go_offline(self) -> None:
        """Cut every connection and refuse new ones, as when the network is gone."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.gateway.abort()
        if self._runner is not None and self._runner.server is not None:
            for connection in list(self._runner.server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
        await asyncio.sleep(0.02)  # until the other side has noticed

    async def come_back(self) -> None:
        """Listen again, on the same port."""
        assert self._runner is not None, "enter the server first: `async with FakeDiscord() as fake`"
        if self._site is not None:
            return
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        if not self.port:
            self.port = int(self._runner.addresses[0][1])
        self.world.public_base = self.api_base

    def wake(self) -> None:
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    # --- what the bot did -------------------------------------------------------------------------------

    @property
    def sent(self) -> list[FakeMessage]:
        """The bot's messages that people still see, oldest first, each in its latest wording."""
        bot = self.world.bot
        return [m for m in self.world.order if m.author is bot and not m.deleted and not m.flags & LOADING]

    def texts(self, channel_id: int = 0) -> list[str]:
        return [m.content for m in self.sent if not channel_id or m.channel_id == channel_id]

    @property
    def thinking(self) -> list[FakeInteraction]:
        """Commands under which people still read that the bot is thinking."""
        return [item for item in self.world.interactions.values() if item.state == "deferred"]

    def called(self, pattern: str) -> list[Call]:
        """The calls whose `METHOD /path` matches, in order."""
        return [call for call in self.calls if re.search(pattern, f"{call.method} {call.path}")]

    async def wait_for(self, found: Callable[[], Any], *, timeout_s: float = 45.0) -> Any:
        """Wait until `found()` is true, asking again after every call and gateway message; returns its value.

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
                calls = [f"{call.method} {call.path}" for call in self.calls[-8:]]
                raise TimeoutError(f"nothing matched in {timeout_s} s; sent: {self.texts()}, calls: {calls}") from None

    def signed(self, body: bytes, *, timestamp: str = "") -> dict[str, str]:
        """The headers of an interaction posted to the bot."""
        stamp = timestamp or str(int(self.world.clock.now().timestamp()))
        signature = self._key.sign(stamp.encode() + body).hex()
        return {"x-signature-ed25519": signature, "x-signature-timestamp": stamp}

    def answered_by_http(self, interaction: FakeInteraction, body: dict[str, Any]) -> None:
        """The bot's HTTP answer to a posted interaction."""
        self.interactions.respond(interaction, Call("POST", "", body))
        self.wake()

    # --- faults -----------------------------------------------------------------------------------------

    def rate_limit(self, times: int = 1, retry_after: float = 1, *, path: str = "", everywhere: bool = False) -> None:
        """The next `times` calls answer 429, as a bucket's limit or as the global one."""
        more = {"retry_after": retry_after, "global": everywhere}
        error = ApiError(429, 0, "You are being rate limited.", **more)
        self.faults.add(Fault("error", path, times, error=error))

    def fail(
        self,
        times: int = 1,
        *,
        status: int = 500,
        code: int = 0,
        message: str = "500: Internal Server Error",
        path: str = "",
        after: int = 0,
        applied: bool = False,
    ) -> None:
        """The next calls answer an error; with `applied` their effect happened all the same."""
        kind = "error_after" if applied else "error"
        self.faults.add(Fault(kind, path, times, after, error=ApiError(status, code, message)))

    def drop_before(self, times: int = 1, *, path: str = "", after: int = 0) -> None:
        """Close the connection when the call arrived, before it has any effect."""
        self.faults.add(Fault("drop_before", path, times, after))

    def drop_after(self, times: int = 1, *, path: str = "", after: int = 0) -> None:
        """Close the connection after the effect, instead of an answer."""
        self.faults.add(Fault("drop_after", path, times, after))

    def hold(self, times: int = 1, *, path: str = "", after: int = 0) -> Hold:
        """Let the next calls wait until `release()`; `reached` tells that one arrived."""
        hold = Hold()
        self.faults.add(Fault("hold", path, times, after, hold=hold))
        return hold

    def redeliver(self) -> None:
        self.gateway.redeliver()

    def revoke_token(self) -> None:
        """Every call answers 401 from now on, and the gateway closes with 4004."""
        self.revoked = True
        self.gateway.close(4004)

    def restore_token(self) -> None:
        self.revoked = False

    # --- HTTP -------------------------------------------------------------------------------------------

    def _is_token(self, token: str) -> bool:
        return token == self.token and not self.revoked

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        fault = self.faults.take(call)
        headers: dict[str, str] = {}
        try:
            if fault is not None and fault.hold is not None:
                fault.hold.reached.set()
                await fault.hold.released.wait()
            if fault is not None and fault.kind == "drop_before":
                return _drop(request)
            if fault is not None and fault.kind == "error" and fault.error is not None:
                raise fault.error
            headers = self.buckets.take(call)
            result = self._answer(call)
            if fault is not None and fault.kind == "drop_after":
                return _drop(request)
            if fault is not None and fault.kind == "error_after" and fault.error is not None:
                raise fault.error
        except ApiError as error:
            self.refused += error.status == 429
            return _respond(error, headers)
        finally:
            self.calls.append(call)
            self.wake()
        if result is None:
            return web.Response(status=204, headers=headers)
        return _json(result, 200, headers)

    def _answer(self, call: Call) -> Any:
        callback = _CALLBACK.fullmatch(call.path)
        if callback is not None:
            return self.interactions.callback(int(callback[1]), callback[2], call)
        webhook = _WEBHOOK.fullmatch(call.path)
        if webhook is not None:
            return self.interactions.webhook(call, webhook[1], webhook[2] or "")
        if not self._is_token(call.token):
            raise ApiError(401, 0, "401: Unauthorized")
        reaction = _REACTION.fullmatch(call.path)
        if reaction is not None:
            return self.rest.react(call.method, int(reaction[1]), int(reaction[2]), unquote(reaction[3]))
        return self.rest.answer(call)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        file = self.world.files.get(int(request.match_info["file"]))
        if file is None or file.gone or request.query.get("ex") != self.world.signature(file):
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=file.data, content_type="application/octet-stream")


async def _read(request: web.Request) -> Call:
    token = request.headers.get("Authorization", "").removeprefix("Bot ")
    call = Call(request.method, "/" + request.raw_path.split("/api/v10/", 1)[1].split("?")[0], token=token)
    call.query = dict(request.query)
    if request.content_type == "multipart/form-data":
        reader = await request.multipart()
        async for part in reader:
            name = str(getattr(part, "name", ""))
            data = bytes(await cast("Any", part).read())
            if name == "payload_json":
                call.body = json.loads(data)
            else:
                call.files.append(
                    (str(getattr(part, "filename", "")), data, str(cast("Any", part).headers.get("Content-Type", "")))
                )
    elif request.can_read_body:
        body: object = json.loads(await request.read() or b"{}")
        call.body = cast("dict[str, Any]", body) if isinstance(body, dict) else {"_": body}
    return call


def _respond(error: ApiError, headers: dict[str, str]) -> web.Response:
    if error.status == 429:
        everywhere = bool(error.more.get("global"))
        wait_s = error.more["retry_after"]
        headers = {"Retry-After": str(wait_s), "X-RateLimit-Scope": "global" if everywhere else "user"}
        if everywhere:
            headers["X-RateLimit-Global"] = "true"
    return _json(error.as_json(), error.status, headers)


def _json(value: Any, status: int, headers: dict[str, str]) -> web.Response:
    """As Discord answers: plain `application/json`, by way of a proxy."""
    everything = {"Content-Type": "application/json", "Via": "1.1 google", **headers}
    return web.Response(body=json.dumps(value).encode(), status=status, headers=everything)


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
