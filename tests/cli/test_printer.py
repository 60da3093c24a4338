"""What a terminal shows of a turn."""

from __future__ import annotations

import io

from botkit.cli.chat.printer import LivePrinter
from botkit.core.live import LiveEvent, LiveKind


def shown(*events: tuple[LiveKind, str]) -> str:
    out = io.StringIO()
    printer = LivePrinter(out)
    for kind, text in events:
        data = {"text": text} if kind == "done" else {}
        printer.event(LiveEvent(kind=kind, conversation="sandbox:r:", run_id="run_1", text=text, data=data))
    return out.getvalue()


def test_an_answer_that_was_streamed_is_not_printed_again_when_it_is_delivered() -> None:
    events: list[tuple[LiveKind, str]] = [("delta", "two "), ("delta", "words"), ("done", "two words")]

    assert shown(*events, ("part", "two words")) == "two words\n"


def test_an_answer_that_was_not_streamed_is_printed_once() -> None:
    assert shown(("done", "whole"), ("part", "whole")) == "whole\n"
    assert shown(("part", "whole"), ("done", "whole")) == "whole\n"


def test_other_messages_of_the_same_run_are_printed() -> None:
    printed = shown(("part", "Welcome"), ("delta", "hello"), ("done", "hello"), ("part", "hello"))

    assert printed == "Welcome\nhello\n"
