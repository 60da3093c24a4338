"""The HTTP face: who may open the page, what a webhook may send, what health and metrics say."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from botkit.app.http import HttpServer, HttpServices, bind, build_app
from botkit.app.http.metrics import MeteredCallLog, MeteredJournal, Metrics, set_servers
from botkit.core.console import ChannelInfo
from botkit.core.errors import BadSignature, BotkitError, Conflict, StoreFull
from botkit.core.journal import AddUsage, Claim, Committed, LogCall, ModelCall, Run, SetPart, SetRun, StartRun, Write
from botkit.core.models import Usage
from botkit.core.tools import CallRecord
from botkit.gateway.catalog import ServerStatus
from botkit.sdk import Adapter, Capabilities, HttpRequest, HttpResponse

TOKEN = "an-access-token-of-the-page"


class Hook(Adapter):
    """Keeps what it was called with."""

    platform: ClassVar[str] = "hook"

    def __init__(self) -> None:
        super().__init__("inbound", None, None)  # pyright: ignore[reportArgumentType] - it needs no host
        self.requests: list[HttpRequest] = []
        self.trouble: Exception | None = None

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def parse(self, payload: Mapping[str, Any]) -> Sequence[Any]:
        return ()

    def capabilities(self, conversation: Any) -> Capabilities:
        return Capabilities()

    def render(self, message: Any, conversation: Any) -> Sequence[Any]:
        return ()

    async def send(self, part: Any) -> Any:
        raise AssertionError

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        if self.trouble is not None:
            raise self.trouble
        self.requests.append(request)
        return HttpResponse(status=202, body=b"taken", headers={"x-hook": "1"})


class Channels:
    def __init__(self) -> None:
        self.hook = Hook()
        self.running = True

    def adapter(self, channel: str) -> Adapter | None:
        return self.hook if channel == "inbound" and self.running else None

    def platform(self, channel: str) -> str | None:
        return "hook" if channel == "inbound" else None


class Instance:
    """An app with everything around it."""

    def __init__(self, token: str = "", public_url: str = ""):
        self.channels = Channels()
        self.ready = True
        self.store_error: Exception | None = None
        services = HttpServices(
            channels=self.channels,
            health=lambda: (ChannelInfo(name="inbound", platform="hook", state="degraded"),),
            counts=self._counts,
            busy=lambda: {"lanes": 2},
            ready=lambda: self.ready,
            public_url=public_url,
            page_token=token,
        )
        page = [Route("/", _page), Route("/api/say", _say, methods=["POST"]), Route("/conflict", _conflict)]
        self.app = build_app(services, page)

    async def _counts(self) -> dict[str, int]:
        if self.store_error is not None:
            raise self.store_error
        return {"runs_waiting": 3}

    def client(self, base_url: str = "http://127.0.0.1:8080", peer: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(peer, 4000), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=base_url)


async def _page(request: Request) -> Response:
    return PlainTextResponse("the page " + request.url.query)


async def _say(request: Request) -> Response:
    return PlainTextResponse("said")


async def _conflict(request: Request) -> Response:
    raise Conflict("somebody decided first")


# ── the guard ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_token_the_page_is_open_to_this_machine() -> None:
    async with Instance().client() as client:
        assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "192.168.1.5", "bots.example.com"])
async def test_our_names_and_plain_addresses_are_accepted(host: str) -> None:
    async with Instance(public_url="https://bots.example.com").client() as client:
        assert (await client.get("/", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", ""])
async def test_a_name_pointed_at_us_by_others_is_refused(host: str) -> None:
    async with Instance().client() as client:
        answer = await client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "BOTKIT_PUBLIC_URL" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:8080"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 200),
    ],
)
async def test_only_our_own_pages_may_act(headers: dict[str, str], status: int) -> None:
    async with Instance().client() as client:
        assert (await client.post("/api/say", headers=headers)).status_code == status


async def test_a_login_by_address_leaves_a_cookie_and_a_clean_address() -> None:
    async with Instance(token=TOKEN, public_url="https://bots.example.com").client(
        "https://bots.example.com"
    ) as client:
        first = await client.get(f"/?token={TOKEN}&bot=helper")
        assert (first.status_code, first.headers["location"]) == (303, "/?bot=helper")
        cookie = first.headers["set-cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Secure"))
        assert TOKEN not in cookie
        assert (await client.get("/")).text == "the page "


@pytest.mark.parametrize("path", ["/", "/?token=wrong-wrong-wrong-wrong", "/api/other"])
async def test_without_the_token_nothing_is_shown(path: str) -> None:
    async with Instance(token=TOKEN).client() as client:
        shown = await client.get(path, headers={"accept": "text/html"})
        told = await client.get(path)
    assert shown.status_code == told.status_code == 401
    assert "the page" not in shown.text
    assert told.json()["error"]["code"] == "login"
    assert TOKEN not in shown.text + told.text


async def test_programs_use_the_token_as_bearer() -> None:
    async with Instance(token=TOKEN).client() as client:
        assert (await client.post("/api/say", headers={"authorization": f"Bearer {TOKEN}"})).status_code == 200
        assert (await client.post("/api/say", headers={"authorization": "Bearer x"})).status_code == 401
        assert (await client.get("/", headers={"cookie": 'botkit_page="; a=b'})).status_code == 401


async def test_errors_of_the_page_keep_their_code() -> None:
    async with Instance().client() as client:
        answer = await client.get("/conflict")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────────────────

HOOK = "/api/bots/webhook/hook/inbound"


async def test_a_webhook_gets_the_raw_body_and_our_public_url() -> None:
    instance = Instance(token=TOKEN, public_url="https://bots.example.com")
    async with instance.client("http://somewhere.internal") as client:
        answer = await client.post(f"{HOOK}?a=1", content=b'{"x": 1}', headers={"X-Signature": "s"})
    assert (answer.status_code, answer.text, answer.headers["x-hook"]) == (202, "taken", "1")
    (request,) = instance.channels.hook.requests
    assert request.url == f"https://bots.example.com{HOOK}?a=1"
    assert (request.method, request.body, request.query, request.headers["x-signature"]) == (
        "POST",
        b'{"x": 1}',
        {"a": "1"},
        "s",
    )


async def test_unknown_and_resting_channels_answer_differently() -> None:
    instance = Instance()
    async with instance.client() as client:
        assert (await client.post("/api/bots/webhook/hook/other")).status_code == 404
        assert (await client.post("/api/bots/webhook/slack/inbound")).status_code == 404
        instance.channels.running = False
        assert (await client.post(HOOK)).status_code == 503


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(BadSignature("forged"), 401), (StoreFull("disk"), 503), (BotkitError("no"), 500), (ValueError("bug"), 500)],
)
async def test_what_goes_wrong_is_told_by_status_and_not_in_words(trouble: Exception, status: int) -> None:
    instance = Instance()
    instance.channels.hook.trouble = trouble
    async with instance.client() as client:
        answer = await client.post(HOOK, content=b"x")
    assert answer.status_code == status
    assert str(trouble) not in answer.text


async def test_bodies_beyond_ten_megabytes_are_refused_declared_or_not() -> None:
    instance = Instance()

    async def endless():
        for _ in range(11):
            yield b"x" * 1024 * 1024

    async with instance.client() as client:
        assert (await client.post(HOOK, content=b"x" * (10 * 1024 * 1024 + 1))).status_code == 413
        assert (await client.post(HOOK, content=endless())).status_code == 413
        assert (await client.post(HOOK, content=b"x" * (10 * 1024 * 1024))).status_code == 202


async def test_a_compression_bomb_is_refused_and_honest_gzip_read() -> None:
    instance = Instance()
    bomb = gzip.compress(b"\0" * (200 * 1024 * 1024), compresslevel=1)
    assert len(bomb) < 10 * 1024 * 1024
    async with instance.client() as client:
        assert (await client.post(HOOK, content=bomb, headers={"content-encoding": "gzip"})).status_code == 413
        for encoding, body in (("gzip", gzip.compress(b"hello")), ("deflate", zlib.compress(b"hello"))):
            assert (await client.post(HOOK, content=body, headers={"content-encoding": encoding})).status_code == 202
        assert (await client.post(HOOK, content=b"nonsense", headers={"content-encoding": "gzip"})).status_code == 401
        assert (await client.post(HOOK, content=b"x", headers={"content-encoding": "br"})).status_code == 413
    assert [request.body for request in instance.channels.hook.requests] == [b"hello", b"hello"]
    assert "content-encoding" not in instance.channels.hook.requests[0].headers


# ── health and metrics ───────────────────────────────────────────────────────────────────────────────────────


async def test_ready_means_that_events_can_be_stored() -> None:
    instance = Instance(token=TOKEN)
    async with instance.client("http://any.name") as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json() == {"status": "ready", "channels": {"inbound": "degraded"}}
        instance.store_error = StoreFull("disk full")
        assert (await client.get("/readyz")).status_code == 503
        instance.store_error, instance.ready = None, False
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


async def test_metrics_are_for_this_machine_or_the_bearer_of_the_token() -> None:
    instance = Instance(token=TOKEN)
    async with instance.client(peer="10.0.0.9") as far, instance.client() as near:
        assert (await far.get("/metrics")).status_code == 401
        assert (await far.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})).status_code == 200
        text = (await near.get("/metrics")).text
    assert 'botkit_rows{kind="runs_waiting"} 3.0' in text
    assert 'botkit_busy{kind="lanes"} 2.0' in text
    assert 'botkit_channel_up{channel="inbound",platform="hook"} 0.0' in text


class _Journal:
    """Takes every commit, until told to refuse."""

    def __init__(self) -> None:
        self.refuse = False
        self.owner = "me"

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        if self.refuse:
            raise Conflict("decided before")
        return Committed()


async def test_what_is_committed_is_counted_once_and_nothing_else() -> None:
    metrics, inner = Metrics(), _Journal()
    journal = MeteredJournal(inner, metrics)  # pyright: ignore[reportArgumentType] - only commits are made here
    run = Run(id="r1", lane="l", conversation="c", channel="x", bot="helper", person_id="p", trace_id="t", started_at=1)
    record = CallRecord(id="c1", at=1, workspace="w", server="orders", tool="orders__find", status="ok", duration_ms=20)
    usage = ModelCall(id="m1", at=1, model="demo/offline", usage=Usage(input_tokens=10, output_tokens=5, cost_micros=2))
    await journal.commit(None, [StartRun(run=run), LogCall(record=record), AddUsage(call=usage)])
    end = SetRun(run_id="r1", state="completed", at=2_000_001)
    inner.refuse = True
    with pytest.raises(Conflict):
        await journal.commit(None, [end])
    inner.refuse = False
    await journal.commit(None, [end, SetPart(part_id="p1", state="sent", at=3)])
    assert journal.owner == "me"
    text = metrics.text().decode()
    for line in (
        'botkit_turns_total{bot="helper",state="completed"} 1.0',
        'botkit_turn_seconds_sum{bot="helper"} 2.0',
        'server="orders",status="ok",tool="orders__find",workspace="w"} 1.0',
        'botkit_model_tokens_total{direction="input",model="demo/offline"} 10.0',
        'botkit_parts_total{state="sent"} 1.0',
    ):
        assert line in text


async def test_calls_without_a_run_are_counted_and_strangers_make_no_series() -> None:
    written: list[CallRecord] = []

    class Log:
        async def append(self, records: Sequence[CallRecord]) -> None:
            written.extend(records)

    metrics = Metrics()
    log = MeteredCallLog(Log(), metrics)
    known = CallRecord(id="c1", at=1, workspace="w", server="orders", tool="orders__find")
    read = CallRecord(id="c2", at=1, workspace="w", server="orders", tool="file:///a", method="resources/read")
    guesses = [CallRecord(id=f"g{n}", at=1, workspace="w", tool=f"guess-{n}", status="error") for n in range(5)]
    await log.append([known, read, *guesses])
    assert len(written) == 7
    text = metrics.text().decode()
    labels = 'method="{}",server="{}",status="{}",tool="{}",workspace="w"'
    for method, server, status, tool, number in (
        ("tools/call", "orders", "ok", "orders__find", 1),
        ("resources/read", "orders", "ok", "", 1),
        ("tools/call", "", "error", "", 5),
    ):
        wanted = labels.format(method, server, status, tool)
        assert f"botkit_tool_calls_total{{{wanted}}} {number}.0" in text
    assert "guess" not in text


def test_servers_are_told_with_their_tools() -> None:
    metrics = Metrics()
    set_servers(
        metrics,
        [
            ServerStatus(name="up", state="ready", tools=5, needs_review=("up__a",), starts=2),
            ServerStatus(name="down", state="failing", left_out=("x",)),
        ],
    )
    text = metrics.text().decode()
    for line in (
        'botkit_server_up{server="up"} 1.0',
        'botkit_server_up{server="down"} 0.0',
        'botkit_server_tools{server="up",state="offered"} 4.0',
        'botkit_server_tools{server="up",state="quarantined"} 1.0',
        'botkit_server_tools{server="down",state="unusable"} 1.0',
        'botkit_server_starts{server="up"} 2.0',
    ):
        assert line in text


# ── the server ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_busy_port_is_named_or_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BotkitError, match=f"port {port} is in use"):
            bind("127.0.0.1", port, search=False)
        found = bind("127.0.0.1", port, search=True)
        assert found.getsockname()[1] > port
        found.close()
    with pytest.raises(BotkitError, match="BOTKIT_HOST"):
        bind("203.0.113.1", 0, search=True)


async def test_the_server_stops_while_somebody_still_reads_a_stream() -> None:
    closing = asyncio.Event()

    async def events(request: Request) -> Response:
        async def lines():
            yield b"data: 1\n\n"
            await closing.wait()

        return StreamingResponse(lines(), media_type="text/event-stream")

    instance = Instance()
    instance.app.router.routes.append(Route("/events", events))
    server = HttpServer(instance.app, bind("127.0.0.1", 0, search=False))
    async with httpx.AsyncClient(base_url=server.url) as client:
        async with server.serving(), client.stream("GET", "/events") as stream:
            assert await anext(stream.aiter_lines()) == "data: 1"
            closing.set()
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz")


def test_answers_are_not_held_back_for_an_acknowledgement() -> None:
    """An answer is written in two pieces; on a socket without a named protocol the second waited forty milliseconds."""
    with bind("127.0.0.1", 0, search=False) as listener:
        listener.settimeout(20)
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert listener.proto == socket.IPPROTO_TCP
