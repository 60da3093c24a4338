"""Searching by words: candidates by FTS5, then BM25 over those alone.

FTS5's own `bm25()` visits every passage that holds any word of the query, some 0.6 µs each, and counts every word's
passages to the end: a word that stands in half of a million passages costs half a second. Here a word is counted only
up to `_COMMON`. Rare words choose the candidates, ranked by FTS5; words that stand nearly everywhere only weigh in
among these. A query of nothing but common words takes passages where they stand close together, in a heading before
elsewhere. All candidates are then scored once more with all words, which also makes sources comparable.

Source: https://www.sqlite.org/fts5.html#the_bm25_function; Robertson and Zaragoza, The Probabilistic Relevance
Framework: BM25 and Beyond (2009), section 3.2
"""

from __future__ import annotations

__all__ = ["Candidate", "Terms", "candidates", "counted", "rank_words", "terms_of"]

import math
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from botkit.core.ranking import words_of

_COMMON = 10_000
"""Passages; a word of more does not choose candidates. Some 6 ms of ranking."""
_KEPT = 120
"""Candidates that are scored with all words."""
_WORDS_LIMIT = 32
_K1, _B = 1.2, 0.75
_HEADING_WEIGHT, _FILE_WEIGHT = 3.0, 2.0
_WORD = re.compile(r"\w+")
_ASKING = frozenset(
    {"about", "am", "any", "been", "could", "did", "do", "doe", "does", "get", "give", "had", "has", "have", "her",
     "his", "i", "if", "into", "its", "just", "like", "may", "me", "much", "my", "need", "no", "not", "our", "please",
     "should", "so", "some", "still", "tell", "than", "their", "them", "then", "there", "they", "this", "those", "us",
     "want", "was", "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "would",
     "your"}
)  # fmt: skip
"""Words of questions; left out where others remain."""
_RARE = """
SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, 1.0, 3.0, 2.0), rowid LIMIT ?
"""
_FIRST = "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?"
_TOPS = "SELECT rowid FROM tops WHERE tops MATCH ? LIMIT ?"
_COUNT = "SELECT count(*) FROM (SELECT rowid FROM words WHERE words MATCH ? LIMIT ?)"


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of a query."""

    wanted: tuple[str, ...]
    """As the full-text index is asked for them."""
    meant: tuple[str, ...]
    """Those that count in a score: without the small words of English, plurals as singulars."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may be an answer, with the words of it that are looked at."""

    id: int
    text: str
    heading: str
    file: str


def terms_of(query: str) -> Terms:
    """The words of a query; the index itself takes plurals for singulars."""
    said = [word for word in words_of(query) if word not in _ASKING] or words_of(query)
    meant = list(dict.fromkeys(said))[:_WORDS_LIMIT]
    wanted: dict[str, None] = {}
    for word in _WORD.findall(query):
        pieces = words_of(word)
        if set(pieces) & set(meant):
            wanted |= dict.fromkeys([word.casefold(), *(pieces if len(pieces) > 1 else ())])
    if not wanted:
        wanted = dict.fromkeys(word.casefold() for word in _WORD.findall(query))
    kept = tuple(wanted)[:_WORDS_LIMIT]
    return Terms(wanted=kept, meant=tuple(meant) or kept)


def counted(connection: sqlite3.Connection, terms: Terms) -> dict[str, int]:
    """How many passages hold each word; counted up to a limit."""
    return {
        term: connection.execute(_COUNT, (_quoted(term), _COMMON + 1)).fetchone()[0]
        for term in dict.fromkeys([*terms.wanted, *terms.meant])
    }


def candidates(connection: sqlite3.Connection, terms: Terms, counts: Mapping[str, int]) -> list[int]:
    """Ids of passages, the likely ones first."""
    held = sorted((term for term in terms.wanted if counts[term]), key=lambda term: counts[term])
    rare: list[str] = []
    room = _COMMON
    for term in held:
        if counts[term] > room:
            break
        rare.append(term)
        room -= counts[term]
    found: dict[int, None] = {}
    if rare:
        rows = connection.execute(_RARE, (" OR ".join(map(_quoted, rare)), _KEPT))
        found.update((row[0], None) for row in rows)
    if len(found) < _KEPT // 2:
        for statement, match in _closer(held, rare):
            rows = connection.execute(statement, (match, _KEPT))
            found.update((row[0], None) for row in rows)
            if len(found) >= 2 * _KEPT:
                break
    return list(found)[: 2 * _KEPT]


def _closer(held: Sequence[str], rare: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Queries for common words, the ones that say most first; each ends as soon as it has found enough."""
    common = [term for term in held if term not in rare]
    if not common:
        return
    every = " AND ".join(map(_quoted, held))
    yield _TOPS, every
    if len(held) > 1:
        yield _FIRST, f"NEAR({' '.join(map(_quoted, held))}, 8)"
        yield _FIRST, every
        yield _TOPS, " OR ".join(map(_quoted, held))
    for number in range(len(held) - 1, 1, -1):
        yield _FIRST, " AND ".join(map(_quoted, held[:number]))
    for term in common:
        yield _FIRST, _quoted(term)


def rank_words(
    found: Iterable[Candidate], terms: Terms, counts: Mapping[str, int], total: int
) -> list[tuple[int, float, float]]:
    """(id, score, share of the words it holds), the best first.

    Args:
        counts: passages that hold each word, of all that were searched.
        total: all passages that were searched.
    """
    patterns = {term: _pattern(term) for term in terms.meant}
    most = _COMMON + 1
    rarity = {term: _rarity(min(total, counts[term]), total, common=counts[term] >= most) for term in terms.meant}
    held = list(found)
    average = sum(len(one.text) for one in held) / len(held) if held else 1.0
    ranked: list[tuple[int, float, float]] = []
    for one in held:
        text, heading, file = _folded(one.text), _folded(one.heading), _folded(one.file)
        norm = _K1 * (1 - _B + _B * len(text) / max(1.0, average))
        score, holds = 0.0, 0
        for term, pattern in patterns.items():
            seen = (
                len(pattern.findall(text))
                + _HEADING_WEIGHT * len(pattern.findall(heading))
                + _FILE_WEIGHT * len(pattern.findall(file))
            )
            if seen:
                holds += 1
                score += rarity[term] * seen * (_K1 + 1) / (seen + norm)
        ranked.append((one.id, score, holds / len(patterns)))
    return sorted(ranked, key=lambda one: (-one[1], one[0]))


def _rarity(seen: int, total: int, *, common: bool) -> float:
    """Next to nothing for a word that stands in half of all passages.

    Args:
        common: nobody counted to the end; as if it stood in a third of all.
    """
    if common:
        seen = max(seen, total // 3)
    return max(1e-6, math.log((total - seen + 0.5) / (seen + 0.5)))


def _pattern(term: str) -> re.Pattern[str]:
    """The word and its other forms, near to what the index takes for the same."""
    folded = _folded(term)
    if len(folded) <= 4:
        return re.compile(
            rf"\b{re.escape(folded)}(?:s|es|ed|ing)?\b" if len(folded) > 2 else rf"\b{re.escape(folded)}\b"
        )
    stem = re.escape(folded[: max(4, len(folded) - 3)])
    return re.compile(rf"\b{stem}\w{{0,7}}\b")


def _folded(text: str) -> str:
    """Lower case, without accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _quoted(term: str) -> str:
    return f'"{term}"'
