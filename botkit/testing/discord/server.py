"""The server: HTTP and WebSocket in front of the world, faults in between, and what a test asks for."""

from __future__ import annotations

__all__ = ["FakeDiscord"]

import json
import re
from typing import Any, cast
from urllib.parse import unquote

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from botkit.core.clock import Clock, SystemClock
from botkit.testing.discord.buckets import Buckets
from botkit.testing.discord.faults import ApiError, Call, DiscordFaults
from botkit.testing.discord.gateway import Gateway
from botkit.testing.discord.interactions import Interactions
from botkit.testing.discord.people import People
from botkit.testing.discord.rest import Rest
from botkit.testing.discord.world import LOADING, FakeInteraction, FakeMessage, World
from botkit.testing.faults import Dropped, Faults
from botkit.testing.site import Loopback, cut

_REACTION = re.compile(r"/channels/(\d+)/messages/(\d+)/reactions/(.+)/@me$")
_CALLBACK = re.compile(r"/interactions/(\d+)/([^/]+)/callback$")
_WEBHOOK = re.compile(r"/webhooks/\d+/([^/]+)(?:/messages/(@original|\d+))?$")


class FakeDiscord(Loopback, DiscordFaults, People):
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
        Loopback.__init__(self, port)
        world = World(clock=clock or SystemClock(), name=name)
        self.token = token
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes_raw().hex()
        gateway = Gateway(world, is_token=self._is_token, address=lambda: self.gateway_address, changed=self.wake)
        rest = Rest(world, gateway, gateway_address=lambda: self.gateway_address, public_key=self.public_key)
        People.__init__(self, world, gateway, rest)
        self.interactions = Interactions(world, rest)
        self.buckets = Buckets(world.clock, enforced=buckets)
        self.faults = Faults[Call]()
        self.deliveries = gateway.deliveries
        self.calls: list[Call] = []
        """Every call that was answered or failed by a fault, in order."""
        self.refused = 0
        """Calls answered 429."""
        self.application.router.add_route("*", "/api/v10/{path:.+}", self._handle)
        self.application.router.add_get("/gateway/", gateway.serve)
        self.application.router.add_get("/cdn/attachments/{channel}/{file}/{name}", self._download)

    # --- life -------------------------------------------------------------------------------------------

    @property
    def gateway_address(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway/"

    async def opened(self) -> None:
        self.world.public_base = self.api_base

    async def closing(self) -> None:
        self.clear_faults()
        self.gateway.close(1001)

    def aborted(self) -> None:
        self.gateway.abort()

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

    def so_far(self) -> str:
        return f"sent: {self.texts()}, calls: {[f'{call.method} {call.path}' for call in self.calls[-8:]]}"

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

    def redeliver(self) -> None:
        self.gateway.redeliver()

    def revoke_token(self) -> None:
        """Every call answers 401 from now on, and the gateway closes with 4004."""
        super().revoke_token()
        self.gateway.close(4004)

    # --- HTTP -------------------------------------------------------------------------------------------

    def _is_token(self, token: str) -> bool:
        return token == self.token and not self.revoked

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        fault = self.faults.take(call)
        headers: dict[str, str] = {}
        try:
            await fault.begin()
            headers = self.buckets.take(call)
            result = self._answer(call)
            fault.end()
        except Dropped:
            return cut(request)
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
