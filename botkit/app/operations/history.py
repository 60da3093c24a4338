"""A chat as it was: what its runs said, and what was said around them."""

from __future__ import annotations

__all__ = ["read_history"]

from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

from botkit.core.console import ChatEntry
from botkit.core.events import Event
from botkit.core.journal import TranscriptRow
from botkit.core.messages import Part
from botkit.core.stores import Asides, Records

_ANSWER = "answer: "
"""How the outcome begins of a message that answered a tool's question; the id of the wait follows."""


async def read_history(records: Records, conversation: str, *, limit: int) -> Sequence[ChatEntry]:
    """The newest entries of a conversation, oldest first.

    What belongs together has one `run_id`: that of the run, or for a command and its answer the id of the event.
    """
    said = [_of_run(row) for row in await records.transcript(conversation, limit=limit)]
    asides = await records.asides(conversation, limit=limit)
    around = [*_heard(asides), *_notices(asides)]
    around += [entry async for entry in _asked(records, asides)]
    around += [entry async for entry in _welcomes(records, conversation, limit)]
    # Sorting is stable, and both are in their order already.
    return sorted([*said, *around], key=lambda entry: entry.at)[-limit:]


def _of_run(row: TranscriptRow) -> ChatEntry:
    files = [f"📎 {item.get('name') or item.get('kind')}" for item in row.data.get("attachments", ())]
    return ChatEntry(
        role=row.role,
        text="\n".join(filter(None, [row.text, *files])),
        at=row.at,
        name=str(row.data.get("name") or row.name),
        run_id=row.run_id,
        seq=row.seq,
    )


def _heard(asides: Asides) -> Iterator[ChatEntry]:
    """Messages of people that began no run."""
    for row in asides.events:
        event = msgspec.convert(row["event"], Event)
        text = f"/{event.command} {event.text}".rstrip() if event.kind == "command" else event.text
        name = event.sender.name or event.sender.id
        yield ChatEntry(
            role="user",
            text=text,
            at=row["received_at"],
            name=name,
            run_id=row["id"],
            seq=row["seq"],
            message_id=event.message_id,
        )


def _notices(asides: Asides) -> Iterator[ChatEntry]:
    """What we said outside of runs; under the message it answers, where it answers one."""
    answered = {row["id"]: row["id"] for row in asides.events}
    answered |= {f"{row['channel']}/{row['dedupe_key']}": row["id"] for row in asides.events}  # said while a turn ran
    pieces: dict[str, list[Part]] = {}
    for part in asides.parts:
        if not part.edit_of:  # else it is seen at the message it changed
            pieces.setdefault(part.id.rpartition(".")[0], []).append(part)
    for about, parts in pieces.items():
        role = "assistant" if about in answered else "note"
        text = "\n\n".join(part.text for part in parts)
        yield ChatEntry(
            role=role, text=text, at=parts[0].created_at, run_id=answered.get(about, about), message_id=about
        )


async def _asked(records: Records, asides: Asides) -> AsyncIterator[ChatEntry]:
    """The questions that some of the messages answered."""
    for row in asides.events:
        outcome: str = row["outcome"]
        if outcome.startswith(_ANSWER):
            wait_id = outcome.removeprefix(_ANSWER)
            for entry in _shown(await records.part(f"{wait_id}.0"), wait_id):
                yield entry


async def _welcomes(records: Records, conversation: str, limit: int) -> AsyncIterator[ChatEntry]:
    """Each bot's first words to each person of the conversation, where they were said here."""
    runs = [summary.run for summary in await records.runs(conversation=conversation, limit=limit)]
    for bot, person_id in dict.fromkeys((run.bot, run.person_id) for run in runs):
        part = await records.part(f"welcome/{bot}/{person_id}.0")
        if part is not None and part.conversation.key == conversation:
            for entry in _shown(part, part.run_id):
                yield entry


def _shown(part: Part | None, about: str) -> Iterator[ChatEntry]:
    if part is not None:
        yield ChatEntry(role="note", text=part.text, at=part.created_at, run_id=about)
