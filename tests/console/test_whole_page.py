"""The page on a whole instance: the repository's own bots, the real engine, gateway and tool servers, offline."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the `browser` dependency group is not installed")

from playwright.async_api import Page, expect

from botkit.app.environment import Environment
from botkit.app.serve import serve
from tests.console.browser import audit, browsing_at, shoot

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

_ROOT = Path(__file__).parents[2]
_SLOW_MS = 30_000
"""The first call of a tool waits for its server to start."""


@asynccontextmanager
async def instance(folder: Path) -> AsyncGenerator[str]:
    """An instance of its own, on a free port; its address."""
    project = folder / "project"
    project.mkdir()
    shutil.copy(_ROOT / "bots.yaml", project)
    shutil.copytree(_ROOT / "workspace", project / "workspace", ignore=shutil.ignore_patterns("__pycache__"))
    environment = Environment(config=project / "bots.yaml", home=folder / "home", host="127.0.0.1", port=0)
    async with serve(environment, mode="dev", actor="test", tell=lambda news: None) as serving:
        yield serving.url.rstrip("/")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_from_the_first_visit_to_an_approved_refund_and_back_after_a_reload(tmp_path: Path) -> None:
    async with instance(tmp_path) as url, browsing_at(url, tmp_path / "profile") as browser:
        page = await browser.page()
        await expect(page.get_by_role("heading", name="Helper")).to_be_visible()
        await page.get_by_role("button", name="Where is order A-1001?").click()
        call = page.locator(".call").first
        await expect(call).to_contain_text("orders get_order", timeout=_SLOW_MS)
        await expect(page.locator(".meta")).to_contain_text("tokens", timeout=_SLOW_MS)
        await expect(page.locator(".answer")).to_contain_text("A-1001")
        trace = page.get_by_role("complementary", name="Trace")
        for step in ("inbox", "model", "orders get_order", "outbox  answer · sent"):
            await expect(trace.locator(".path .what", has_text=step).first).to_be_visible()
        assert await audit(page) == []
        await shoot(page, "whole-answer")

        await say(page, "Refund order A-1001, it arrived broken")
        card = page.get_by_role("region", name="Decision: orders__refund_order")
        await expect(card).to_contain_text("it arrived broken", timeout=_SLOW_MS)
        await expect(page.get_by_role("button", name="1 decision is waiting")).to_be_visible()
        await page.reload()
        await expect(card).to_be_visible()
        await expect(page.locator(".said")).to_have_count(2)
        await card.get_by_role("button", name="Approve").click()
        await expect(page.locator(".turn").nth(1).locator(".answer")).to_contain_text("Refund id", timeout=_SLOW_MS)
        await expect(page.locator(".turn").nth(1).locator(".call")).to_have_count(1)
        await expect(page.locator("#decisions")).to_be_hidden()
        assert await audit(page) == []
        await shoot(page, "whole-refund")

        answers = await page.locator(".answer").all_inner_texts()
        await page.reload()
        await expect(page.locator(".turn")).to_have_count(2)
        assert await page.locator(".answer").all_inner_texts() == answers

        await page.get_by_role("link", name="Runs").click()
        await page.get_by_role("link", name="Refund order A-1001, it arrived broken").click()
        await expect(page.locator("#run-state")).to_have_text("completed")
        await expect(page.locator(".call")).to_have_count(1)
        await expect(page.locator(".path .what", has_text="approved by operator")).to_be_visible()
        assert await audit(page) == []


async def test_commands_and_other_people_are_answered(tmp_path: Path) -> None:
    async with instance(tmp_path) as url, browsing_at(url, tmp_path / "profile") as browser:
        page = await browser.page()
        await page.get_by_label("Bot", exact=True).select_option("desk")
        await page.get_by_label("Speak as", exact=True).select_option("customer")
        await say(page, "/whoami")
        await expect(page.locator(".answer")).to_contain_text("Carla Customer", timeout=_SLOW_MS)
        await say(page, "Where is order A-1001?")
        await expect(page.locator(".meta").nth(1)).to_contain_text("tokens", timeout=_SLOW_MS)
        await expect(page.locator(".turn").nth(1)).to_contain_text("Welcome to the order desk.")
        await expect(page.get_by_role("button", name="Stop")).to_be_hidden()


async def test_commands_and_first_words_are_there_after_a_reload(tmp_path: Path) -> None:
    async with instance(tmp_path) as url, browsing_at(url, tmp_path / "profile") as browser:
        page = await browser.page()
        await page.get_by_label("Bot", exact=True).select_option("desk")
        await say(page, "/whoami")
        await expect(page.locator(".answer")).to_contain_text("You are", timeout=_SLOW_MS)
        await say(page, "Where is order A-1001?")
        await expect(page.locator(".meta").nth(1)).to_contain_text("tokens", timeout=_SLOW_MS)
        await say(page, "/new")
        await expect(page.locator(".answer").nth(2)).to_contain_text("this is a new conversation", timeout=_SLOW_MS)
        said = await page.locator(".said .plain").all_inner_texts()
        answers = await page.locator(".answer").all_inner_texts()
        assert said == ["/whoami", "Where is order A-1001?", "/new"]

        await page.reload()
        await expect(page.locator(".answer")).to_have_count(3)
        assert await page.locator(".said .plain").all_inner_texts() == said
        assert await page.locator(".answer").all_inner_texts() == answers
        await expect(page.locator(".turn").nth(1)).to_contain_text("Welcome to the order desk.")
        await shoot(page, "whole-reloaded")
