"""A chat is shown again as it was, with what was said around its runs; what nobody could confirm is resolved there."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.app.instance import Instance
from botkit.app.operations import Operations
from botkit.core.errors import Conflict, NotFound
from botkit.core.events import Conversation
from botkit.core.journal import Emit, OpenWait, SetRun, StartRun, Wait
from botkit.core.messages import Part
from botkit.testing.stores.samples import a_run
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import say

ROOM = Conversation(channel="sandbox", room="r")


async def entries(instance: Instance, limit: int = 100) -> list[tuple[str, str]]:
    found = await Operations.of(instance).chat.history(room="r", limit=limit)
    return [(entry.role, entry.text.splitlines()[0]) for entry in found]


async def test_commands_and_their_answers_stand_between_the_turns(opened: OpenInstance) -> None:
    async with opened() as instance:
        await say(instance, "/stop", message_id="m1")
        done = await say(instance, "hello")
        await say(instance, "/new")
        assert await entries(instance) == [
            ("user", "/stop"),
            ("assistant", "Nothing is running right now."),
            ("user", "hello"),
            ("assistant", str(done.data["text"]).splitlines()[0]),
            ("user", "/new"),
            ("assistant", "Done: this is a new conversation."),
        ]
        asked, answered, *_ = await Operations.of(instance).chat.history(room="r")
        assert asked.run_id == answered.run_id, "what belongs together is told together"
        assert asked.message_id == "m1"
        assert len(await entries(instance, limit=2)) == 2


async def test_what_is_said_elsewhere_stays_there(opened: OpenInstance) -> None:
    async with opened() as instance:
        await say(instance, "/stop", room="other")
        assert await entries(instance) == []


async def test_the_first_words_of_a_bot_belong_to_the_run_they_came_with(opened: OpenInstance, folder: Path) -> None:
    (folder / "bots.yaml").write_text("version: 1\nbots: {helper: {welcome: Welcome to the desk.}}\n")
    async with opened() as instance:
        await say(instance, "hello")
        found = await Operations.of(instance).chat.history(room="r")
        (welcome,) = [entry for entry in found if entry.role == "note"]
        assert welcome.text == "Welcome to the desk."
        assert welcome.run_id == (await Operations.of(instance).runs.list())[0].run.id
        await say(instance, "hello", room="elsewhere")
        there = await Operations.of(instance).chat.history(room="elsewhere")
        assert [entry.role for entry in there] == ["user", "assistant"], "it was said in the other room"


async def test_a_notice_in_several_parts_is_one_entry_and_edits_are_none(opened: OpenInstance) -> None:
    pieces = [Part(id=f"n.{n}", conversation=ROOM, index=n, payload={}, text=f"part {n}", created_at=5) for n in (0, 1)]
    edit = Part(id="x.0", conversation=ROOM, payload={}, text="changed", edit_of="n.0", created_at=6)
    async with opened("command") as instance:
        await instance.store.journal.commit(None, [Emit(part=part) for part in (*pieces, edit)])
        (entry,) = await Operations.of(instance).chat.history(room="r")
        assert (entry.role, entry.text, entry.message_id) == ("note", "part 0\n\npart 1", "n")


async def lost(instance: Instance) -> Wait:
    """A run that waits to be told what became of a refund."""
    run = a_run(lane=ROOM.key, conversation=ROOM.key)
    payload = {"step": "turn/0/tool/0", "name": "orders__refund", "reason": "the connection broke"}
    wait = Wait(
        id=f"{run.id}/turn/0/tool/0/reconcile/0",
        run_id=run.id,
        lane=run.lane,
        key="turn/0/tool/0/reconcile/0",
        kind="reconcile",
        payload=payload,
    )
    paused = SetRun(run_id=run.id, state="waiting", at=1, waiting_for="reconcile")
    await instance.store.journal.commit(None, [StartRun(run=run), OpenWait(wait=wait), paused])
    return wait


@pytest.mark.parametrize(
    ("action", "text", "answer"),
    [
        ("retry", "", {"action": "retry"}),
        ("result", '{"refund": "R-7"}', {"action": "result", "result": {"refund": "R-7"}}),
        ("result", "it says R-7", {"action": "result", "result": "it says R-7"}),
        ("fail", "no such refund", {"action": "fail", "message": "no such refund"}),
    ],
)
async def test_a_lost_call_is_resolved_by_the_id_of_its_wait(
    opened: OpenInstance, action: str, text: str, answer: dict[str, object]
) -> None:
    async with opened("command") as instance:
        wait = await lost(instance)
        approvals = Operations.of(instance).approvals
        (view,) = await approvals.list()
        assert (view.tool, view.reason) == ("orders__refund", "the connection broke")
        await approvals.resolve(wait=wait.id, action=action, text=text, by="ada", via="page")  # pyright: ignore[reportArgumentType] - one of three
        stored = await instance.store.journal.find_wait(wait_id=wait.id)
        assert stored is not None
        assert (stored.answer, stored.decided_by, stored.decided_via) == (answer, "ada", "page")
        (act,) = await instance.store.records.audits()
        assert (act.action, act.actor, act.detail["resolution"]) == ("runs.resolve", "ada", action)
        with pytest.raises(Conflict):
            await approvals.resolve(wait=wait.id, action="retry", by="bob")


async def test_only_what_waits_to_be_resolved_is(opened: OpenInstance) -> None:
    async with opened("command") as instance:
        with pytest.raises(NotFound, match="nothing of that id"):
            await Operations.of(instance).approvals.resolve(wait="run_1/x", action="retry", by="ada")
