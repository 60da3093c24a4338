"""What administrators change: sealed secrets, the tool catalogue, revisions of bots.yaml."""

from __future__ import annotations

__all__ = ["SqlCallLog", "SqlCatalog", "SqlRevisions", "SqlSecrets"]

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update

from botkit.core.clock import Clock
from botkit.core.data import decode
from botkit.core.errors import Conflict, NotFound
from botkit.core.journal import AddAudit, Audit, LogCall
from botkit.core.stores import CatalogRow, Revision, SecretRow
from botkit.core.tools import CallRecord
from botkit.store.codec import clean, dump
from botkit.store.query import Insert, Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.rows import Row
from botkit.store.schema import catalog, revisions, secrets
from botkit.store.writer import Writer
from botkit.store.writes import Act, apply_write

_SEALED = "scope name version key_id wrapped_key nonce ciphertext created_at updated_at"


def _put_secret(insert: Insert) -> Any:
    statement = insert(secrets).values({name: arg(name) for name in _SEALED.split()})
    changed = [name for name in _SEALED.split() if name not in ("scope", "name")]
    return statement.on_conflict_do_update(
        index_elements=["scope", "name"], set_={name: statement.excluded[name] for name in changed}
    )


_PUT_SECRET = Query(_SEALED, _put_secret)
_GET_SECRET = Query(
    "scope name",
    lambda _: select(*secrets.c).where(secrets.c.scope == arg("scope"), secrets.c.name == arg("name")),
)
_DROP_SECRET = Query(
    "scope name", lambda _: delete(secrets).where(secrets.c.scope == arg("scope"), secrets.c.name == arg("name"))
)


class SqlSecrets:
    """Implements `botkit.core.stores.SecretStore`. Rows are sealed before they come here."""

    def __init__(self, writer: Writer, reader: Reader):
        self._writer = writer
        self._reader = reader

    async def put(self, row: SecretRow) -> None:
        values = tuple(getattr(row, name) for name in _SEALED.split())
        await self._writer.execute(_PUT_SECRET, *values)

    async def get(self, scope: str, name: str) -> SecretRow | None:
        def unit(tx: Tx) -> SecretRow | None:
            row = tx(_GET_SECRET, scope, name).fetchone()
            return None if row is None else _read_secret(row)

        return await self._writer.run(unit)

    async def list(self, scope: str = "") -> Sequence[SecretRow]:
        statement = select(*secrets.c).order_by(secrets.c.scope, secrets.c.name)
        if scope:
            statement = statement.where(secrets.c.scope == scope)
        return [_read_secret(row) for row in await self._reader.all(statement)]

    async def delete(self, scope: str, name: str) -> bool:
        return await self._writer.execute(_DROP_SECRET, scope, name) == 1


def _read_secret(row: Row) -> SecretRow:
    scope, name, version, key_id, wrapped_key, nonce, ciphertext, created_at, updated_at = row
    return SecretRow(
        scope=scope,
        name=name,
        version=version,
        key_id=key_id,
        wrapped_key=bytes(wrapped_key),
        nonce=bytes(nonce),
        ciphertext=bytes(ciphertext),
        created_at=created_at,
        updated_at=updated_at,
    )


_CATALOG = "server tools pins refreshed_at error accepted extras"


def _put_catalog(insert: Insert) -> Any:
    statement = insert(catalog).values({name: arg(name) for name in _CATALOG.split()})
    return statement.on_conflict_do_update(
        index_elements=["server"],
        set_={name: statement.excluded[name] for name in _CATALOG.split() if name != "server"},
    )


_SAVE_CATALOG = Query(_CATALOG, _put_catalog)


class SqlCatalog:
    """Implements `botkit.core.stores.Catalog`."""

    def __init__(self, writer: Writer, reader: Reader):
        self._writer = writer
        self._reader = reader

    async def load(self) -> Sequence[CatalogRow]:
        return [
            CatalogRow(
                server=server,
                tools=decode(tools, tuple[dict[str, Any], ...]),
                pins=decode(pins, dict[str, str]),
                refreshed_at=refreshed_at,
                error=error,
                accepted=decode(accepted, dict[str, dict[str, Any]]),
                extras=decode(extras, dict[str, Any]),
            )
            for server, tools, pins, refreshed_at, error, accepted, extras in await self._reader.all(
                select(*catalog.c).order_by(catalog.c.server)
            )
        ]

    async def save(self, row: CatalogRow) -> None:
        told = (row.server, dump(row.tools), dump(row.pins), row.refreshed_at, clean(row.error))
        await self._writer.execute(_SAVE_CATALOG, *told, dump(row.accepted), dump(row.extras))


_SAVE_REVISION = Query(
    "id at actor files note",
    lambda insert: (
        insert(revisions)
        .values(id=arg("id"), at=arg("at"), actor=arg("actor"), files=arg("files"), note=arg("note"), active=const(0))
        .on_conflict_do_nothing(index_elements=["id"])
    ),
)
_DEACTIVATE = Query(
    "id",
    lambda _: (
        update(revisions).values(active=const(0)).where(revisions.c.active == const(1), revisions.c.id != arg("id"))
    ),
)
_ACTIVATE = Query(
    "now id",
    lambda _: update(revisions).values(active=const(1), activated_at=arg("now")).where(revisions.c.id == arg("id")),
)


class SqlRevisions:
    """Implements `botkit.core.stores.Revisions`."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, *, owner: str):
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._owner = owner

    async def save(self, revision: Revision) -> None:
        values = (
            revision.id,
            revision.at,
            clean(revision.actor),
            dump(revision.files),
            clean(revision.note),
        )
        await self._writer.execute(_SAVE_REVISION, *values)

    async def activate(self, revision_id: str, *, actor: str, via: str) -> None:
        """Make it the one that runs, and leave an audit row. Raises `NotFound`."""
        now = self._clock.micros()
        audit = Audit(at=now, actor=actor, via=via, action="config.apply", target=revision_id)

        def unit(tx: Tx) -> None:
            if tx(_ACTIVATE, now, revision_id).rowcount != 1:
                raise NotFound(f"there is no revision {revision_id}", revision=revision_id)
            tx(_DEACTIVATE, revision_id)
            apply_write(tx, AddAudit(audit=audit), Act(owner=self._owner, now=now))

        await self._writer.run(unit)

    async def active(self) -> Revision | None:
        row = await self._reader.first(select(*revisions.c).where(revisions.c.active == 1))
        return None if row is None else _read_revision(row)

    async def get(self, revision_id: str) -> Revision | None:
        """By id or an unambiguous prefix. Raises `Conflict` for an ambiguous one."""
        exact = await self._reader.first(select(*revisions.c).where(revisions.c.id == revision_id))
        if exact is not None:
            return _read_revision(exact)
        if not revision_id:
            return None
        found = await self._reader.all(
            select(*revisions.c).where(revisions.c.id.startswith(revision_id, autoescape=True)).limit(2)
        )
        if len(found) > 1:
            raise Conflict(f"more than one revision begins with {revision_id}; give more of it")
        return _read_revision(found[0]) if found else None

    async def list(self, limit: int = 50) -> Sequence[Revision]:
        columns = [column for column in revisions.c if column.name != "files"]
        statement = (
            select(*columns)
            .order_by(revisions.c.activated_at.desc(), revisions.c.at.desc(), revisions.c.id)
            .limit(limit)
        )
        return [
            Revision(id=id_, at=at, actor=actor, files={}, note=note, active=bool(active))
            for id_, at, actor, note, active, _ in await self._reader.all(statement)
        ]


def _read_revision(row: Row) -> Revision:
    id_, at, actor, files, note, active, _ = row
    return Revision(id=id_, at=at, actor=actor, files=decode(files, dict[str, str]), note=note, active=bool(active))


class SqlCallLog:
    """Implements `botkit.core.stores.CallLog`."""

    def __init__(self, writer: Writer, clock: Clock, *, owner: str):
        self._writer = writer
        self._clock = clock
        self._owner = owner

    async def append(self, records: Sequence[CallRecord]) -> None:
        """Repeating a record changes nothing."""
        writes = [LogCall(record=record) for record in records]
        act = Act(owner=self._owner, now=self._clock.micros())

        def unit(tx: Tx) -> None:
            for write in writes:
                apply_write(tx, write, act)

        if writes:
            await self._writer.run(unit)
