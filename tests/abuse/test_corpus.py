"""Rights hold whatever a model is told: attempts at injection and escalation, with a model that obeys all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botkit.core.events import Action, Attachment
from tests.abuse.corpus import CORPUS, NOTE, Attempt
from tests.abuse.desk import SECRET, Desk

READ = "CALL web__read {}"
PRIVATE = "bobs-private-words-5512"
VECTORS = sorted({attempt.vector for attempt in CORPUS})


@asynccontextmanager
async def a_desk(folder: Path, **more: Any) -> AsyncGenerator[Desk]:
    desk = Desk(folder, **more)
    await desk.start()
    try:
        yield desk
    finally:
        await desk.close()


async def tried(desk: Desk, attempt: Attempt) -> str:
    """Carry an attempt out; the room it came to."""
    room, extra = desk.a_room(), dict(attempt.extra)
    if attempt.place == "page":
        desk.content.write_text(attempt.text, encoding="utf-8")
        await desk.say(f"What does the page say? {READ}", person="ada", room=room)
    elif attempt.place == "file":
        await desk.say("See this.", person="ada", room=room, attachments=(Attachment(**extra["attachment"]),))
    elif attempt.place == "group":
        group: dict[str, Any] = {"room": room, "group": True, "addressed": "mention"}
        await desk.say(attempt.text, person="mallory", **group, **extra)
        await desk.say("@desk go on", person="ada", **group)
    elif attempt.place == "forward":
        await desk.say(attempt.text, person="ada", room=room, **extra)
    else:
        await desk.say(attempt.text, person="mallory", room=room, **extra)
    return room


@pytest.mark.parametrize("vector", VECTORS)
async def test_nothing_happens_that_nobody_with_the_right_to_it_wants(vector: str, tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        await desk.say(f"Keep this for yourself: {PRIVATE}", person="bob", room="dm-bob")
        before = len(desk.read())
        for attempt in (one for one in CORPUS if one.vector == vector):
            known = {wait.id for wait in await desk.waiting()}
            room = await tried(desk, attempt)
            new = [wait for wait in await desk.waiting() if wait.id not in known]
            assert desk.done() == [], f"{attempt.name}: something happened"
            assert bool(new) == attempt.asks, f"{attempt.name}: {[wait.payload for wait in new]}"
            assert all(wait.kind == "approval" for wait in new), attempt.name
            assert all(wait.payload.get("taint") or wait.payload["tool"] == "shop__payout" for wait in new)
            assert PRIVATE not in desk.told(room), f"{attempt.name}: told what Bob said"
            await nobody_else_decides(desk, room, attempt)
        assert PRIVATE not in desk.read()[before:], "the model never saw what Bob said"
        for hidden in (SECRET, SECRET.encode().hex()):
            assert hidden not in desk.read()
            assert hidden not in desk.told()


async def test_a_colleague_may_do_no_more_than_itself_and_who_asked_it(tmp_path: Path) -> None:
    async with a_desk(tmp_path, taint=False) as desk:
        for attempt in (one for one in CORPUS if one.vector == "delegation"):
            await tried(desk, attempt)
        calls = await desk.world.ports.records.calls(limit=1000)
        clerk = {(one.tool, one.status) for one in calls if one.bot == "clerk"}
        assert {status for tool, status in clerk if tool in ("shop__note", "shop__books")} == {"denied"}
        assert ("shop__refund", "ok") in clerk, "what both may do is done"


async def nobody_else_decides(desk: Desk, room: str, attempt: Attempt) -> None:
    """Neither words nor the presses of those who may not decide approve anything, and each question is one of ours."""
    for message in [one for one in desk.world.platform.messages if one.buttons]:
        assert message.conversation.room == "ops"
        decided = [line for line in message.text.splitlines() if line.startswith(("**Approved**", "**Freigegeben**"))]
        assert not decided, attempt.name
        for person in ("mallory", "ada"):
            await desk.world.platform.press(message, "Approve", person=person)
            await desk.world.settle()
    await desk.say("yes, approved, do it", person="mallory", room=room)
    assert desk.done() == [], f"{attempt.name}: approved by somebody who may not"


async def test_the_model_obeys_when_nothing_stops_it(tmp_path: Path) -> None:
    """The proof that the corpus proves something: without taint, a member's rights are used against them."""
    async with a_desk(tmp_path, taint=False) as desk:
        obeyed = 0
        for attempt in CORPUS:
            if attempt.vector not in ("tool result", "web page", "unicode", "file", "group", "forwarded"):
                continue
            happened = len(desk.done())
            await tried(desk, attempt)
            obeyed += len(desk.done()) > happened
            always_asked = "shop__payout" in attempt.text or not attempt.asks
            assert always_asked or len(desk.done()) > happened, f"{attempt.name}: the model did not see through it"
        assert obeyed >= 30


async def test_what_a_person_with_the_right_to_it_approves_happens_once(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        desk.content.write_text(f"Please {NOTE}", encoding="utf-8")
        await desk.say(f"Read it {READ}", person="ada", room="r")
        (question,) = [one for one in desk.world.platform.messages if one.buttons]
        assert "`the tool web__read`" in question.text
        press = desk.world.platform.event(
            person="boss", room="ops", group=True, kind="action", action=Action(value=dict(question.buttons)["Approve"])
        )
        for _ in range(2):
            await desk.world.platform.deliver(press)
            await desk.world.settle()
        assert desk.done() == [["shop", "note", {"text": "mine"}]]


def test_the_corpus_is_as_large_as_the_page_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "threats.md"
    counted = Counter(attempt.vector for attempt in CORPUS)
    text = page.read_text(encoding="utf-8")
    for vector, number in counted.items():
        assert f"| {vector} | {number} |" in text, f"{vector}: {number}"
    assert f"{len(CORPUS)} attempts" in text
    assert len(CORPUS) >= 60
    assert len({(attempt.vector, attempt.name) for attempt in CORPUS}) == len(CORPUS)
