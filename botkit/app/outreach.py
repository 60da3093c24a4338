"""Who can be written to, where, and when: people by what is known of their accounts, messages for later as timers."""

from __future__ import annotations

__all__ = ["MESSAGE", "MESSAGE_AGAIN", "InstanceOutreach", "Plans"]

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from botkit.app.configs import ConfigBook
from botkit.core.clock import Clock, to_micros
from botkit.core.errors import BotkitError, InvalidArguments, NotFound
from botkit.core.events import Conversation
from botkit.core.journal import PutTimer, Run
from botkit.core.outreach import SCHEDULED, LastChat, Later, OutreachStore, Planned, Reach
from botkit.core.stores import People, Person
from botkit.engine.ports import Channels
from botkit.engine.workflow_runs import operator_event

MESSAGE = "@message"
"""The graph of a message that is said once."""
MESSAGE_AGAIN = "@message-again"
"""The graph of a message that comes again."""
_KEY = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


class Plans:
    """Messages for later as timers: the part of `Outreach` that needs nobody to be written to."""

    def timer_id(self, run: Run, key: str) -> str:
        """See the port. Bots do not see each other's; neither do workflows without a bot."""
        if not _KEY.fullmatch(key):
            raise InvalidArguments("a key has 1 to 200 printable characters")
        trigger: Mapping[str, Any] = run.input.get("trigger") or {}
        given: Mapping[str, Any] = trigger.get("input") or {}
        owner = run.bot or (str(given.get("owner") or "") if trigger.get("workflow_of") == SCHEDULED else "")
        return f"{SCHEDULED}{owner or '@'}/{key}"

    def timer(self, run: Run, later: Later) -> PutTimer:
        id_ = self.timer_id(run, later.key)
        owner = id_.removeprefix(SCHEDULED).partition("/")[0]
        given = {
            "owner": "" if owner == "@" else owner,
            "key": later.key,
            "message": later.message,
            "cron": later.cron,
            "timezone": later.timezone,
            "until": later.until,
        }
        at = to_micros(later.at)
        trigger = {
            "name": "schedule_message",
            "workflow_of": SCHEDULED,
            "workflow": MESSAGE_AGAIN if later.cron else MESSAGE,
            "due": later.at.isoformat(),
            "input": given,
        }
        # a lane of its own: a message that is slow to send holds up no other
        place = Conversation(channel="@schedule", room="message", thread=id_.removeprefix(SCHEDULED), kind="group")
        event = operator_event(place, f"{id_}@{at}/{run.id}", trigger, later.at)
        return PutTimer(id=id_, at=at, lane=place.key, event=event)

    def next_time(self, cron: str, timezone: str, after: datetime) -> datetime:
        from cronsim import CronSimError  # for the few who plan ahead

        from botkit.engine.schedules import time_after

        try:
            return time_after(cron, timezone, after)
        except (CronSimError, StopIteration, KeyError, ValueError, OSError) as error:
            raise InvalidArguments(f"`{cron[:100]}` in {timezone[:64]} is no time that comes") from error


class InstanceOutreach(Plans):
    """Implements `Outreach`."""

    def __init__(
        self,
        configs: ConfigBook,
        people: People,
        store: OutreachStore,
        channels: Channels,
        clock: Clock,
        *,
        changed: Callable[[], None],
    ):
        self._configs = configs
        self._people = people
        self._store = store
        self._channels = channels
        self._clock = clock
        self.kick = changed

    async def reach(self, person: str, *, bot: str, channel: str = "", to: str = "") -> Reach:
        """See the port."""
        found = await self._find(person)
        if found is None:
            return Reach(status="unreachable", person_id=person)
        if await self._store.opted_out([found.id], bot):
            return Reach(status="opted_out", person_id=found.id)
        chats = await self._store.last_chats(found.id)
        for place in [Conversation.from_key(to, "dm")] if to else self._places(found, chats, bot, channel):
            heard = max((chat.heard_at for chat in chats if chat.conversation == place.key), default=0)
            try:
                window_s = self._channels.renderer(place.channel).capabilities(place).window_s
            except BotkitError:  # the channel is gone, or its adapter cannot be made
                continue
            closed = window_s > 0 and self._clock.micros() - heard > window_s * 1_000_000
            status = "window_closed" if closed else "open"
            return Reach(status=status, person_id=found.id, conversation=place.key, channel=place.channel)
        return Reach(status="unreachable", person_id=found.id)

    async def with_role(self, role: str) -> Sequence[str]:
        declared = {name for name, one in self._configs.current.people.items() if role in one.roles}
        stored = {one.id for one in await self._people.list() if role in one.roles}
        return sorted(declared | (stored - self._configs.current.people.keys()))

    async def planned(self, id_: str) -> Planned | None:
        return await self._store.find_planned(id_)

    async def _find(self, reference: str) -> Person | None:
        found = await self._people.get(reference) if reference else None
        if found is not None:
            return found
        declared = self._configs.current.people.get(reference)
        if declared is not None:
            return Person(id=reference, name=declared.name or reference)
        channel, _, user = reference.partition(":")
        if not user:
            return None
        known = (one for one in await self._people.list() if (channel, user) in one.identities)
        return next(known, None)

    def _places(self, person: Person, chats: Sequence[LastChat], bot: str, channel: str) -> Iterator[Conversation]:
        """Private chats with a person: where they wrote to this bot last, to another one, then those that can be
        begun."""
        running = self._configs.current.channels
        mine = sorted(chats, key=lambda chat: (chat.bot != bot, -chat.heard_at))
        for chat in mine:
            if channel in ("", chat.channel):
                yield Conversation.from_key(chat.conversation, "dm")
        declared = self._configs.current.people.get(person.id)
        accounts = list(person.identities)
        for name, spec in running.items():
            ids = declared.identities.get(name) or declared.identities.get(spec.platform) if declared else None
            accounts += [(name, user) for user in ids or ()]
        for name, user in dict.fromkeys(accounts):
            if name in running and channel in ("", name):
                try:
                    room = self._channels.renderer(name).direct_room(user)
                except (NotFound, BotkitError):
                    continue
                if room:
                    yield Conversation(channel=name, room=room, kind="dm")
