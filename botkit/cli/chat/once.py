"""One message, one answer."""

from __future__ import annotations

__all__ = ["say_once"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from botkit.app.report import report_of
from botkit.cli.command import EXIT_FAILED
from botkit.cli.output import Output
from botkit.core.live import LiveEvent

if TYPE_CHECKING:
    from botkit.app.operations import Operations
    from botkit.core.events import Attachment


async def say_once(
    out: Output,
    ops: Operations,
    *,
    bot: str,
    person: str,
    room: str,
    text: str,
    files: Sequence[Attachment] = (),
) -> int:
    """Print the answer (or the whole report with `--json`); 0 unless the turn failed."""
    events: list[LiveEvent] = []
    async for event in ops.chat.say(room=room, bot=bot, person=person, text=text, files=files):
        events.append(event)
        if not out.json and event.kind == "tool_call":
            out.note(click.style(f"· {event.data.get('tool', '')}", dim=True))
    report = report_of(events)
    human = [report.response] if report.response else []
    human += [f"Waits for {wait['kind']}: botkit approvals list" for wait in report.waits]
    if report.status == "failed" and not report.response:
        human.append("The turn failed.")
    out.result(report, human)
    if report.status == "failed":
        out.note(f"It failed; see botkit runs show {report.run_id}")
        return EXIT_FAILED
    return 0
