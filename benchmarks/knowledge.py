"""Memory and knowledge at 1,000,000 entries: `python -m benchmarks knowledge`.

    words      a source of a million passages, made as `botkit knowledge index` makes it: files read in the reader's
               process, cut, indexed. Words follow Zipf's law, so the first stands in nearly every passage.
    meaning    as many vectors of 384 dimensions, 50 around each centre, kept and scanned as the index does it
    notes      a million notes of 10,000 people, searched as `memory__recall` does it

Each answer is also judged: whether what was planted is among the first five (words), and how many of the exact ten
nearest are found (meaning).

`BOTKIT_BENCH_PASSAGES` sets another number.
"""

from __future__ import annotations

__all__ = ["figures"]

import asyncio
import json
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.figures import Figure
from botkit.core.clock import SystemClock
from botkit.core.knowledge import KnowledgeSource
from botkit.core.notes import Note, NoteKey
from botkit.store.knowledge import KnowledgeIndex, Meaning
from botkit.store.open import open_store

_PASSAGES = int(os.environ.get("BOTKIT_BENCH_PASSAGES", "1000000"))
_PER_FILE = 2_000
_WORDS = 40
_VOCABULARY = 60_000
_PLANTED = 200
_DIMENSIONS = 384
_CENTRES = max(1, _PASSAGES // 50)
_NEAREST = 10
_NOTES, _PEOPLE = 1_000_000, 10_000
_MUST_MS = 50
_SOURCE = "bench"


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="botkit-knowledge-") as folder:
        root = Path(folder)
        return [*_words(root), *_meaning(root), *asyncio.run(_notes(root / "home"))]


# ── by words ─────────────────────────────────────────────────────────────────────────────────────────────────


def _word(number: int) -> str:
    """A word that no stemmer takes for another one."""
    letters = "bdfgklmnprtv"
    found = ""
    while True:
        found += letters[number % 12] + "aiou"[number // 12 % 4]
        number //= 48
        if not number:
            return found + "x"


def _write_files(root: Path) -> dict[str, str]:
    """Files of entries; what is planted: a query and the file it stands in."""
    source = random.Random(11)
    vocabulary = [_word(number) for number in range(_VOCABULARY)]
    weights = list(accumulate(1 / (rank + 2.7) for rank in range(_VOCABULARY)))
    (root / "docs").mkdir()
    planted: dict[str, str] = {}
    every = max(1, _PASSAGES // _PLANTED)
    for number in range(-(-_PASSAGES // _PER_FILE)):
        name = f"docs/{number:05}.json"
        entries: list[str] = []
        for entry in range(_PER_FILE):
            words = source.choices(vocabulary, cum_weights=weights, k=_WORDS)
            if (number * _PER_FILE + entry) % every == 0:
                # three words of middling frequency among common ones: as people ask
                topic = [vocabulary[source.randrange(800, 6_000)] for _ in range(3)]
                words[5:5] = topic
                words[20:20] = topic
                planted[" ".join([*vocabulary[:3], *topic, vocabulary[7]])] = name
            entries.append(" ".join(words))
        (root / name).write_text(json.dumps(entries))
    return planted


def _words(root: Path) -> list[Figure]:
    planted = _write_files(root)
    index = KnowledgeIndex(root / "index", SystemClock())
    source = KnowledgeSource(name=_SOURCE, root=str(root), paths=("docs",), file_limit_bytes=1 << 30)
    begun = time.perf_counter()
    index.refresh(source)
    built_s = time.perf_counter() - begun
    passages, _ = index.of(_SOURCE).sizes()
    size_mb = sum(path.stat().st_size for path in (root / "index").iterdir()) / 1e6
    begun = time.perf_counter()
    index.refresh(source)
    again_ms = (time.perf_counter() - begun) * 1000
    found = 0

    def ask(query: str, file: str) -> None:
        nonlocal found
        found += any(one.file == file for one in index.search([_SOURCE], query, top_k=5))

    asked = _timed([lambda query=query, file=file: ask(query, file) for query, file in planted.items()])
    common = [" ".join(_word(number + shift) for number in range(5)) for shift in range(20)]
    worst = _timed([lambda query=query: index.search([_SOURCE], query, top_k=5) for query in common])
    single = _timed([lambda number=number: index.search([_SOURCE], _word(number), top_k=5) for number in range(20)])
    plain = _timed([lambda query=query: _plain_bm25(root / "index" / f"{_SOURCE}.db", query) for query in common[:5]])
    what = f"{passages:,} passages"
    return [
        Figure(
            what=f"index {what} of {_WORDS} words: files read, cut, indexed",
            measured=f"{built_s:.0f} s, {size_mb:,.0f} MB; looking again when nothing changed {again_ms:.0f} ms",
        ),
        _figure(f"search {what} by words: three words of middling frequency among four common ones", asked),
        Figure(what="… what was planted is among the first five", measured=f"{found / len(planted):.1%}"),
        _figure("… five words that stand nearly everywhere", worst),
        _figure("… one such word", single),
        Figure(what="… the same five with FTS5's own bm25(), for comparison", measured=str(plain)),
    ]


def _plain_bm25(path: Path, query: str) -> None:
    match = " OR ".join(f'"{word}"' for word in query.split())
    connection = sqlite3.connect(path)
    try:
        connection.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 5", (match,)).fetchall()
    finally:
        connection.close()


# ── by meaning ───────────────────────────────────────────────────────────────────────────────────────────────


def _meaning(root: Path) -> list[Figure]:
    import numpy as np

    generator = np.random.default_rng(5)
    centres = generator.standard_normal((_CENTRES, _DIMENSIONS), dtype=np.float32)
    offset = generator.standard_normal(_DIMENSIONS).astype(np.float32) * 0.7  # models do not centre what they give

    def some(count: int) -> Any:
        picked = centres[generator.integers(0, _CENTRES, count)]
        return picked + offset + generator.standard_normal((count, _DIMENSIONS), dtype=np.float32) * 0.6

    index = KnowledgeIndex(root / "index", SystemClock())
    held = index.of(_SOURCE)
    kept: list[Any] = []
    after = 0
    spent_s = 0.0
    while batch := held.without_vector("bench/384", after=after, limit=20_000):
        after = batch[-1][0]
        vectors = some(len(batch))
        kept.append(vectors.astype(np.float16))
        begun = time.perf_counter()
        held.keep_vectors("bench/384", list(zip((one[1] for one in batch), vectors, strict=True)))
        spent_s += time.perf_counter() - begun
    everything = np.concatenate(kept)
    del kept
    queries = some(50)
    exact = _exact(np, everything, queries)
    del everything
    first = _first_search(root)
    recalled = 0

    def ask(number: int) -> None:
        nonlocal recalled
        with held.reading() as connection:
            found = held.scan.nearest(connection, queries[number].tolist(), _NEAREST)
        recalled += len({id_ for id_, _ in found} & exact[number])

    asked = _timed([lambda number=number: ask(number) for number in range(len(queries))])
    words = " ".join(_word(number) for number in (1, 900, 2_500))

    def both(number: int) -> None:
        meanings = {_SOURCE: Meaning(vector=queries[number].tolist())}
        index.search([_SOURCE], words, top_k=5, meanings=meanings)

    hybrid = _timed([lambda number=number: both(number) for number in range(len(queries))])
    _, count = held.sizes()
    share = recalled / (len(queries) * _NEAREST)
    what = f"{count:,} vectors of {_DIMENSIONS} dimensions"
    return [
        Figure(what=f"keep {what}, codes made", measured=f"{spent_s:.0f} s"),
        _figure(f"search {what} by meaning: codes of one bit a dimension, 1,000 nearest compared exactly", asked),
        Figure(
            what=f"… share of the exact {_NEAREST} nearest that is found",
            must="≥ 95%",
            measured=f"{share:.1%}",
            ok=share >= 0.95,
        ),
        Figure(
            what="… the first search after a start, which reads the codes; memory of its own before and after",
            measured=f"{first['ms']:.0f} ms; {first['before_mb']:.0f} MB, {first['after_mb']:.0f} MB",
        ),
        _figure("… search by words and by meaning, joined", hybrid),
    ]


def _first_search(root: Path) -> dict[str, float]:
    """In a process of its own; numpy is imported before."""
    command = [sys.executable, "-m", "benchmarks.knowledge", "first", str(root / "index")]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-2000:])
    return json.loads(done.stdout)


def _own_mb() -> float:
    """Memory of this process that is no file's; Linux."""
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
    if found is None:
        raise SystemExit("this system does not tell how much memory a process has")
    return int(found[1]) / 1024


def _search_first(folder: Path) -> None:
    import numpy as np

    held = KnowledgeIndex(folder, SystemClock()).of(_SOURCE)
    query = np.random.default_rng(9).standard_normal(_DIMENSIONS).tolist()
    before_mb, begun = _own_mb(), time.perf_counter()
    with held.reading() as connection:
        held.scan.nearest(connection, query, _NEAREST)
    took_ms = (time.perf_counter() - begun) * 1000
    print(json.dumps({"ms": took_ms, "before_mb": before_mb, "after_mb": _own_mb()}))


def _exact(np: Any, everything: Any, queries: Any) -> list[set[int]]:
    """Ids (from 1, in order of arrival) of the nearest by cosine."""
    wanted = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    likeness = np.empty((len(everything), len(wanted)), dtype=np.float32)
    for begin in range(0, len(everything), 50_000):
        part = everything[begin : begin + 50_000].astype(np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
        likeness[begin : begin + 50_000] = part @ wanted.T
    best = np.argpartition(-likeness, _NEAREST, axis=0)[:_NEAREST]
    return [{int(one) + 1 for one in best[:, number]} for number in range(len(wanted))]


# ── notes ────────────────────────────────────────────────────────────────────────────────────────────────────


async def _notes(home: Path) -> list[Figure]:
    """A million notes; each person has a hundred."""
    source = random.Random(3)
    home.mkdir()  # noqa: ASYNC240 - nothing else runs here
    async with open_store(home, None, clock=SystemClock(), synchronous="normal"):
        pass
    vocabulary = [_word(number) for number in range(5_000)]
    each = _NOTES // _PEOPLE
    connection = sqlite3.connect(home / "botkit.db")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(notes)")]
    begun = time.perf_counter()
    with connection:
        for person in range(_PEOPLE):
            rows = [
                _note_row(columns, person, number, " ".join(source.choices(vocabulary, k=12))) for number in range(each)
            ]
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO notes ({', '.join(columns)}) VALUES ({marks})", rows)
    connection.close()
    built_s = time.perf_counter() - begun
    async with open_store(home, None, clock=SystemClock(), synchronous="normal") as store:
        wall: list[float] = []
        cpu: list[float] = []
        for _ in range(200):
            key = NoteKey(owner=f"p{source.randrange(_PEOPLE)}")
            begun, used = time.perf_counter(), time.process_time()
            await store.notes.search(key, " ".join(source.choices(vocabulary, k=4)))
            cpu.append((time.process_time() - used) * 1000)
            wall.append((time.perf_counter() - begun) * 1000)
        await store.notes.put(Note(owner="p0", name="last", value="one more"))
    what = f"search the notes of one person, {_NOTES:,} notes of {_PEOPLE:,} people kept"
    return [_figure(f"{what} (filled in {built_s:.0f} s)", Times(sorted(wall), sorted(cpu)))]


def _note_row(columns: Sequence[str], person: int, number: int, text: str) -> list[object]:
    values: dict[str, object] = {
        "scope": "person",
        "owner": f"p{person}",
        "name": f"note-{number}",
        "value": json.dumps(text),
        "taint": "[]",
    }
    return [values.get(name, 0 if name.endswith("_at") else "") for name in columns]


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────


class Times(NamedTuple):
    """Milliseconds of each call, sorted."""

    wall: list[float]
    cpu: list[float]
    """Of the thread that searches: what it takes on a machine that does nothing else."""

    def __str__(self) -> str:
        wall, cpu = self.wall, self.cpu
        processor = f"processor p50 {statistics.median(cpu):.1f} ms, p95 {_late(cpu):.1f} ms"
        return f"p50 {statistics.median(wall):.1f} ms, p95 {_late(wall):.1f} ms; {processor}"


def _timed(calls: Sequence[Callable[[], object]]) -> Times:
    wall: list[float] = []
    cpu: list[float] = []
    for call in calls:
        begun, used = time.perf_counter(), time.thread_time()
        call()
        cpu.append((time.thread_time() - used) * 1000)
        wall.append((time.perf_counter() - begun) * 1000)
    return Times(sorted(wall), sorted(cpu))


def _late(times: Sequence[float]) -> float:
    return times[min(len(times) - 1, int(len(times) * 0.95))]


def _figure(what: str, times: Times) -> Figure:
    ok = _late(times.cpu) <= _MUST_MS
    return Figure(what=what, must=f"processor p95 ≤ {_MUST_MS} ms", measured=str(times), ok=ok)


def main() -> None:
    match sys.argv[1:]:
        case ["first", folder]:
            _search_first(Path(folder))
        case _:
            for figure in figures():
                print(f"{figure.what}: {figure.measured}")


if __name__ == "__main__":
    main()
