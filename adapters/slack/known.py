"""What Slack's events leave out: the names of people, and whether the bot talks in a thread."""

from __future__ import annotations

__all__ = ["Known", "Me", "Person", "Said"]

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

Raw = Mapping[str, Any]

_KEPT = 20_000


class Me(NamedTuple):
    """The app's own account, from `auth.test`."""

    user: str = ""
    bot: str = ""
    team: str = ""


class Person(NamedTuple):
    id: str
    name: str = ""
    username: str = ""
    is_bot: bool = False
    locale: str = ""
    timezone: str = ""
    team: str = ""

    @classmethod
    def of(cls, user: Raw) -> Person:
        """From `users.info`."""
        profile = cast("Raw", user.get("profile") or {})
        name = profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name")
        return cls(
            id=str(user["id"]),
            name=str(name or ""),
            username=str(user.get("name") or ""),
            is_bot=bool(user.get("is_bot")),
            locale=str(user.get("locale") or ""),
            timezone=str(user.get("tz") or ""),
            team=str(user.get("team_id") or ""),
        )


class Said(NamedTuple):
    """The bot's newest message in a thread."""

    ts: str
    text: str


class Known:
    """Caches; the adapter fills them before it parses."""

    def __init__(self) -> None:
        self.me = Me()
        self.commands: frozenset[str] = frozenset()
        """Names of the commands every bot understands."""
        self._people: OrderedDict[str, Person] = OrderedDict()
        self._threads: OrderedDict[tuple[str, str], Said | None] = OrderedDict()

    def person(self, number: str) -> Person | None:
        return self._people.get(number)

    def learn_person(self, person: Person) -> None:
        _keep(self._people, person.id, person)

    def team_of(self, number: str) -> str:
        """The workspace of a person: another one for people who are here through a shared channel."""
        found = self.person(number)
        return (found.team if found is not None else "") or self.me.team

    def knows_thread(self, channel: str, thread: str) -> bool:
        return (channel, thread) in self._threads

    def said(self, channel: str, thread: str) -> Said | None:
        """What the bot said last in a thread; None when it is not part of it, or nobody knows."""
        return self._threads.get((channel, thread))

    def learn_thread(self, channel: str, thread: str, said: Said | None) -> None:
        _keep(self._threads, (channel, thread), said)


def _keep(table: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > _KEPT:
        table.popitem(last=False)
