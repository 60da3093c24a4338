"""People and their platform accounts."""

from __future__ import annotations

__all__ = ["SqlPeople"]

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import select, update

from botkit.core.clock import Clock
from botkit.core.data import decode
from botkit.core.errors import Conflict, NotFound
from botkit.core.events import User
from botkit.core.ids import new_id
from botkit.core.journal import Signal
from botkit.core.linking import LinkStep
from botkit.core.stores import Person
from botkit.core.tags import SetTags
from botkit.store import linking
from botkit.store.codec import clean, dump
from botkit.store.joining import ACCOUNTS, MOVE_ACCOUNT, move_account
from botkit.store.query import Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.rows import Row
from botkit.store.schema import (
    identities,
    links,
    people,
    tags,
    welcomes,
)
from botkit.store.signals import announce
from botkit.store.writer import Writer
from botkit.store.writes import Act, apply_write
from botkit.store.writes.tags import TAGS_OF

_PERSON = tuple(people.c)
_GET = Query("id", lambda _: select(*_PERSON).where(people.c.id == arg("id")))
_ACCOUNT = Query(
    "channel user_id",
    lambda _: select(identities.c.person_id, identities.c.name, identities.c.username, identities.c.aliases).where(
        identities.c.channel == arg("channel"), identities.c.user_id == arg("user_id")
    ),
)
_WELCOMED = Query(
    "person_id",
    lambda _: select(welcomes.c.bot).where(welcomes.c.person_id == arg("person_id")).order_by(welcomes.c.bot),
)
_ADD = Query(
    "id name locale timezone created_at",
    lambda insert: (
        insert(people)
        .values(
            id=arg("id"),
            name=arg("name"),
            roles=const("[]"),
            locale=arg("locale"),
            timezone=arg("timezone"),
            created_at=arg("created_at"),
        )
        .on_conflict_do_nothing(index_elements=["id"])
    ),
)
_ADD_ACCOUNT = Query(
    "channel user_id person_id name username aliases linked_at",
    lambda insert: (
        insert(identities)
        .values({column.name: arg(column.name) for column in identities.c})
        .on_conflict_do_nothing(index_elements=["channel", "user_id"])
    ),
)
_RENAME_ACCOUNT = Query(
    "name username aliases channel user_id",
    lambda _: (
        update(identities)
        .values(name=arg("name"), username=arg("username"), aliases=arg("aliases"))
        .where(identities.c.channel == arg("channel"), identities.c.user_id == arg("user_id"))
    ),
)
_UPDATE = Query(
    "name locale timezone id",
    lambda _: (
        update(people)
        .values(name=arg("name"), locale=arg("locale"), timezone=arg("timezone"))
        .where(people.c.id == arg("id"))
    ),
)
_SET_ROLES = Query("roles id", lambda _: update(people).values(roles=arg("roles")).where(people.c.id == arg("id")))
_WELCOME = Query(
    "person_id bot",
    lambda insert: insert(welcomes).values(person_id=arg("person_id"), bot=arg("bot")).on_conflict_do_nothing(),
)


class SqlPeople:
    """Implements `botkit.core.stores.People`."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, *, owner: str):
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._owner = owner

    async def resolve(self, channel: str, user: User, *, as_person: str = "") -> Person:
        now = self._clock.micros()
        user_id, name, username = clean(user.id), clean(user.name), clean(user.username)
        locale, timezone, aliases = clean(user.locale), clean(user.timezone), dump(user.aliases)

        def unit(tx: Tx) -> Person:
            row = tx(_ACCOUNT, channel, user_id).fetchone()
            if row is None:
                new = as_person or new_id("per")
                if tx(_ADD_ACCOUNT, channel, user_id, new, name, username, aliases, now).rowcount == 1:
                    tx(_ADD, new, name or username, locale, timezone, now)
                row = tx(_ACCOUNT, channel, user_id).fetchone()  # another process may have been faster
            assert row is not None
            person_id, known_name, known_username, known_aliases = row
            if as_person and person_id != as_person:
                tx(_ADD, as_person, name or username, locale, timezone, now)
                move_account(tx, channel, user_id, person_id, as_person, now)
                linking.drop_link(tx, channel, user_id)
                self._announce(tx)
                person_id = as_person
            if (known_name, known_username, known_aliases) != (name, username, aliases):
                tx(_RENAME_ACCOUNT, name, username, aliases, channel, user_id)
            person = _load(tx, person_id)
            assert person is not None
            # A person is called as the platform calls them, until somebody with two accounts is called twice.
            called = name if name and person.name in ("", known_name, known_username) else person.name
            wanted = (called, locale or person.locale, timezone or person.timezone)
            if wanted != (person.name, person.locale, person.timezone):
                tx(_UPDATE, *wanted, person_id)
                person = _load(tx, person_id)
                assert person is not None
            return person

        return await self._writer.run(unit)

    async def get(self, person_id: str) -> Person | None:
        return await self._writer.run(lambda tx: _load(tx, person_id))

    async def list(self) -> Sequence[Person]:
        rows = await self._reader.all(select(*_PERSON).order_by(people.c.created_at, people.c.id))
        accounts_of: dict[str, list[tuple[str, str]]] = {}
        welcomed_by: dict[str, list[str]] = {}
        for person_id, channel, user_id in await self._reader.all(
            select(identities.c.person_id, identities.c.channel, identities.c.user_id).order_by(
                identities.c.linked_at, identities.c.channel, identities.c.user_id
            )
        ):
            accounts_of.setdefault(person_id, []).append((channel, user_id))
        for person_id, bot in await self._reader.all(select(welcomes.c.person_id, welcomes.c.bot)):
            welcomed_by.setdefault(person_id, []).append(bot)
        joined: dict[str, list[tuple[str, str]]] = {}
        for person_id, channel, user_id in await self._reader.all(
            select(links.c.person_id, links.c.channel, links.c.user_id)
        ):
            joined.setdefault(person_id, []).append((channel, user_id))
        tagged: dict[str, list[str]] = {}
        for person_id, tag in await self._reader.all(select(tags.c.person_id, tags.c.tag)):
            tagged.setdefault(person_id, []).append(tag)
        return [
            _read(
                row,
                accounts_of.get(row[0], []),
                welcomed_by.get(row[0], []),
                joined.get(row[0], []),
                tagged.get(row[0], []),
            )
            for row in rows
        ]

    async def grant(self, person_id: str, roles: Sequence[str]) -> None:
        """Set the roles of a person. Raises `NotFound`."""
        text = dump(sorted(set(roles)))

        def unit(tx: Tx) -> None:
            if tx(_SET_ROLES, text, person_id).rowcount != 1:
                raise NotFound(f"there is no person {person_id}", person=person_id)
            self._announce(tx)

        await self._writer.run(unit)

    async def tag(self, change: SetTags) -> Sequence[str]:
        act = Act(owner="", now=self._clock.micros())

        def unit(tx: Tx) -> Sequence[str]:
            if tx(_GET, change.person_id).fetchone() is None:
                raise NotFound(f"there is no person {change.person_id}", person=change.person_id)
            apply_write(tx, change, act)
            return [tag for (tag,) in tx(TAGS_OF, change.person_id).fetchall()]

        return await self._writer.run(unit)

    async def mark_welcomed(self, person_id: str, bot: str) -> bool:
        return await self._writer.execute(_WELCOME, person_id, bot) == 1

    async def offer_link(self, channel: str, user_id: str, digest: str, *, ttl_s: float) -> None:
        now = self._clock.micros()
        expires_at = now + int(ttl_s * 1_000_000)
        await self._writer.run(lambda tx: linking.offer(tx, channel, user_id, digest, now, expires_at))

    async def take_link(
        self, channel: str, user_id: str, digest: str, *, reply_digest: str, declared: Collection[str]
    ) -> LinkStep:
        now, account = self._clock.micros(), (channel, user_id)

        def unit(tx: Tx) -> LinkStep:
            found = linking.find(tx, digest, now)
            if found is None or (found.other[0] and account not in (found.account, found.other)):
                return LinkStep(state="unknown")
            answers = digest == found.reply_digest
            if account == (found.other if answers else found.account):
                return LinkStep(state="own")
            there = found.other if answers else found.account
            mine, theirs = _holder(tx, account), _holder(tx, there)
            if mine is None or theirs is None or (answers and account != found.account):
                return LinkStep(state="unknown")
            step = LinkStep(state="taken", channel=there[0], name=theirs.name)
            if mine.id == theirs.id:
                return msgspec.structs.replace(step, state="same", person_id=mine.id)
            if mine.id in declared and theirs.id in declared:
                return msgspec.structs.replace(step, state="conflict")
            if not answers:
                linking.take(tx, found, account, reply_digest)
                return step
            linking.use(tx, found)
            keeps = next((one for one in (mine, theirs) if one.id in declared), None)
            stays = keeps.id if keeps is not None else linking.older_of(tx, mine.id, theirs.id)
            goes = theirs if stays == mine.id else mine
            for one in goes.identities:
                move_account(tx, *one, goes.id, stays, now)
                linking.note_link(tx, *one, stays, goes.id, now)
            self._announce(tx)
            return msgspec.structs.replace(step, state="joined", person_id=stays, was=goes.id)

        return await self._writer.run(unit)

    async def unlink(self, channel: str, user_id: str) -> Person:
        now = self._clock.micros()

        def unit(tx: Tx) -> Person:
            holder = _holder(tx, (channel, user_id))
            if holder is None or linking.own_link(tx, channel, user_id) is None:
                raise NotFound(f"{channel}:{user_id} was not joined with anybody")
            alone = new_id("per")
            row = tx(_ACCOUNT, channel, user_id).fetchone()
            assert row is not None
            tx(_ADD, alone, row[1] or row[2], holder.locale, holder.timezone, now)
            tx(MOVE_ACCOUNT, alone, now, channel, user_id)
            linking.drop_link(tx, channel, user_id)
            self._announce(tx)
            person = _load(tx, alone)
            assert person is not None
            return person

        return await self._writer.run(unit)

    async def link(self, person_id: str, channel: str, user_id: str) -> None:
        """Move an account to a person, with everything that was done as that account when it stood alone.

        Raises:
            NotFound: there is no such person.
            Conflict: the account belongs to somebody else who has other accounts or roles.
        """
        now = self._clock.micros()

        def unit(tx: Tx) -> None:
            if _load(tx, person_id) is None:
                raise NotFound(f"there is no person {person_id}", person=person_id)
            row = tx(_ACCOUNT, channel, user_id).fetchone()
            if row is None:
                tx(_ADD_ACCOUNT, channel, user_id, person_id, "", "", "{}", now)
                linking.note_link(tx, channel, user_id, person_id, "", now)
                self._announce(tx)
                return
            holder = _load(tx, row[0])
            if row[0] == person_id:
                return
            if holder is not None and (holder.roles or len(holder.identities) > 1):
                raise Conflict(
                    f"{channel}:{user_id} belongs to {holder.name or holder.id}; unlink it there first",
                    person=holder.id,
                )
            move_account(tx, channel, user_id, row[0], person_id, now)
            linking.note_link(tx, channel, user_id, person_id, row[0], now)
            self._announce(tx)

        await self._writer.run(unit)

    def _announce(self, tx: Tx) -> None:
        """Others keep in mind who has which account and roles."""
        announce(tx, Signal(kind="people"), sender=self._owner)


def _holder(tx: Tx, account: tuple[str, str]) -> Person | None:
    """Who has an account."""
    row = tx(_ACCOUNT, *account).fetchone()
    return _load(tx, row[0]) if row is not None else None


def _load(tx: Tx, person_id: str) -> Person | None:
    row = tx(_GET, person_id).fetchone()
    if row is None:
        return None
    found = [(channel, user_id) for channel, user_id in tx(ACCOUNTS, person_id).fetchall()]
    joined = [(channel, user_id) for channel, user_id in tx(linking.LINKED, person_id).fetchall()]
    welcomed = [bot for (bot,) in tx(_WELCOMED, person_id).fetchall()]
    return _read(row, found, welcomed, joined, [tag for (tag,) in tx(TAGS_OF, person_id).fetchall()])


def _read(
    row: Row,
    found: Sequence[tuple[str, str]],
    welcomed: Sequence[str],
    joined: Sequence[tuple[str, str]],
    tagged: Sequence[str],
) -> Person:
    id_, name, roles, locale, timezone, created_at = row
    return Person(
        id=id_,
        name=name,
        roles=decode(roles, tuple[str, ...]),
        locale=locale,
        timezone=timezone,
        identities=tuple(found),
        created_at=created_at,
        welcomed=tuple(sorted(welcomed)),
        linked=tuple(joined),
        tags=tuple(sorted(tagged)),
    )
