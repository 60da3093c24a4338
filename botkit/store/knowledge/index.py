"""The index: what is in it, brought up to what the files hold now, and searched by words.

A file whose size and time are those of last time is not opened; one whose content is the same is not read anew.

Source: https://www.sqlite.org/fts5.html
"""

from __future__ import annotations

__all__ = ["KnowledgeIndex", "Refreshed"]

import hashlib
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import StoreError
from botkit.core.knowledge import KnowledgeFile, KnowledgeSource, Passage
from botkit.core.ranking import words_of
from botkit.store.knowledge.chunks import chunked
from botkit.store.knowledge.documents import Block, Unreadable, read_document
from botkit.store.knowledge.finding import FoundFile, find_files

_VERSION = 1
"""Of tables and of how documents are read and cut; another one begins anew."""
_SCHEMA = """
CREATE TABLE files (
    source TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, changed_ns INTEGER NOT NULL, sha256 TEXT NOT NULL,
    passages INTEGER NOT NULL, indexed_at INTEGER NOT NULL, problem TEXT NOT NULL,
    PRIMARY KEY (source, file)
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, file TEXT NOT NULL, title TEXT NOT NULL, heading TEXT NOT NULL,
    line INTEGER NOT NULL, line_end INTEGER NOT NULL, page INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE INDEX ix_passages_file ON passages (source, file);
CREATE VIRTUAL TABLE words USING fts5 (
    text, heading, file, content='passages', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
    INSERT INTO words (rowid, text, heading, file) VALUES (new.id, new.text, new.heading, new.file);
END;
CREATE TRIGGER passages_dropped AFTER DELETE ON passages BEGIN
    INSERT INTO words (words, rowid, text, heading, file) VALUES ('delete', old.id, old.text, old.heading, old.file);
END;
"""
_SEARCH = """
SELECT p.source, p.file, p.title, p.heading, p.line, p.line_end, p.page, p.text
FROM words JOIN passages p ON p.id = words.rowid
WHERE words MATCH ? AND p.source IN ({sources})
ORDER BY bm25(words, 1.0, 3.0, 2.0), p.id LIMIT ?
"""
_WORD = re.compile(r"\w+")
_WORDS_LIMIT = 32
_CANDIDATES = 40
"""Passages looked at for each one that is wanted."""
_SAME_FILE = 3
"""Passages of one file in one answer."""
_BATCH = 200
"""Files in one transaction."""


class Refreshed(Data, omit_defaults=False):
    """What changed in the index."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    unreadable: int = 0


class KnowledgeIndex:
    """One index file. Its methods block, and may be called from any thread.

    Args:
        path: of the file; made when it is first needed.
    """

    def __init__(self, path: Path, clock: Clock):
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()

    def refresh(self, source: KnowledgeSource) -> Refreshed:
        """Bring one source up to date. Raises `StoreError`."""
        found = find_files(source)
        with self._lock, closing(self._open()) as connection:
            rows = connection.execute(
                "SELECT file, size, changed_ns, sha256, problem FROM files WHERE source = ?", (source.name,)
            ).fetchall()
            known = {row[0]: row[1:] for row in rows}
            gone = sorted(known.keys() - found.keys())
            same = {
                name for name, one in found.items() if name in known and known[name][:2] == (one.size, one.changed_ns)
            }
            result = Refreshed(removed=len(gone), unchanged=len(same))
            self._each(connection, gone, lambda name: _drop(connection, source.name, name))
            counts = {"added": 0, "changed": 0, "unchanged": 0, "unreadable": 0}

            def look(name: str) -> None:
                counts[self._look(connection, source, name, found[name], known.get(name))] += 1

            self._each(connection, sorted(found.keys() - same), look)
            unreadable = sum(bool(known[name][3]) for name in same) + counts["unreadable"]
            return msgspec.structs.replace(
                result,
                added=counts["added"],
                changed=counts["changed"],
                unchanged=result.unchanged + counts["unchanged"],
                unreadable=unreadable,
            )

    def forget(self, keep: Iterable[str]) -> int:
        """Drop sources that are not among these; how many."""
        with self._lock, closing(self._open()) as connection:
            names = {row[0] for row in connection.execute("SELECT DISTINCT source FROM files")} - set(keep)
            with connection:
                for name in names:
                    connection.execute("DELETE FROM passages WHERE source = ?", (name,))
                    connection.execute("DELETE FROM files WHERE source = ?", (name,))
            return len(names)

    def search(self, sources: Sequence[str], query: str, *, top_k: int, min_score: float = 0.0) -> list[Passage]:
        """The best passages; at most three of one file. Raises `StoreError`."""
        spoken = [word.casefold() for word in _WORD.findall(query)][:_WORDS_LIMIT]
        terms = list(dict.fromkeys(words_of(query)))[:_WORDS_LIMIT] or spoken
        if not terms or not sources or top_k < 1:
            return []
        wanted = dict.fromkeys([*terms, *(word for word in spoken if words_of(word))])
        match = " OR ".join(f'"{term}"' for term in wanted)
        statement = _SEARCH.format(sources=", ".join("?" * len(sources)))
        limit = top_k + _CANDIDATES
        try:
            with closing(self._open()) as connection:
                rows = connection.execute(statement, (match, *sources, limit)).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"the knowledge index cannot be searched: {error}") from error
        found: list[Passage] = []
        of_file: dict[tuple[str, str], int] = {}
        for row in rows:
            held = set(words_of(f"{row[7]} {row[3]} {row[1]}"))
            share = sum(_holds(held, term) for term in terms) / len(terms)
            place = (row[0], row[1])
            if share < min_score or of_file.get(place, 0) >= _SAME_FILE:
                continue
            of_file[place] = of_file.get(place, 0) + 1
            names = ("source", "file", "title", "heading", "line", "line_end", "page", "text")
            found.append(Passage(**dict(zip(names, row, strict=True)), score=round(share, 3)))
            if len(found) == top_k:
                break
        return found

    def files(self, sources: Sequence[str] = ()) -> list[KnowledgeFile]:
        """Every file, those that cannot be read too."""
        with closing(self._open()) as connection:
            rows = connection.execute(
                "SELECT source, file, passages, size, indexed_at, problem FROM files ORDER BY source, file"
            ).fetchall()
        names = ("source", "file", "passages", "size_bytes", "indexed_at", "problem")
        return [KnowledgeFile(**dict(zip(names, row, strict=True))) for row in rows if not sources or row[0] in sources]

    def _look(
        self,
        connection: sqlite3.Connection,
        source: KnowledgeSource,
        name: str,
        found: FoundFile,
        known: tuple[int, int, str, str] | None,
    ) -> str:
        """Read one file into the index; what became of it."""
        digest, blocks, problem = "", list[Block](), ""
        try:
            if found.size > source.file_limit_bytes:
                raise Unreadable(f"it has {found.size} bytes, more than file_limit_bytes")
            data = found.path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            if known is not None and known[2] == digest and not known[3]:
                connection.execute(
                    "UPDATE files SET size = ?, changed_ns = ? WHERE source = ? AND file = ?",
                    (found.size, found.changed_ns, source.name, name),
                )
                return "unchanged"
            blocks = list(chunked(read_document(name, data)))
        except Unreadable as error:
            problem = str(error)
        except OSError as error:
            problem = f"it cannot be opened: {error.strerror}"
        _drop(connection, source.name, name)
        title = next((block.headings[0] for block in blocks if block.headings), "")
        connection.executemany(
            "INSERT INTO passages (source, file, title, heading, line, line_end, page, text) VALUES (?,?,?,?,?,?,?,?)",
            [
                (source.name, name, title, " › ".join(one.headings), one.line, one.line_end, one.page, _sound(one.text))
                for one in blocks
            ],
        )
        connection.execute(
            "INSERT INTO files VALUES (?,?,?,?,?,?,?,?)",
            (
                source.name,
                name,
                found.size,
                found.changed_ns,
                digest,
                len(blocks),
                self._clock.micros(),
                problem,
            ),
        )
        return "unreadable" if problem else "added" if known is None else "changed"

    def _each(self, connection: sqlite3.Connection, names: Sequence[str], work: Callable[[str], None]) -> None:
        for start in range(0, len(names), _BATCH):
            with connection:
                for name in names[start : start + _BATCH]:
                    work(name)

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=30.0, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("PRAGMA synchronous = NORMAL")
            if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                self._begin_anew(connection)
            return connection
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self._path} cannot be used ({error}); delete it, it is made again") from error

    def _begin_anew(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:  # another was faster
            for name in ("words", "passages", "files"):
                connection.execute(f"DROP TABLE IF EXISTS {name}")
            for statement in _statements(_SCHEMA):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.commit()


def _drop(connection: sqlite3.Connection, source: str, name: str) -> None:
    connection.execute("DELETE FROM passages WHERE source = ? AND file = ?", (source, name))
    connection.execute("DELETE FROM files WHERE source = ? AND file = ?", (source, name))


def _statements(script: str) -> list[str]:
    """A script in pieces that run in one transaction; `executescript` would commit."""
    pieces: list[str] = []
    held = ""
    for line in script.strip().splitlines():
        held += line + "\n"
        if sqlite3.complete_statement(held):
            pieces.append(held)
            held = ""
    return pieces


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _holds(words: set[str], term: str) -> bool:
    """Whether one of the words is the term or another form of it."""
    if term in words:
        return True
    stem = term[: max(4, len(term) - 3)]
    return len(term) > 4 and any(word.startswith(stem) and abs(len(word) - len(term)) <= 4 for word in words)
