"""Approvals of single calls of MCP clients."""

from __future__ import annotations

__all__ = ["SqlCallApprovals"]

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import select, update

from botkit.core.call_approvals import CallApproval
from botkit.core.clock import Clock
from botkit.core.data import decode
from botkit.core.errors import Conflict, NotFound
from botkit.core.journal import AddAudit, Audit, Write
from botkit.store.codec import clean, dump, load_dict
from botkit.store.query import Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.rows import Row
from botkit.store.schema import call_approvals as table
from botkit.store.writer import Writer
from botkit.store.writes import Act, apply_write
from botkit.store.writes.registry import insert_row

_ASKED = (
    "id workspace principal_kind principal token_id server tool arguments digest reason approvers state comment "
    "created_at expires_at decided_at decided_by decided_via used_at call_id"
)
_COLUMNS = tuple(column for column in table.c if column.name != "told")
_ASK = Query(
    _ASKED,
    lambda insert: insert_row(insert, table, _ASKED).on_conflict_do_nothing(
        index_elements=["digest", "principal", "workspace"], index_where=table.c.told == const(0)
    ),
)
_CURRENT = Query(
    "digest principal workspace",
    lambda _: (
        select(*_COLUMNS)
        .where(
            table.c.digest == arg("digest"),
            table.c.principal == arg("principal"),
            table.c.workspace == arg("workspace"),
            table.c.told == const(0),
        )
        .with_for_update()
    ),
)
_USE = Query(
    "at call_id id",
    lambda _: (
        update(table)
        .values(state=const("used"), told=const(1), used_at=arg("at"), call_id=arg("call_id"))
        .where(table.c.id == arg("id"))
    ),
)
_TELL = Query(
    "state id", lambda _: update(table).values(state=arg("state"), told=const(1)).where(table.c.id == arg("id"))
)
_GET = Query("id", lambda _: select(*_COLUMNS).where(table.c.id == arg("id")))
_DECIDE = Query(
    "state comment at by via id now",
    lambda _: (
        update(table)
        .values(
            state=arg("state"),
            comment=arg("comment"),
            decided_at=arg("at"),
            decided_by=arg("by"),
            decided_via=arg("via"),
        )
        .where(table.c.id == arg("id"), table.c.state == const("open"), table.c.expires_at > arg("now"))
    ),
)


class SqlCallApprovals:
    """Implements `botkit.core.call_approvals.CallApprovals`."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, *, owner: str):
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._owner = owner

    async def use(self, approval: CallApproval, *, at: int, asked: Sequence[Write] = ()) -> CallApproval:
        key = (approval.digest, approval.principal, approval.workspace)
        values = _values(approval)

        def unit(tx: Tx) -> CallApproval:
            if tx(_ASK, *values).rowcount == 1:
                self._apply(tx, asked)
            row = tx(_CURRENT, *key).fetchone()
            assert row is not None  # ours, or the one that kept ours out
            current = _read(row)
            if current.state in ("open", "approved") and current.expires_at <= at:
                current = replace(current, state="expired")
            if current.state == "approved":
                tx(_USE, at, approval.call_id, current.id)
                return replace(current, state="used", used_at=at, call_id=approval.call_id)
            if current.state != "open":
                tx(_TELL, current.state, current.id)
            return current

        return await self._writer.run(unit, key=f"approval:{approval.digest}")

    async def get(self, id_or_prefix: str) -> CallApproval | None:
        exact = await self._reader.first(select(*_COLUMNS).where(table.c.id == id_or_prefix))
        if exact is not None or not id_or_prefix:
            return None if exact is None else _read(exact)
        found = await self._reader.all(
            select(*_COLUMNS).where(table.c.id.startswith(id_or_prefix, autoescape=True)).limit(2)
        )
        if len(found) > 1:
            raise Conflict(f"more than one approval begins with {id_or_prefix}; give more of it")
        return _read(found[0]) if found else None

    async def list(self, *, state: str = "open", now: int = 0, limit: int = 100) -> Sequence[CallApproval]:
        statement = select(*_COLUMNS).order_by(table.c.created_at, table.c.id).limit(limit)
        if state:
            statement = statement.where(table.c.state == state)
        if now:
            statement = statement.where((table.c.state != "open") | (table.c.expires_at > now))
        return [_read(row) for row in await self._reader.all(statement)]

    async def decide(
        self,
        approval_id: str,
        *,
        approved: bool,
        by: str,
        via: str,
        comment: str,
        at: int,
        audit: Audit,
        decided: Sequence[Write] = (),
    ) -> CallApproval:
        state = "approved" if approved else "rejected"

        def unit(tx: Tx) -> CallApproval:
            done = tx(_DECIDE, state, clean(comment), at, clean(by), via, approval_id, at).rowcount == 1
            row = tx(_GET, approval_id).fetchone()
            if row is None:
                raise NotFound(f"there is no approval {approval_id}; see `botkit approvals list`")
            found = _read(row)
            if not done:
                if found.state in ("open", "expired"):
                    raise NotFound(f"approval {approval_id} expired; the client has to ask again")
                raise Conflict(f"approval {approval_id} was decided before, by {found.decided_by}")
            self._apply(tx, (AddAudit(audit=audit), *decided))
            return found

        return await self._writer.run(unit, key=f"approval:{approval_id}")

    def _apply(self, tx: Tx, writes: Sequence[Write]) -> None:
        for write in writes:
            apply_write(tx, write, Act(owner=self._owner, now=self._clock.micros()))


def _values(approval: CallApproval) -> tuple[Any, ...]:
    return (
        approval.id,
        approval.workspace,
        approval.principal_kind,
        clean(approval.principal),
        approval.token_id,
        clean(approval.server),
        clean(approval.tool),
        dump(approval.arguments),
        approval.digest,
        clean(approval.reason),
        dump(approval.approvers),
        "open",
        "",
        approval.created_at,
        approval.expires_at,
        0,
        "",
        "",
        0,
        approval.call_id,
    )


def _read(row: Row) -> CallApproval:
    fields = dict(zip((column.name for column in _COLUMNS), tuple(row), strict=True))
    fields["arguments"] = load_dict(fields["arguments"])
    fields["approvers"] = decode(fields["approvers"], tuple[str, ...])
    return CallApproval(**fields)
