"""The chat on a page of another site, in a real browser, under a policy that allows nothing it does not need."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiohttp import web
from msgspec import convert

from botkit.app.environment import load_environment
from botkit.app.serve import Serving, serve
from botkit.core.events import Conversation, Event
from botkit.core.journal import Emit
from botkit.core.messages import Button, Form, FormField, Option, OutMessage, Part, Select
from botkit.testing.site import Site
from botkit.testing.web import BASE_PATH, sign_identity
from tests.console.hostile import HOSTILE

pytest.importorskip("playwright", reason="the `browser` dependency group is not installed")

from playwright.async_api import BrowserContext, ConsoleMessage, Page, expect

from tests.console.browser import audit, chromium, shoot

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

SECRET = "0123456789abcdef0123456789abcdef"
PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/site.css"></head>
<body><h1>Walnut desks</h1><p>A page of another site.</p>
<script src="{src}" data-channel="site" {more} async></script></body></html>"""
REFUND = "Refund **ORD-1042**?\n\n| item | price |\n|---|--:|\n| lamp | 78 |\n\n```py\nprint(1)\n```"
CSS = "* { color: red !important; font: 40px serif !important } button { display: none } li { float: left }"
WOODS = ("Oak", "Ash", "Elm", "Walnut", "Cherry", "Beech", "Maple", "Pine")
ORDER = (
    FormField(name="street", label="Street", required=True, about="and number"),
    FormField(name="pieces", label="Pieces", kind="number", least=1),
    FormField(name="on", label="On", kind="date"),
    FormField(
        name="size",
        label="Size",
        kind="choice",
        options=(Option(label="Small", value="s"), Option(label="Large", value="l")),
    ),
    FormField(name="gift", label="As a gift", kind="checkbox"),
    FormField(name="note", label="A note", kind="paragraph"),
)
CONFIG = """
version: 1
bots: {{desk: {{}}}}
channels:
  site: {{platform: web, bot: desk, allowed_origins: ["{origin}"], title: Help desk, greeting: "Ask **anything**.",
          identity_secret: {{secret: SITE_IDENTITY}}, privacy_url: "https://www.example.com/privacy",
          messages_per_minute: 600{more}}}
"""


class Embedded:
    """A shop's page with the chat in it."""

    def __init__(self, serving: Serving, site: Site, context: BrowserContext):
        self.serving = serving
        self.site = site
        self.context = context
        self.faults: list[str] = []
        self.expected: tuple[str, ...] = ()
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(self.expected or ("\0",)):
            self.faults.append(f"{message.type}: {message.text}")

    async def page(self, query: str = "") -> Page:
        page = await self.context.new_page()
        await page.goto(f"http://localhost:{self.site.port}/{query}")
        return page

    async def say(self, text: str, **more: object) -> None:
        """The bot says something of its own accord, to everybody who has written."""
        instance = self.serving.instance
        rows = await instance.store.records.inbox(channel="site", limit=1)
        where = Conversation(channel="site", room=str(rows[0]["sender_id"]))
        message = OutMessage(text=text, **more)  # pyright: ignore[reportArgumentType]
        writes = [
            Emit(part=Part(id=f"note/{time.monotonic_ns()}.{n}", conversation=where, payload=one.payload, text=one.text,
                           created_at=instance.clock.micros()))
            for n, one in enumerate(instance.channels.renderer("site").render(message, where))
        ]  # fmt: skip
        await instance.store.journal.commit(None, writes)
        instance.engine.outbox.kick(where.key)


@asynccontextmanager
async def embedded(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    width: int = 1200,
    height: int = 800,
    dark: bool = False,
    config: str = "",
    allowed: bool = True,
) -> AsyncGenerator[Embedded]:
    """A whole instance on one origin, a site on another."""
    application = web.Application()
    async with Site(web.Application()) as probe:  # a free port for the site, which has to be known first
        port = probe.port
    origin = f"http://localhost:{port}" if allowed else "https://www.example.com"
    (folder / "bots.yaml").write_text(CONFIG.format(origin=origin, more=config))
    monkeypatch.setenv("BOTKIT_PORT", "0")
    monkeypatch.setenv("SITE_IDENTITY", SECRET)
    environment = load_environment(cwd=folder)
    async with serve(environment, mode="dev", actor="ada", tell=lambda _: None) as serving:
        await serving.instance.channels.settled("site")
        bot = serving.instance.url.rstrip("/")

        async def page(request: web.Request) -> web.Response:
            asked = request.query
            html = PAGE.format(
                src=f"{bot}{BASE_PATH}widget.js",
                lang=asked.get("lang", "en"),
                dir=asked.get("dir", "ltr"),
                more=f'data-identity-url="/who?id={asked["id"]}"' if "id" in asked else "",
            )
            policy = f"default-src 'none'; style-src 'self'; script-src {bot}; connect-src {bot} 'self'; img-src {bot}"
            return web.Response(text=html, content_type="text/html", headers={"content-security-policy": policy})

        async def css(request: web.Request) -> web.Response:
            return web.Response(text=CSS, content_type="text/css")

        async def who(request: web.Request) -> web.Response:
            return web.Response(text=sign_identity(SECRET, {"sub": request.query["id"], "exp": int(time.time()) + 600}))

        application.add_routes([web.get("/", page), web.get("/site.css", css), web.get("/who", who)])
        async with Site(application, port) as site, chromium(folder / "profile", width, height, dark=dark) as context:
            shop = Embedded(serving, site, context)
            yield shop
            assert shop.faults == []


async def write(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_a_visitor_opens_the_chat_asks_and_finds_everything_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embedded(folder, monkeypatch) as shop:
        page = await shop.page()
        launcher = page.get_by_role("button", name="Help desk: Open chat")
        await expect(launcher).to_be_visible()
        await shoot(page, "web-closed")
        await launcher.focus()
        await page.keyboard.press("Enter")
        panel = page.get_by_role("dialog", name="Help desk")
        await expect(panel.get_by_text("Ask anything.")).to_be_visible()
        await expect(panel.get_by_label("Message", exact=True)).to_be_focused()
        assert await audit(page, "botkit-chat") == []
        assert await page.evaluate("localStorage.length") == 0  # nobody is known who only looks

        await write(page, "Where is **my** order?")
        await expect(panel.locator(".me .bubble")).to_have_text("Where is **my** order?")
        await expect(panel.locator(".bot:not(.live) .bubble").last).to_contain_text("demo/offline")
        await expect(panel.get_by_role("button", name="Stop")).to_be_hidden()
        approve = Button(label="Approve", value="v1", style="primary")
        reject = Button(label="Reject", value="v2", style="danger")
        await shop.say(REFUND, buttons=((approve, reject),))
        await expect(panel.get_by_role("button", name="Approve")).to_be_visible()
        await expect(panel.locator("table td").first).to_have_text("lamp")
        helpful = panel.get_by_role("button", name="Helpful", exact=True)
        await helpful.last.click()
        await expect(helpful.last).to_have_attribute("aria-pressed", "true")
        assert await audit(page, "botkit-chat") == []
        await shoot(page, "web-open")

        await page.keyboard.press("Escape")
        await expect(launcher).to_be_focused()
        await expect(panel).to_be_hidden()
        await shop.say("One more thing")
        await expect(page.locator(".badge")).to_have_text("1")

        await page.reload()
        await launcher.click()
        await expect(panel.locator(".me .bubble")).to_have_text("Where is **my** order?")
        await expect(panel.locator(".bot .bubble").last).to_have_text("One more thing")
        await expect(helpful.nth(-2)).to_have_attribute("aria-pressed", "true")
        await panel.locator(".me").hover()
        await panel.get_by_role("button", name="Delete message").click()
        await expect(panel.get_by_text("Message deleted")).to_be_visible()


async def test_a_pressed_button_is_told_and_settles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with embedded(folder, monkeypatch) as shop:
        page = await shop.page()
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await write(page, "hello")
        await expect(page.locator(".bot:not(.live) .bubble").last).to_contain_text("demo/offline")
        await shop.say("Sure?", buttons=((Button(label="Yes", value="nothing:waits"),),))
        await page.get_by_role("button", name="Yes").click()
        await expect(page.get_by_role("button", name="Yes")).to_be_enabled()
        rows = await shop.serving.instance.store.records.inbox(channel="site", limit=5)
        assert [row["event"]["action"]["value"] for row in rows if row["kind"] == "action"] == ["nothing:waits"]


async def test_menus_and_forms_are_filled_in_below_their_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answered(rows: Any) -> list[dict[str, Any]]:
        return [row["event"]["action"] for row in reversed(rows) if row["kind"] == "action"]

    async def newest(store: Any) -> dict[str, Any]:
        return (await store.records.inbox(channel="site", limit=1))[0]["event"]

    async with embedded(folder, monkeypatch) as shop:
        page = await shop.page()
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await write(page, "hello")
        await expect(page.locator(".bot:not(.live) .bubble").last).to_contain_text("demo/offline")
        woods = tuple(Option(label=name, value=name[:3], about="heavy" if name == "Oak" else "") for name in WOODS)
        await shop.say("A desk:", selects=(Select(value="w", label="Which wood?", options=woods[:3]),))
        menu = page.get_by_role("group", name="Which wood?")
        await expect(menu.get_by_role("radio")).to_have_count(3)
        await menu.get_by_role("button", name="Choose").click()  # nothing is chosen yet, so the browser says so
        await menu.get_by_text("Oak").click()
        assert await audit(page, "botkit-chat") == []
        await menu.get_by_role("button", name="Choose").click()
        await expect(menu.get_by_role("button", name="Choose")).to_be_enabled()

        several = Select(value="s", label="Which two?", options=woods[:4], least=2, most=2)
        folded = Select(value="f", label="And this one?", options=woods)
        await shop.say("More:", selects=(several, folded))
        pair = page.get_by_role("group", name="Which two?")
        await pair.get_by_text("Ash").click()
        await pair.get_by_role("button", name="Choose").click()  # one is too few
        await pair.get_by_text("Elm").click()
        await pair.get_by_role("button", name="Choose").click()
        await expect(pair.get_by_role("button", name="Choose")).to_be_enabled()
        await page.get_by_role("group", name="And this one?").get_by_role("combobox").select_option("Walnut")
        await shoot(page, "web-menus")
        await page.get_by_role("group", name="And this one?").get_by_role("button", name="Choose").click()
        store = shop.serving.instance.store
        async with asyncio.timeout(30):
            while len(found := answered(await store.records.inbox(channel="site", limit=20))) < 3:
                await asyncio.sleep(0.02)
        assert [one.get("values") for one in found] == [["Oak"], ["Ash", "Elm"], ["Wal"]]

        form = Form(value="order:1", title="Your order", open_label="Order now", send_label="Send it", fields=ORDER)
        adapter = shop.serving.instance.channels.adapter("site")
        assert adapter is not None
        monkeypatch.setattr(adapter, "acknowledge", AsyncMock())  # no question of the engine waits for this form
        await shop.say("To order:", form=form)
        await page.get_by_role("button", name="Order now").click()
        async with asyncio.timeout(30):
            while not (row := await newest(store)).get("action", {}).get("opens"):
                await asyncio.sleep(0.02)
        assert await adapter.open_form(convert(row, Event), form)
        sheet = page.get_by_role("group", name="Your order")
        await expect(sheet.get_by_label("Street")).to_be_focused()
        await sheet.get_by_role("button", name="Send it").click()  # the street is needed
        await sheet.get_by_label("Street").fill("Main 1")
        await sheet.get_by_label("Pieces").fill("3")
        await sheet.get_by_label("On").fill("2027-03-31")
        await sheet.get_by_text("Large").click()
        await sheet.get_by_text("As a gift").click()
        await sheet.get_by_label("A note").fill("ring twice")
        await shop.say("said meanwhile")
        await expect(page.locator(".bot .bubble", has_text="said meanwhile")).to_be_visible()
        assert await audit(page, "botkit-chat") == []
        await sheet.scroll_into_view_if_needed()
        await shoot(page, "web-form")
        await sheet.get_by_role("button", name="Send it").click()
        async with asyncio.timeout(30):
            while len(found := answered(await store.records.inbox(channel="site", limit=20))) < 5:
                await asyncio.sleep(0.02)
        fields = {
            "street": "Main 1",
            "pieces": "3",
            "on": "2027-03-31",
            "size": "l",
            "gift": "true",
            "note": "ring twice",
        }
        assert (found[-1]["sent"], found[-1]["value"], found[-1]["fields"]) == (True, "order:1", fields)


async def test_hostile_texts_are_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with embedded(folder, monkeypatch) as shop:
        page = await shop.page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await write(page, "/whoami")
        await expect(page.locator(".bot .bubble").nth(1)).to_be_visible()
        for text in HOSTILE:
            await write(page, text.replace("\0", ""))
            await shop.say(text)
            await shop.say("x", buttons=((Button(label=text[:60], value="v", url="javascript:window.pwned=1"),),))
        await shop.say("that is all")
        await expect(page.locator(".bot .bubble", has_text="that is all")).to_be_visible(timeout=60_000)
        await expect(page.locator(".me .note")).to_have_count(0, timeout=60_000)
        await expect(page.locator(".me .bubble")).to_have_count(len(HOSTILE) + 1)
        assert await page.evaluate("window.pwned") is None
        assert [url for url in asked if "evil.example" in url or "bank.example" in url] == []
        links = await page.locator("botkit-chat").evaluate(
            "host => [...host.shadowRoot.querySelectorAll('a')].map((a) => new URL(a.href).protocol)"
        )
        assert set(links) <= {"https:", "http:", "mailto:"}
        await page.reload()
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await expect(page.locator(".me .bubble").first).to_be_visible()
        assert await page.evaluate("window.pwned") is None


async def test_a_broken_network_is_said_and_nothing_is_lost_or_doubled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embedded(folder, monkeypatch) as shop:
        shop.expected = ("Failed to load resource",)
        page = await shop.page()
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await write(page, "one")
        await expect(page.locator(".bot:not(.live) .bubble").last).to_contain_text("demo/offline")
        await shop.context.set_offline(True)
        await write(page, "two")
        await expect(page.get_by_role("status")).to_have_text("You are offline. Messages are sent when you are back.")
        await expect(page.locator(".me .note")).to_have_text("Sending…")
        await shoot(page, "web-offline")
        await shop.say("said meanwhile")
        await shop.context.set_offline(False)
        await expect(page.locator(".bot .bubble", has_text="said meanwhile")).to_be_visible()
        await expect(page.locator(".me .note")).to_have_count(0)
        await expect(page.get_by_role("status")).to_be_hidden()
        await expect(page.locator(".me .bubble")).to_have_text(["one", "two"])
        rows = await shop.serving.instance.store.records.inbox(channel="site")
        assert sorted(row["event"]["text"] for row in rows) == ["one", "two"]


async def test_on_a_small_screen_in_the_dark_right_to_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with embedded(folder, monkeypatch, width=390, height=780, dark=True) as shop:
        page = await shop.page("?dir=rtl&lang=de")
        await page.get_by_role("button", name="Help desk: Chat öffnen").click()
        panel = page.get_by_role("dialog", name="Help desk")
        await expect(panel).to_have_attribute("aria-modal", "true")
        box = await panel.bounding_box()
        assert box is not None
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 780)
        await page.get_by_label("Nachricht", exact=True).fill("שלום, hello")
        await page.keyboard.press("Enter")
        await expect(page.locator(".bot:not(.live) .bubble").last).to_contain_text("demo/offline")
        assert await audit(page, "botkit-chat") == []
        await shoot(page, "web-small-dark-rtl")
        await expect(page.locator(".launcher")).to_be_hidden()  # it would lie on what is written
        stops: list[str] = []
        for _ in range(14):
            await page.keyboard.press("Tab")
            stops.append(await page.evaluate("document.activeElement.tagName"))
        assert set(stops) == {"BOTKIT-CHAT"}  # the page below cannot be reached by the keyboard


async def test_who_is_logged_in_has_a_conversation_of_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with embedded(folder, monkeypatch, config=", anonymous: false") as shop:
        page = await shop.page("?id=ada")
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await write(page, "a secret of Ada")
        await expect(page.locator(".bot:not(.live) .bubble").last).to_contain_text("demo/offline")
        assert await page.evaluate("localStorage.length") == 0
        await page.goto(f"http://localhost:{shop.site.port}/?id=bob")
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await write(page, "hello")
        await expect(page.locator(".bot:not(.live) .bubble").last).to_contain_text("demo/offline")
        await expect(page.locator(".me .bubble")).to_have_text(["hello"])
        await page.goto(f"http://localhost:{shop.site.port}/?id=ada")
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await expect(page.locator(".me .bubble")).to_have_text(["a secret of Ada"])
        await page.evaluate("window.botkit.logout()")
        await expect(page.locator(".me .bubble")).to_have_count(0)


async def test_files_go_both_ways(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with embedded(folder, monkeypatch) as shop:
        page = await shop.page()
        await page.get_by_role("button", name="Help desk: Open chat").click()
        await page.locator("input[type=file]").set_input_files(
            [{"name": "orders.csv", "mimeType": "text/csv", "buffer": b"a,b\n"}]
        )
        await expect(page.locator(".chips li")).to_have_text("orders.csv")
        await shoot(page, "web-file")
        await write(page, "see this")
        link = page.locator(".me a.file")
        await expect(link).to_contain_text("orders.csv")
        answer = await shop.context.request.get(str(await link.get_attribute("href")))
        assert await answer.body() == b"a,b\n"
        rows = await shop.serving.instance.store.records.inbox(channel="site")
        assert rows[0]["event"]["attachments"][0]["name"] == "orders.csv"


async def test_a_site_that_is_not_allowed_shows_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with embedded(folder, monkeypatch, allowed=False) as shop:
        shop.expected = ("Access to fetch", "Failed to load resource", "botkit:")
        page = await shop.page()
        async with asyncio.timeout(60):
            while not shop.serving.instance.channels.health():
                await asyncio.sleep(0.01)
        await expect(page.get_by_role("button", name="Help desk: Open chat")).to_have_count(0)
