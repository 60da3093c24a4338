"""Reports of platforms about messages they took: late refusals, and answers that were lost."""

from __future__ import annotations

import pytest

from botkit.core.events import Conversation, Event, User
from botkit.core.messages import Part, Receipt
from botkit.testing.platform import LostAnswer
from tests.engine.support import World


async def report(world: World, part: Part, status: str, *, detail: str = "", channel: str = "fake") -> None:
    await world.engine.accept(
        Event(
            channel=channel,
            dedupe_key=f"status:{part.id}:{status}",
            kind="delivery_status",
            conversation=Conversation(channel=channel, room=part.conversation.room),
            sender=User(id="ada"),
            occurred_at=world.clock.now(),
            text=part.id,
            target_id="m-9",
            status=status,
            detail=detail,
        )
    )
    await world.settle()


async def the_part(world: World) -> Part:
    (part,) = await world.ports.records.parts()
    return part


async def outcomes(world: World) -> list[str]:
    return [row["outcome"] for row in await world.ports.records.inbox() if row["kind"] == "delivery_status"]


async def test_a_message_refused_later_counts_as_failed(world: World):
    await world.start()
    await world.ask("hello")
    assert (await the_part(world)).state == "sent"
    await report(world, await the_part(world), "failed", detail="131047: window")
    part = await the_part(world)
    assert (part.state, part.error) == ("failed", "refused after it was taken: 131047: window")
    await report(world, part, "delivered")  # a report that comes late says nothing new
    assert (await the_part(world)).state == "failed"
    assert await outcomes(world) == ["known: delivered", "failed: 131047: window"]


async def test_a_message_whose_answer_was_lost_is_sent_once_its_arrival_is_reported(world: World):
    world.platform.faults.append(LostAnswer())
    await world.start()
    await world.ask("hello")
    assert (await the_part(world)).state == "unknown"
    await report(world, await the_part(world), "delivered")
    part = await the_part(world)
    assert (part.state, part.message_id) == ("sent", "m-9")
    assert world.texts == ["You said: hello"]


@pytest.mark.parametrize(("status", "state"), [("delivered", "sent"), ("failed", "failed")])
async def test_a_report_that_comes_before_the_answer_counts(world: World, status: str, state: str):
    """The answer is lost, or comes and is contradicted."""
    await world.start()
    take = world.platform.take

    async def reported_first(part: Part) -> Receipt:
        receipt = await take(part)
        await world.engine.accept(
            Event(
                channel="fake",
                dedupe_key="early",
                kind="delivery_status",
                conversation=part.conversation,
                sender=User(id="ada"),
                occurred_at=world.clock.now(),
                text=part.id,
                target_id=receipt.message_id,
                status=status,
            )
        )
        await world.until(lambda: _consumed(world))
        if status == "delivered":
            raise LostAnswer
        return receipt

    world.platform.take = reported_first
    await world.ask("hello")
    assert (await the_part(world)).state == state
    assert world.texts == ["You said: hello"]


async def _consumed(world: World) -> bool:
    return any(outcome for outcome in await outcomes(world))


async def test_a_report_about_another_channels_message_changes_nothing(world: World):
    await world.start()
    await world.ask("hello")
    await report(world, await the_part(world), "failed", channel="other")
    assert (await the_part(world)).state == "sent"
    assert (await outcomes(world))[0].startswith("ignored: a report (failed)")
