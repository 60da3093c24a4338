"""Rooms that change their id: the conversation goes on in the new one."""

from __future__ import annotations

__all__ = ["follow_room", "move_of"]

import msgspec
import structlog

from botkit.core.events import Event
from botkit.core.journal import Consume, InboxRow, MoveRoom
from botkit.engine.services import Services
from botkit.runs.lanes import LaneScope

_log = structlog.get_logger("botkit.engine")

_LOOKED_THROUGH = 10_000
"""Pending parts to look through for those that moved with their room."""


def move_of(event: Event, lane: str = "") -> MoveRoom | None:
    """The write by which a room's conversation follows it; None for any other event.

    Args:
        lane: under which it is committed. Without one, what is worked on right now stays until the event is handled.
    """
    if event.kind != "member" or event.status != "migrated" or not event.target_id:
        return None
    return MoveRoom(channel=event.conversation.channel, room=event.conversation.room, to=event.target_id, lane=lane)


async def follow_room(services: Services, scope: LaneScope, row: InboxRow) -> None:
    """Deal with a `member` event of status `migrated`: everything open moves in one transaction, then goes on."""
    event = row.event
    old, new = event.conversation, msgspec.structs.replace(event.conversation, room=event.target_id)
    channel = services.configs.current.channels.get(old.channel)
    if channel is not None and (old.room in channel.rooms or old.room in (channel.groups.allow or ())):
        advice = f"Write {new.room} instead of {old.room} in bots.yaml."
        _log.warning("room_moved_in_bots_yaml", channel=old.channel, old=old.room, new=new.room, advice=advice)
    move = move_of(event, scope.lane)
    # Consumed first, or this event would go along to the new room.
    consume = Consume(event_ids=(row.id,), outcome=f"moved: {new.key}")
    await services.journal.commit(scope.claim, (consume, *([move] if move is not None else [])))
    services.timers_changed()
    await services.wake(scope.lane.replace(old.key, new.key, 1))
    waiting = await services.records.parts(state="pending", channel=old.channel, limit=_LOOKED_THROUGH)
    for conversation in {part.conversation.key for part in waiting if part.conversation.room == new.room}:
        services.outbox.kick(conversation)
