"""The terminal conversation: what it prints, reads, asks and stops."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botkit.app.report import report_of
from botkit.cli.chat.lines import read_lines
from botkit.cli.chat.printer import LivePrinter
from botkit.cli.chat.seen import Seen
from botkit.core.live import LiveEvent, LiveKind


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def live(kind: LiveKind, text: str = "", run: str = "r1", **data: Any) -> LiveEvent:
    return LiveEvent(kind=kind, conversation="sandbox:x:", run_id=run, text=text, data=data)


CALL = (
    live("tool_call", tool="orders__find", arguments={"id": "A-1", "deep": {"x": [1]}}, call_id="c"),
    LiveEvent(
        kind="tool_result",
        conversation="sandbox:x:",
        run_id="r1",
        data={"tool": "orders__find", "ok": True, "text": "found it\nhere", "duration_ms": 12.4, "call_id": "c"},
    ),
)
ANSWER = (live("delta", "It is "), live("delta", "on its way."))
SPENT = {"usage": {"input_tokens": 7, "output_tokens": 3}, "latency_ms": 99.0}
DONE = LiveEvent(kind="done", conversation="sandbox:x:", run_id="r1", data={"text": "It is on its way.", **SPENT})
RIGHT = LiveEvent(kind="done", conversation="sandbox:x:", run_id="r1", data={"text": "right", **SPENT})


def printed(stream: io.StringIO, *events: LiveEvent) -> str:
    printer = LivePrinter(stream)
    for event in events:
        printer.event(event)
    return stream.getvalue()


def test_a_person_sees_calls_results_answer_and_cost() -> None:
    text = printed(Screen(), *CALL, *ANSWER, live("part", "It is on its way."), DONE)
    assert 'orders__find(id="A-1", deep={"x":[1]})' in text
    assert "✓ 12 ms  found it here" in text
    assert text.count("It is on its way.") == 1
    assert "7 + 3 tokens" in text


def test_a_program_sees_the_answer_and_nothing_else() -> None:
    assert printed(io.StringIO(), *CALL, *ANSWER, live("part", "It is on its way."), DONE) == "It is on its way.\n"


def test_a_delivery_after_the_end_is_not_a_second_answer() -> None:
    assert printed(io.StringIO(), *ANSWER, DONE, live("part", "It is on its way.")) == "It is on its way.\n"


def test_what_was_started_over_is_marked() -> None:
    text = printed(Screen(), live("delta", "wrong"), live("reset"), live("delta", "right"), RIGHT)
    assert text.index("wrong") < text.index("starting over") < text.index("right")


def test_messages_without_a_stream_are_shown_once_each() -> None:
    text = printed(io.StringIO(), live("part", "Welcome!", run=""), live("part", "You are ada.", run=""))
    assert text == "Welcome!\nYou are ada.\n"


def test_the_report_of_a_waiting_turn_names_what_waits() -> None:
    data = {"wait_id": "w1", "kind": "approval", "token": "t", "payload": {"tool": "orders__refund"}}
    wait = LiveEvent(kind="wait", conversation="sandbox:x:", run_id="r1", data=data)
    question = live("part", "Approval needed")
    done = live("done", state="waiting", status="waiting", waiting_for="approval")
    report = report_of([wait, question, done])
    assert (report.status, report.waiting_for, report.response) == ("waiting", "approval", "Approval needed")
    assert report.waits[0]["wait_id"] == "w1"
    assert "token" not in report.waits[0]


def test_what_was_followed_is_no_news_however_late_it_is_watched() -> None:
    seen = Seen()
    first = [live("status"), live("delta", "x"), live("done"), live("part", "x", part_id="p1")]
    for event in first[:-1]:
        seen.follow(event)
    assert [seen.is_news(event) for event in first] == [False] * 4
    later = [live("status"), live("part", "approved", part_id="p2"), live("done")]
    assert [seen.is_news(event) for event in later] == [False, True, True]


def test_a_run_nobody_followed_is_news() -> None:
    seen = Seen()
    other = [live("status", run="r9"), live("part", "by itself", run="r9", part_id="p9"), live("done", run="r9")]
    assert [seen.is_news(event) for event in other] == [False, True, True]
    assert seen.is_news(live("part", "a reminder", run="", part_id="n1"))
    seen.follow(live("part", "welcome", run="", part_id="n2"))
    assert not seen.is_news(live("part", "welcome", run="", part_id="n2"))


@pytest.fixture
async def pipe() -> AsyncIterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for descriptor in (read, write):
        try:
            os.close(descriptor)
        except OSError:
            continue


async def test_lines_come_as_they_are_typed(pipe: tuple[int, int]) -> None:
    read, write = pipe
    lines = read_lines(read)
    os.write(write, "häl".encode()[:2])
    waiting = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    os.write(write, "häl".encode()[2:] + b"\r\nsecond\nlast without end")
    assert await waiting == "häl"
    assert await anext(lines) == "second"
    os.close(write)
    assert [line async for line in lines] == ["last without end"]


async def test_what_is_not_utf8_does_not_end_the_conversation(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.write(write, b"\xff\xfe\nfine\n")
    os.close(write)
    assert [line async for line in read_lines(read)] == ["\ufffd\ufffd", "fine"]


async def test_an_endless_line_is_cut() -> None:
    read, write = os.pipe()

    async def feed() -> None:
        await asyncio.to_thread(os.write, write, b"x" * 3_000_000)
        os.close(write)

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        sizes = [len(line) async for line in read_lines(read)]
    os.close(read)
    assert sum(sizes) == 3_000_000
    assert max(sizes) < 1_200_000


async def test_a_file_can_be_the_input(tmp_path: Path) -> None:
    file = tmp_path / "messages.txt"
    file.write_text("one\ntwo")
    with file.open("rb") as opened:
        assert [line async for line in read_lines(opened.fileno())] == ["one", "two"]


async def test_no_input_at_all_is_the_end_of_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    assert [line async for line in read_lines(nothing)] == []
    os.close(nothing)
    assert [line async for line in read_lines(nothing)] == []
