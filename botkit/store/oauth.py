"""Codes and refresh tokens of OAuth clients."""

from __future__ import annotations

__all__ = ["SqlOAuthKeys", "end_family"]

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import delete, select, update

from botkit.core.data import decode
from botkit.core.oauth import OAuthKey, Spent
from botkit.store.codec import clean, dump
from botkit.store.query import Query, Tx, arg, const
from botkit.store.rows import Row
from botkit.store.schema import oauth_keys, tokens
from botkit.store.writer import Writer
from botkit.store.writes.registry import insert_row

_FIELDS = (
    "kind family workspace member_id client redirect_uri challenge allow deny per_minute per_month created_at "
    "expires_at"
)
_COLUMNS = tuple(oauth_keys.c[name] for name in _FIELDS.split())
_ADD = Query(f"digest {_FIELDS}", lambda insert: insert_row(insert, oauth_keys, f"digest {_FIELDS}"))
_SPEND = Query(
    "at digest kind now",
    lambda _: (
        update(oauth_keys)
        .values(used_at=arg("at"))
        .where(
            oauth_keys.c.digest == arg("digest"),
            oauth_keys.c.kind == arg("kind"),
            oauth_keys.c.used_at == const(0),
            oauth_keys.c.expires_at > arg("now"),
        )
        .returning(*_COLUMNS)
    ),
)
_USED = Query(
    "digest kind",
    lambda _: select(*_COLUMNS).where(
        oauth_keys.c.digest == arg("digest"), oauth_keys.c.kind == arg("kind"), oauth_keys.c.used_at > const(0)
    ),
)
_END_KEYS = Query(
    "at family",
    lambda _: (
        update(oauth_keys)
        .values(used_at=arg("at"))
        .where(oauth_keys.c.family == arg("family"), oauth_keys.c.used_at == const(0))
    ),
)
_END_TOKENS = Query(
    "at by family",
    lambda _: (
        update(tokens)
        .values(revoked_at=arg("at"), revoked_by=arg("by"))
        .where(tokens.c.family == arg("family"), tokens.c.family != const(""), tokens.c.revoked_at == const(0))
        .returning(tokens.c.id)
    ),
)
_EXPIRE = Query("before", lambda _: delete(oauth_keys).where(oauth_keys.c.expires_at < arg("before")))


_EXPIRE_TOKENS = Query(
    "before",
    lambda _: delete(tokens).where(
        tokens.c.origin == const("oauth"), tokens.c.expires_at > const(0), tokens.c.expires_at < arg("before")
    ),
)
_OVER = Query("digest", lambda _: select(const(1)).where(oauth_keys.c.digest == arg("digest")))
_MARK = Query(
    "digest family at expires_at",
    lambda insert: (
        insert(oauth_keys)
        .values(
            digest=arg("digest"),
            kind=const("ended"),
            family=arg("family"),
            deny=const("[]"),
            used_at=arg("at"),
            expires_at=arg("expires_at"),
        )
        .on_conflict_do_nothing()
    ),
)
_MARKED_MICROS = 90 * 86_400 * 1_000_000
"""Longer than any key lives."""


def end_family(tx: Tx, family: str, *, by: str, at: int) -> Sequence[str]:
    """End every key and token of a family and leave a mark; the ids of the tokens that ended now."""
    if not family:
        return []
    tx(_MARK, f"ended:{family}", family, at, at + _MARKED_MICROS)
    tx(_END_KEYS, at, family)
    return [row[0] for row in tx(_END_TOKENS, at, clean(by), family).fetchall()]


class SqlOAuthKeys:
    """Implements `botkit.core.oauth.OAuthKeys`."""

    def __init__(self, writer: Writer):
        self._writer = writer

    async def add(self, key: OAuthKey, digest: str) -> None:
        values = (
            key.kind,
            key.family,
            key.workspace,
            key.member_id,
            clean(key.client),
            clean(key.redirect_uri),
            key.challenge,
            None if key.allow is None else dump(key.allow),
            dump(key.deny),
            key.per_minute,
            key.per_month,
            key.created_at,
            key.expires_at,
        )
        await self._writer.execute(_ADD, digest, *values)

    async def spend(self, digest: str, kind: Literal["code", "refresh"], *, at: int) -> Spent | None:
        def unit(tx: Tx) -> Spent | None:
            row = tx(_SPEND, at, digest, kind, at).fetchone()
            if row is not None:
                return Spent(key=_read(row))
            row = tx(_USED, digest, kind).fetchone()
            return None if row is None else Spent(key=_read(row), again=True)

        return await self._writer.run(unit)

    async def end_family(self, family: str, *, by: str, at: int) -> Sequence[str]:
        return await self._writer.run(lambda tx: end_family(tx, family, by=by, at=at))

    async def is_over(self, family: str) -> bool:
        return await self._writer.run(lambda tx: tx(_OVER, f"ended:{family}").fetchone() is not None)

    async def expire(self, before: int) -> int:
        return await self._writer.run(lambda tx: tx(_EXPIRE, before).rowcount + tx(_EXPIRE_TOKENS, before).rowcount)


def _read(row: Row) -> OAuthKey:
    fields = dict(zip(_FIELDS.split(), row, strict=True))
    fields["allow"] = None if fields["allow"] is None else decode(fields["allow"], tuple[str, ...])
    fields["deny"] = decode(fields["deny"], tuple[str, ...])
    return OAuthKey(**fields)
