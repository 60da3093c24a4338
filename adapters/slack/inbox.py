"""From a payload to stored events: what it leaves out is looked up, what belongs to another workspace is handed on."""

from __future__ import annotations

__all__ = ["Inbox"]

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, ClassVar, cast
from weakref import WeakValueDictionary

import structlog

from adapters.slack.api import Refused, SlackApi
from adapters.slack.asides import Asides
from adapters.slack.catchup import catch_up
from adapters.slack.known import Known, Person, Said
from adapters.slack.parsing import parse_payload
from adapters.slack.sessions import Sessions
from botkit.sdk import AdapterHost, BotkitError, Event, RateLimited

_log = structlog.get_logger("botkit.slack")

Raw = Mapping[str, Any]

CATCH_UP_WAIT_S = 2.0
"""Real seconds: what was missed comes first, unless that takes longer; new messages must not wait for a rate limit."""


class Inbox:
    """Takes the payloads of one channel.

    Args:
        app: the same for every channel of one app. Slack spreads an app's events over all its connections, whatever
            workspace they come from.
        prompts: offered in a new thread with the assistant.
    """

    _channels: ClassVar[WeakValueDictionary[tuple[str, str], Inbox]] = WeakValueDictionary()
    """(app, workspace) → the channel of it, in this process."""

    def __init__(
        self,
        *,
        channel: str,
        api: SlackApi,
        host: AdapterHost,
        known: Known,
        sessions: Sessions,
        asides: Asides,
        app: str,
        prompts: Sequence[str] = (),
    ):
        self._channel = channel
        self._api = api
        self._host = host
        self._known = known
        self._sessions = sessions
        self._asides = asides
        self._app = app
        self._prompts = prompts
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for key, inbox in list(self._channels.items()):
            if inbox is self:
                del self._channels[key]
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def introduced(self) -> None:
        """It is known who we are: be found by other channels of the app, and remember where the bot talks."""
        self._channels[(self._app, self._known.me.team)] = self
        await self._learn_people({self._known.me.user})
        for event in await self._host.heard():
            place = event.conversation
            if place.thread and event.addressed in {"mention", "reply"}:
                # The bot was talked with there before this process began.
                self._known.learn_thread(place.room, place.thread, Said(place.thread, ""))
            if event.kind == "message" and event.addressed != "none":
                self._sessions.heard(place, event.message_id, older=True)

    def parse(self, payload: Raw) -> Sequence[Event]:
        return parse_payload(self._channel, self._known, payload, self._host.clock.now())

    async def take(self, payload: Raw) -> None:
        """Store what a payload means. Raises `StoreError` when it could not be stored."""
        inbox = self._channels.get((self._app, _team_of(payload)), self)
        await inbox._take(payload)  # noqa: SLF001 - another of this class

    async def _take(self, payload: Raw) -> None:
        try:
            await self._look_up(payload)
        except Exception as error:  # what it leaves out must not keep it from being stored
            _log.debug("slack_lookup_failed", channel=self._channel, detail=type(error).__name__)
        self._asides.learn(payload)
        for event in self.parse(payload):
            fresh = await self._host.accept(event)
            place = event.conversation
            if event.sender.is_self and place.thread:
                self._known.learn_thread(place.room, place.thread, Said(event.message_id, event.text))
            elif fresh and event.kind == "thread_started":
                self._later(self._sessions.began(place, self._prompts))
            elif fresh and event.kind == "message" and event.addressed != "none":
                self._sessions.heard(place, event.message_id)
                self._later(self._sessions.asked(place, event.text))

    async def catch_up(self) -> None:
        """Read what was written since the last message the host has of each conversation."""
        reading = self._later(self._catch_up())
        await asyncio.wait({reading}, timeout=CATCH_UP_WAIT_S)

    async def _catch_up(self) -> None:
        try:
            async for payload in catch_up(self._api, await self._host.heard(), self._host.clock):
                await self._take(payload)
        except BotkitError as error:
            _log.warning("slack_not_caught_up", channel=self._channel, code=error.code, detail=str(error))

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- what payloads leave out ------------------------------------------------------------------------

    async def _look_up(self, payload: Raw) -> None:
        event = cast("Raw", payload.get("event") or {})
        message = cast("Raw", event.get("message") or event)
        user = cast("Raw", payload.get("user") or {})
        thread_of = cast("Raw", event.get("assistant_thread") or payload)
        people = {str(message.get("user") or user.get("id") or thread_of.get("user_id") or "")}
        text = str(message.get("text") or "")
        people |= {piece.partition(">")[0].partition("|")[0] for piece in text.split("<@")[1:]}
        await self._learn_people(people - {""})
        room, thread = str(event.get("channel") or ""), str(message.get("thread_ts") or "")
        if room and thread and not self._known.knows_thread(room, thread):
            await self._learn_thread(room, thread)

    async def _learn_people(self, numbers: set[str]) -> None:
        for number in numbers:
            if self._known.person(number) is not None or not number.startswith(("U", "W")):
                continue
            try:
                found = await self._api.call("users.info", safe=True, user=number, include_locale=True)
                self._known.learn_person(Person.of(cast("Raw", found["user"])))
            except (Refused, RateLimited) as error:
                _log.debug("slack_person_unknown", channel=self._channel, detail=str(error))
                if isinstance(error, Refused):
                    self._known.learn_person(Person(number))

    async def _learn_thread(self, room: str, thread: str) -> None:
        """Whether the bot talks in a thread nobody told us of."""
        found = await self._api.call("conversations.replies", safe=True, channel=room, ts=thread, limit=100)
        mine = {self._known.me.user, self._known.me.bot} - {""}
        said: Said | None = None
        for message in cast("list[Raw]", found.get("messages") or []):
            if {str(message.get("user", "")), str(message.get("bot_id", ""))} & mine:
                said = Said(str(message["ts"]), str(message.get("text") or ""))
        self._known.learn_thread(room, thread, said)


def _team_of(payload: Raw) -> str:
    """The workspace whose installation of the app a payload is for; empty when it does not say."""
    match payload:
        case {"authorizations": [{"team_id": str(team)}, *_]}:
            return team
        case {"team": {"id": str(team)}} | {"team_id": str(team)}:
            return team
        case _:
            return ""
