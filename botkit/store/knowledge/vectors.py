"""Searching by meaning: the vectors of one source, scanned in memory.

A small source is compared exactly. A large one is first compared by one bit for each dimension (whether it lies above
the mean), counted by XOR and population count, and only the nearest thousand are compared exactly: 1,000,000 texts of
384 dimensions take 48 MB in memory instead of 1.5 GB, and a few tens of milliseconds. Vectors lie on disk as float16.

Source: Yamada, Asai, Hajishirzi: Efficient Passage Retrieval with Hashing for Open-domain Question Answering (2021),
section 3, which scores candidates of binary codes anew
"""

# numpy's annotations need shapes and types that say little here
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["VectorScan", "add_vectors", "begin_model", "drop_unused", "missing_texts", "model_of"]

import json
import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

from botkit.core.errors import StoreError
from botkit.store.knowledge.tables import fact, set_fact

_EXACT_FLOATS = 24_000_000
"""Numbers that are compared exactly: 96 MB, some 10 ms."""
_RESCORED = 1_000
_CHUNK = 65_536
"""Codes compared at once; they stay in the processor's cache."""
_SAMPLE = 20_000
"""Vectors the mean is taken from."""
_REFIT = 4
"""The mean is taken anew when there are so many times more."""
_CODES = "SELECT id, code FROM codes WHERE id > ? ORDER BY id"
_EXACT = "SELECT id, vector FROM vectors WHERE id > ? ORDER BY id"


def _numpy() -> Any:
    try:
        import numpy as np
    except ImportError as error:
        raise StoreError("searching by meaning needs the extra `knowledge`: install `botkit[knowledge]`") from error
    return np


# ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────


def model_of(connection: sqlite3.Connection) -> str:
    """What made the vectors that are stored; empty when there are none."""
    return (fact(connection, "model") or b"").decode()


def begin_model(connection: sqlite3.Connection, model: str) -> None:
    """From now on vectors are of this model; those of another one are dropped. Within a transaction of the caller."""
    if model_of(connection) != model:
        connection.execute("DELETE FROM vectors")
        connection.execute("DELETE FROM codes")
        connection.execute("DELETE FROM facts WHERE name IN ('dimensions', 'mean', 'fitted')")
        set_fact(connection, "model", model.encode())
        _next_epoch(connection)


def missing_texts(connection: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, bytes, str]]:
    """(passage id, digest, text with its headings) of passages beyond an id that have no vector yet."""
    rows = connection.execute(
        "SELECT p.id, p.digest, p.heading, p.text FROM passages p WHERE p.id > ? "
        "AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.digest = p.digest) ORDER BY p.id LIMIT ?",
        (after, limit),
    ).fetchall()
    return [(row[0], bytes(row[1]), f"{row[2]}\n{row[3]}" if row[2] else row[3]) for row in rows]


def add_vectors(connection: sqlite3.Connection, found: Sequence[tuple[bytes, Sequence[float]]]) -> None:
    """Keep vectors by the digests of their texts. Within a transaction of the caller.

    Raises:
        StoreError: they have another number of dimensions than those before.
    """
    if not found:
        return
    np = _numpy()
    dimensions = len(found[0][1])
    known = fact(connection, "dimensions")
    if known is not None and int(known) != dimensions:
        raise _another_length(int(known), dimensions)
    if known is None:
        set_fact(connection, "dimensions", str(dimensions).encode())
    matrix = _unit(np.asarray([vector for _, vector in found], dtype=np.float32))
    mean = _mean_of(connection, np)
    codes = _codes(matrix, mean) if mean is not None else None
    for number, (digest, _) in enumerate(found):
        written = connection.execute(
            "INSERT OR IGNORE INTO vectors (digest, vector) VALUES (?, ?)",
            (digest, matrix[number].astype(np.float16).tobytes()),
        )
        if codes is not None and written.rowcount:
            connection.execute("INSERT INTO codes VALUES (?, ?)", (written.lastrowid, codes[number].tobytes()))
    _fit_if_due(connection, np, dimensions)


def _another_length(before: int, now: int) -> StoreError:
    return StoreError(
        f"the model gave {before} dimensions before and {now} now; delete the source's file in BOTKIT_HOME/knowledge, "
        "it is made again"
    )


def drop_unused(connection: sqlite3.Connection) -> int:
    """Forget vectors of texts that no file holds any more; how many. Within a transaction of the caller."""
    gone = connection.execute("DELETE FROM vectors WHERE digest NOT IN (SELECT digest FROM passages)").rowcount
    if gone:
        connection.execute("DELETE FROM codes WHERE id NOT IN (SELECT id FROM vectors)")
        _next_epoch(connection)
    return gone


def _fit_if_due(connection: sqlite3.Connection, np: Any, dimensions: int) -> None:
    """Make codes once a source is too large for exact comparison, and better ones when it has grown."""
    newest = connection.execute("SELECT max(id) FROM vectors").fetchone()[0] or 0
    fitted = int(fact(connection, "fitted") or 0)
    if newest * dimensions <= _EXACT_FLOATS or newest < fitted * _REFIT:
        return
    step = max(1, newest // _SAMPLE)
    rows = connection.execute("SELECT vector FROM vectors WHERE id % ? = 0", (step,)).fetchall()
    sample = np.frombuffer(b"".join(row[0] for row in rows), dtype=np.float16).reshape(-1, dimensions)
    mean = sample.astype(np.float32).mean(axis=0)
    set_fact(connection, "mean", mean.tobytes())
    set_fact(connection, "fitted", str(newest).encode())
    connection.execute("DELETE FROM codes")
    reading = connection.cursor()
    reading.execute("SELECT id, vector FROM vectors ORDER BY id")
    while held := reading.fetchmany(_CHUNK):
        codes = _codes(_matrix(np, [row[1] for row in held], dimensions), mean)
        pairs = ((row[0], codes[number].tobytes()) for number, row in enumerate(held))
        connection.executemany("INSERT INTO codes VALUES (?, ?)", pairs)
    _next_epoch(connection)


def _next_epoch(connection: sqlite3.Connection) -> None:
    set_fact(connection, "epoch", str(int(fact(connection, "epoch") or 0) + 1).encode())


def _mean_of(connection: sqlite3.Connection, np: Any) -> Any:
    mean = fact(connection, "mean")
    return None if mean is None else np.frombuffer(mean, dtype=np.float32)


def _unit(matrix: Any) -> Any:
    np = _numpy()
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths == 0, 1.0, lengths)


def _matrix(np: Any, blobs: Sequence[bytes], dimensions: int) -> Any:
    return np.frombuffer(b"".join(blobs), dtype=np.float16).reshape(-1, dimensions).astype(np.float32)


def _codes(matrix: Any, mean: Any) -> Any:
    """One bit for each dimension, padded to whole words: shape (rows, words), uint64."""
    np = _numpy()
    packed = np.packbits(matrix > mean, axis=1)
    short = -packed.shape[1] % 8
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, short)))).view(np.uint64)


# ── what is held in memory ───────────────────────────────────────────────────────────────────────────────────


class VectorScan:
    """The vectors of one source as they are compared; follows what is stored. May be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._epoch = -1
        self._last = 0
        self._count = 0
        self._ids: Any = None
        self._columns: Any = None
        """Codes: shape (words, capacity). Without codes: vectors, shape (capacity, dimensions)."""

    def nearest(self, connection: sqlite3.Connection, query: Sequence[float], limit: int) -> list[tuple[int, float]]:
        """(id in `vectors`, cosine) of the nearest, the best first.

        Raises:
            StoreError: numpy is missing, or the query has another number of dimensions.
        """
        np = _numpy()
        dimensions = int(fact(connection, "dimensions") or 0)
        if not dimensions:
            return []
        if dimensions != len(query):
            raise _another_length(dimensions, len(query))
        wanted = _unit(np.asarray([query], dtype=np.float32))[0]
        mean = _mean_of(connection, np)
        with self._lock:
            self._follow(connection, np, dimensions, coded=mean is not None)
            if not self._count:
                return []
            if mean is None:
                likeness = self._columns[: self._count] @ wanted
                best = np.argsort(-likeness, kind="stable")[:limit]
                return [(int(self._ids[one]), float(likeness[one])) for one in best]
            near = self._near(np, _codes(wanted[None, :], mean)[0], max(_RESCORED, limit))
        return _rescored(connection, np, near, wanted, dimensions)[:limit]

    def _near(self, np: Any, code: Any, limit: int) -> list[int]:
        """Ids of the codes that differ in the fewest bits."""
        count = self._count
        distances = np.empty(count, dtype=np.uint16)
        for begin in range(0, count, _CHUNK):
            end = min(count, begin + _CHUNK)
            sums = np.zeros(end - begin, dtype=np.uint16)
            for column, word in zip(self._columns, code, strict=True):
                sums += np.bitwise_count(column[begin:end] ^ word)
            distances[begin:end] = sums
        reached = np.cumsum(np.bincount(distances))
        most = int(np.searchsorted(reached, min(limit, count)))
        near = np.flatnonzero(distances <= most)
        if len(near) > limit:
            near = near[np.argsort(distances[near], kind="stable")[:limit]]
        return [int(one) for one in self._ids[near]]

    def _follow(self, connection: sqlite3.Connection, np: Any, dimensions: int, *, coded: bool) -> None:
        """Read what was stored since the last time; everything when something was taken away."""
        epoch = int(fact(connection, "epoch") or 0)
        if epoch != self._epoch:
            self._epoch, self._last, self._count, self._ids, self._columns = epoch, 0, 0, None, None
        reading = connection.execute(_CODES if coded else _EXACT, (self._last,))
        while rows := reading.fetchmany(_CHUNK):
            blobs = [row[1] for row in rows]
            new = np.frombuffer(b"".join(blobs), dtype=np.uint64).reshape(len(rows), -1).T if coded else None
            block = new if new is not None else _matrix(np, blobs, dimensions)
            self._append(np, np.asarray([row[0] for row in rows], dtype=np.int64), block, axis=1 if coded else 0)
            self._last = rows[-1][0]

    def _append(self, np: Any, ids: Any, block: Any, *, axis: int) -> None:
        size = self._count + len(ids)
        if self._ids is None or size > len(self._ids):
            capacity = size if self._ids is None else max(size, len(self._ids) * 3 // 2)
            shape = (block.shape[0], capacity) if axis else (capacity, block.shape[1])
            wider_ids, wider = np.empty(capacity, dtype=np.int64), np.empty(shape, dtype=block.dtype)
            if self._ids is not None:
                wider_ids[: self._count] = self._ids[: self._count]
                wider[_part(0, self._count, axis)] = self._columns[_part(0, self._count, axis)]
            self._ids, self._columns = wider_ids, wider
        self._ids[self._count : size] = ids
        self._columns[_part(self._count, size, axis)] = block
        self._count = size


def _part(begin: int, end: int, axis: int) -> Any:
    return (slice(None), slice(begin, end)) if axis else slice(begin, end)


def _rescored(
    connection: sqlite3.Connection, np: Any, ids: Sequence[int], wanted: Any, dimensions: int
) -> list[tuple[int, float]]:
    rows = connection.execute(
        "SELECT id, vector FROM vectors WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
    ).fetchall()
    if not rows:
        return []
    likeness = _matrix(np, [row[1] for row in rows], dimensions) @ wanted
    order = np.argsort(-likeness, kind="stable")
    return [(int(rows[one][0]), float(likeness[one])) for one in order]
