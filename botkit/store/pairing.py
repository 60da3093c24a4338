"""Pairing codes: how the operator lets an unknown account in."""

from __future__ import annotations

__all__ = ["MAX_OPEN_PER_CHANNEL", "SqlPairing"]

import secrets
from collections.abc import Sequence

from sqlalchemy import func, select, update

from botkit.core.clock import Clock
from botkit.core.errors import LimitReached, NotFound
from botkit.core.events import User
from botkit.core.journal import Signal
from botkit.core.stores import PairingCode
from botkit.store.codec import clean
from botkit.store.query import Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.rows import Row
from botkit.store.schema import accounts, pairing_codes
from botkit.store.signals import announce
from botkit.store.writer import Writer

MAX_OPEN_PER_CHANNEL = 100
"""A crowd of strangers must not bury the one request the operator waits for."""

_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without 0/O, 1/I/L and U: a code is read aloud and typed by hand. 30^8 codes are 39 bits."""
_LENGTH = 8
_CODE = tuple(column for column in pairing_codes.c if column.name != "decided_by")

_FIND_OPEN = Query(
    "channel user_id now",
    lambda _: select(*_CODE).where(
        pairing_codes.c.channel == arg("channel"),
        pairing_codes.c.user_id == arg("user_id"),
        pairing_codes.c.state == const("open"),
        pairing_codes.c.expires_at > arg("now"),
    ),
)
_COUNT_OPEN = Query(
    "channel now",
    lambda _: (
        select(func.count())
        .select_from(pairing_codes)
        .where(
            pairing_codes.c.channel == arg("channel"),
            pairing_codes.c.state == const("open"),
            pairing_codes.c.expires_at > arg("now"),
        )
    ),
)
_ADD = Query(
    "code channel user_id name person_id created_at expires_at",
    lambda insert: insert(pairing_codes).values(
        code=arg("code"),
        channel=arg("channel"),
        user_id=arg("user_id"),
        name=arg("name"),
        person_id=arg("person_id"),
        created_at=arg("created_at"),
        expires_at=arg("expires_at"),
        state=const("open"),
    ),
)
_EXPIRE = Query(
    "now",
    lambda _: (
        update(pairing_codes)
        .values(state=const("expired"))
        .where(pairing_codes.c.state == const("open"), pairing_codes.c.expires_at <= arg("now"))
    ),
)
_APPROVE = Query(
    "by code now",
    lambda _: (
        update(pairing_codes)
        .values(state=const("approved"), decided_by=arg("by"))
        .where(
            pairing_codes.c.code == arg("code"),
            pairing_codes.c.state == const("open"),
            pairing_codes.c.expires_at > arg("now"),
        )
        .returning(*_CODE)
    ),
)
_LET_IN = Query(
    "channel user_id by now",
    lambda insert: (
        insert(accounts)
        .values(channel=arg("channel"), user_id=arg("user_id"), allowed_by=arg("by"), allowed_at=arg("now"))
        .on_conflict_do_nothing()
    ),
)
_ALLOWED = Query(
    "channel user_id",
    lambda _: select(const(1)).where(accounts.c.channel == arg("channel"), accounts.c.user_id == arg("user_id")),
)


class SqlPairing:
    """Implements `botkit.core.stores.PairingStore`."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, *, owner: str):
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._owner = owner

    async def request(self, channel: str, user: User, person_id: str, *, ttl_s: float) -> tuple[PairingCode, bool]:
        """The open code of this account, or a new one; True when it is new.

        Raises:
            LimitReached: too many strangers wait on this channel; say nothing and let codes expire.
        """
        now = self._clock.micros()
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        user_id, name = clean(user.id), clean(user.name or user.username)

        def unit(tx: Tx) -> tuple[PairingCode, bool]:
            tx(_EXPIRE, now)
            row = tx(_FIND_OPEN, channel, user_id, now).fetchone()
            if row is not None:
                return _read(row, now), False
            counted = tx(_COUNT_OPEN, channel, now).fetchone()
            if counted is not None and counted[0] >= MAX_OPEN_PER_CHANNEL:
                raise LimitReached(
                    f"{MAX_OPEN_PER_CHANNEL} pairing codes are open on {channel}; approve or let them expire first",
                    limit="pairing_codes",
                    value=MAX_OPEN_PER_CHANNEL,
                )
            tx(_ADD, code, channel, user_id, name, person_id, now, now + int(ttl_s * 1_000_000))
            added = tx(_FIND_OPEN, channel, user_id, now).fetchone()
            assert added is not None
            return _read(added, now), True

        return await self._writer.run(unit)

    async def approve(self, code: str, *, by: str) -> PairingCode:
        now = self._clock.micros()
        typed = "".join(code.upper().split()).replace("-", "")

        def unit(tx: Tx) -> PairingCode:
            row = tx(_APPROVE, clean(by), typed, now).fetchone()
            if row is None:
                raise NotFound("this pairing code is unknown, used or expired; ask for a new message from that account")
            approved = _read(row, now)
            tx(_LET_IN, approved.channel, approved.user_id, clean(by), now)
            announce(tx, Signal(kind="people"), sender=self._owner)
            return approved

        return await self._writer.run(unit)

    async def is_allowed(self, channel: str, user_id: str) -> bool:
        return await self._writer.run(lambda tx: tx(_ALLOWED, channel, clean(user_id)).fetchone() is not None)

    async def list(self) -> Sequence[PairingCode]:
        """Newest first."""
        now = self._clock.micros()
        statement = select(*_CODE).order_by(pairing_codes.c.created_at.desc(), pairing_codes.c.code)
        return [_read(row, now) for row in await self._reader.all(statement)]


def _read(row: Row, now: int) -> PairingCode:
    code, channel, user_id, name, person_id, created_at, expires_at, state = row
    return PairingCode(
        code=code,
        channel=channel,
        user_id=user_id,
        name=name,
        person_id=person_id,
        created_at=created_at,
        expires_at=expires_at,
        state="expired" if state == "open" and expires_at <= now else state,
    )
