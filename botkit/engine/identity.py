"""Who is writing: one person behind any number of platform accounts, and the roles they have."""

from __future__ import annotations

__all__ = ["SANDBOX", "Identities", "Known"]

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from botkit.core.events import Event
from botkit.core.stores import People, Person

if TYPE_CHECKING:
    from botkit.core.config import Config

SANDBOX = "sandbox"
"""The channel of the page, the terminal and `botkit chat`: only whoever operates the instance reaches it."""

_CACHE_LIMIT = 50_000


@dataclass(frozen=True, slots=True)
class Known:
    """A person as this revision of the configuration sees them."""

    person: Person
    roles: tuple[str, ...]
    declared: bool
    """Named under `people:` in bots.yaml."""
    ranked: bool = True
    """Somebody said which roles they have; else they are a guest until the operator lets them in."""

    def let_in(self) -> Known:
        """A person the operator let in: a member, unless it is said what they are."""
        return self if self.ranked else replace(self, roles=("member",), ranked=True)

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles


class Identities:
    """Finds the person behind an event; answers from memory after the first time."""

    def __init__(self, people: People):
        self.people = people
        self._cache: dict[tuple[str, str, str, str], Known] = {}
        self._accounts: dict[str, list[tuple[str, str, str, str]]] = {}
        self._config_id = 0
        self._forgotten = 0
        """How often: what was being looked up meanwhile may be out of date."""

    async def resolve(self, event: Event, config: Config) -> Known:
        """The person who sent this; created at first contact, as `guest` unless bots.yaml says more."""
        if id(config) != self._config_id:
            self.forget()
            self._config_id = id(config)
        key = (event.channel, event.sender.id, event.sender.name, event.sender.locale)
        known = self._cache.get(key)
        if known is None:
            if len(self._cache) >= _CACHE_LIMIT:
                self.forget()
            forgotten = self._forgotten
            known = await self._resolve(event, config)
            if forgotten == self._forgotten:
                self._cache[key] = known
                self._accounts.setdefault(known.person.id, []).append(key)
        return known

    def forget(self, person_id: str = "") -> None:
        """Roles, names or links changed: of one person, or of anybody."""
        self._forgotten += 1
        if not person_id:
            self._cache.clear()
            self._accounts.clear()
        for key in self._accounts.pop(person_id, ()):
            self._cache.pop(key, None)

    async def _resolve(self, event: Event, config: Config) -> Known:
        channel = config.channels.get(event.channel)
        platform = channel.platform if channel is not None else event.channel
        name = _declared(config, event, platform)
        person = await self.people.resolve(event.channel, event.sender, as_person=name)
        if not name and person.id in config.people and (event.channel, event.sender.id) in person.linked:
            name = person.id  # joined with an account that bots.yaml names
        roles = list(person.roles)
        if name:
            declared = config.people[name]
            roles.extend(config.roles_of(name))
            person = msgspec.structs.replace(
                person,
                name=declared.name or person.name,
                locale=declared.locale or person.locale,
                timezone=declared.timezone or person.timezone,
            )
        elif event.channel == SANDBOX and event.sender.id == "operator":
            roles.append("admin")
        known = tuple(dict.fromkeys(roles)) or ("guest",)
        return Known(person=person, roles=known, declared=bool(name), ranked=bool(roles))


def _declared(config: Config, event: Event, platform: str) -> str:
    """The name under `people:` that claims this account; the sandbox takes names at their word."""
    if event.channel == SANDBOX and event.sender.id in config.people:
        return event.sender.id
    for name, person in config.people.items():
        for where, ids in person.identities.items():
            if where in (event.channel, platform) and event.sender.id in ids:
                return name
    return ""
