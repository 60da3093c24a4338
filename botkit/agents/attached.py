"""What people attach, as models read it: a line for each file, what stands in it, and a reference to the file itself.

Whether a model gets the file is decided at the call (`botkit.agents.media`), where it is known which one answers.
"""

from __future__ import annotations

__all__ = ["files_of", "recent_files", "remembered", "unread_files"]

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from botkit.core.events import Attachment
from botkit.core.journal import TranscriptRow
from botkit.core.media import IN_WORDS, describe_attachment, file_part, with_files

Message = dict[str, Any]

RESENT_FILES = 4
"""Files of earlier messages that are shown again; older ones are only named."""
_REMEMBERED_CHARS = 4_000
"""Of what stands in a file of an earlier message."""


def files_of(row: TranscriptRow) -> tuple[Attachment, ...]:
    """What came with a message of the transcript."""
    raw = row.data.get("attachments")
    if not raw:
        return ()
    try:
        return msgspec.convert(raw, tuple[Attachment, ...])
    except msgspec.ValidationError:
        return ()


def recent_files(rows: Sequence[TranscriptRow], most: int = RESENT_FILES) -> set[str]:
    """Ids of the newest pictures of the history: what is talked about is often what was shown last."""
    found: dict[str, None] = {}
    for row in reversed(rows):
        for item in files_of(row):
            part = file_part(item)
            if part is not None and part["kind"] == "image" and len(found) < most:
                found[item.file_id] = None
    return set(found)


def remembered(row: TranscriptRow, spoken: str, shown_again: Collection[str]) -> Message | None:
    """A person's earlier message; None when there is nothing in it.

    Args:
        spoken: its words as the model reads them.
        shown_again: ids of the files it refers to once more.
    """
    items = files_of(row)
    lines = [describe_attachment(item, limit_chars=_REMEMBERED_CHARS) for item in items]
    text = "\n".join(filter(None, [spoken, *lines]))
    if not text:
        return None
    message: Message = {"role": "user", "content": text}
    return with_files(message, (item for item in items if item.file_id in shown_again))


def unread_files(items: Iterable[Attachment], seen: Collection[str], arguments: str) -> list[str]:
    """Names of the files that nobody has looked into: not the model, and no tool.

    Args:
        seen: ids of those the model was given.
        arguments: of all tool calls of the turn.
    """
    names: list[str] = []
    for item in items:
        if item.kind in IN_WORDS:
            continue
        told = bool(item.text and item.file_id) and item.kind not in ("image", "video")
        if not told and item.file_id not in seen and not (item.file_id and item.file_id in arguments):
            names.append(item.name or item.kind)
    return names
