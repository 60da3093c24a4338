"""Answering a past turn again on a stage: as the same kind of person, with what the bot remembered then."""

from __future__ import annotations

__all__ = ["PastTry", "answer_again"]

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.app.evals.attempt import STRANGER, Performer, TurnSeen
from botkit.app.evals.stage import Stage, StagePlatforms, Try
from botkit.app.evals.traffic import PastTurn, RecordedAnswers
from botkit.app.names import SANDBOX
from botkit.core.errors import BotkitError
from botkit.core.evals import Case, Turn
from botkit.core.events import User
from botkit.core.ids import new_id
from botkit.core.journal import PutSession, Say, Session
from botkit.core.tools import ToolCall

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_APPROVALS = 8


@dataclass
class PastTry(Try):
    """A try whose tools answer with what they said then."""

    answers: RecordedAnswers | None = None
    would_call: list[str] = field(default_factory=list[str])
    """Tools that would have been called, and were not then."""

    def recorded(self, call: ToolCall) -> dict[str, Any] | None:
        found = self.answers.take(call.tool, call.arguments) if self.answers is not None else None
        if found is None:
            self.would_call.append(call.tool)
        return found


async def answer_again(
    instance: Instance, stage: Stage, platforms: StagePlatforms, past: PastTurn, number: int
) -> tuple[TurnSeen, list[str]]:
    """What the version on the stage makes of a past message, and which new calls it would make.

    What was approved then is approved again; anything else that asks for approval ends the turn there.
    """
    room = f"past-{number}"
    one = PastTry(case=past.run_id, number=1, room=room, mocks={}, answers=RecordedAnswers(past), only_mocks=True)
    await _remember(instance, one, past)
    person = await instance.store.people.resolve(SANDBOX, User(id=room, name=past.person_name))
    await instance.store.people.grant(person.id, (*past.roles, STRANGER))
    case = Case(name=past.run_id, turns=(Turn(say=past.text),))
    performer = Performer(
        instance, stage, platforms, one, case, bot=past.bot, sender=room, judge="", name=past.person_name
    )
    stage.enter(one)
    try:
        seen = await performer.run()
        turns = list(seen.turns)
        for _ in range(_APPROVALS):
            if not (allowed := performer.waits_for_call):
                break
            tool, arguments = allowed
            if one.answers is None or not one.answers.knows(tool, arguments):
                one.would_call.append(tool)
                break
            turns.append(await performer.turn(Turn(approve=True)))
    except BotkitError as error:
        return TurnSeen(said=past.text, state="failed", error={"code": error.code, "message": str(error)}), []
    finally:
        stage.leave(one)
    whole = msgspec.structs.replace(seen, turns=tuple(turns)).whole()
    return msgspec.structs.replace(whole, reply=whole.answer or whole.reply), list(dict.fromkeys(one.would_call))


async def _remember(instance: Instance, one: Try, past: PastTurn) -> None:
    """Put what the bot remembered where the new turn will find it."""
    if not past.history and not past.summary:
        return
    now = instance.clock.micros()
    session = Session(
        id=new_id("ses"),
        lane=one.key,
        bot=past.bot,
        channel=SANDBOX,
        conversation=one.key,
        started_at=now,
        last_at=now,
        summary=past.summary,
    )
    rows = [
        Say(row=msgspec.structs.replace(row, session_id=session.id, run_id="", person_id="", seq=0, message_id=""))
        for row in past.history
    ]
    await instance.store.journal.commit(None, (PutSession(session=session), *rows))
