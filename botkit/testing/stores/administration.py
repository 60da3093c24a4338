"""The contracts of secrets, catalogue, revisions, call log and files."""

from __future__ import annotations

__all__ = ["AdministrationContract", "FilesContract"]

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from botkit.core.errors import Conflict, LimitReached, NotFound
from botkit.core.stores import CatalogRow, Revision, SecretRow
from botkit.core.tools import CallRecord
from botkit.testing.stores.database import Database, Stores

SEALED = SecretRow(
    scope="workspace:desk",
    name="API_KEY",
    version=1,
    key_id="k1",
    wrapped_key=b"\x00wrapped",
    nonce=b"nonce",
    ciphertext=b"\xff\x00sealed",
    created_at=1,
    updated_at=1,
)


class AdministrationContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    # ── secrets ──────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_sealed_secret_comes_back_as_it_was_put(self, store: Stores) -> None:
        await store.secrets.put(SEALED)
        assert await store.secrets.get("workspace:desk", "API_KEY") == SEALED
        assert await store.secrets.get("instance", "API_KEY") is None

    async def test_putting_again_replaces(self, store: Stores) -> None:
        await store.secrets.put(SEALED)
        newer = msgspec.structs.replace(SEALED, version=2, ciphertext=b"new", updated_at=9)
        await store.secrets.put(newer)
        assert await store.secrets.list() == [newer]

    async def test_secrets_are_listed_by_scope(self, store: Stores) -> None:
        other = msgspec.structs.replace(SEALED, scope="instance", name="BOT_TOKEN")
        await store.secrets.put(SEALED)
        await store.secrets.put(other)
        assert await store.secrets.list() == [other, SEALED]
        assert await store.secrets.list("instance") == [other]

    async def test_a_deleted_secret_is_gone(self, store: Stores) -> None:
        await store.secrets.put(SEALED)
        assert await store.secrets.delete("workspace:desk", "API_KEY")
        assert not await store.secrets.delete("workspace:desk", "API_KEY")
        assert await store.secrets.get("workspace:desk", "API_KEY") is None

    # ── catalogue ────────────────────────────────────────────────────────────────────────────────────────

    async def test_the_catalogue_remembers_each_server_once(self, store: Stores) -> None:
        tool = {"name": "add", "inputSchema": {"type": "object"}, "_meta": {"x": [1, None]}}
        row = CatalogRow(
            server="notes",
            tools=(tool,),
            pins={"add": "abc"},
            refreshed_at=5,
            accepted={"add": tool},
            extras={"prompts": [tool]},
        )
        await store.catalog.save(row)
        await store.catalog.save(CatalogRow(server="orders", error="it does not start"))
        newer = msgspec.structs.replace(row, refreshed_at=6)
        await store.catalog.save(newer)
        assert await store.catalog.load() == [newer, CatalogRow(server="orders", error="it does not start")]

    # ── revisions ────────────────────────────────────────────────────────────────────────────────────────

    async def test_one_revision_is_active(self, store: Stores, database: Database) -> None:
        one = Revision(id="aaa111", at=1, actor="ada", files={"bots.yaml": "version: 1\n"}, note="first")
        two = Revision(id="aab222", at=2, actor="bo", files={"bots.yaml": "version: 1 # ü\n"})
        assert await store.revisions.active() is None
        for revision in (one, two, one):
            await store.revisions.save(revision)
        await store.revisions.activate("aaa111", actor="ada", via="cli")
        await database.clock.advance(1)
        await store.revisions.activate("aab222", actor="bo", via="page")
        assert await store.revisions.active() == msgspec.structs.replace(two, active=True)
        assert await store.revisions.get("aaa111") == one
        listed = await store.revisions.list()
        assert [(revision.id, revision.active, revision.files) for revision in listed] == [
            ("aab222", True, {}),
            ("aaa111", False, {}),
        ]
        audits = await store.records.audits()
        assert [(audit.action, audit.target, audit.actor, audit.via) for audit in audits] == [
            ("config.apply", "aab222", "bo", "page"),
            ("config.apply", "aaa111", "ada", "cli"),
        ]

    async def test_a_revision_is_found_by_an_unambiguous_prefix(self, store: Stores) -> None:
        for id_ in ("aaa111", "aab222", "b%_3"):
            await store.revisions.save(Revision(id=id_, at=1, actor="ada", files={}))
        found = await store.revisions.get("aab")
        assert found is not None
        assert found.id == "aab222"
        assert await store.revisions.get("%") is None
        assert await store.revisions.get("") is None
        assert await store.revisions.get("zzz") is None
        with pytest.raises(Conflict):
            await store.revisions.get("aa")
        with pytest.raises(NotFound):
            await store.revisions.activate("zzz", actor="ada", via="cli")

    # ── call log ─────────────────────────────────────────────────────────────────────────────────────────

    async def test_call_records_are_appended_once_and_found_by_their_fields(self, store: Stores) -> None:
        records = [
            CallRecord(
                id=f"c{n}",
                at=n,
                workspace="desk",
                server="notes" if n % 2 else "orders",
                tool="add",
                principal_kind="person",
                principal="per_1",
                bot="helper",
                status="ok" if n < 4 else "error",
                code="" if n < 4 else "tool_timeout",
                duration_ms=1.5,
                result_bytes=10,
                method="tools/call" if n else "resources/read",
                tool_class="write",
                request_bytes=7,
            )
            for n in range(6)
        ]
        await store.calls.append(records)
        await store.calls.append(records[:2])
        await store.calls.append([])
        assert await store.records.calls() == records[::-1]
        assert [record.id for record in await store.records.calls(server="notes")] == ["c5", "c3", "c1"]
        assert [record.id for record in await store.records.calls(status="error", limit=1)] == ["c5"]
        assert [record.id for record in await store.records.calls(since=4)] == ["c5", "c4"]
        assert list(await store.records.calls(person_id="nobody")) == []
        assert len(await store.records.calls(tool="add", person_id="per_1")) == 6


class FilesContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_bytes_come_back(self, store: Stores) -> None:
        file_id, size, sha256 = await store.files.put(b"hello\x00", limit_bytes=100)
        assert (size, len(sha256)) == (6, 64)
        assert await store.files.read(file_id) == b"hello\x00"

    async def test_a_stream_and_bytes_of_the_same_content_are_one_file(self, store: Stores) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(30):
                yield b"x" * 100_000

        streamed = await store.files.put(chunks(), limit_bytes=10_000_000)
        assert streamed == await store.files.put(b"x" * 3_000_000, limit_bytes=10_000_000)
        assert await store.files.read(streamed[0]) == b"x" * 3_000_000

    async def test_the_empty_file_is_a_file(self, store: Stores) -> None:
        file_id, size, _ = await store.files.put(b"", limit_bytes=0)
        assert size == 0
        assert await store.files.read(file_id) == b""

    async def test_the_limit_stops_a_stream_early(self, store: Stores) -> None:
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            while True:
                taken += 1
                yield b"x" * 1000

        with pytest.raises(LimitReached):
            await store.files.put(endless(), limit_bytes=10_000)
        assert taken <= 12
        with pytest.raises(LimitReached):
            await store.files.put(b"x" * 11, limit_bytes=10)

    async def test_many_writers_of_one_content_do_not_disturb_each_other(self, store: Stores) -> None:
        results = await asyncio.gather(*(store.files.put(b"same", limit_bytes=10) for _ in range(8)))
        assert len(set(results)) == 1
        assert await store.files.read(results[0][0]) == b"same"

    async def test_a_deleted_file_is_gone(self, store: Stores) -> None:
        file_id, _, _ = await store.files.put(b"bye", limit_bytes=10)
        assert await store.files.delete(file_id)
        assert not await store.files.delete(file_id)
        with pytest.raises(NotFound):
            await store.files.read(file_id)

    @pytest.mark.parametrize(
        "file_id", ["", "../../etc/passwd", "file_../../../etc/passwd", "file_" + "A" * 64, "/etc/passwd", "file_\x00"]
    )
    async def test_no_id_reaches_another_place(self, store: Stores, file_id: str) -> None:
        with pytest.raises(NotFound):
            await store.files.read(file_id)
        assert not await store.files.delete(file_id)
