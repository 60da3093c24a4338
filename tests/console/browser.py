"""A real browser in front of a real server, both of this test alone.

Everything a page may do wrong in silence is kept and fails the test at its end: errors on the console, which
includes violations of the content security policy, exceptions, and requests to any other host.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, async_playwright

from tests.console.fake import FakeConsole
from tests.console.support import app_of

CHROMIUM = os.environ.get("BOTKIT_TEST_CHROMIUM", "/usr/bin/chromium")
_ARGUMENTS = (
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AUDIT = Path(__file__).with_name("audit.js")
_SHOTS = os.environ.get("BOTKIT_TEST_SCREENSHOTS", "")


class _Server(uvicorn.Server):
    """Signals are the test runner's."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Served:
    """The page's server on a free port of loopback; can be stopped and started again on the same one."""

    def __init__(self, fake: FakeConsole):
        self.fake = fake
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        config = uvicorn.Config(
            app_of(self.fake), host="127.0.0.1", port=self.port, log_level="error", timeout_graceful_shutdown=2
        )
        server = self._server = _Server(config)
        self._task = asyncio.create_task(server.serve())
        while not server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As at SIGTERM: streams are told to end, then connections are closed."""
        if self._server is None or self._task is None:
            return
        self.fake.shut_down()
        self._server.should_exit = True
        await self._task
        self.fake.reopen()
        self._server = None


class Watched:
    """A browser context whose misdeeds are kept."""

    def __init__(self, context: BrowserContext, url: str):
        self.context = context
        self.url = url
        self.faults: list[str] = []
        self.expected: tuple[str, ...] = ()
        """Beginnings of console errors that belong to the test (a server that is away)."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(self.expected or ("\0",)):
            self.faults.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"request to another host: {request.url}")

    async def page(self, path: str = "/") -> Page:
        page = await self.context.new_page()
        await page.goto(self.url + path)
        return page


class Browsing(Watched):
    """With the server of a `FakeConsole` behind it."""

    def __init__(self, context: BrowserContext, served: Served):
        super().__init__(context, served.url)
        self.served = served


@asynccontextmanager
async def browsing(
    fake: FakeConsole, profile: Path, *, width: int = 1360, height: int = 860
) -> AsyncGenerator[Browsing]:
    """A fresh browser and a server for `fake`; leaving fails when the page did something wrong in silence."""
    served = Served(fake)
    await served.start()
    try:
        async with chromium(profile, width, height) as context:
            watched = Browsing(context, served)
            yield watched
        assert watched.faults == []
    finally:
        await served.stop()


@asynccontextmanager
async def browsing_at(url: str, profile: Path) -> AsyncGenerator[Watched]:
    """A fresh browser for a server that runs already, with the same demands."""
    async with chromium(profile, 1360, 860) as context:
        watched = Watched(context, url)
        yield watched
    assert watched.faults == []


@asynccontextmanager
async def chromium(profile: Path, width: int, height: int, *, dark: bool = False) -> AsyncGenerator[BrowserContext]:
    """A browser with a profile of its own."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=_ARGUMENTS,
            ignore_default_args=["--headless"],
            viewport={"width": width, "height": height},
            locale="en-GB",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
        )
        context.set_default_timeout(15_000)
        try:
            yield context
        finally:
            await context.close()


async def audit(page: Page, host: str = "") -> list[str]:
    """What is not accessible about the page as it is now; `host`: about what is in the shadow of that element."""
    found: list[str] = await page.evaluate(_AUDIT.read_text(), host)
    return found


async def shoot(page: Page, name: str) -> None:
    """Keep a picture, for people who want to look; only where `BOTKIT_TEST_SCREENSHOTS` names a folder."""
    if _SHOTS:
        await page.screenshot(path=Path(_SHOTS) / f"{name}.png")
