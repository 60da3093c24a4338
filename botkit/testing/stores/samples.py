"""Small records for tests of stores; every argument has a sensible default."""

from __future__ import annotations

__all__ = ["LANE", "ROOM", "a_part", "a_run", "a_step", "a_wait", "an_event", "begin_run"]

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import Claim, Claimed, InboxRow, Journal, Run, StartRun, StepDone, Wait, Write
from botkit.core.messages import Part

ROOM = Conversation(channel="desk", room="7")
LANE = ROOM.key


def an_event(key: str, text: str = "hello", *, room: Conversation = ROOM, sender: str = "42") -> Event:
    return Event(
        channel=room.channel,
        dedupe_key=key,
        kind="message",
        conversation=room,
        sender=User(id=sender, name="Ada"),
        occurred_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        text=text,
        addressed="dm",
        message_id=f"m-{key}",
    )


def a_run(id_: str = "", *, lane: str = LANE, person_id: str = "per_1", **fields: Any) -> Run:
    return Run(
        id=id_ or new_id("run"),
        lane=lane,
        conversation=fields.pop("conversation", LANE),
        channel="desk",
        bot="helper",
        person_id=person_id,
        trace_id="t-1",
        **fields,
    )


def a_step(run: Run, key: str, result: object = None) -> StepDone:
    return StepDone(
        run_id=run.id, key=key, name="step", result=msgspec.Raw(msgspec.json.encode(result)), started_at=1, ended_at=2
    )


def a_wait(run: Run, key: str = "turn/0/ask", **fields: Any) -> Wait:
    return Wait(id=f"{run.id}/{key}", run_id=run.id, lane=run.lane, key=key, kind=fields.pop("kind", "reply"), **fields)


def a_part(id_: str = "", *, run_id: str = "", room: Conversation = ROOM, **fields: Any) -> Part:
    text = fields.pop("text", "hi")
    return Part(id=id_ or new_id("part"), run_id=run_id, conversation=room, payload={"text": text}, text=text, **fields)


async def begin_run(
    journal: Journal, key: str = "u1", *writes: Write, run: Run | None = None
) -> tuple[Claim, Run, InboxRow]:
    """Accept an event and start a run for it, with `writes` in the same commit."""
    accepted = await journal.accept(an_event(key), LANE)
    claimed = _claimed(accepted.claimed)
    run = run or a_run()
    more: Sequence[Write] = writes
    await journal.commit(claimed.claim, [StartRun(run=run, event_ids=(accepted.id,)), *more])
    return claimed.claim, run, claimed.events[0]


def _claimed(claimed: Claimed | None) -> Claimed:
    assert claimed is not None, "the lane of a fresh event could not be claimed"
    return claimed
