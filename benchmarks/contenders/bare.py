"""The journal alone: the commits of a turn and nothing else."""

from __future__ import annotations

__all__ = ["journal", "journal_postgres"]

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from benchmarks.contenders import STEPS, Turn, payload
from benchmarks.contenders.server import postgres
from botkit.core.clock import SystemClock
from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import Emit, Run, SetRun, StartRun, StepDone, Write
from botkit.core.messages import Part
from botkit.store.open import open_store


@asynccontextmanager
async def journal(folder: Path) -> AsyncGenerator[Turn]:
    async with _journal(folder) as turn:
        yield turn


@asynccontextmanager
async def journal_postgres(folder: Path) -> AsyncGenerator[Turn]:
    with postgres(folder) as url:
        async with _journal(folder, url) as turn:
            yield turn


@asynccontextmanager
async def _journal(folder: Path, url: str = "") -> AsyncGenerator[Turn]:
    clock = SystemClock()
    async with open_store(folder / "home", url, lease_s=3600) as store:
        commits = store.journal

        async def turn(room: str, number: int) -> None:
            conversation = Conversation(channel="bench", room=room)
            event = Event(
                channel="bench",
                dedupe_key=new_id("u"),
                kind="message",
                conversation=conversation,
                sender=User(id=room),
                occurred_at=clock.now(),
                text="hello " * 20,
            )
            accepted = await commits.accept(event, conversation.key)
            assert accepted.claimed is not None
            claim = accepted.claimed.claim
            run = Run(
                id=new_id("run"),
                lane=conversation.key,
                conversation=conversation.key,
                channel="bench",
                bot="desk",
                person_id=room,
                trace_id="t",
                input={"text": event.text},
            )
            for step in range(STEPS):
                done = StepDone(
                    run_id=run.id,
                    key=f"turn/{step}",
                    name="step",
                    result=msgspec.Raw(msgspec.json.encode(payload(room, step))),
                    started_at=clock.micros(),
                    ended_at=clock.micros(),
                )
                start: list[Write] = [] if step else [StartRun(run=run, event_ids=(accepted.id,))]
                await commits.commit(claim, [*start, done])
            part = Part(id=f"{run.id}.0", run_id=run.id, conversation=conversation, payload={"text": "ok"}, text="ok")
            end = SetRun(run_id=run.id, state="completed", at=clock.micros())
            await commits.commit(claim, [end, Emit(part=part)], release=True)

        yield turn
