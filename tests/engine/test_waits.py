"""Runs that wait for people: paused as data, decided once, by whom it may be, also after a restart."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from botkit.core.errors import Conflict, NotFound
from botkit.core.journal import Wait
from botkit.testing.models import calls
from botkit.testing.platform import Shown
from botkit.testing.tools import Ask, LostResult
from tests.engine.support import World, a_config

ADMIN: dict[str, Any] = {"boss": {"roles": ["admin"], "identities": {"fake": ["boss"]}}}
GROUP: dict[str, Any] = {"room": "g1", "group": True, "addressed": "mention"}


def _refunded(order: str) -> str:
    return f"refunded {order}"


def _paid(to: str) -> str:
    return f"paid {to}"


async def refund(world: World, **more: Any) -> Shown:
    """Ask for a refund that needs approval; returns the question."""
    world.tools.add("orders__refund", _refunded, approve=True, order="string")
    world.script.append(calls(("orders__refund", {"order": "ORD-1"})))
    world.script.append("Refunded.")
    await world.start()
    await world.ask("refund please", **{"person": "boss", **more})
    return world.platform.messages[-1]


async def only_wait(world: World) -> Wait:
    (wait,) = await world.waits()
    return wait


async def test_a_call_that_needs_approval_asks_with_what_it_would_do(world: World):
    world.config = a_config(people=ADMIN)
    question = await refund(world)

    assert "orders__refund" in question.text
    assert "ORD-1" in question.text
    assert [label for label, _ in question.buttons] == ["Approve", "Reject"]
    assert world.tools.effects == []
    assert [(run.state, run.waiting_for) for run in await world.runs()] == [("waiting", "approval")]


async def test_a_waiting_run_costs_no_task_and_holds_no_lane(world: World):
    world.config = a_config(people=ADMIN)
    await refund(world)

    assert world.engine.status() == {"lanes": 0, "deliveries": 0}


@pytest.mark.parametrize(("label", "verdict", "effects"), [("Approve", "Approved", 1), ("Reject", "Rejected", 0)])
async def test_the_button_decides_and_the_question_shows_it(world: World, label: str, verdict: str, effects: int):
    world.config = a_config(people=ADMIN)
    question = await refund(world)
    await world.platform.press(question, label, person="boss")
    await world.settle()

    assert len(world.tools.effects) == effects
    assert verdict in question.text
    assert question.buttons == []
    assert world.texts[-1] == "Refunded."
    assert world.platform.acknowledged == [f"{verdict}."]
    assert [run.state for run in await world.runs()] == ["completed"]


async def test_the_operator_decides_by_the_beginning_of_the_id(world: World):
    await refund(world, person="ada")
    wait = await only_wait(world)
    await world.engine.decide(wait.id[:20], approved=True, by="operator", via="cli", comment="be kind")
    await world.settle()

    assert len(world.tools.effects) == 1
    assert world.texts[-1] == "Refunded."


async def test_a_rejection_tells_the_model_why(world: World):
    await refund(world, person="ada")
    wait = await only_wait(world)
    await world.engine.decide(wait.id, approved=False, by="operator", via="cli", comment="too late")
    await world.settle()

    assert "too late" in str(world.model.requests[-1].messages[-1]["content"])
    assert world.tools.effects == []


async def test_who_may_not_decide_gets_no_buttons_and_no_effect_from_pressing_them(world: World):
    world.config = a_config(people=ADMIN)
    question = await refund(world, **GROUP)
    assert question.buttons, "somebody in the room may decide"
    await world.platform.press(question, "Approve", person="mallory")
    await world.settle()

    assert world.platform.acknowledged == ["Only admin may decide this."]
    assert world.tools.effects == []
    assert (await only_wait(world)).state == "open"


async def test_a_person_who_cannot_decide_is_told_that_a_colleague_will(world: World):
    question = await refund(world, person="ada")

    assert question.buttons == []
    assert "A colleague has to decide" in question.text


async def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(world: World):
    world.config = a_config(people={**ADMIN, "chef": {"roles": ["admin"], "identities": {"fake": ["chef"]}}})
    question = await refund(world, **GROUP)
    await asyncio.gather(
        world.platform.press(question, "Approve", person="boss"),
        world.platform.press(question, "Reject", person="chef"),
    )
    await world.settle()

    assert len(world.platform.acknowledged) == 2
    assert sum("already" in text for text in world.platform.acknowledged) == 1
    won = "Approved." in world.platform.acknowledged
    assert len(world.tools.effects) == won
    assert [run.state for run in await world.runs()] == ["completed"]


async def test_a_second_decision_is_refused(world: World):
    await refund(world, person="ada")
    wait = await only_wait(world)
    await world.engine.decide(wait.token, approved=True, by="operator", via="cli")
    await world.settle()

    with pytest.raises(Conflict, match="already approved"):
        await world.engine.decide(wait.id, approved=False, by="operator", via="cli")
    with pytest.raises(NotFound):
        await world.engine.decide("nothing", approved=False, by="operator", via="cli")
    assert len(world.tools.effects) == 1


async def test_an_approval_nobody_decides_expires_and_the_turn_ends(world: World):
    world.config = a_config(people=ADMIN, settings={"approvals": {"timeout_s": 3600}})
    question = await refund(world)
    token = (await only_wait(world)).token
    await world.pass_time(3601)

    assert "Expired" in question.text
    assert world.tools.effects == []
    assert "Nobody approved this call in time" in str(world.model.requests[-1].messages[-1]["content"])
    late = dataclasses.replace(question, buttons=[("Approve", f"ok:y:{token}")])
    await world.platform.press(late, "Approve", person="boss")
    await world.settle()
    assert world.platform.acknowledged == ["This was already expired."]
    assert world.tools.effects == []


async def test_a_decision_made_while_the_bot_was_down_counts(world: World):
    """Committed by another process (`botkit approvals approve` without an owner): found at the start."""
    from botkit.core.journal import CloseWait

    await refund(world, person="ada")
    wait = await only_wait(world)
    close = CloseWait(wait_id=wait.id, state="answered", at=1, answer={"approved": True}, by="operator", via="cli")
    await world.journal.commit(None, [close])
    await world.crash()
    await world.start()
    await world.settle()

    assert len(world.tools.effects) == 1
    assert world.texts[-1] == "Refunded."


async def test_an_approval_outlives_a_restart(world: World):
    world.config = a_config(people=ADMIN)
    question = await refund(world)
    await world.restart()
    await world.platform.press(question, "Approve", person="boss")
    await world.settle()

    assert len(world.tools.effects) == 1
    assert "Approved" in question.text


async def test_a_deadline_that_passed_while_the_bot_was_down_takes_effect_at_its_start(world: World):
    world.config = a_config(people=ADMIN, settings={"approvals": {"timeout_s": 3600}})
    question = await refund(world)
    await world.close()
    await world.clock.advance(7200)
    await world.start()
    await world.until(lambda: "Expired" in question.text)
    await world.settle()

    assert world.tools.effects == []
    assert world.texts[-1] == "Refunded."


async def test_a_run_the_operator_cancels_shows_so_at_its_question(world: World):
    world.config = a_config(people=ADMIN)
    question = await refund(world)
    (run,) = await world.runs()
    await world.engine.cancel(run.id, by="operator", via="cli")
    await world.settle()

    assert "Cancelled" in question.text
    assert question.buttons == []
    assert await world.waits() == []
    with pytest.raises(Conflict, match="has ended already"):
        await world.engine.cancel(run.id, by="operator", via="cli")


async def test_two_approvals_of_one_turn_are_asked_together_and_each_decided(world: World):
    world.tools.add("shop__pay", _paid, approve=True, to="string")
    world.script.append(calls(("shop__pay", {"to": "a"}), ("shop__pay", {"to": "b"})))
    await world.start()
    await world.ask("pay both")
    first, second = await world.waits()
    await world.engine.decide(second.id, approved=True, by="operator", via="cli")
    await world.settle()
    assert [effect.arguments for effect in world.tools.effects] == [{"to": "b"}]
    assert [run.state for run in await world.runs()] == ["waiting"]
    await world.engine.decide(first.id, approved=True, by="operator", via="cli")
    await world.settle()

    assert [effect.arguments for effect in world.tools.effects] == [{"to": "b"}, {"to": "a"}]
    assert [run.state for run in await world.runs()] == ["completed"]


# ── questions of tools ───────────────────────────────────────────────────────────────────────────────────────


def paint(world: World) -> None:
    def work(answers: dict[str, Any] | None = None) -> str:
        if answers is None:
            raise Ask("Which colour?", colour="string")
        return f"painted {answers['colour']}"

    world.tools.add("shop__paint", work)
    world.script.append(calls(("shop__paint", {})))
    world.script.append("Painted.")


async def test_the_next_message_of_the_person_asked_is_the_answer(world: World):
    paint(world)
    await world.start()
    await world.ask("paint it")
    assert world.texts == ["Which colour?"]
    await world.ask("blue")

    assert world.texts == ["Which colour?", "Painted."]
    assert [run.state for run in await world.runs()] == ["completed"]
    assert any("painted blue" in str(m["content"]) for m in world.model.requests[-1].messages)


async def test_in_a_group_only_the_person_asked_can_answer(world: World):
    paint(world)
    await world.start()
    await world.ask("paint it", person="ada", **GROUP)
    await world.ask("red", person="mallory", **GROUP)
    assert len(await world.waits()) == 1
    await world.ask("blue", person="ada", **GROUP)

    assert any("painted blue" in str(m["content"]) for m in world.model.requests[-1].messages)


async def test_a_reply_to_the_older_of_two_questions_answers_that_one(world: World):
    asked = iter(("Which colour?", "Which size?"))

    def work(answers: dict[str, Any] | None = None, n: int = 0) -> str:
        if answers is None:
            raise Ask(next(asked), value="string")
        return f"{n}={answers['value']}"

    world.tools.add("shop__paint", work, n="integer")
    world.script.append(calls(("shop__paint", {"n": 1}), ("shop__paint", {"n": 2})))
    world.script.append("Done.")
    await world.start()
    await world.ask("paint it")
    colour = next(shown for shown in world.platform.messages if shown.text == "Which colour?")
    await world.ask("blue", reply_to=colour)
    await world.ask("large")

    told = str(world.model.requests[-1].messages)
    assert "1=blue" in told
    assert "2=large" in told


async def test_a_question_without_an_answer_expires(world: World):
    paint(world)
    await world.start()
    await world.ask("paint it")
    await world.pass_time(3600)

    assert "did not answer" in str(world.model.requests[-1].messages[-1]["content"])


# ── messages meanwhile ───────────────────────────────────────────────────────────────────────────────────────


async def test_another_message_starts_a_new_turn_that_knows_of_the_pending_one(world: World):
    await refund(world, person="ada")
    world.script.clear()
    await world.ask("what is the weather?", person="ada")

    assert world.texts[-1] == "You said: what is the weather?"
    newest = (await world.runs())[-1]
    assert "orders__refund" in newest.input["note"]
    assert len(await world.waits()) == 1


async def test_with_notice_the_person_is_told_to_wait(world: World):
    world.config = a_config(bot={"while_waiting": "notice"})
    await refund(world, person="ada")
    await world.ask("hello?", person="ada")

    assert "still waiting" in world.texts[-1]
    assert len(await world.runs()) == 1


@pytest.mark.parametrize("ending", ["approved", "cancelled", "failed"])
async def test_with_queue_messages_are_answered_once_the_run_has_ended(world: World, ending: str):
    world.config = a_config(bot={"while_waiting": "queue"})
    await refund(world, person="ada")
    await world.ask("hello?", person="ada")
    await world.ask("anybody?", person="ada")
    assert len(world.texts) == 1
    wait = await only_wait(world)
    if ending == "cancelled":
        world.script.clear()
        await world.engine.cancel(wait.run_id, by="operator", via="cli")
    else:
        if ending == "failed":
            world.script[0] = ZeroDivisionError("a bug")
        await world.engine.decide(wait.id, approved=True, by="operator", via="cli")
    await world.settle()

    assert world.texts[-2:] == ["You said: hello?", "You said: anybody?"]


async def test_another_persons_message_in_the_room_is_answered_meanwhile(world: World):
    world.config = a_config(bot={"while_waiting": "queue"})
    await refund(world, person="ada", **GROUP)
    world.script.clear()
    await world.ask("hello", person="bob", **GROUP)

    assert world.texts[-1] == "You said: Bob: hello"


# ── unknown effects ──────────────────────────────────────────────────────────────────────────────────────────


def flaky(world: World, failures: int = 1) -> None:
    """A write whose answer is lost the first times."""
    left = [LostResult()] * failures

    def work(**given: object) -> str:
        if left:
            raise left.pop()
        return "charged"

    world.tools.add("shop__charge", work)
    world.script.append(calls(("shop__charge", {})))
    world.script.append("All done.")


async def test_a_lost_answer_of_a_write_is_not_repeated_and_the_person_is_told(world: World):
    flaky(world)
    await world.start()
    await world.ask("charge me")

    assert len(world.tools.effects) == 1
    assert "can't tell whether it happened" in world.texts[0]
    assert [(run.state, run.waiting_for) for run in await world.runs()] == [("waiting", "reconcile")]


@pytest.mark.parametrize(
    ("answer", "effects", "told"),
    [
        ({"action": "retry"}, 2, "charged"),
        ({"action": "result", "result": "it was charged"}, 1, "it was charged"),
        ({"action": "fail", "message": "it was not charged"}, 1, "it was not charged"),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
async def test_an_operator_resolves_it(world: World, answer: dict[str, Any], effects: int, told: str, restarted: bool):
    flaky(world)
    await world.start()
    await world.ask("charge me")
    (run,) = await world.runs()
    if restarted:
        await world.restart()
    await world.engine.resolve(run.id, "turn/0/tool/0", answer, by="operator", via="cli")
    await world.settle()

    assert len(world.tools.effects) == effects
    assert len({effect.idempotency_key for effect in world.tools.effects}) == 1
    assert told in str(world.model.requests[-1].messages[-1]["content"])
    assert world.texts[-1] == "All done."


async def test_a_retry_whose_answer_is_lost_too_asks_again(world: World):
    flaky(world, failures=2)
    await world.start()
    await world.ask("charge me")
    (run,) = await world.runs()
    for expected in (2, 3):
        await world.engine.resolve(run.id, "turn/0/tool/0", {"action": "retry"}, by="operator", via="cli")
        await world.settle()
        assert len(world.tools.effects) == expected

    assert world.texts[-1] == "All done."


async def test_a_reviewed_read_is_simply_repeated(world: World):
    seen: list[int] = []

    def look(**given: object) -> str:
        seen.append(1)
        if len(seen) == 1:
            raise LostResult
        return "42"

    world.tools.add("shop__look", look, tool_class="read-only")
    world.script.append(calls(("shop__look", {})))
    world.script.append("It is 42.")
    await world.start()
    await world.ask("look")

    assert world.texts[-1] == "It is 42."
    assert await world.waits() == []
