"""The server: HTTP and sockets in front of the world, faults in between, and what a test asks for."""

from __future__ import annotations

__all__ = ["FakeSlack"]

import asyncio
import json
from typing import Any

from aiohttp import web

from botkit.core.clock import Clock, SystemClock
from botkit.testing.faults import Deliveries, Dropped, Faults
from botkit.testing.site import Loopback, cut
from botkit.testing.slack.faults import Call, SlackFaults
from botkit.testing.slack.methods import Methods
from botkit.testing.slack.people import People
from botkit.testing.slack.responses import Responses
from botkit.testing.slack.sockets import Outbox
from botkit.testing.slack.world import ApiError, FakeMessage, World


class FakeSlack(Loopback, SlackFaults, People):
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

    def __init__(self, *, clock: Clock | None = None, name: str = "Desk", team: str = "T01", port: int = 0):
        Loopback.__init__(self, port)
        world = World(clock=clock or SystemClock(), name=name, team=team)
        People.__init__(self, world)
        self.outbox = Outbox(world.clock, self.wake)
        self.outbox.signing_secret = self.signing_secret
        self.methods = Methods(world, self.announce)
        self.responses = Responses(world)
        self.faults = Faults[Call]()
        self.deliveries = Deliveries[tuple[str, dict[str, Any]]](lambda item: self._put(*item))
        self.calls: list[Call] = []
        """Every call that was answered or failed by a fault, in order."""
        self.application.router.add_route("*", "/api/{method}", self._handle)
        self.application.router.add_post("/upload/{file}", self._upload)
        self.application.router.add_get("/files-pri/{file}/{path:.+}", self._download)
        self.application.router.add_get("/link", self.outbox.serve)
        self.application.router.add_post("/respond/{number}", self._respond_to)
        self._posting: asyncio.Task[None] | None = None

    # --- life -------------------------------------------------------------------------------------------

    async def opened(self) -> None:
        self.world.base = self.api_base
        self._posting = asyncio.create_task(self.outbox.post_all(1.0), name="fake slack posts")

    async def closing(self) -> None:
        self.clear_faults()
        self.outbox.close()
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.gather(self._posting, return_exceptions=True)

    def deliver(self, kind: str, payload: dict[str, Any]) -> None:
        self.deliveries.put((kind, payload))

    def _put(self, kind: str, payload: dict[str, Any]) -> None:
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

    def so_far(self) -> str:
        return f"sent: {self.texts()}, calls: {[call.method for call in self.calls[-8:]]}"

    # --- faults -----------------------------------------------------------------------------------------

    def redeliver(self) -> None:
        self.outbox.redeliver()

    def post_to(self, url: str) -> None:
        """Post everything, signed, to this address instead of sending it through a socket; empty: by socket."""
        self.outbox.request_url = url

    def ask_to_reconnect(self, reason: str = "refresh_requested") -> None:
        """Tell every socket to be opened anew, as Slack does every few hours."""
        self.outbox.ask_to_reconnect(reason)

    def freeze(self) -> None:
        """The sockets stay open, and nothing comes through any more, not even an answer to a ping."""
        self.outbox.frozen = True

    def thaw(self) -> None:
        self.outbox.frozen = False

    def revoke_token(self) -> None:
        """Every call answers `token_revoked` from now on, and the sockets close."""
        super().revoke_token()
        self.outbox.close()

    # --- HTTP -------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        fault = self.faults.take(call)
        try:
            await fault.begin()
            result = self._answer(call)
            fault.end()
        except Dropped:
            return cut(request)
        except ApiError as error:
            return _respond(error)
        finally:
            self.calls.append(call)
            self.wake()
        return web.json_response({"ok": True, **result}, headers={"x-oauth-scopes": ",".join(self.world.scopes)})

    def _answer(self, call: Call) -> dict[str, Any]:
        wanted = self.app_token if call.method == "apps.connections.open" else self.bot_token
        if self.revoked:
            raise ApiError("token_revoked")
        if call.token != wanted:
            raise ApiError("invalid_auth")
        if call.method == "apps.connections.open":
            return {"url": f"ws://127.0.0.1:{self.port}/link"}
        return self.methods.answer(call.method, call.args)

    async def _respond_to(self, request: web.Request) -> web.StreamResponse:
        """A `response_url`: needs no token, and works five times within half an hour."""
        try:
            self.responses.use(request.match_info["number"], await request.json())
        except ApiError as error:
            return web.json_response({"ok": False, "error": error.error}, status=404)
        finally:
            self.wake()
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self.world.files[request.match_info["file"]].data = await request.read()
        return web.Response(text="OK")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        file = self.world.files.get(request.match_info["file"].removeprefix(f"{self.world.team}-"))
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
