"""What bots can look up: read, searched, shown, and how well questions find their file."""

from __future__ import annotations

__all__ = ["KnowledgeCases", "KnowledgeOperations", "KnowledgeScore", "SourceView", "read_questions"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botkit.core.data import Data
from botkit.core.errors import ConfigError
from botkit.core.knowledge import Found, KnowledgeFile, Passage
from botkit.store.knowledge import Refreshed

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_CASES_LIMIT = 10_000
_FIRST = 5


class SourceView(Data, omit_defaults=False):
    """A source of knowledge."""

    name: str
    description: str = ""
    workspaces: tuple[str, ...] = ()
    files: int = 0
    unreadable: int = 0
    passages: int = 0
    embedding: str = ""
    vectors: int = 0
    """Different texts that have one; passages with the same words share theirs."""


class KnowledgeCases(Data):
    """Questions whose file is known."""

    cases: Mapping[str, Sequence[str]]
    """File → questions."""
    sources: tuple[str, ...] = ()
    at_least: float = 0.0


class MissedQuestion(Data, omit_defaults=False):
    text: str
    expected: str
    found: tuple[str, ...]
    """The files that were found instead."""


class KnowledgeScore(Data, omit_defaults=False):
    """How well questions find their file."""

    by: str
    """`words`, `meaning`, or both: `words and meaning`."""
    total: int
    first: float
    """Share of the questions whose file comes first."""
    recall: float
    """Share of the questions whose file is among the first five passages."""
    missed: tuple[MissedQuestion, ...] = ()


def read_questions(file: Path) -> KnowledgeCases:
    """`sources: NAME`, `at_least: 0.9`, `cases: {FILE: [question, …], …}`. Raises `ConfigError`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        read: Any = YAML(typ="safe").load(file)  # pyright: ignore[reportUnknownMemberType] - anything
    except (YAMLError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    given = cast("dict[str, Any]", read) if isinstance(read, dict) else {}
    cases: Any = given.get("cases")
    sources: Any = given.get("sources") or []
    at_least: Any = given.get("at_least", 0.0)
    fits = (
        isinstance(cases, dict)
        and all(isinstance(texts, list) for texts in cast("dict[Any, Any]", cases).values())
        and isinstance(sources, str | list)
        and isinstance(at_least, int | float)
    )
    if not fits:
        raise ConfigError(f"{file}: write `sources: NAME`, `at_least: 0.9` and `cases: {{FILE: [question, …]}}`")
    named = cast("dict[str, list[Any]]", cases)
    if not 0 < sum(map(len, named.values())) <= _CASES_LIMIT:
        raise ConfigError(f"{file}: write 1 to {_CASES_LIMIT} questions")
    return KnowledgeCases(
        cases={str(name): tuple(map(str, texts)) for name, texts in named.items()},
        sources=(sources,) if isinstance(sources, str) else tuple(map(str, cast("list[Any]", sources))),
        at_least=float(at_least),
    )


class KnowledgeOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def index(self, *, sources: Sequence[str] = ()) -> dict[str, Refreshed]:
        """Bring sources up to date now; what changed, by source. Raises `NotFound`."""
        return await self._i.library.refresh(sources)

    async def search(self, *, query: str, sources: Sequence[str] = (), limit: int = 5) -> Found:
        """Raises `NotFound`."""
        return await self._i.library.search_all(query, sources=sources, top_k=limit)

    async def list(self, *, sources: Sequence[str] = ()) -> Sequence[KnowledgeFile]:
        """Raises `NotFound`."""
        return await self._i.library.files(sources)

    async def show(self, *, file: str, sources: Sequence[str] = ()) -> Sequence[Passage]:
        """What a file was cut to. Raises `NotFound`."""
        return await self._i.library.passages(file, sources)

    async def sources(self) -> Sequence[SourceView]:
        """Every source, and how far it is."""
        config = self._i.configs.current
        views: list[SourceView] = []
        for name, one in self._i.library.sources().items():
            files = await self._i.library.files([name])
            passages, vectors = await self._i.library.sizes(name)
            spaces = tuple(key for key, it in config.workspaces.items() if name in it.knowledge or "*" in it.knowledge)
            views.append(
                SourceView(
                    name=name,
                    description=one.description,
                    workspaces=spaces,
                    files=len(files),
                    unreadable=sum(bool(file.problem) for file in files),
                    passages=passages,
                    embedding=one.embedding,
                    vectors=vectors,
                )
            )
        return views

    async def evaluate(
        self, *, cases: Mapping[str, Sequence[str]], sources: Sequence[str] = ()
    ) -> list[KnowledgeScore]:
        """How well questions find their file: by words, and where vectors are made by meaning and by both.

        Raises:
            NotFound: there is no such source.
        """
        known = self._i.library.sources()
        embedded = any(known[name].embedding for name in sources or known if name in known)
        ways = (("words",), ("meaning",), ("words", "meaning")) if embedded else (("words",),)
        return [await self._score(cases, sources, by) for by in ways]

    async def _score(
        self, cases: Mapping[str, Sequence[str]], sources: Sequence[str], by: tuple[str, ...]
    ) -> KnowledgeScore:
        total = first = held = 0
        missed: list[MissedQuestion] = []
        for file, questions in cases.items():
            for question in questions:
                found = await self._i.library.search_all(question, sources=sources, top_k=_FIRST, by=by)
                files = [one.file for one in found.passages]
                total += 1
                first += files[:1] == [file]
                held += file in files
                if file not in files:
                    seen = tuple(dict.fromkeys(files))
                    missed.append(MissedQuestion(text=question, expected=file, found=seen))
        return KnowledgeScore(
            by=" and ".join(by), total=total, first=first / total, recall=held / total, missed=tuple(missed)
        )
