"""People: their accounts, their roles, and what they may do with tools and why."""

from __future__ import annotations

__all__ = ["PeopleOperations", "PersonView", "ToolRight"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from botkit.app.operations.lent_gateway import gateway_of
from botkit.core.data import Data
from botkit.core.errors import Conflict, NotFound
from botkit.core.stores import Person
from botkit.core.tags import SetTags, clean_tags
from botkit.core.tools import Principal

if TYPE_CHECKING:
    from botkit.app.instance import Instance


class ToolRight(Data, omit_defaults=False):
    """Whether a person may call a tool in a workspace, without a bot in between."""

    tool: str
    tool_class: str
    allowed: bool
    why: str
    approve: bool = False
    """A person is asked at each call."""


class PersonView(Data, omit_defaults=False):
    """A person as this revision of bots.yaml sees them."""

    id: str
    name: str
    roles: tuple[str, ...]
    """Those of bots.yaml, of groups, and those granted here."""
    declared: bool
    """Named under `people` in bots.yaml."""
    accounts: tuple[str, ...]
    """`channel:user id`."""
    linked: tuple[str, ...]
    """Accounts that were joined by codes or by the operator."""
    tags: tuple[str, ...]
    """Words that operators and workflows put on them."""
    created_at: int = 0
    tools: tuple[ToolRight, ...] = ()


class PeopleOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self) -> Sequence[PersonView]:
        """Everybody who ever wrote, and everybody in bots.yaml, by name."""
        known = {person.id: self._view(person) for person in await self._i.store.people.list()}
        for name in self._i.configs.current.people:
            known.setdefault(name, self._view(Person(id=name)))
        return sorted(known.values(), key=lambda one: (one.name.casefold(), one.id))

    async def show(self, *, person: str, workspace: str = "") -> PersonView:
        """One person, with every tool of a workspace where one is named. Raises `NotFound`."""
        found = await self._find(person)
        if not workspace:
            return found
        tools, known = await self._rights(found, workspace, start=False)
        if not known:  # its servers were never started
            tools, _ = await self._rights(found, workspace, start=True)
        return msgspec.structs.replace(found, tools=tuple(tools))

    async def _rights(self, person: PersonView, workspace: str, *, start: bool) -> tuple[Sequence[ToolRight], bool]:
        """Every tool of a workspace, and whether tools of its servers are among them."""
        from botkit.gateway.explaining import explain  # the gateway comes with it

        principal = Principal(id=person.id, roles=person.roles)
        rights: list[ToolRight] = []
        known = False
        async with gateway_of(self._i, start=start) as gateway:
            if start:
                await gateway.fleet.refresh("")
            settings = gateway.fleet.settings
            if workspace not in settings.workspaces:
                raise NotFound(f"there is no workspace {workspace}", workspace=workspace)
            for name, listed in gateway.fleet.catalogue.view(workspace).items():
                allowed, why = explain(settings, principal, workspace, listed)
                tool = listed.tool
                known = known or not listed.own
                right = ToolRight(tool=name, tool_class=tool.tool_class, allowed=allowed, why=why, approve=tool.approve)
                rights.append(right)
        return rights, known

    async def link(self, *, person: str, account: str, by: str, via: str = "cli") -> PersonView:
        """Give an account (`channel:user id`) to a person. Raises `NotFound` and `Conflict`."""
        found = await self._find(person)
        channel, user_id = self._account(account)
        people = self._i.store.people
        if await people.get(found.id) is None:
            raise NotFound(f"{found.id} has not written yet; add the account to `people` in bots.yaml")
        await people.link(found.id, channel, user_id)
        await self._changed(by, via, "people.link", found.id, account)
        return await self._find(found.id)

    async def unlink(self, *, account: str, by: str, via: str = "cli") -> PersonView:
        """Let a joined account stand alone again. Raises `NotFound`: it was not joined."""
        channel, user_id = self._account(account)
        alone = await self._i.store.people.unlink(channel, user_id)
        await self._changed(by, via, "people.unlink", alone.id, account)
        return self._view(alone)

    async def role(self, *, person: str, roles: Sequence[str], by: str, via: str = "cli") -> PersonView:
        """Grant these roles beside those of bots.yaml, in place of what was granted before.

        Raises:
            NotFound: no such person or role.
        """
        found = await self._find(person)
        known = self._i.configs.current.roles
        for role in roles:
            if role not in known:
                raise NotFound(f"there is no role {role}; there is: {', '.join(sorted(known))}")
        await self._i.store.people.grant(found.id, roles)
        await self._changed(by, via, "people.role", found.id, ", ".join(roles))
        return await self._find(found.id)

    async def tag(
        self, *, person: str, tags: Sequence[str], remove: bool = False, by: str, via: str = "cli"
    ) -> PersonView:
        """Put tags on a person, or take them away.

        Raises:
            NotFound: no such person, or one of bots.yaml who has not written yet.
            InvalidArguments, LimitReached: a tag cannot be kept.
        """
        found = await self._find(person)
        change = SetTags(
            person_id=found.id, tags=clean_tags(tags), remove=remove, at=self._i.clock.micros(), by=f"{via}:{by}"
        )
        if await self._i.store.people.get(found.id) is None:
            raise NotFound(f"{found.id} has not written yet: there is nobody to tag", person=found.id)
        await self._i.store.people.tag(change)
        await self._changed(by, via, "people.untag" if remove else "people.tag", found.id, ", ".join(change.tags))
        return await self._find(found.id)

    async def _changed(self, by: str, via: str, action: str, target: str, what: str) -> None:
        self._i.engine.people_changed()
        await self._i.audit(by=by, via=via, action=action, target=target, what=what)

    def _account(self, account: str) -> tuple[str, str]:
        channel, _, user_id = account.partition(":")
        if not user_id or channel not in self._i.configs.current.channels:
            raise NotFound(f"{account} is no account; write CHANNEL:USER_ID with a channel of bots.yaml")
        return channel, user_id

    async def _find(self, person: str) -> PersonView:
        """By id, name or account."""
        everybody = await self.list()
        found = [one for one in everybody if person == one.id or person in one.accounts]
        found = found or [one for one in everybody if person.casefold() == one.name.casefold()]
        if not found:
            raise NotFound(f"there is no person {person}; see `botkit people list`", person=person)
        if len(found) > 1:
            raise Conflict(f"several people are called {person}: {', '.join(one.id for one in found)}")
        return found[0]

    def _view(self, person: Person) -> PersonView:
        config = self._i.configs.current
        entry = config.people.get(person.id)
        roles = (*person.roles, *(config.roles_of(person.id) if entry is not None else ()))
        return PersonView(
            id=person.id,
            name=(entry.name if entry is not None else None) or person.name or person.id,
            roles=tuple(dict.fromkeys(roles)) or ("guest",),
            declared=entry is not None,
            accounts=tuple(f"{channel}:{user_id}" for channel, user_id in person.identities),
            linked=tuple(f"{channel}:{user_id}" for channel, user_id in person.linked),
            tags=person.tags,
            created_at=person.created_at,
        )
