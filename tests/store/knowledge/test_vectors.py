"""Vectors are kept by what a text says, compared exactly or by codes, and found together with words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from botkit.core.errors import StoreError
from botkit.core.knowledge import KnowledgeSource
from botkit.store.knowledge import KnowledgeIndex, Meaning, SourceIndex, vectors
from botkit.testing.clock import ManualClock
from botkit.testing.llm_servers.embedding_wire import toy_vector

CONCEPTS = {"refund": "money-back", "reimbursement": "money-back", "dog": "pet", "puppy": "pet"}


def vector(text: str) -> list[float]:
    return toy_vector(text, CONCEPTS)


@pytest.fixture
def index(tmp_path: Path) -> KnowledgeIndex:
    return KnowledgeIndex(tmp_path / "home", ManualClock())


def fill(index: KnowledgeIndex, root: Path, *texts: str) -> SourceIndex:
    (root / "docs").mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (root / f"docs/{number}.md").write_text(text)
    index.refresh(KnowledgeSource(name="shop", root=str(root), paths=("docs",)))
    return index.of("shop")


def embed(source: SourceIndex, model: str = "m") -> list[str]:
    """Make the vectors that are missing; of which texts."""
    rows = source.without_vector(model, limit=10_000)
    source.keep_vectors(model, [(digest, vector(text)) for _, digest, text in rows])
    return [text for _, _, text in rows]


def found(index: KnowledgeIndex, query: str, **more: object) -> Sequence[str]:
    meaning = Meaning(vector=vector(query), least=0.3)
    passages = index.search(["shop"], query, top_k=5, meanings={"shop": meaning}, **more)  # pyright: ignore[reportArgumentType] - passed on
    return [one.file for one in passages]


def test_other_words_of_the_same_meaning_are_found(index: KnowledgeIndex, tmp_path: Path) -> None:
    source = fill(index, tmp_path, "Reimbursements are paid on Fridays.", "Puppies are welcome.", "We open at nine.")
    assert index.search(["shop"], "refund", top_k=5) == []
    assert len(embed(source)) == 3
    assert found(index, "refund") == ["docs/0.md"]
    assert found(index, "dog") == ["docs/1.md"]
    (one,) = index.search(["shop"], "refund friday", top_k=1, meanings={"shop": Meaning(vector("refund friday"))})
    assert (one.file, one.found_by) == ("docs/0.md", ("words", "meaning"))
    assert one.score > 0.5


def test_only_texts_that_are_new_need_a_vector(index: KnowledgeIndex, tmp_path: Path) -> None:
    source = fill(index, tmp_path, "Dogs.", "Refunds.", "Dogs.")
    assert sorted(embed(source)) == ["Dogs.", "Dogs.", "Refunds."]
    assert source.sizes() == (3, 2)
    (tmp_path / "docs/1.md").rename(tmp_path / "docs/9.md")
    (tmp_path / "docs/2.md").write_text("Dogs.\n\n# New\n\nTea.")
    fill(index, tmp_path)
    assert embed(source) == ["New\nTea."]
    assert found(index, "refund") == ["docs/9.md"]


def test_vectors_of_another_model_are_never_compared(index: KnowledgeIndex, tmp_path: Path) -> None:
    source = fill(index, tmp_path, "Dogs.", "Refunds.")
    embed(source, "a")
    assert embed(source, "a") == []
    assert len(embed(source, "b")) == 2
    source.keep_vectors("a", [(b"x" * 16, [1.0, 0.0])])  # late: nobody wants them any more
    assert source.sizes() == (2, 2)
    with pytest.raises(StoreError, match="64 dimensions before and 3 now"):
        index.search(["shop"], "dogs", top_k=1, meanings={"shop": Meaning([1.0, 0.0, 0.0])})


def test_what_no_file_says_any_more_is_forgotten(index: KnowledgeIndex, tmp_path: Path) -> None:
    source = fill(index, tmp_path, "Dogs.", "Refunds.")
    embed(source)
    assert found(index, "puppy") == ["docs/0.md"]
    (tmp_path / "docs/0.md").unlink()
    fill(index, tmp_path)
    assert found(index, "puppy") == []
    assert (source.tidy(), source.tidy()) == (1, 0)
    assert source.sizes() == (1, 1)
    assert found(index, "reimbursement") == ["docs/1.md"]


def test_an_index_of_another_version_keeps_what_was_paid_for(index: KnowledgeIndex, tmp_path: Path) -> None:
    source = fill(index, tmp_path, "Dogs.", "Refunds.")
    embed(source)
    with source.reading() as connection:
        connection.execute("PRAGMA user_version = 1")
    index.close()
    again = KnowledgeIndex(tmp_path / "home", ManualClock())
    source = fill(again, tmp_path)
    assert embed(source) == []
    assert found(again, "puppy") == ["docs/0.md"]


def test_codes_find_what_exact_comparison_finds(
    index: KnowledgeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(4)
    centres = [[source.gauss(0, 1) for _ in range(64)] for _ in range(40)]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/many.jsonl").write_text("\n".join(f'"text {number} {"x" * 1190}"' for number in range(1200)))
    held = fill(index, tmp_path)
    rows = held.without_vector("m", limit=10_000)
    assert len(rows) == 1200
    given = {digest: [c + source.gauss(0.4, 0.5) for c in source.choice(centres)] for _, digest, _ in rows}
    pairs = list(given.items())
    queries = [[c + source.gauss(0.4, 0.5) for c in source.choice(centres)] for _ in range(20)]
    held.keep_vectors("m", pairs[:400])
    exact = nearest(held, queries)
    monkeypatch.setattr(vectors, "_EXACT_FLOATS", 20_000)
    monkeypatch.setattr(vectors, "_RESCORED", 200)
    held.keep_vectors("m", pairs[400:800])  # codes are made now, of those before too
    held.keep_vectors("m", pairs[800:])  # and added to
    with held.reading() as connection:
        assert connection.execute("SELECT count(*) FROM codes").fetchone()[0] == 1200
    coded = nearest(held, queries)
    monkeypatch.setattr(vectors, "_RESCORED", 1200)  # all of them: exact
    assert exact != coded
    everything = nearest(SourceIndex(tmp_path / "home/shop.db", ManualClock()), queries)
    shared = sum(len(set(a) & set(b)) for a, b in zip(coded, everything, strict=True))
    assert shared >= 0.95 * 10 * len(queries)


def nearest(source: SourceIndex, queries: Sequence[Sequence[float]]) -> list[list[int]]:
    with source.reading() as connection:
        return [[id_ for id_, _ in source.scan.nearest(connection, query, 10)] for query in queries]
