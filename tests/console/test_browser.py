"""The page in a real browser: what a person does and sees, on a desk and on a phone, in light and in dark."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from botkit.core.console import BotInfo, ChannelInfo, ChatEntry, WaitView
from botkit.core.journal import Run, Wait
from tests.console.fake import ANSWER, FakeConsole, overview
from tests.console.hostile import HOSTILE

pytest.importorskip("playwright", reason="the `browser` dependency group is not installed")

from playwright.async_api import Page, expect

from tests.console.browser import audit, browsing, shoot

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


async def write(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_first_visit_to_a_streamed_answer_with_its_tool_call_and_trace(tmp_path: Path) -> None:
    fake = FakeConsole()
    fake.holding = {"tool", "answer"}
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await expect(page.get_by_role("heading", name="Concierge")).to_be_visible()
        await expect(page.get_by_text("Answered by the built-in demo model")).to_be_visible()
        assert await audit(page) == []
        await shoot(page, "first-visit")

        await page.get_by_role("button", name="Where is my order ORD-1042?").click()
        call = page.locator(".call").first
        await expect(call).to_contain_text("orders lookup")
        await expect(page.get_by_text("Calling orders__lookup", exact=True)).to_be_visible()
        fake.release("tool")
        await expect(call.locator(".took")).to_have_text("38 ms")
        await expect(page.locator(".answer")).to_contain_text("Your order ORD-1042 is on its way.")
        await expect(page.locator(".answer")).not_to_contain_text("You can follow it at")
        await expect(page.get_by_role("button", name="Stop")).to_be_visible()
        await shoot(page, "half-an-answer")

        fake.release("answer")
        await expect(page.locator(".answer table td").first).to_have_text("Walnut desk")
        await expect(page.locator(".answer pre")).to_contain_text("print(parcel.id, parcel.state)")
        await expect(page.get_by_role("link", name="https://example.org/track/DE-7781")).to_have_attribute(
            "rel", "noopener noreferrer nofollow"
        )
        await expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        await expect(page.locator(".meta")).to_contain_text("2,688 tokens")

        await call.locator("summary").click()
        await expect(call.get_by_label("Arguments", exact=True)).to_contain_text('"order_id": "ORD-1042"')
        await expect(call.get_by_label("Result", exact=True)).to_contain_text('"state": "shipped"')
        trace = page.get_by_role("complementary", name="Trace")
        await expect(trace.locator(".path .what")).to_have_text(
            [
                "inbox  message",
                "model  demo/offline · 1,344 tokens",
                "orders lookup",
                "model  demo/offline · 1,344 tokens",
                "outbox  answer · sent",
            ]
        )
        await expect(trace.locator(".numbers")).to_contain_text("$0.0043")
        await expect(trace.locator(".tokens li")).to_have_count(6)
        assert await audit(page) == []
        await shoot(page, "answer")


async def test_an_approval_is_given_in_the_chat_and_everything_is_there_after_a_reload(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await write(page, "Refund ORD-1042, the lamp is broken")
        card = page.get_by_role("region", name="Decision: orders__refund")
        await expect(card).to_contain_text("Refunds move money.")
        await expect(card).to_contain_text("The lamp arrived broken")
        await expect(page.get_by_role("button", name="1 decision is waiting")).to_be_visible()
        await expect(page.locator(".answer")).to_be_empty()
        assert await audit(page) == []
        await shoot(page, "approval")

        await page.reload()
        await expect(card).to_be_visible()
        await expect(page.locator(".call .took")).to_have_text("waiting")
        await expect(page.locator(".said")).to_have_count(1)
        await card.get_by_label("Comment").fill("photo checked")
        await card.get_by_role("button", name="Approve").click()

        await expect(page.locator("main .decided")).to_contain_text("Approved")
        await expect(page.locator(".answer")).to_have_text("The refund of $78.00 is on its way.")
        await expect(page.locator(".call")).to_have_count(1)
        await expect(page.locator(".call .took")).to_have_text("38 ms")
        await expect(page.locator("#decisions")).to_be_hidden()
        assert [(approved, comment) for _, approved, comment in fake.decisions] == [(True, "photo checked")]
        await shoot(page, "approved")

        await page.reload()
        await expect(page.locator(".said .plain")).to_have_text("Refund ORD-1042, the lamp is broken")
        await expect(page.locator(".answer")).to_have_text("The refund of $78.00 is on its way.")
        await expect(page.locator(".call .took")).to_have_text("38 ms")
        await expect(page.locator("main .wait")).to_have_count(0)


async def test_a_decision_of_another_chat_is_rejected_from_the_list(tmp_path: Path) -> None:
    fake = FakeConsole()
    wait = Wait(
        id="run_9/turn/0/tool/0/wait/0", run_id="run_9", lane="l", key="k", kind="approval", person_id="Grace",
        conversation="support_tg:5:", created_at=fake.now,
        payload={"tool": "orders__refund", "arguments": {"note": "\u202egpj.exe"}},
    )  # fmt: skip
    fake.add_wait(wait)
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await page.get_by_role("button", name="1 decision is waiting").click()
        dialog = page.get_by_role("dialog", name="Waiting for a decision")
        await expect(dialog).to_contain_text("Asked for Grace by concierge on support_tg")
        await expect(dialog).to_contain_text(
            "\\u202egpj.exe"
        )  # what reorders text is spelled out before it is approved
        assert await audit(page) == []
        await dialog.get_by_role("button", name="Reject").click()
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#decisions")).to_be_hidden()
    assert fake.decisions == [(wait.id, False, "")]


FORM = {
    "title": "Which trip?",
    "send_label": "Send",
    "fields": [
        {"name": "city", "label": "City", "kind": "choice", "required": True,
         "options": [{"label": "Rome", "value": "fco"}, {"label": "Oslo", "value": "osl"}]},
        {"name": "nights", "label": "Nights", "kind": "number", "required": True, "least": 1.0, "about": "One or more"},
        {"name": "day", "label": "Day", "kind": "date"},
        {"name": "breakfast", "label": "Breakfast", "kind": "checkbox"},
        {"name": "note", "label": "Note", "kind": "paragraph"},
    ],
}  # fmt: skip


async def test_a_question_of_a_tool_is_a_form_on_the_page(tmp_path: Path) -> None:
    fake = FakeConsole()
    fake.open_waits["w1"] = WaitView(
        id="w1", kind="reply", run_id="r1", conversation="support_tg:5:", title="Which trip?", form=FORM
    )
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await page.get_by_role("button", name="1 decision is waiting").click()
        card = page.get_by_role("dialog").get_by_role("region", name="Decision: Which trip?")
        await expect(card).to_contain_text("One or more")
        assert await audit(page) == []
        await shoot(page, "form")
        await card.get_by_label("City").select_option("Oslo")
        await card.get_by_role("button", name="Send").click()  # a number is missing
        await card.get_by_label("Nights").fill("3")
        await card.get_by_label("Breakfast").check()
        await card.get_by_role("button", name="Send").click()
        await expect(page.locator("#decisions")).to_be_hidden()
    fields = {"city": "osl", "nights": "3", "day": "", "breakfast": True, "note": ""}
    assert fake.answers == [("w1", fields)]


def a_lost_call(fake: FakeConsole) -> Wait:
    """A refund was sent, and nobody knows whether it happened."""
    run = Run(
        id="run_lost", lane="l", conversation="support_tg:5:", channel="support_tg", bot="concierge", person_id="grace",
        trace_id="trc_9", state="waiting", waiting_for="reconcile", started_at=fake.now, updated_at=fake.now,
        input={"text": "Refund ORD-1042", "sender_name": "Grace"},
    )  # fmt: skip
    payload = {"step": "turn/0/tool/0", "name": "orders__refund", "reason": "the connection broke"}
    wait = Wait(
        id="run_lost/turn/0/tool/0/reconcile/0", run_id=run.id, lane="l", key="turn/0/tool/0/reconcile/0",
        kind="reconcile", person_id="Grace", conversation=run.conversation, created_at=fake.now, payload=payload,
    )  # fmt: skip
    fake.add_run(run, waits=[wait])
    fake.add_wait(wait)
    return wait


@pytest.mark.parametrize(
    ("label", "words", "told"),
    [
        ("It happened", '{"refund": "R-7"}', ("result", '{"refund": "R-7"}')),
        ("It did not happen", "no such refund there", ("fail", "no such refund there")),
        ("Do it again", "", ("retry", "")),
    ],
)
async def test_what_became_of_a_lost_call_is_told_on_the_page(
    label: str, words: str, told: tuple[str, str], tmp_path: Path
) -> None:
    fake = FakeConsole()
    wait = a_lost_call(fake)
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await page.get_by_role("button", name="1 decision is waiting").click()
        card = page.get_by_role("dialog").get_by_role("region", name="Decision: orders__refund")
        await expect(card).to_contain_text("Did orders__refund happen?")
        await expect(card).to_contain_text("the connection broke")
        assert await audit(page) == []
        await shoot(page, "lost-call")
        await card.get_by_label("Result, or why not").fill(words)
        await card.get_by_role("button", name=label, exact=True).click()
        await expect(page.locator("#decisions")).to_be_hidden()
    assert fake.resolutions == [(wait.id, *told)]


async def test_a_lost_call_is_resolved_on_the_page_of_its_run(tmp_path: Path) -> None:
    fake = FakeConsole()
    wait = a_lost_call(fake)
    async with browsing(fake, tmp_path) as browser:
        browser.expected = ("Failed to load resource: the server responded with a status of 409",)
        page = await browser.page(f"/runs/{wait.run_id}")
        card = page.get_by_role("main").get_by_role("region", name="Decision: orders__refund")
        await shoot(page, "lost-call-run")
        fake.open_waits.clear()
        await card.get_by_role("button", name="It did not happen").click()
        await expect(page.locator("main .decided")).to_contain_text("This step was resolved already.")


async def test_commands_are_there_after_a_reload(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await write(page, "/help")
        await expect(page.locator(".answer")).to_contain_text("I am Concierge")
        await page.reload()
        await expect(page.locator(".said .plain")).to_have_text("/help")
        await expect(page.locator(".answer")).to_contain_text("I am Concierge")


async def test_a_decision_somebody_else_made_first_is_told(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        browser.expected = ("Failed to load resource: the server responded with a status of 409",)
        page = await browser.page()
        await write(page, "Refund it")
        card = page.get_by_role("region", name="Decision: orders__refund")
        await expect(card).to_be_visible()
        gone = dict(fake.open_waits)
        fake.open_waits.clear()
        await card.get_by_role("button", name="Approve").click()
        await expect(page.locator("main .decided")).to_contain_text("This was already approved.")
        fake.open_waits.update(gone)


async def test_an_answer_is_stopped_by_button_and_by_key(tmp_path: Path) -> None:
    fake = FakeConsole()
    fake.holding = {"answer"}
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await write(page, "Where is my order?")
        await expect(page.locator(".answer")).to_contain_text("is on its way")
        await page.get_by_role("button", name="Stop").click()
        await expect(page.locator(".answer")).to_contain_text("Stopped.")
        await expect(page.locator(".meta")).to_contain_text("stopped")
        await write(page, "And again?")
        await expect(page.locator(".answer").nth(1)).to_contain_text("is on its way")
        await page.keyboard.press("Escape")
        await expect(page.locator(".answer").nth(1)).to_contain_text("Stopped.")
        await expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    assert len(fake.stopped) == 2


async def test_the_keyboard_is_enough(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        field = page.get_by_label("Message", exact=True)
        await expect(field).to_be_focused()
        await page.keyboard.type("one")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("two")
        assert await field.input_value() == "one\ntwo"
        await page.keyboard.press("Enter")
        await expect(page.locator(".said .plain")).to_have_text("one\ntwo")
        await expect(field).to_have_value("")
        await expect(page.locator(".meta")).to_contain_text("tokens")
        await page.keyboard.press("ArrowUp")
        await expect(field).to_have_value("one\ntwo")
        await field.fill("")
        await page.keyboard.press("Enter")
        await expect(page.locator(".said")).to_have_count(1)
        await page.locator(".call summary").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Arguments", exact=True)).to_be_visible()
        await page.keyboard.press("/")
        await expect(field).to_be_focused()
        await page.keyboard.press("Control+Home")
        for _ in range(40):
            await page.keyboard.press("Shift+Tab")
            if await page.evaluate("document.activeElement.className") == "skip":
                break
        await page.keyboard.press("Enter")
        assert "#main" in page.url


async def test_several_chats_are_kept_apart_and_found_again(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await write(page, "First question")
        await expect(page.locator(".meta")).to_contain_text("tokens")
        await page.get_by_role("button", name="New chat").click()
        await expect(page.get_by_role("heading", name="Concierge")).to_be_visible()
        await page.get_by_label("Bot", exact=True).select_option("helpdesk")
        await page.get_by_label("Speak as", exact=True).select_option("grace")
        await write(page, "Second question")
        await expect(page.locator(".meta")).to_contain_text("tokens")
        chats = page.get_by_role("navigation", name="Earlier chats")
        await expect(chats.locator("b")).to_have_text(["Second question", "First question"])
        await chats.get_by_role("link", name="First question").click()
        await expect(page.locator(".said .plain")).to_have_text(["First question"])
        await expect(page.get_by_label("Bot", exact=True)).to_have_value("concierge")
        await page.go_back()
        await expect(page.locator(".said .plain")).to_have_text(["Second question"])
        await expect(page.get_by_label("Speak as", exact=True)).to_have_value("grace")

        other = await browser.context.new_page()
        await other.goto(browser.url)
        await expect(other.get_by_role("navigation", name="Earlier chats").locator("b")).to_have_count(2)
    assert [(bot, person, text) for _, bot, person, text in fake.sent] == [
        ("concierge", "ada", "First question"),
        ("helpdesk", "grace", "Second question"),
    ]
    assert len({room for room, *_ in fake.sent}) == 2


async def test_somebody_who_is_not_declared_can_speak(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await page.get_by_label("Speak as", exact=True).select_option("+other")
        dialog = page.get_by_role("dialog", name="Speak as somebody else")
        await dialog.get_by_label("Name").fill("Mallory")
        assert await audit(page) == []
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Speak as", exact=True)).to_have_value("Mallory")
        await write(page, "/help")
        await expect(page.locator(".answer")).to_contain_text("/reset – Begin anew")
    assert [(person, text) for _, _, person, text in fake.sent] == [("Mallory", "/help")]


async def test_a_dropped_connection_is_told_and_mended_and_nothing_is_missed(tmp_path: Path) -> None:
    fake = FakeConsole()
    fake.holding = {"answer"}
    async with browsing(fake, tmp_path) as browser:
        browser.expected = ("Failed to load resource: net::ERR_CONNECTION_REFUSED",)
        page = await browser.page()
        await write(page, "Where is my order?")
        await expect(page.locator(".answer")).to_contain_text("is on its way")
        await browser.served.stop()
        await expect(page.get_by_role("status").filter(has_text="The connection is lost")).to_be_visible()
        await write(page, "Are you there?")
        lost = page.locator(".said.lost")
        await expect(lost).to_contain_text("Not sent. The server cannot be reached.")
        await shoot(page, "connection-lost")
        assert await audit(page) == []
        await browser.served.start()
        fake.release("answer")
        await expect(page.locator("#banner")).to_be_hidden()
        await expect(page.locator(".answer").first).to_contain_text("You can follow it at")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator(".answer").nth(1)).to_contain_text("You can follow it at")
        await expect(page.locator(".said.lost")).to_have_count(0)
        await expect(page.get_by_role("complementary", name="Trace")).to_contain_text("completed")
    assert [text for *_, text in fake.sent] == ["Where is my order?", "Are you there?"]


async def test_files_are_attached_removed_and_sent_with_few_or_no_words(tmp_path: Path) -> None:
    fake = FakeConsole()
    files = [tmp_path / name for name in ("receipt.png", "wrong.txt")]
    for file in files:
        file.write_bytes(b"data")
    async with browsing(fake, tmp_path / "profile") as browser:
        page = await browser.page()
        send = page.get_by_role("button", name="Send")
        await expect(send).to_be_disabled()
        async with page.expect_file_chooser() as chooser:
            await page.get_by_role("button", name="Attach files").click()
        await (await chooser.value).set_files(files)
        attached = page.get_by_role("list", name="Attached files")
        await expect(attached.get_by_role("listitem")).to_have_count(2)
        await page.get_by_role("button", name="Remove wrong.txt").click()
        await expect(attached).to_have_text("receipt.png")
        await send.click()
        await expect(page.get_by_label("Your message")).to_contain_text("📎 receipt.png")
        await expect(attached).to_be_hidden()
    assert [(one.name, one.remote) for one in fake.attached] == [("receipt.png", "file_receipt.png")]


async def test_a_message_that_is_refused_goes_back_to_where_it_can_be_changed(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        browser.expected = ("Failed to load resource: the server responded with a status of 404",)
        page = await browser.page()
        field = page.get_by_label("Message", exact=True)
        await field.fill("ä" * 33_000)
        await expect(page.locator("#composer-hint")).to_have_text(
            "65 KiB is too long: at most 64 KiB can be sent at once."
        )
        await expect(page.get_by_role("button", name="Send")).to_be_disabled()
        await page.keyboard.press("Enter")
        assert fake.sent == []
        fake.state = msgspec.structs.replace(fake.state, bots=fake.state.bots[1:])
        await field.fill("hello")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("There is no bot 'concierge' in bots.yaml.")
        await expect(field).to_have_value("hello")
        await expect(page.locator(".said")).to_have_count(0)


async def test_a_failed_turn_says_why(tmp_path: Path) -> None:
    async with browsing(FakeConsole(), tmp_path) as browser:
        page = await browser.page()
        await write(page, "please fail")
        await expect(page.locator(".problem").first).to_contain_text("The model did not answer; try another one")
        await expect(page.locator(".answer")).to_contain_text("Sorry, I could not answer this")
        assert await audit(page) == []


async def test_a_turn_whose_end_was_never_told_is_looked_up(tmp_path: Path) -> None:
    """A failure between two steps ends a run without a live event: only a notice arrives."""
    fake = FakeConsole()
    fake.holding = {"model"}
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await write(page, "Where is my order?")
        await expect(page.get_by_text("Thinking")).to_be_visible()
        (run_id,) = fake.runs_by_id
        room = fake.sent[0][0]
        await fake.cancel(run_id)
        fake.publish(room, "part", "", "Something went wrong, and it has been noted.", part_id="trc_1/failed.0")
        await expect(page.get_by_text("Something went wrong, and it has been noted.")).to_be_visible()
        await expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        await expect(page.get_by_text("Thinking")).to_be_hidden()


async def test_channel_trouble_and_a_broken_file_are_in_plain_sight(tmp_path: Path) -> None:
    fake = FakeConsole()
    fake.state = overview(warnings=("Set `BOTKIT_MASTER_KEY`: a generated key is in use.",))
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        strip = page.get_by_role("button", name="Channels: sandbox working, support_tg has trouble")
        await strip.click()
        panel = page.locator("#instance")
        await expect(panel).to_contain_text("3 messages to deliver")
        await expect(panel).to_contain_text("It stopped 3 times in a minute")
        await expect(panel.locator(".warning code")).to_have_text("BOTKIT_MASTER_KEY")
        assert await audit(page) == []
        await shoot(page, "health")
        fake.state = overview(
            config_error="bots.yaml:3:5: bots.helper.modle: unknown key (did you mean `model`?)",
            channels=(ChannelInfo(name="sandbox", platform="sandbox", state="fatal", detail="x"),),
        )
        await expect(page.locator("#banner")).to_contain_text("did you mean model?", timeout=10_000)
        await expect(page.get_by_role("button", name="Channels: sandbox needs you")).to_be_visible()


async def test_nothing_that_people_models_or_tools_write_becomes_markup(tmp_path: Path) -> None:
    fake = FakeConsole()
    for number, text in enumerate(HOSTILE):
        run_id = f"run_{number:032x}"
        call = {"toolName": text, "arguments": {text: text}, "result": text, "latencyMs": 1, "success": False}
        output = {"text": text, "calls": [call], "model": text}
        fake.add_run(
            Run(
                id=run_id, lane="l", conversation="sandbox:r1:", channel="sandbox", bot=text, person_id=text,
                trace_id="t", state="failed", output=output, error={"code": text, "message": text},
                input={"text": text, "sender_name": text}, started_at=fake.tick(), ended_at=fake.tick(),
            )
        )  # fmt: skip
        fake.entries.setdefault("r1", []).append(ChatEntry(role="user", text=text, at=number, run_id=run_id, name=text))
    wait = Wait(
        id="run_0/w",
        run_id="run_0",
        lane="l",
        key="k",
        kind="approval",
        payload={"tool": HOSTILE[0], "arguments": {HOSTILE[1]: HOSTILE[2]}, "reason": HOSTILE[3]},
    )
    fake.add_wait(wait, bot=HOSTILE[4], person=HOSTILE[5])
    bots = (*fake.state.bots, BotInfo(name=HOSTILE[0], title=HOSTILE[1], description=HOSTILE[2], examples=HOSTILE[:3]))
    fake.state = msgspec.structs.replace(fake.state, bots=bots, config_error=HOSTILE[1], warnings=HOSTILE)
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page("/?chat=r1")
        await expect(page.locator(".turn")).to_have_count(len(HOSTILE))
        for summary in await page.locator(".call summary").all():
            await summary.click()
        await page.get_by_role("button", name="1 decision is waiting").click()
        await expect(page.get_by_role("dialog")).to_contain_text(HOSTILE[3])
        for link in await page.locator(".answer a").all():
            href = await link.get_attribute("href") or ""
            assert href.startswith(("https://", "http://", "mailto:"))
            assert await link.evaluate("link => link.attributes.length") == 4
        assert (
            await page.locator("main script, main img, main iframe, main style, main form:not(#composer)").count() == 0
        )
        assert await page.evaluate("window.pwned") is None
        await page.goto(browser.url + "/runs")
        await expect(page.locator(".runs .c-text")).to_have_count(len(HOSTILE))
        for number in (0, 1, 38):
            await page.goto(f"{browser.url}/runs/run_{number:032x}")
            await expect(page.locator(".call")).to_have_count(1)
        assert await page.evaluate("window.pwned") is None


async def test_runs_are_listed_filtered_and_opened(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await write(page, "Where is my order?")
        await expect(page.locator(".meta")).to_contain_text("tokens")
        await write(page, "Refund it")
        await expect(page.locator("main .wait")).to_be_visible()
        await page.get_by_role("link", name="Runs").click()
        await expect(page.locator(".runs tbody tr")).to_have_count(2)
        assert await audit(page) == []
        await shoot(page, "runs")
        await page.get_by_label("State", exact=True).select_option("waiting")
        await expect(page.locator(".runs tbody tr")).to_have_count(1)
        await page.get_by_role("link", name="Refund it").click()
        await expect(page.locator("#run-state")).to_have_text("waiting · approval")
        await expect(page.locator(".call .took")).to_have_text("waiting")
        assert await audit(page) == []
        await shoot(page, "run-waiting")
        await page.locator("#run .wait").get_by_role("button", name="Approve").click()
        await expect(page.locator("#run-state")).to_have_text("completed")
        await expect(page.locator("#run .md")).to_have_text("The refund of $78.00 is on its way.")
        await expect(page.get_by_role("button", name="Cancel this run")).to_be_hidden()
        assert await audit(page) == []
        await shoot(page, "run")


async def test_a_waiting_run_is_cancelled_after_a_second_thought(tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await write(page, "Refund it")
        await expect(page.locator("main .wait")).to_be_visible()
        (run_id,) = fake.runs_by_id
        await page.goto(f"{browser.url}/runs/{run_id}")
        await page.get_by_role("button", name="Cancel this run").click()
        assert fake.cancelled == []
        await page.get_by_role("button", name="Really cancel?").click()
        await expect(page.locator("#run-state")).to_have_text("cancelled")
    assert fake.cancelled == [run_id]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_page_fits_a_phone_in_both_themes(theme: str, tmp_path: Path) -> None:
    fake = FakeConsole()
    async with browsing(fake, tmp_path, width=360, height=740) as browser:
        page = await browser.page()
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await expect(page.get_by_role("heading", name="Concierge")).to_be_in_viewport()
        assert await audit(page) == []
        await shoot(page, f"phone-{theme}-first")
        await page.get_by_role("button", name="Where is my order ORD-1042?").click()
        await expect(page.locator(".meta")).to_contain_text("tokens")
        await expect(page.locator(".meta")).to_be_in_viewport()
        assert await audit(page) == []
        await shoot(page, f"phone-{theme}-answer")
        await write(page, "Refund it")
        await expect(page.locator("main .wait")).to_be_visible()
        assert await audit(page) == []
        await shoot(page, f"phone-{theme}-approval")
        await page.locator("#open-trace").click()
        await expect(page.locator(".path li").first).to_be_visible()
        assert await audit(page) == []
        await shoot(page, f"phone-{theme}-trace")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Show chats").click()
        await expect(page.get_by_role("button", name="New chat")).to_be_focused()
        assert await audit(page) == []
        await page.get_by_role("button", name="New chat").click()
        await expect(page.locator("#side")).to_be_hidden()
        await page.goto(browser.url + "/runs")
        await expect(page.locator(".runs .c-text").first).to_be_visible()
        assert await audit(page) == []
        await shoot(page, f"phone-{theme}-runs")
        (run_id, _) = fake.runs_by_id
        await page.goto(f"{browser.url}/runs/{run_id}")
        await expect(page.locator(".call")).to_be_visible()
        assert await audit(page) == []
        await shoot(page, f"phone-{theme}-run")


async def test_the_chosen_theme_stays(tmp_path: Path) -> None:
    async with browsing(FakeConsole(), tmp_path) as browser:
        page = await browser.page()
        ground = "getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(ground)
        await page.get_by_role("button", name="Theme: as the system").click()
        await page.get_by_role("button", name="Theme: light").click()
        dark = await page.evaluate(ground)
        assert dark != light
        assert await audit(page) == []
        await page.reload()
        assert await page.evaluate(ground) == dark
        await shoot(page, "dark")


async def test_an_instance_without_bots_says_what_to_do(tmp_path: Path) -> None:
    fake = FakeConsole()
    fake.state = overview(bots=(), people=(), channels=(), servers=())
    async with browsing(fake, tmp_path) as browser:
        page = await browser.page()
        await expect(page.get_by_role("heading", name="No bot yet")).to_be_visible()
        assert await audit(page) == []
        fake.state = overview()
        await expect(page.get_by_role("heading", name="Concierge")).to_be_visible(timeout=10_000)


async def test_many_tabs_do_not_take_all_connections(tmp_path: Path) -> None:
    """A browser has six connections per server: each tab uses one for its stream, and requests still get through."""
    fake = FakeConsole()
    async with browsing(fake, tmp_path) as browser:
        pages = await asyncio.gather(*(browser.page() for _ in range(5)))
        await write(pages[0], "Where is my order?")
        await expect(pages[0].locator(".answer")).to_contain_text("is on its way")
    assert ANSWER.startswith("Your order")
