"""Accounts that were joined by codes, and the codes on their way. All within one transaction of the writer."""

from __future__ import annotations

__all__ = ["LINKED", "Found", "drop_link", "find", "note_link", "offer", "older_of", "own_link", "take", "use"]

from sqlalchemy import delete, or_, select, update

from botkit.core.data import Data
from botkit.store.query import Query, Tx, arg, const
from botkit.store.schema import link_codes, links, people

LINKED = Query(
    "person_id",
    lambda _: (
        select(links.c.channel, links.c.user_id)
        .where(links.c.person_id == arg("person_id"))
        .order_by(links.c.linked_at, links.c.channel, links.c.user_id)
    ),
)
_EXPIRE = Query("now", lambda _: delete(link_codes).where(link_codes.c.expires_at <= arg("now")))
_REPLACE = Query(
    "channel user_id",
    lambda _: delete(link_codes).where(link_codes.c.channel == arg("channel"), link_codes.c.user_id == arg("user_id")),
)
_OFFER = Query(
    "digest channel user_id expires_at",
    lambda insert: insert(link_codes).values(
        digest=arg("digest"), channel=arg("channel"), user_id=arg("user_id"), expires_at=arg("expires_at")
    ),
)
_FIND = Query(
    "digest now",
    lambda _: select(
        link_codes.c.digest,
        link_codes.c.channel,
        link_codes.c.user_id,
        link_codes.c.reply_digest,
        link_codes.c.other_channel,
        link_codes.c.other_user_id,
    ).where(
        or_(link_codes.c.digest == arg("digest"), link_codes.c.reply_digest == arg("digest")),
        link_codes.c.expires_at > arg("now"),
    ),
)
_TAKE = Query(
    "reply_digest other_channel other_user_id digest",
    lambda _: (
        update(link_codes)
        .values(
            reply_digest=arg("reply_digest"), other_channel=arg("other_channel"), other_user_id=arg("other_user_id")
        )
        .where(link_codes.c.digest == arg("digest"))
    ),
)
_USE = Query("digest", lambda _: delete(link_codes).where(link_codes.c.digest == arg("digest")))
_DROP = Query(
    "channel user_id",
    lambda _: delete(links).where(links.c.channel == arg("channel"), links.c.user_id == arg("user_id")),
)
_NOTE = Query(
    "channel user_id person_id was linked_at",
    lambda insert: insert(links).values({column.name: arg(column.name) for column in links.c}),
)
_OWN = Query(
    "channel user_id",
    lambda _: select(links.c.was).where(links.c.channel == arg("channel"), links.c.user_id == arg("user_id")),
)
_OLDER = Query(
    "one other",
    lambda _: (
        select(people.c.id)
        .where(or_(people.c.id == arg("one"), people.c.id == arg("other")))
        .order_by(people.c.created_at, people.c.id)
        .limit(const(1))
    ),
)


def offer(tx: Tx, channel: str, user_id: str, digest: str, now: int, expires_at: int) -> None:
    """Keep the code shown to an account, in place of an older one."""
    tx(_EXPIRE, now)
    tx(_REPLACE, channel, user_id)
    tx(_OFFER, digest, channel, user_id, expires_at)


class Found(Data):
    """A code that is good, as it was shown first and taken since."""

    digest: str
    channel: str
    user_id: str
    reply_digest: str
    other: tuple[str, str]
    """The account that typed it; empty strings before anybody did."""

    @property
    def account(self) -> tuple[str, str]:
        """That it was shown to."""
        return self.channel, self.user_id


def find(tx: Tx, digest: str, now: int) -> Found | None:
    """The exchange that a code belongs to, be it the first or the one that answers it."""
    row = tx(_FIND, digest, now).fetchone()
    if row is None:
        return None
    first, channel, user_id, reply_digest, *other = row
    return Found(digest=first, channel=channel, user_id=user_id, reply_digest=reply_digest, other=(other[0], other[1]))


def take(tx: Tx, found: Found, account: tuple[str, str], reply_digest: str) -> None:
    """The other account typed the first code; `reply_digest` is of the one it is shown."""
    tx(_TAKE, reply_digest, *account, found.digest)


def use(tx: Tx, found: Found) -> None:
    """Both codes are spent."""
    tx(_USE, found.digest)


def older_of(tx: Tx, one: str, other: str) -> str:
    """Which of two people is known longer."""
    row = tx(_OLDER, one, other).fetchone()
    return row[0] if row is not None else one


def drop_link(tx: Tx, channel: str, user_id: str) -> None:
    """An account is not where it is by a code any more."""
    tx(_DROP, channel, user_id)


def note_link(tx: Tx, channel: str, user_id: str, person_id: str, was: str, now: int) -> None:
    """An account is where it is by a code."""
    tx(_DROP, channel, user_id)
    tx(_NOTE, channel, user_id, person_id, was, now)


def own_link(tx: Tx, channel: str, user_id: str) -> str | None:
    """Who an account was before it was joined; None: it was not."""
    row = tx(_OWN, channel, user_id).fetchone()
    return row[0] if row is not None else None
