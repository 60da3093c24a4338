"""Events of workflows: what a run tells, the runs that begin by it, and on whose behalf these act.

A run that an event began acts as the run that told it: for the same person and bot, with the rights both have at that
moment, or for the same service. What it read from others stays with it.
"""

from __future__ import annotations

__all__ = ["CHAIN_LIMIT", "EVENT", "Origin", "chain_of", "event_run", "origin_of", "origin_principal"]

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from botkit.core.data import Data
from botkit.core.events import Conversation, ConversationKind, Event, User
from botkit.core.journal import Run
from botkit.core.tools import Principal
from botkit.core.workflow_actions import EventFacts
from botkit.engine.turn import TurnInput, input_of

EVENT = "event"
"""The kind of trigger."""
CHAIN_LIMIT = 8
"""Events that one after the other may come of one beginning."""
_CHANNEL = "@event"


class Origin(Data):
    """Whose run told an event; of a chain of events the first."""

    run: str
    person: str = ""
    bot: str = ""
    conversation: str = ""
    conversation_kind: ConversationKind = "dm"
    sender_id: str = ""
    sender_name: str = ""
    trigger: dict[str, Any] = {}
    """Kind, name and service of what began it, where no person did."""
    taint: tuple[str, ...] = ()


def origin_of(trigger: Mapping[str, Any]) -> Origin | None:
    """Read back what `event_run` wrote; None for runs that something else began, and where somebody only tries one."""
    told = trigger.get("origin") if trigger.get("kind") == EVENT else None
    return msgspec.convert(told, Origin) if told is not None else None


def chain_of(run: Run) -> list[str]:
    """Names of the events that led to this run, the first one first."""
    return [str(name) for name in input_of(run).trigger.get("chain") or ()]


def event_run(run: Run, told: EventFacts, workflow: str, at: datetime) -> Event:
    """What goes into the inbox to begin a workflow, once for this occasion.

    Args:
        run: the one that tells it.
    """
    delivery = f"{told.key}/{workflow}"
    signal = {
        "kind": EVENT,
        "name": told.name,
        "body": told.data,
        "workflow": workflow,
        "service": f"{EVENT}:{told.name}",
        "chain": [*chain_of(run), told.name],
        "origin": msgspec.to_builtins(_origin(run, told)),
    }
    # each run has a lane of its own: one that waits holds up no other
    return Event(
        channel=_CHANNEL,
        dedupe_key=f"{told.name}/{delivery}",
        kind="trigger",
        conversation=Conversation(channel=_CHANNEL, room=told.name, thread=delivery, kind="group"),
        sender=User(id=_CHANNEL, name=told.name),
        occurred_at=at,
        signal=signal,
    )


def origin_principal(origin: Origin, roles: tuple[str, ...]) -> Principal | None:
    """The person and bot a run of an event acts for; None where a service told it."""
    return Principal(id=origin.person, roles=roles, bot=origin.bot, taint=origin.taint) if origin.person else None


def _origin(run: Run, told: EventFacts) -> Origin:
    turn: TurnInput = input_of(run)
    before = origin_of(turn.trigger)
    if before is not None:
        return msgspec.structs.replace(before, taint=told.taint)
    trigger = {name: turn.trigger[name] for name in ("kind", "name", "service") if name in turn.trigger}
    return Origin(
        run=run.id,
        person=run.person_id,
        bot=told.bot,
        conversation=run.conversation,
        conversation_kind="dm" if run.conversation_kind == "dm" else "group",
        sender_id=turn.sender_id,
        sender_name=turn.sender_name,
        trigger=trigger if turn.trigger.get("service") else {},
        taint=told.taint,
    )
