"""Thumbs of people stand with the run they are about."""

from __future__ import annotations

import pytest

from botkit.engine.feedback import verdict_of
from tests.engine.support import World


@pytest.mark.parametrize(
    ("emoji", "verdict"),
    [
        ("👍", "up"),
        ("👍🏽", "up"),
        ("❤️", "up"),
        ("up", "up"),
        ("👎", "down"),
        ("👎🏿", "down"),
        ("down", "down"),
        ("🤔", ""),
        ("", ""),
        (":party-parrot:", ""),
    ],
)
def test_a_reaction_says_what_it_says(emoji: str, verdict: str) -> None:
    assert verdict_of(emoji) == verdict


async def react(world: World, emoji: str, message_id: str, room: str = "") -> None:
    await world.platform.deliver(
        world.platform.event(kind="reaction", status=emoji, target_id=message_id, message_id="", room=room)
    )
    await world.settle()


async def test_thumbs_are_found_in_the_trace_of_the_run(world: World) -> None:
    await world.start()
    await world.ask("one")
    await world.ask("two")
    first, second = world.platform.messages

    await react(world, "👎", first.id)
    await react(world, "👍", second.id)
    await react(world, "", second.id)

    runs = await world.runs()
    traces = [await world.ports.records.trace(run.id) for run in runs]
    told = [
        [event["outcome"] for event in trace.events if event["kind"] == "reaction"]
        for trace in traces
        if trace is not None
    ]
    assert told == [["feedback: down"], ["feedback: up", "feedback: none"]]
    assert [trace.feedback for trace in traces if trace is not None] == [{"ada": "down"}, {}]
    assert len(world.model.requests) == 2


async def test_a_reaction_to_what_no_run_wrote_is_no_feedback(world: World) -> None:
    await world.start()
    await world.ask("one")

    await react(world, "👍", "in-1")
    await react(world, "👍", world.platform.messages[0].id, room="another")

    assert (await world.outcomes())[1:] == ["ignored: reaction", "ignored: reaction"]
