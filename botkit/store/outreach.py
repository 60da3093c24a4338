"""Scheduled messages, private chats and refusals, read."""

from __future__ import annotations

__all__ = ["SqlOutreach"]

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from botkit.core.data import decode
from botkit.core.events import Event
from botkit.core.outreach import SCHEDULED, LastChat, Planned
from botkit.store.codec import load_dict
from botkit.store.query import Query, arg
from botkit.store.reader import Reader
from botkit.store.rows import Row
from botkit.store.schema import opt_outs, runs, timers
from botkit.store.writer import Writer

_CHUNK = 400
_RUNS_LOOKED_AT = 200
_PLANNED = (timers.c.id, timers.c.at, timers.c.lane, timers.c.event)
_FIND = Query("id", lambda _: select(*_PLANNED).where(timers.c.id == arg("id")))


class SqlOutreach:
    """Implements `botkit.core.outreach.OutreachStore`."""

    def __init__(self, writer: Writer, reader: Reader):
        self._writer = writer
        self._reader = reader

    async def opted_out(self, person_ids: Sequence[str], bot: str) -> frozenset[str]:
        found: set[str] = set()
        for start in range(0, len(person_ids), _CHUNK):
            statement = select(opt_outs.c.person_id).where(
                opt_outs.c.person_id.in_(list(person_ids[start : start + _CHUNK])), opt_outs.c.bot.in_(["", bot])
            )
            found.update(row[0] for row in await self._reader.all(statement))
        return frozenset(found)

    async def last_chats(self, person_id: str) -> Sequence[LastChat]:
        statement = (
            select(runs.c.channel, runs.c.conversation, runs.c.bot, runs.c.started_at, runs.c.input)
            .where(runs.c.person_id == person_id, runs.c.conversation_kind == "dm")
            .order_by(runs.c.started_at.desc(), runs.c.id.desc())
            .limit(_RUNS_LOOKED_AT)
        )
        found: dict[tuple[str, str], LastChat] = {}
        for channel, conversation, bot, started_at, given in await self._reader.all(statement):
            trigger: Mapping[str, Any] = load_dict(given).get("trigger") or {}
            if channel.startswith("@") or trigger.get("service"):  # nobody wrote then
                continue
            chat = LastChat(channel=channel, conversation=conversation, bot=bot, heard_at=started_at)
            found.setdefault((channel, bot), chat)
        return list(found.values())

    async def planned(self, *, bot: str = "", limit: int = 200) -> Sequence[Planned]:
        prefix = f"{SCHEDULED}{bot}/" if bot else SCHEDULED
        statement = select(*_PLANNED).where(timers.c.id.startswith(prefix, autoescape=True))
        return [_read(row) for row in await self._reader.all(statement.order_by(timers.c.at, timers.c.id).limit(limit))]

    async def find_planned(self, id_: str) -> Planned | None:
        # By the writer: a run cancels what another one has just put there.
        row = await self._writer.run(lambda tx: tx(_FIND, id_).fetchone())
        return None if row is None else _read(row)


def _read(row: Row | tuple[object, ...]) -> Planned:
    id_, at, lane, event = row
    return Planned(id=str(id_), at=int(str(at)), lane=str(lane), event=decode(str(event), Event))
