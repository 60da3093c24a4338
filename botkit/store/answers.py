"""Answers kept for identical model calls."""

from __future__ import annotations

__all__ = ["SqlAnswers"]

from typing import Any

from sqlalchemy import delete, select

from botkit.core.answers import KeptAnswer
from botkit.core.data import decode, encode_text
from botkit.core.models import ModelReply
from botkit.store.codec import clean
from botkit.store.query import Insert, Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.schema import kept_answers
from botkit.store.writer import Writer

_COLUMNS = tuple(kept_answers.c)
_NAMES = tuple(column.name for column in _COLUMNS)
_BEYOND = 1000
"""Most rows that go at once; there is one more at a time, unless the limit was lowered."""


def _put(insert: Insert) -> object:
    statement = insert(kept_answers).values({name: arg(name) for name in _NAMES})
    changed = {name: getattr(statement.excluded, name) for name in _NAMES if name != "key"}
    return statement.on_conflict_do_update(index_elements=["key"], set_=changed)


_PUT = Query(" ".join(_NAMES), _put)  # pyright: ignore[reportArgumentType] - the dialects' own insert has no common type
_BOUND = Query(
    "model most",
    lambda _: delete(kept_answers).where(
        kept_answers.c.key.in_(
            select(kept_answers.c.key)
            .where(kept_answers.c.model == arg("model"))
            .order_by(kept_answers.c.at.desc(), kept_answers.c.key)
            .limit(const(_BEYOND))
            .offset(arg("most"))
        )
    ),
)


class SqlAnswers:
    """Implements `botkit.core.answers.AnswerStore`."""

    def __init__(self, writer: Writer, reader: Reader):
        self._writer = writer
        self._reader = reader

    async def get(self, key: str, *, now: int) -> KeptAnswer | None:
        row = await self._reader.first(
            select(*_COLUMNS).where(kept_answers.c.key == key, kept_answers.c.expires_at > now)
        )
        if row is None:
            return None
        values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
        values["reply"] = decode(values["reply"], ModelReply)
        return KeptAnswer(**values)

    async def put(self, answer: KeptAnswer, *, most: int) -> None:
        values = (
            answer.key,
            clean(answer.model),
            answer.workspace,
            answer.person_id,
            answer.trace_id,
            answer.at,
            answer.expires_at,
            encode_text(answer.reply),
        )

        def unit(tx: Tx) -> None:
            tx(_PUT, *values)
            tx(_BOUND, values[1], most)

        await self._writer.run(unit)
