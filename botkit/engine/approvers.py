"""Where approvers are asked: in a room for them, or each in private, as `settings.approvals` says."""

from __future__ import annotations

__all__ = ["Place", "places_to_ask"]

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botkit.core.errors import NotFound
from botkit.core.events import Conversation
from botkit.core.journal import Wait
from botkit.engine.ports import Channels
from botkit.engine.questions import may_decide

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.sdk.adapter import Adapter


@dataclass(frozen=True, slots=True)
class Place:
    conversation: Conversation
    locale: str = ""
    """Of the only person there; empty in a room."""
    person: str = ""
    """The only person there, as named in bots.yaml; empty in a room."""


def places_to_ask(config: Config, channels: Channels, wait: Wait) -> list[Place]:
    """The conversations a request goes to; none: it is asked in the conversation of the run.

    That is also so while the approvers' channel is off, and when nobody who may decide can be written to there:
    a question nobody sees would only ever expire.
    """
    name, room = config.settings.approvals.channel, config.settings.approvals.room
    channel = config.channels.get(name or "")
    if name is None or channel is None or channel.enabled is False:
        return []
    try:
        adapter = channels.renderer(name)
    except NotFound:
        return []
    direct = list(_private_chats(config, name, channel.platform, adapter, wait))
    if room is None:
        return direct
    own = next((place for place in direct if place.conversation.room == room), None)
    return [own or Place(Conversation(channel=name, room=room, kind="group"))]


def _private_chats(config: Config, channel: str, platform: str, adapter: Adapter, wait: Wait) -> Iterator[Place]:
    """Private chats with the people of bots.yaml who may decide."""
    for key, person in config.people.items():
        if not may_decide(wait, key, config.roles_of(key)):
            continue
        ids = person.identities.get(channel) or person.identities.get(platform) or ()
        for user_id in ids:
            if room := adapter.direct_room(user_id):
                yield Place(Conversation(channel=channel, room=room, kind="dm"), person.locale or "", key)
