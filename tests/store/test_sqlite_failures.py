"""What a disk, a stranger or a kill can do to a SQLite home."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from botkit.core.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull
from botkit.core.events import Conversation
from botkit.store.locks import HomeLock
from botkit.store.open import Store, open_store
from botkit.store.query import Query
from botkit.testing.stores.lifecycle import MARK, a_turn
from botkit.testing.stores.samples import LANE, an_event

BIG = "x" * 20_000


def pragma(statement: str) -> Query:
    return Query("", lambda _: text(f"PRAGMA {statement}"))


async def accept_until_full(store: Store) -> list[str]:
    """Ids of what was accepted before the disk was full."""
    accepted: list[str] = []
    try:
        while True:
            event = an_event(f"u{len(accepted)}", BIG)
            accepted.append((await store.journal.accept(event, LANE, claim=False)).id)
    except StoreFull:
        return accepted


async def stored(store: Store) -> list[str]:
    claimed = await store.journal.claim(LANE)
    assert claimed is not None
    return [row.id for row in claimed.events]


# ── full ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of three megabytes."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a file system; the page limit is tested instead")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


async def test_on_a_full_disk_nothing_is_lost_and_work_goes_on_when_there_is_space(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    home = small_disk / "home"
    async with open_store(home) as store:
        ballast.write_bytes(b"\0" * 1_000_000)
        accepted = await accept_until_full(store)
        assert len(accepted) > 5
        with pytest.raises(StoreFull, match="Free some space"):
            await store.journal.accept(an_event("again", BIG), LANE, claim=False)
        ballast.unlink()
        late = await store.journal.accept(an_event("late", BIG), LANE, claim=False)
        assert late.new
        assert await stored(store) == [*accepted, late.id]
    async with open_store(home) as store:
        assert await stored(store) == [*accepted, late.id]


async def test_a_file_upload_on_a_full_disk_leaves_nothing_behind(small_disk: Path) -> None:
    async with open_store(small_disk / "home") as store:
        with pytest.raises(StoreFull):
            await store.files.put(os.urandom(5_000_000), limit_bytes=10_000_000)
        assert list((small_disk / "home" / "files").glob("*/*")) == []
        assert (await store.files.put(b"small", limit_bytes=100))[1] == 5


async def test_a_database_at_its_page_limit_is_full_and_small_work_still_passes(home: Path) -> None:
    async with open_store(home) as store:
        await store.writer.execute(pragma("max_page_count = 250"))
        accepted = await accept_until_full(store)
        await store.writer.execute(pragma("max_page_count = 258"))  # for a small row, whatever pages indexes filled
        results = await asyncio.gather(
            store.journal.accept(an_event("small", "hi"), LANE, claim=False),
            store.journal.accept(an_event("large", BIG * 10), LANE, claim=False),
            return_exceptions=True,
        )
        assert isinstance(results[1], StoreFull)
        assert not isinstance(results[0], BaseException)
        await store.writer.execute(pragma("max_page_count = 100000"))
        assert await stored(store) == [*accepted, results[0].id]


# ── damaged ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_overwritten_pages_are_reported_and_name_the_way_out(home: Path) -> None:
    async with open_store(home) as store:
        for number in range(50):
            await store.journal.accept(an_event(f"u{number}", BIG), LANE, claim=False)
        await store.writer.maintain()
    path = home / "botkit.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : -4096] = b"\xa5" * (len(content) // 2 - 4096)
    path.write_bytes(content)
    async with open_store(home) as store:
        with pytest.raises(StoreCorrupt, match="botkit restore"):
            await stored(store)
        with pytest.raises(StoreCorrupt, match="botkit restore"):
            await store.records.inbox(limit=100)


async def test_a_file_that_is_no_database_is_reported(home: Path) -> None:
    home.mkdir()
    (home / "botkit.db").write_bytes(b"not a database, " * 500)
    with pytest.raises(StoreCorrupt, match="botkit restore"):
        async with open_store(home):
            pass
    HomeLock(home).acquire()  # and the home is not left locked


# ── locked ───────────────────────────────────────────────────────────────────────────────────────────────

_HOLD = """
import asyncio, sys
from pathlib import Path
from botkit.store.open import open_store

async def main():
    async with open_store(Path(sys.argv[1])):
        print("open", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def another_process(source: str, *args: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def test_a_home_that_another_process_owns_is_refused_by_name_and_free_after_its_death(home: Path) -> None:
    async with another_process(_HOLD, str(home)) as process:
        assert await line(process) == "open"
        with pytest.raises(StoreBusy) as refused:
            async with open_store(home):
                pass
        assert refused.value.facts["pid"] == process.pid
        assert str(process.pid) in str(refused.value)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        async with open_store(home) as store:
            assert (await store.journal.accept(an_event("u1"), LANE)).new


async def test_the_same_home_cannot_be_opened_twice_by_one_process(home: Path) -> None:
    async with open_store(home):
        with pytest.raises(StoreBusy):
            async with open_store(home):
                pass


async def test_a_database_browser_with_an_open_transaction_makes_it_busy_and_nothing_is_lost(home: Path) -> None:
    async with open_store(home) as store:
        await store.writer.execute(pragma("busy_timeout = 10"))
        browser = sqlite3.connect(home / "botkit.db", isolation_level=None)
        browser.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another program"):
            await store.journal.accept(an_event("u1"), LANE)
        browser.execute("ROLLBACK")
        browser.close()
        assert (await store.journal.accept(an_event("u1"), LANE)).new


async def test_a_place_that_cannot_be_written_is_a_clear_error(home: Path) -> None:
    home.parent.joinpath("file").write_text("in the way")
    with pytest.raises(StoreError, match="owner and mode"):
        async with open_store(home.parent / "file" / "home"):
            pass


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────

_WORK = """
import asyncio, sys
from pathlib import Path
from botkit.core.journal import Consume
from botkit.store.open import open_store
from botkit.testing.stores.samples import an_event

async def main():
    async with open_store(Path(sys.argv[1])) as store:
        async def work(worker):
            for number in range(100_000):
                key = f"{sys.argv[2]}-{worker}-{number}"
                accepted = await store.journal.accept(an_event(key), f"lane-{worker}")
                print("accepted", key, flush=True)
                ids = tuple(row.id for row in accepted.claimed.events)
                consume = Consume(event_ids=ids, outcome="seen")
                await store.journal.commit(accepted.claimed.claim, [consume], release=True)
                print("consumed", key, flush=True)

        await asyncio.gather(*(work(worker) for worker in range(8)))

asyncio.run(main())
"""


async def test_what_was_answered_before_a_kill_is_there_after_it(home: Path) -> None:
    said: dict[str, set[str]] = {"accepted": set(), "consumed": set()}
    for round_ in range(2):
        async with another_process(_WORK, str(home), str(round_)) as process:
            for _ in range(90 + 137 * round_):
                what, _, key = (await line(process)).partition(" ")
                said[what].add(key)
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            for rest in (await process.stdout.read()).decode().splitlines(keepends=True):
                if rest.endswith("\n"):
                    what, _, key = rest.strip().partition(" ")
                    said[what].add(key)
    async with open_store(home) as store:
        events = {event["dedupe_key"]: event["outcome"] for event in await store.records.inbox(limit=100_000)}
        assert said["accepted"] <= set(events)
        assert said["consumed"] <= {key for key, outcome in events.items() if outcome == "seen"}
        undone = {key for key, outcome in events.items() if not outcome}
        recovered = await store.journal.recover()
        found: set[str] = set()
        for lane in recovered.lanes:
            claimed = await store.journal.claim(lane)
            assert claimed is not None
            found |= {row.event.dedupe_key for row in claimed.events}
        assert found == undone


# ── deleted and private ──────────────────────────────────────────────────────────────────────────────────


async def test_the_words_of_an_erased_person_are_in_no_file_any_more(home: Path) -> None:
    def leftovers() -> list[str]:
        return [str(path) for path in home.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()]

    async with open_store(home) as store:
        turns = [await a_turn(store, "1", Conversation(channel="desk", room="1"), number) for number in range(30)]
        assert leftovers()
        await store.lifecycle.erase_person(turns[0].person.id, actor="operator")
        assert leftovers() == []
    assert leftovers() == []


async def test_a_home_is_readable_by_its_owner_only(home: Path) -> None:
    async with open_store(home) as store:
        await store.files.put(b"private", limit_bytes=100)
        await store.journal.accept(an_event("u1"), LANE)
        open_to_others = [path for path in (home, *home.rglob("*")) if path.stat().st_mode & 0o077]
        assert open_to_others == []
