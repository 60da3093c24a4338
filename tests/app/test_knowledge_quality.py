"""The questions of the sample find the file that answers them, no worse than by the ranking of FTS5."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from botkit.app.operations.knowledge import read_questions
from botkit.core.errors import ConfigError
from botkit.core.knowledge import KnowledgeSource
from botkit.store.knowledge import KnowledgeIndex, Meaning
from botkit.store.knowledge.words import terms_of
from botkit.testing.clock import ManualClock
from botkit.testing.llm_servers.embedding_wire import toy_vector

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = read_questions(ROOT / "workspace/knowledge/questions.yaml")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[KnowledgeIndex]:
    made = KnowledgeIndex(tmp_path, ManualClock())
    made.refresh(KnowledgeSource(name="handbook", root=str(ROOT), paths=("workspace/knowledge/*.md",)))
    yield made
    made.close()


def recall(find: Callable[[str], Sequence[str]]) -> tuple[float, float]:
    """Shares of the questions whose file is found first, and among the first five."""
    asked = [(file, question) for file, questions in QUESTIONS.cases.items() for question in questions]
    found = [(file, list(find(question))) for file, question in asked]
    first = sum(files[:1] == [file] for file, files in found)
    return first / len(asked), sum(file in files[:5] for file, files in found) / len(asked)


def test_words_find_what_is_asked(index: KnowledgeIndex) -> None:
    first, among = recall(lambda question: [one.file for one in index.search(["handbook"], question, top_k=5)])
    assert among >= 0.95
    assert first >= 0.85
    plain_first, plain_among = recall(lambda question: plain(index, question))
    assert (first, among) >= (plain_first - 0.05, plain_among - 0.05)


def plain(index: KnowledgeIndex, question: str) -> list[str]:
    """FTS5's ranking over all passages that hold any of the words."""
    match = " OR ".join(f'"{term}"' for term in terms_of(question).wanted)
    with index.of("handbook").reading() as connection:
        return _files(connection, match)


def _files(connection: sqlite3.Connection, match: str) -> list[str]:
    rows = connection.execute(
        "SELECT texts.file FROM words JOIN texts ON texts.id = words.rowid WHERE words MATCH ? "
        "ORDER BY bm25(words, 1.0, 3.0, 2.0) LIMIT 5",
        (match,),
    )
    return [row[0] for row in rows]


def test_joined_ranks_are_no_worse(index: KnowledgeIndex) -> None:
    """The vectors are those of the test server: hashed words without meaning, so they add nothing that words do not
    have; joining must not lose what words find."""
    source = index.of("handbook")
    rows = source.without_vector("toy", limit=1_000)
    source.keep_vectors("toy", [(digest, toy_vector(text, dimensions=256)) for _, digest, text in rows])

    def both(question: str) -> list[str]:
        meaning = Meaning(toy_vector(question, dimensions=256), least=0.2)
        return [one.file for one in index.search(["handbook"], question, top_k=5, meanings={"handbook": meaning})]

    assert recall(both)[1] >= 0.93


@pytest.mark.parametrize("text", ["", "cases: []", "cases: {a.md: one}", "cases: {}", "cases: {a.md: [x]}\nsources: 3"])
def test_another_shape_of_questions_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "q.yaml").write_text(text)
    with pytest.raises(ConfigError):
        read_questions(tmp_path / "q.yaml")
