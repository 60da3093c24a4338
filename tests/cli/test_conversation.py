"""Talking in the terminal: approvals asked in place, words of our own, stopping, leaving."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from botkit.app.operations import Operations
from botkit.cli.chat.repl import Conversation
from botkit.cli.output import Output
from botkit.core.errors import NotFound
from botkit.core.events import Attachment
from botkit.core.live import LiveEvent

DONE = LiveEvent(kind="done", conversation="c", run_id="r1", data={"state": "completed", "text": "Refunded."})
FORM = {
    "title": "Your order",
    "fields": [
        {"name": "city", "label": "City", "kind": "choice", "options": [{"label": "Rome", "value": "fco"}]},
        {"name": "count", "label": "Pieces", "kind": "number", "required": True},
        {"name": "note", "label": "Note"},
    ],
}


class Bot:
    """The chat operations, as a script; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.stopped = asyncio.Event()
        self.endless = False

    async def say(
        self, *, room: str, bot: str, person: str, text: str, files: Sequence[Attachment] = ()
    ) -> AsyncGenerator[LiveEvent]:
        self.asked.append(("say", bot, person, text))
        if text == "unknown":
            raise NotFound("no bot is called so")
        if self.endless:
            yield LiveEvent(kind="delta", conversation="c", run_id="r1", text="and then ")
            await self.stopped.wait()
        elif text == "refund":
            data = {"wait_id": "w1", "kind": "approval"}
            yield LiveEvent(kind="wait", conversation="c", run_id="r1", data=data)
            waiting = {"state": "waiting", "text": ""}
            yield LiveEvent(kind="done", conversation="c", run_id="r1", data=waiting)
            return
        elif text == "order":
            data = {"wait_id": "w2", "kind": "reply", "form": FORM}
            yield LiveEvent(kind="wait", conversation="c", run_id="r1", data=data)
            waiting = {"state": "waiting", "text": ""}
            yield LiveEvent(kind="done", conversation="c", run_id="r1", data=waiting)
            return
        answer = {"state": "completed", "text": f"You said {text}."}
        yield LiveEvent(kind="done", conversation="c", run_id="r1", data=answer)

    async def decide(self, *, room: str, wait: str, approved: bool, by: str) -> AsyncGenerator[LiveEvent]:
        self.asked.append(("decide", wait, approved))
        yield DONE

    async def stop(self, *, room: str, bot: str, person: str) -> None:
        self.asked.append(("stop", bot))
        self.stopped.set()

    async def watch(self, *, room: str) -> AsyncGenerator[LiveEvent]:
        await asyncio.Event().wait()
        yield DONE


@pytest.fixture
async def bot() -> Bot:
    return Bot()


@pytest.fixture
def talk(bot: Bot) -> Callable[..., Conversation]:
    def make(descriptor: int) -> Conversation:
        ops = cast("Operations", SimpleNamespace(chat=bot))
        names = {"bot": "desk", "person": "ada", "room": "r"}
        return Conversation(Output(), ops, **names, descriptor=descriptor, terminal=True)

    return make


async def typed(talk: Callable[..., Conversation], text: str) -> None:
    """A conversation in which this is typed, to its end."""
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    try:
        await talk(read).run()
    finally:
        os.close(read)


async def test_an_approval_is_asked_and_decided_in_place(
    talk: Callable[..., Conversation], bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    await typed(talk, "refund\ny\nrefund\nno\nrefund\n\nthanks\n")
    assert bot.asked == [
        ("say", "desk", "ada", "refund"),
        ("decide", "w1", True),
        ("say", "desk", "ada", "refund"),
        ("decide", "w1", False),
        ("say", "desk", "ada", "refund"),
        ("say", "desk", "ada", "thanks"),
    ]
    shown = capsys.readouterr().out
    assert "Approve? [y/n" in shown
    assert "botkit approvals approve w1" in shown
    assert "You said thanks." in shown


async def test_a_form_is_asked_field_by_field_and_answered_as_one_message(
    talk: Callable[..., Conversation], bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    await typed(talk, "order\n1\n\n3\n\nthanks\n")
    assert bot.asked == [
        ("say", "desk", "ada", "order"),
        ("say", "desk", "ada", "city: 1\ncount: 3"),
        ("say", "desk", "ada", "thanks"),
    ]
    shown = capsys.readouterr().out
    assert "  1. Rome" in shown
    assert shown.count("Pieces (a number): ") == 2


async def test_a_form_can_be_left_for_later(talk: Callable[..., Conversation], bot: Bot) -> None:
    await typed(talk, "order\n/later\nhello\n")
    assert bot.asked == [("say", "desk", "ada", "order"), ("say", "desk", "ada", "hello")]


async def test_bot_and_person_can_be_changed_on_the_way(talk: Callable[..., Conversation], bot: Bot) -> None:
    await typed(talk, "/bot helper\nhello\n/as carla\nhello\n\n/quit\nnever said\n")
    assert bot.asked == [("say", "helper", "ada", "hello"), ("say", "helper", "carla", "hello")]


async def test_an_error_is_shown_and_the_conversation_goes_on(
    talk: Callable[..., Conversation], bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    await typed(talk, "unknown\nhello\n")
    shown = capsys.readouterr()
    assert "no bot is called so" in shown.err
    assert "You said hello." in shown.out


async def test_an_answer_is_stopped_and_nothing_else_is(talk: Callable[..., Conversation], bot: Bot) -> None:
    read, write = os.pipe()
    conversation = talk(read)
    assert not await conversation.interrupt()
    bot.endless = True
    running = asyncio.create_task(conversation.run())
    os.write(write, b"tell me a story\n")
    while not await conversation.interrupt():
        await asyncio.sleep(0.001)
    os.close(write)
    await running
    os.close(read)
    assert ("stop", "desk") in bot.asked
