"""The index of one source: what is in it, brought up to what the files hold now.

A file whose size and time are those of last time is not opened; one whose content is known, under this name or
another, is not read anew.
"""

from __future__ import annotations

__all__ = ["Refreshed", "SourceIndex"]

import hashlib
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import StoreError
from botkit.core.knowledge import KnowledgeFile, KnowledgeSource
from botkit.store.knowledge.blocks import Block, Unreadable
from botkit.store.knowledge.finding import FoundFile, find_files
from botkit.store.knowledge.reading import DocumentReader
from botkit.store.knowledge.tables import fact, open_tables, set_fact
from botkit.store.knowledge.vectors import (
    VectorScan,
    add_vectors,
    begin_model,
    drop_unused,
    missing_texts,
    model_of,
)

_BATCH_FILES, _BATCH_PASSAGES = 100, 5_000
"""In one transaction; files are read before it begins."""
_IDLE_CONNECTIONS = 4


class Refreshed(Data, omit_defaults=False):
    """What changed in the index."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    unreadable: int = 0
    embedded: int = 0
    """Texts that a model made vectors of."""
    notice: str = ""
    """Why some have none."""


@dataclass(slots=True)
class _Read:
    """A file as it is to be written."""

    name: str
    found: FoundFile
    digest: str = ""
    blocks: Sequence[Block] = ()
    copy_of: int = 0
    """Id of a file with the same content."""
    problem: str = ""


class SourceIndex:
    """One index file. Its methods block, and may be called from any thread.

    Args:
        path: of the file; made when it is first needed.
    """

    def __init__(self, path: Path, clock: Clock):
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: deque[tuple[int, sqlite3.Connection]] = deque()
        self.scan = VectorScan()

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A connection, kept for the next one; its errors are translated. Raises `StoreError`."""
        connection = self._taken()
        try:
            yield connection
        except sqlite3.Error as error:
            connection.close()
            raise StoreError(f"{self._path} cannot be used ({error}); delete it, it is made again") from error
        except BaseException:
            connection.close()
            raise
        self._idle.append((self._file(), connection))
        while len(self._idle) > _IDLE_CONNECTIONS:
            self._idle.popleft()[1].close()

    def _taken(self) -> sqlite3.Connection:
        """One that is open already, unless the file is another one by now."""
        while self._idle:
            try:
                file, connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if file == self._file():
                return connection
            connection.close()
        return open_tables(self._path)

    def _file(self) -> int:
        try:
            return self._path.stat().st_ino
        except OSError:
            return 0

    def close(self) -> None:
        """Close what is open. Safe to repeat, and to use afterwards."""
        while self._idle:
            self._idle.pop()[1].close()

    def refresh(
        self, source: KnowledgeSource, *, reader: DocumentReader, proceed: Callable[[], bool] | None = None
    ) -> Refreshed:
        """Bring the source up to date.

        Args:
            proceed: asked before each file; what was read until it says no is kept.

        Raises:
            StoreError: the index cannot be written.
        """
        found = find_files(source)
        with self._lock, self.reading() as connection:
            rows = connection.execute("SELECT file, id, size, changed_ns, sha256, problem FROM files").fetchall()
            known = {row[0]: row[1:] for row in rows}
            gone = sorted(known.keys() - found.keys())
            same = {
                name for name, one in found.items() if name in known and known[name][1:3] == (one.size, one.changed_ns)
            }
            counts = Counter(unchanged=len(same), unreadable=sum(bool(known[name][4]) for name in same))
            batch: list[_Read] = []
            for name in sorted(found.keys() - same):
                if proceed is not None and not proceed():
                    gone = []
                    break
                read = _read(connection, source, name, found[name], reader)
                before = known.get(name)
                if read.problem:
                    counts["unreadable"] += 1
                elif before is not None and before[3] == read.digest and not before[4]:
                    counts["unchanged"] += 1
                    read.copy_of = -1  # its time alone is new
                else:
                    counts["changed" if before is not None else "added"] += 1
                batch.append(read)
                if len(batch) >= _BATCH_FILES or sum(len(one.blocks) for one in batch) >= _BATCH_PASSAGES:
                    self._write(connection, batch)
                    batch = []
            self._write(connection, batch)
            with connection:
                for name in gone:
                    _drop(connection, name)
                total = connection.execute("SELECT coalesce(sum(passages), 0) FROM files").fetchone()[0]
                set_fact(connection, "passages", str(total).encode())
            return Refreshed(
                added=counts["added"],
                changed=counts["changed"],
                removed=len(gone),
                unchanged=counts["unchanged"],
                unreadable=counts["unreadable"],
            )

    def files(self, source: str) -> list[KnowledgeFile]:
        """Every file, those that cannot be read too."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT file, title, passages, size, indexed_at, problem FROM files ORDER BY file"
            ).fetchall()
        names = ("file", "title", "passages", "size_bytes", "indexed_at", "problem")
        return [KnowledgeFile(source=source, **dict(zip(names, row, strict=True))) for row in rows]

    # ── vectors ──────────────────────────────────────────────────────────────────────────────────────────────

    def without_vector(self, model: str, *, after: int = 0, limit: int = 256) -> list[tuple[int, bytes, str]]:
        """(passage id, digest, text) of passages this model has not seen, in order."""
        with self._lock, self.reading() as connection:
            if model_of(connection) != model:
                with connection:
                    begin_model(connection, model)
            return missing_texts(connection, after, limit)

    def keep_vectors(self, model: str, found: Sequence[tuple[bytes, Sequence[float]]]) -> None:
        """Keep what a model made of texts. Raises `StoreError`."""
        with self._lock, self.reading() as connection, connection:
            if model_of(connection) == model:  # else another model was chosen meanwhile
                add_vectors(connection, found)

    def tidy(self) -> int:
        """Forget vectors of texts that are in no file any more; how many."""
        with self._lock, self.reading() as connection, connection:
            return drop_unused(connection)

    def sizes(self) -> tuple[int, int]:
        """Passages, and different texts that have a vector."""
        with self.reading() as connection:
            vectors = connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
            return int(fact(connection, "passages") or 0), vectors

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, connection: sqlite3.Connection, batch: Sequence[_Read]) -> None:
        with connection:
            for read in batch:
                if read.copy_of == -1:
                    connection.execute(
                        "UPDATE files SET size = ?, changed_ns = ? WHERE file = ?",
                        (read.found.size, read.found.changed_ns, read.name),
                    )
                else:
                    self._replace(connection, read)

    def _replace(self, connection: sqlite3.Connection, read: _Read) -> None:
        copied = connection.execute(
            "SELECT title, heading, line, line_end, page, text, digest FROM passages JOIN files ON files.id = file_id "
            "WHERE file_id = ? ORDER BY passages.id",
            (read.copy_of,),
        ).fetchall()
        _drop(connection, read.name)
        title = next((block.headings[0] for block in read.blocks if block.headings), "")
        rows: list[tuple[object, ...]] = [row[1:] for row in copied] or [_row(block) for block in read.blocks]
        file_id = connection.execute(
            "INSERT INTO files (file, size, changed_ns, sha256, title, passages, indexed_at, problem) "
            "VALUES (?,?,?,?,?,?,?,?)",
            (
                read.name,
                read.found.size,
                read.found.changed_ns,
                read.digest,
                copied[0][0] if copied else title,
                len(rows),
                self._clock.micros(),
                read.problem,
            ),
        ).lastrowid
        connection.executemany(
            "INSERT INTO passages (file_id, heading, line, line_end, page, text, digest) VALUES (?,?,?,?,?,?,?)",
            ((file_id, *row) for row in rows),
        )


def _read(
    connection: sqlite3.Connection, source: KnowledgeSource, name: str, found: FoundFile, reader: DocumentReader
) -> _Read:
    read = _Read(name=name, found=found)
    try:
        if found.size > source.file_limit_bytes:
            raise Unreadable(f"it has {found.size} bytes, more than file_limit_bytes")
        data = found.path.read_bytes()
        read.digest = hashlib.sha256(data).hexdigest()
        twins = connection.execute("SELECT id, file FROM files WHERE sha256 = ? AND problem = ''", (read.digest,))
        twin = next((id_ for id_, file in twins if Path(file).suffix == Path(name).suffix), 0)
        if twin:
            read.copy_of = twin
        else:
            read.blocks = reader.passages(name, data)
    except Unreadable as error:
        read.problem = str(error)
    except OSError as error:
        read.problem = f"it cannot be opened: {error.strerror}"
    return read


def _row(block: Block) -> tuple[object, ...]:
    heading, text = _sound(" › ".join(block.headings)), _sound(block.text)
    digest = hashlib.blake2b(f"{heading}\n{text}".encode(), digest_size=16).digest()
    return heading, block.line, block.line_end, block.page, text, digest


def _drop(connection: sqlite3.Connection, name: str) -> None:
    row = connection.execute("SELECT id FROM files WHERE file = ?", (name,)).fetchone()
    if row is not None:
        connection.execute("DELETE FROM passages WHERE file_id = ?", row)
        connection.execute("DELETE FROM files WHERE id = ?", row)


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
