"""What platforms report of messages they took: delivered after all, or refused later."""

from __future__ import annotations

__all__ = ["note_report"]

import structlog

from botkit.core.events import Event
from botkit.core.journal import SetPart, Write
from botkit.engine.services import Services

_log = structlog.get_logger("botkit.engine")

_ARRIVED = ("sent", "delivered", "read", "played")


async def note_report(services: Services, event: Event) -> tuple[tuple[Write, ...], str]:
    """What a `delivery_status` event changes, and its outcome for the record.

    `event.text` names the part, as it travelled with the message. A report may come before the answer to the send, or
    instead of it; then it tells what became of a part that would be unknown. Reports that say less than is known
    already change nothing.
    """
    part = await services.records.part(event.text) if event.text else None
    if part is None or part.conversation.channel != event.channel:
        return (), f"ignored: a report ({event.status}) of a message that is not in the outbox"
    now = services.clock.micros()
    if event.status == "failed":
        if part.state == "failed":
            return (), "known: failed"
        _log.error("part_refused_later", part=part.id, channel=event.channel, detail=event.detail)
        services.outbox.refused(part.id)
        states = ("sending", "sent", "unknown")
        error = f"refused after it was taken: {event.detail or 'no reason given'}"
        failed = SetPart(
            part_id=part.id, state="failed", at=now, message_id=event.target_id, error=error, if_state=states
        )
        return (failed,), f"failed: {event.detail}"
    if event.status in _ARRIVED:
        if part.state == "sending":
            services.outbox.arrived(part.id, event.target_id)
        elif part.state == "unknown":
            sent = SetPart(part_id=part.id, state="sent", at=now, message_id=event.target_id, if_state=("unknown",))
            return (sent,), f"settled: {event.status}"
    return (), f"known: {event.status}"
