"""Searching several sources at once: by words, by meaning, and both joined by reciprocal rank fusion.

Source: Cormack, Clarke, Büttcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods
(2009), section 2
"""

from __future__ import annotations

__all__ = ["KnowledgeIndex", "Meaning"]

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from botkit.core.clock import Clock
from botkit.core.knowledge import KnowledgeFile, KnowledgeSource, Passage, passage_id
from botkit.store.knowledge.index import Refreshed, SourceIndex
from botkit.store.knowledge.reading import DocumentReader
from botkit.store.knowledge.tables import fact
from botkit.store.knowledge.words import Candidate, candidates, counted, rank_words, terms_of

_SAME_FILE = 3
"""Passages of one file in one answer."""
_NEAREST = 60
_FUSION = 60
"""The paper's k."""
_BY_ID = """
SELECT p.id, file, title, heading, line, line_end, page, text FROM passages p JOIN files ON files.id = p.file_id
WHERE p.id IN (SELECT value FROM json_each(?))
"""
_BY_FILE = """
SELECT p.id, file, title, heading, line, line_end, page, text FROM passages p JOIN files ON files.id = p.file_id
WHERE file = ? ORDER BY p.id
"""
_BY_VECTOR = """
SELECT v.id, p.id FROM vectors v JOIN passages p ON p.digest = v.digest
WHERE v.id IN (SELECT value FROM json_each(?)) ORDER BY p.id
"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A query as the model of a source understands it."""

    vector: Sequence[float]
    least: float = 0.0
    """Smaller similarities do not count."""


@dataclass(slots=True)
class _Hit:
    source: str
    row: tuple[object, ...]
    share: float = 0.0
    likeness: float = 0.0
    fused: float = 0.0
    by: tuple[str, ...] = ()


_Key = tuple[str, int]
"""Source and id of a passage."""


class KnowledgeIndex:
    """All index files. Its methods block, and may be called from any thread.

    Args:
        folder: where they are; made when it is first needed.
    """

    def __init__(self, folder: Path, clock: Clock):
        self._folder = folder
        self._clock = clock
        self._open: dict[str, SourceIndex] = {}

    def of(self, source: str) -> SourceIndex:
        """The index of one source."""
        return self._open.setdefault(source, SourceIndex(self._folder / f"{source}.db", self._clock))

    def refresh(self, source: KnowledgeSource, proceed: Callable[[], bool] | None = None) -> Refreshed:
        """Bring one source up to date, as long as `proceed` says yes. Raises `StoreError`."""
        with DocumentReader(timeout_s=source.read_timeout_s) as reader:
            return self.of(source.name).refresh(source, reader=reader, proceed=proceed)

    def forget(self, keep: Iterable[str]) -> int:
        """Drop sources that are not among these; how many."""
        kept, gone = set(keep), 0
        for path in self._folder.glob("*.db"):
            if path.stem not in kept:
                gone += 1
                if (held := self._open.pop(path.stem, None)) is not None:
                    held.close()
                for ending in ("", "-wal", "-shm"):
                    with suppress(FileNotFoundError):
                        path.with_name(path.name + ending).unlink()
        return gone

    def close(self) -> None:
        """Close all files. Safe to repeat."""
        for one in list(self._open.values()):
            one.close()

    def files(self, sources: Sequence[str]) -> list[KnowledgeFile]:
        """Every file of these, those that cannot be read too."""
        return [file for name in sources for file in self.of(name).files(name)]

    def passages(self, sources: Sequence[str], file: str) -> list[Passage]:
        """What a file was cut to, in order."""
        found: list[Passage] = []
        for name in sources:
            with self.of(name).reading() as connection:
                rows = connection.execute(_BY_FILE, (file,)).fetchall()
                found += [_passage(_Hit(source=name, row=row)) for row in rows]
        return found

    def search(
        self,
        sources: Sequence[str],
        query: str,
        *,
        top_k: int,
        min_score: float = 0.0,
        meanings: Mapping[str, Meaning] | None = None,
        words: bool = True,
    ) -> list[Passage]:
        """The best passages; at most three of one file.

        Args:
            meanings: by source; a source without one is searched by words alone.
            words: whether to search by words.

        Raises:
            StoreError: an index cannot be read.
        """
        if not sources or top_k < 1:
            return []
        with ExitStack() as stack:
            held = {name: stack.enter_context(self.of(name).reading()) for name in dict.fromkeys(sources)}
            hits: dict[_Key, _Hit] = {}
            if words:
                self._by_words(held, query, hits)
            self._by_meaning(held, meanings or {}, hits)
        best = sorted(hits.values(), key=lambda one: (-one.fused, one.source, str(one.row[1]), one.row[0]))
        found: list[Passage] = []
        of_file: Counter[tuple[str, str]] = Counter()
        for hit in best:
            passage = _passage(hit)
            place = (passage.source, passage.file)
            if passage.score < min_score or of_file[place] >= _SAME_FILE:
                continue
            of_file[place] += 1
            found.append(passage)
            if len(found) == top_k:
                break
        return found

    def _by_words(self, held: Mapping[str, sqlite3.Connection], query: str, hits: dict[_Key, _Hit]) -> None:
        terms = terms_of(query)
        if not terms.wanted:
            return
        counts: Counter[str] = Counter()
        total = 0
        found: dict[int, _Key] = {}
        texts: list[Candidate] = []
        for name, connection in held.items():
            own = counted(connection, terms)
            counts.update(own)
            total += int(fact(connection, "passages") or 0)
            for row in _rows(connection, candidates(connection, terms, own)):
                number = len(texts)
                found[number] = (name, int(str(row[0])))
                hits[found[number]] = _Hit(source=name, row=row)
                texts.append(Candidate(id=number, text=str(row[7]), heading=str(row[3]), file=str(row[1])))
        for rank, (number, _, share) in enumerate(rank_words(texts, terms, counts, total), 1):
            hit = hits[found[number]]
            hit.share, hit.fused, hit.by = share, 1 / (_FUSION + rank), ("words",)

    def _by_meaning(
        self, held: Mapping[str, sqlite3.Connection], meanings: Mapping[str, Meaning], hits: dict[_Key, _Hit]
    ) -> None:
        near: list[tuple[float, _Key]] = []
        for name, meaning in meanings.items():
            connection = held.get(name)
            if connection is None:
                continue
            found = self.of(name).scan.nearest(connection, meaning.vector, _NEAREST)
            likeness = {id_: value for id_, value in found if value >= meaning.least}
            rows = connection.execute(_BY_VECTOR, (json.dumps(list(likeness)),)).fetchall()
            near += [(likeness[vector_id], (name, id_)) for vector_id, id_ in rows]
            unknown = [id_ for _, id_ in rows if (name, id_) not in hits]
            for row in _rows(connection, unknown):
                hits[(name, int(str(row[0])))] = _Hit(source=name, row=row)
        near.sort(key=lambda one: (-one[0], one[1]))
        for rank, (value, key) in enumerate(near, 1):
            hit = hits[key]
            hit.likeness, hit.fused, hit.by = value, hit.fused + 1 / (_FUSION + rank), (*hit.by, "meaning")


def _rows(connection: sqlite3.Connection, ids: Sequence[int]) -> list[tuple[object, ...]]:
    return connection.execute(_BY_ID, (json.dumps(ids),)).fetchall() if ids else []


def _passage(hit: _Hit) -> Passage:
    names = ("file", "title", "heading", "line", "line_end", "page", "text")
    values = dict(zip(names, hit.row[1:], strict=True))
    digest = hashlib.blake2b(f"{values['heading']}\n{values['text']}".encode(), digest_size=16).digest()
    score = round(max(hit.share, min(1.0, hit.likeness)), 3)
    return Passage(
        source=hit.source,
        score=score,
        found_by=hit.by,
        id=passage_id(hit.source, str(values["file"]), digest),
        **values,  # pyright: ignore[reportArgumentType] - the columns are its fields
    )
