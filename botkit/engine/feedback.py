"""Reactions to answers: thumbs up and down are kept with the run that wrote the message."""

from __future__ import annotations

__all__ = ["note_reaction", "verdict_of"]

import re
from typing import Literal

from botkit.core.events import Event
from botkit.engine.services import Services

_UP = frozenset("👍❤♥🔥🎉😍👏🙏💯😊🥰🤩🏆") | {"up", "+1"}
_DOWN = frozenset("👎💩😡🤬🤮😠😢💔🤦") | {"down", "-1"}
_TONES = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


def verdict_of(emoji: str) -> Literal["up", "down", ""]:
    """What a reaction says of an answer; empty where it says nothing certain."""
    plain = _TONES.sub("", emoji)
    return "up" if plain in _UP else "down" if plain in _DOWN else ""


async def note_reaction(services: Services, event: Event) -> tuple[str, str]:
    """The outcome for the record, and the run it belongs to: `feedback: up`, `feedback: down`, or `feedback: none`
    when a reaction was taken back. The newest of a person counts."""
    part = await services.records.sent(event.channel, event.conversation.room, event.target_id)
    if part is None or not part.run_id:
        return "ignored: reaction", ""
    if not event.status:
        return "feedback: none", part.run_id
    verdict = verdict_of(event.status)
    return (f"feedback: {verdict}" if verdict else "ignored: reaction"), part.run_id
