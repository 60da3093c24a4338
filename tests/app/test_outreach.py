"""Messages for later come once, at their time, to those who want them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from botkit.app.instance import Instance
from botkit.app.operations import Operations
from botkit.core.events import User
from botkit.core.journal import SetOptOut
from botkit.testing.clock import ManualClock
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import said


def write(folder: Path, *nodes: dict[str, Any]) -> None:
    edges = [{"source": one["id"], "target": two["id"]} for one, two in pairwise(nodes)]
    workflow = {"nodes": list(nodes), "edges": edges}
    (folder / "workspace/workflows").mkdir(parents=True, exist_ok=True)
    (folder / "workspace/workflows/later.yaml").write_text(json.dumps(workflow))
    (folder / "bots.yaml").write_text("version: 1\nbots:\n  helper: {name: Helper, workflow: later}\n")


async def say(instance: Instance, text: str, **options: Any) -> Any:
    arguments: dict[str, Any] = {"room": "r", "bot": "helper", "person": "ada", **options}
    return await said(Operations.of(instance).chat.say(text=text, **arguments))


async def heard(instance: Instance, room: str = "r") -> list[str]:
    """What the bot said in a room, as far as it is delivered."""
    parts = [
        part for summary in await instance.store.records.runs(limit=50) for part in await _parts(instance, summary)
    ]
    return [part.text for part in parts if part.conversation.room.endswith(room) and part.state == "sent"]


async def _parts(instance: Instance, summary: Any) -> Any:
    trace = await instance.store.records.trace(summary.run.id)
    assert trace is not None
    return trace.parts


async def until(true: Any, clock: ManualClock | None = None) -> None:
    """Wait until something is so; the test's own limit ends what never comes.

    A pause that began while the clock was moved ends only when it moves again, so it does, a little.
    """
    while not await true():
        await asyncio.sleep(0.01)
        if clock is not None:
            await clock.advance(0.1)


PLAN = {"id": "plan", "type": "schedule_message", "data": {"text": "Time, {{ user.id }}!", "delay": "1h", "key": "k"}}


async def test_a_message_for_later_comes_once_also_after_a_restart(opened: OpenInstance, folder: Path) -> None:
    write(folder, PLAN)
    clock = ManualClock()
    async with opened(clock=clock) as instance:
        await say(instance, "remind me")
        (planned,) = await instance.store.outreach.planned()
        assert planned.id == "message:helper/k"
    await clock.advance(7200)
    async with opened(clock=clock) as instance:

        async def came() -> bool:
            return any("Time" in text for text in await heard(instance))

        await until(came, clock)
        assert len(await heard(instance)) == 1
        assert await instance.store.outreach.planned() == []


async def test_another_run_takes_it_back(opened: OpenInstance, folder: Path) -> None:
    write(folder, PLAN)
    clock = ManualClock()
    async with opened(clock=clock) as instance:
        await say(instance, "remind me")
    back = {"id": "back", "type": "schedule_message", "data": {"key": "k", "cancel": True}}
    write(folder, back, {"id": "told", "type": "send_message", "data": {"text": "Was there: {{ back.cancelled }}"}})
    async with opened(clock=clock) as instance:
        await say(instance, "no")
        await say(instance, "no")

        async def both() -> bool:
            return len(await heard(instance)) == 2

        await until(both, clock)
        assert sorted(await heard(instance)) == ["Was there: false", "Was there: true"]
        assert await instance.store.outreach.planned() == []


async def test_what_comes_again_ends_at_its_end(opened: OpenInstance, folder: Path) -> None:
    data = {"text": "Tick.", "cron": "0 * * * *", "timezone": "UTC", "key": "tick"}
    clock = ManualClock()
    end = clock.now() + timedelta(hours=2, minutes=1)
    write(folder, {"id": "plan", "type": "schedule_message", "data": {**data, "until": end.isoformat()}})
    async with opened(clock=clock) as instance:
        await say(instance, "go")
        for number in (1, 2):
            (planned,) = await instance.store.outreach.planned()
            await clock.advance((planned.at - clock.micros()) / 1e6 + 1)

            async def came(number: int = number) -> bool:
                return len(await heard(instance)) == number

            await until(came, clock)
        assert await instance.store.outreach.planned() == []


async def test_whoever_wants_none_gets_none(opened: OpenInstance, folder: Path) -> None:
    send = {"id": "send", "type": "send_proactive", "data": {"person": "sandbox:bob", "text": "News."}}
    told = {"id": "told", "type": "send_message", "data": {"text": "{{ send.people['sandbox:bob'] }}"}}
    edges = [{"source": "send", "target": "told", "handle": name} for name in ("delivered", "opted_out", "unreachable")]
    write(folder, send, told)
    path = folder / "workspace/workflows/later.yaml"
    path.write_text(json.dumps({"nodes": [send, told], "edges": edges}))
    async with opened() as instance:
        assert (await say(instance, "a")).data["state"] == "completed"
        bob = await instance.store.people.resolve("sandbox", User(id="bob", name="Bob"))
        await say(instance, "b", person="bob", room="bobs")
        await say(instance, "c")
        await instance.store.journal.commit(None, [SetOptOut(person_id=bob.id, out=True, at=1)])
        await say(instance, "d")

        async def all_said() -> bool:
            return len(await heard(instance)) == 3

        await until(all_said)
        assert sorted(await heard(instance)) == ["delivered", "opted_out", "unreachable"]
