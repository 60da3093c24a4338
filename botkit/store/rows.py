"""Rows as records: one function per record, and the columns it reads, in order."""

from __future__ import annotations

__all__ = [
    "INBOX_COLUMNS",
    "PART_COLUMNS",
    "RUN_COLUMNS",
    "SESSION_COLUMNS",
    "STEP_COLUMNS",
    "TRANSCRIPT_COLUMNS",
    "WAIT_COLUMNS",
    "Row",
    "read_inbox",
    "read_part",
    "read_run",
    "read_session",
    "read_step",
    "read_transcript",
    "read_wait",
]

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from botkit.core.data import decode
from botkit.core.events import Conversation, Event
from botkit.core.journal import InboxRow, Run, Session, Step, TranscriptRow, Wait
from botkit.core.messages import Part
from botkit.core.models import Usage
from botkit.store.codec import load_dict, load_optional
from botkit.store.schema import inbox, parts, runs, sessions, steps, transcript, waits

Row: TypeAlias = Sequence[Any]

INBOX_COLUMNS = (inbox.c.id, inbox.c.seq, inbox.c.lane, inbox.c.received_at, inbox.c.event)
RUN_COLUMNS = tuple(runs.c)
STEP_COLUMNS = tuple(c for c in steps.c if c.name != "seq")
WAIT_COLUMNS = tuple(waits.c)
PART_COLUMNS = (
    parts.c.id,
    parts.c.run_id,
    parts.c.place,
    parts.c.position,
    parts.c.payload,
    parts.c.text,
    parts.c.state,
    parts.c.message_id,
    parts.c.edit_of,
    parts.c.attempts,
    parts.c.error,
    parts.c.created_at,
)
SESSION_COLUMNS = tuple(sessions.c)
TRANSCRIPT_COLUMNS = tuple(transcript.c)

_NO_USAGE = Usage()


def read_inbox(row: Row) -> InboxRow:
    id_, seq, lane, received_at, event = row
    return InboxRow(id=id_, seq=seq, lane=lane, received_at=received_at, event=decode(event, Event))


def read_run(row: Row) -> Run:
    (
        id_, lane, conversation, conversation_kind, channel, bot, person_id, kind, revision, session_id, trace_id,
        state, waiting_for, input_, output, error, parent_id, usage, started_at, updated_at, ended_at,
    ) = row  # fmt: skip
    return Run(
        id=id_,
        lane=lane,
        conversation=conversation,
        conversation_kind=conversation_kind,
        channel=channel,
        bot=bot,
        person_id=person_id,
        kind=kind,
        revision=revision,
        session_id=session_id,
        trace_id=trace_id,
        state=state,
        waiting_for=waiting_for,
        input=load_dict(input_),
        output=load_optional(output),
        error=load_optional(error),
        parent_id=parent_id,
        usage=_NO_USAGE if usage == "{}" else decode(usage, Usage),
        started_at=started_at,
        updated_at=updated_at,
        ended_at=ended_at,
    )


def read_step(row: Row) -> Step:
    run_id, key, name, state, idempotency_key, result, started_at, ended_at = row
    return Step(
        run_id=run_id,
        key=key,
        name=name,
        state=state,
        idempotency_key=idempotency_key,
        result=msgspec.Raw(result.encode()),
        started_at=started_at,
        ended_at=ended_at,
    )


def read_wait(row: Row) -> Wait:
    (
        id_, run_id, lane, key, kind, conversation, person_id, approvers, payload, token, part_id, state, answer,
        decided_by, decided_via, created_at, expires_at, decided_at,
    ) = row  # fmt: skip
    return Wait(
        id=id_,
        run_id=run_id,
        lane=lane,
        key=key,
        kind=kind,
        conversation=conversation,
        person_id=person_id,
        approvers=() if approvers == "[]" else decode(approvers, tuple[str, ...]),
        payload=load_dict(payload),
        token=token,
        part_id=part_id,
        state=state,
        answer=load_optional(answer),
        decided_by=decided_by,
        decided_via=decided_via,
        created_at=created_at,
        expires_at=expires_at,
        decided_at=decided_at,
    )


def read_part(row: Row) -> Part:
    (
        id_, run_id, place, position, payload, text, state, message_id, edit_of, attempts, error, created_at,
    ) = row  # fmt: skip
    return Part(
        id=id_,
        run_id=run_id,
        conversation=decode(place, Conversation),
        index=position,
        payload=load_dict(payload),
        text=text,
        state=state,
        message_id=message_id,
        edit_of=edit_of,
        attempts=attempts,
        error=error,
        created_at=created_at,
    )


def read_session(row: Row) -> Session:
    id_, lane, bot, channel, conversation, person_id, started_at, last_at, ended_at, summary, summary_seq = row
    return Session(
        id=id_,
        lane=lane,
        bot=bot,
        channel=channel,
        conversation=conversation,
        person_id=person_id,
        started_at=started_at,
        last_at=last_at,
        ended_at=ended_at,
        summary=summary,
        summary_seq=summary_seq,
    )


def read_transcript(row: Row) -> TranscriptRow:
    seq, session_id, run_id, role, text, data, person_id, name, at, message_id = row
    return TranscriptRow(
        seq=seq,
        session_id=session_id,
        run_id=run_id,
        role=role,
        text=text,
        data=load_dict(data),
        person_id=person_id,
        name=name,
        at=at,
        message_id=message_id,
    )
