"""Backup and restore, on and between both databases."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.core.errors import Conflict, NotFound, StoreBusy, StoreCorrupt, StoreError
from botkit.core.events import Conversation
from botkit.core.journal import Emit
from botkit.store.backup import backup, restore
from botkit.store.open import Store, open_store
from botkit.testing.clock import ManualClock
from botkit.testing.stores.administration import SEALED
from botkit.testing.stores.lifecycle import a_turn, everything
from botkit.testing.stores.samples import LANE, a_part, an_event, begin_run

ROOM = Conversation(channel="desk", room="1")


async def fill(store: Store) -> tuple[str, list[dict[str, object]]]:
    """A finished turn, a secret, a file; what an export shows of it."""
    turn = await a_turn(store, "1", ROOM)
    await store.secrets.put(SEALED)
    return turn.person.id, await everything(store, turn.person.id)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def archive(home: Path, clock: ManualClock) -> AsyncIterator[tuple[Path, str, list[dict[str, object]]]]:
    """An archive of a SQLite home, made while that was in use."""
    target = home.parent / "backup.tar.gz"
    async with open_store(home, clock=clock) as store:
        person_id, kept = await fill(store)
        info = await backup(home, target, clock=clock)
        assert (info.files, info.key_ids) == (1, ("k1",))
        assert info.size_bytes == target.stat().st_size
        yield target, person_id, kept


async def test_a_backup_made_in_use_restores_elsewhere(
    archive: tuple[Path, str, list[dict[str, object]]], home: Path, clock: ManualClock
) -> None:
    target, person_id, kept = archive
    new = home.parent / "new"
    info = await restore(target, new, clock=clock)
    assert (info.files, info.created_at, info.kept) == (1, clock.micros(), "")
    async with open_store(new, clock=clock) as store:
        assert await everything(store, person_id) == kept
        assert await store.secrets.list() == [SEALED]
        (file,) = [record for record in kept if record["table"] == "files"]
        assert await store.files.read(str(file["file_id"]))


async def test_an_archive_is_for_its_owner_only(archive: tuple[Path, str, list[dict[str, object]]]) -> None:
    assert archive[0].stat().st_mode & 0o777 == 0o600
    assert names(archive[0].parent) == ["backup.tar.gz", "home"]  # no scratch is left behind


async def test_a_home_in_use_is_not_replaced(archive: tuple[Path, str, list[dict[str, object]]], home: Path) -> None:
    with pytest.raises(StoreBusy) as refused:
        await restore(archive[0], home, force=True)
    assert refused.value.facts["pid"] == os.getpid()


async def test_a_home_with_data_is_replaced_only_by_force_and_kept_aside(
    archive: tuple[Path, str, list[dict[str, object]]], home: Path, clock: ManualClock
) -> None:
    target, person_id, kept = archive
    other = home.parent / "other"
    async with open_store(other, clock=clock) as store:
        await store.journal.accept(an_event("u1"), LANE)
    with pytest.raises(Conflict, match="--force"):
        await restore(target, other, clock=clock)
    async with open_store(other, clock=clock) as store:
        assert (await store.records.counts())["inbox_undone"] == 1
    info = await restore(target, other, force=True, clock=clock)
    assert Path(info.kept).exists()
    async with open_store(other, clock=clock) as store:
        assert await everything(store, person_id) == kept


async def test_a_damaged_database_can_be_replaced(
    archive: tuple[Path, str, list[dict[str, object]]], home: Path, clock: ManualClock
) -> None:
    other = home.parent / "other"
    other.mkdir()
    (other / "botkit.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreCorrupt, match="botkit restore"):
        async with open_store(other):
            pass
    info = await restore(archive[0], other, force=True, clock=clock)
    assert Path(info.kept).read_bytes().startswith(b"garbage")
    async with open_store(other, clock=clock) as store:
        assert await store.records.counts()


async def test_a_home_at_rest_or_after_a_kill_is_backed_up_wherever_it_is(home: Path, clock: ManualClock) -> None:
    odd = home.parent / "a b%3f?mode=rw#ü"
    target = home.parent / "backup.tar.gz"
    for number in range(2):
        async with open_store(odd, clock=clock) as store:
            await store.journal.accept(an_event(f"u{number}"), LANE, claim=False)
            assert (await store.records.counts())["inbox_undone"] == number + 1
            if number:
                await store.abandon()  # leaves a log beside the database
        await backup(odd, target, clock=clock)
        await restore(target, home, force=True, clock=clock)
        async with open_store(home, clock=clock) as store:
            assert (await store.records.counts())["inbox_undone"] == number + 1


async def test_what_was_under_way_is_not_done_again_unless_asked_for(home: Path, clock: ManualClock) -> None:
    target = home.parent / "backup.tar.gz"
    async with open_store(home, clock=clock) as store:
        _, run, _ = await begin_run(store.journal)
        await store.journal.commit(None, [Emit(part=a_part("p1"))])
        await backup(home, target, clock=clock)
    held, resumed = home.parent / "held", home.parent / "resumed"
    await restore(target, held, clock=clock)
    async with open_store(held, clock=clock) as store:
        recovered = await store.journal.recover()
        assert (recovered.lanes, recovered.conversations) == ((), ())
        assert [part.id for part in await store.records.parts(state="unknown")] == ["p1"]
        loaded = await store.journal.load_run(run.id)
        assert loaded is not None
        assert (loaded.run.state, (loaded.run.error or {})["code"]) == ("failed", "restored")
    await restore(target, resumed, resume=True, clock=clock)
    async with open_store(resumed, clock=clock) as store:
        recovered = await store.journal.recover()
        assert (recovered.lanes, recovered.conversations) == ((LANE,), (LANE,))


@pytest.mark.parametrize("cut", [0, 10, 500, -1, -30])
async def test_a_cut_or_altered_archive_changes_nothing(
    archive: tuple[Path, str, list[dict[str, object]]], home: Path, cut: int
) -> None:
    content = archive[0].read_bytes()
    broken = home.parent / "broken.tar.gz"
    broken.write_bytes(content[:cut])
    with pytest.raises(StoreCorrupt):
        await restore(broken, home.parent / "new")
    altered = bytearray(content)
    altered[len(content) // 2] ^= 0xFF
    broken.write_bytes(altered)
    with pytest.raises(StoreCorrupt):
        await restore(broken, home.parent / "new")
    assert not (home.parent / "new" / "botkit.db").exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "files/../../evil", "files/aa/bb/x", "botkit.db/../x"])
async def test_an_archive_cannot_write_outside_of_its_place(home: Path, name: str) -> None:
    target = home.parent / "evil.tar.gz"
    with tarfile.open(target, "w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(StoreCorrupt):
        await restore(target, home)
    assert names(home.parent) == ["evil.tar.gz", "home"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
async def test_an_archive_holds_only_plain_files(home: Path, kind: bytes) -> None:
    target = home.parent / "evil.tar.gz"
    with tarfile.open(target, "w:gz") as archive:
        info = tarfile.TarInfo("botkit.db")
        info.type = kind
        info.linkname = "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(StoreCorrupt):
        await restore(target, home)


async def test_an_archive_or_home_that_is_not_there_is_a_clear_error(home: Path) -> None:
    with pytest.raises(StoreError, match="there is no archive"):
        await restore(home / "none.tar.gz", home)
    with pytest.raises(StoreError, match="start botkit once"):
        await backup(home, home.parent / "backup.tar.gz")


async def test_postgres_backs_up_and_restores(
    home: Path, postgres_url: str, empty_postgres_url: str, clock: ManualClock
) -> None:
    target = home.parent / "backup.tar.gz"
    async with open_store(home, postgres_url, clock=clock) as store:
        person_id, kept = await fill(store)
        await backup(home, target, postgres_url, clock=clock)
    new = home.parent / "new"
    await restore(target, new, empty_postgres_url, clock=clock)
    async with open_store(new, empty_postgres_url, clock=clock) as store:
        assert await everything(store, person_id) == kept
        assert await store.secrets.list() == [SEALED]
        # Sequences go on after the restored rows.
        accepted = await store.journal.accept(an_event("later"), LANE)
        assert accepted.new
        seqs = [event["seq"] for event in await store.records.inbox()]
        assert len(set(seqs)) == len(seqs)
    with pytest.raises(Conflict, match="--force"):
        await restore(target, new, empty_postgres_url, clock=clock)
    await restore(target, new, empty_postgres_url, force=True, clock=clock)
    async with open_store(new, empty_postgres_url, clock=clock) as store:
        assert (await store.records.counts())["inbox_undone"] == 0


async def test_an_archive_moves_between_databases(home: Path, postgres_url: str, clock: ManualClock) -> None:
    first, second = home.parent / "first.tar.gz", home.parent / "second.tar.gz"
    async with open_store(home, clock=clock) as store:
        person_id, kept = await fill(store)
        await backup(home, first, clock=clock)
    there = home.parent / "there"
    await restore(first, there, postgres_url, clock=clock)
    async with open_store(there, postgres_url, clock=clock) as store:
        assert await everything(store, person_id) == kept
        await backup(there, second, postgres_url, clock=clock)
    back = home.parent / "back"
    await restore(second, back, clock=clock)
    async with open_store(back, clock=clock) as store:
        assert await everything(store, person_id) == kept
        assert await store.secrets.list() == [SEALED]
        with pytest.raises(NotFound):
            await store.files.read("file_" + "0" * 64)
