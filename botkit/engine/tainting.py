"""What a turn begins tainted with: words and files that are not those of the person it works for."""

from __future__ import annotations

__all__ = ["taint_at_start", "taint_of"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botkit.core import taint
from botkit.core.journal import Run, TranscriptRow
from botkit.engine.effective import Effective

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.engine.turn import TurnInput

_FILES = ("image", "video", "file", "contact", "audio")
"""What may hold words of others. A voice note is the person's own, and a place says nothing."""


def taint_of(run: Run, turn: TurnInput, this: Effective, config: Config) -> tuple[str, ...]:
    """What the messages of this turn bring with them, as the bot's workspace counts it."""
    workspace = config.workspaces.get(this.bot.workspace)
    counted = workspace.taint.sources if workspace is not None and workspace.taint.enabled else ()
    found: list[str] = []
    if "guests" in counted and run.conversation_kind == "group" and set(turn.roles) <= {"guest"}:
        found.append(taint.source("a message of", turn.sender_name or turn.sender_id))
    if "forwarded" in counted:
        found.extend(taint.source("a forwarded message of", name) for name in turn.forwarded)
    if "files" in counted:
        found.extend(
            taint.source("the file", item.name or item.kind) for item in turn.attachments if item.kind in _FILES
        )
    return taint.joined(found)


def taint_at_start(
    run: Run, turn: TurnInput, this: Effective, config: Config, history: Sequence[TranscriptRow]
) -> tuple[str, ...]:
    """With what is remembered of the conversation."""
    return taint.joined(
        taint_of(run, turn, this, config), taint.from_history(history), taint.from_summary(turn.summary)
    )
