"""What was said in one conversation, from inbox and outbox.

Neither table has an index by conversation: every turn of every channel would pay for it. A private conversation is
found through its person, whose runs are few and indexed; what belongs to no run is indexed by conversation already.
"""

from __future__ import annotations

__all__ = ["SqlConversations"]

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from botkit.core.data import decode
from botkit.core.events import Event
from botkit.core.recall import Heard, Recalled, Said
from botkit.store.query import const
from botkit.store.reader import Reader
from botkit.store.rows import PART_COLUMNS, Row, read_part
from botkit.store.schema import identities, inbox, parts, runs

_EVENT = (inbox.c.seq, inbox.c.received_at, inbox.c.event)
_PART = (parts.c.seq, parts.c.updated_at, *PART_COLUMNS)


class SqlConversations:
    """Implements `botkit.core.recall.Conversations`."""

    def __init__(self, reader: Reader):
        self._reader = reader

    async def recall(self, channel: str, conversation: str, user_ids: Sequence[str], *, limit: int) -> Recalled:
        """See the port."""
        accounts = (identities.c.channel == channel) & identities.c.user_id.in_(list(user_ids))
        people = select(identities.c.person_id).where(accounts)
        newest = await self._reader.all(
            select(runs.c.id, runs.c.updated_at)
            .where(runs.c.person_id.in_(people), runs.c.conversation == conversation)
            .order_by(runs.c.updated_at.desc(), runs.c.id.desc())
            .limit(limit)
        )
        ids = [str(row[0]) for row in newest]
        waiting = select(*_EVENT).where(inbox.c.lane == conversation, inbox.c.done_at == const(0))
        silent = select(*_EVENT).where(
            inbox.c.lane == conversation, inbox.c.run_id == const(""), inbox.c.outcome != const("")
        )
        answered = select(*_EVENT).where(inbox.c.run_id.in_(ids), inbox.c.run_id != const(""))
        notices = select(*_PART).where(parts.c.conversation == conversation, parts.c.run_id == const(""))
        answers = select(*_PART).where(
            parts.c.run_id.in_(ids), parts.c.run_id != const(""), parts.c.conversation == conversation
        )
        heard = [
            await self._reader.all(waiting.order_by(inbox.c.seq.desc()).limit(limit)),
            await self._reader.all(silent.order_by(inbox.c.seq.desc()).limit(limit)),
            await self._reader.all(answered),
        ]
        said = [
            await self._reader.all(notices.order_by(parts.c.seq.desc()).limit(limit)),
            await self._reader.all(answers),
        ]
        full = [rows for rows in (newest, heard[0], heard[1], said[0]) if len(rows) == limit]
        since = max((int(rows[-1][1]) for rows in full), default=0)
        return Recalled(
            heard=tuple(Heard(event=decode(row[2], Event), at=row[1]) for row in _ordered(heard)),
            said=tuple(Said(part=read_part(row[2:]), at=row[1]) for row in _ordered(said)),
            since=since,
        )


def _ordered(groups: Iterable[Sequence[Row]]) -> list[Any]:
    """Rows by `seq`, each once: between two reads a row may have moved from one group to the next."""
    return [row for _, row in sorted({int(row[0]): row for rows in groups for row in rows}.items())]
