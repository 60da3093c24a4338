"""Knowledge of an instance: which files there are by bots.yaml, who may look into them, and the index of them."""

from __future__ import annotations

__all__ = ["Library", "sources_of"]

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from botkit.app.configs import ConfigBook
from botkit.core.clock import Clock
from botkit.core.config import Config
from botkit.core.errors import NotFound
from botkit.core.knowledge import KnowledgeFile, KnowledgeSource, Passage
from botkit.core.screening import suspicion
from botkit.store.knowledge import KnowledgeIndex, Refreshed

INDEX_NAME = "knowledge.db"
_FRESH_S = 5.0
"""Files are not looked at again sooner."""
_SUSPICIOUS = 0.6
_TOP_LIMIT = 50


def sources_of(config: Config) -> dict[str, KnowledgeSource]:
    """The sources of a revision that are on."""
    root = str(config.root.resolve())
    return {
        name: KnowledgeSource(
            name=name,
            root=root,
            paths=tuple(one.paths),
            description=one.description,
            file_limit_bytes=one.file_limit_bytes,
        )
        for name, one in config.knowledge.items()
        if one.enabled
    }


class Library:
    """Implements `KnowledgePort`. What is searched is brought up to date first, at most every few seconds."""

    def __init__(self, home: Path, configs: ConfigBook, clock: Clock):
        self._index = KnowledgeIndex(home / INDEX_NAME, clock)
        self._configs = configs
        self._clock = clock
        self._seen: dict[KnowledgeSource, float] = {}
        self._turn = asyncio.Lock()

    def offered(self, workspace: str) -> dict[str, KnowledgeSource]:
        """The sources a workspace may look into."""
        found = self._configs.current.workspaces.get(workspace)
        names = tuple(found.knowledge) if found is not None else ()
        return {name: one for name, one in sources_of(self._configs.current).items() if name in names or "*" in names}

    async def search(
        self, workspace: str, query: str, *, sources: Sequence[str] = (), top_k: int = 5, min_score: float = 0.0
    ) -> Sequence[Passage]:
        """See the port."""
        offered = self.offered(workspace)
        for name in sources:
            if name not in offered:
                known = f"; there is: {', '.join(offered)}" if offered else ""
                raise NotFound(f"this workspace has no knowledge `{name[:64]}`{known}")
        wanted = [offered[name] for name in sources or offered]
        return await self._search(wanted, query, top_k=top_k, min_score=min_score)

    async def search_all(self, query: str, *, sources: Sequence[str] = (), top_k: int = 5) -> Sequence[Passage]:
        """For operators, who may look into everything. Raises `NotFound`."""
        return await self._search(self._named(sources), query, top_k=top_k)

    async def refresh(self, names: Sequence[str] = ()) -> dict[str, Refreshed]:
        """Bring these sources, or all, up to date now. Raises `NotFound`."""
        if not names:
            await asyncio.to_thread(self._index.forget, list(sources_of(self._configs.current)))
        return {one.name: await self._refresh(one) for one in self._named(names)}

    async def files(self, names: Sequence[str] = ()) -> Sequence[KnowledgeFile]:
        wanted = self._named(names)
        await self._freshen(wanted)
        return await asyncio.to_thread(self._index.files, [one.name for one in wanted])

    def _named(self, names: Sequence[str]) -> list[KnowledgeSource]:
        known = sources_of(self._configs.current)
        for name in names:
            if name not in known:
                raise NotFound(f"bots.yaml has no knowledge `{name}`; see `knowledge:`")
        return [known[name] for name in names or known]

    async def _search(
        self, sources: Sequence[KnowledgeSource], query: str, *, top_k: int, min_score: float = 0.0
    ) -> Sequence[Passage]:
        if not sources or not query.strip():
            return []
        await self._freshen(sources)
        names = [one.name for one in sources]
        limit = max(1, min(top_k, _TOP_LIMIT))
        found = await asyncio.to_thread(self._index.search, names, query, top_k=limit, min_score=min_score)
        return [msgspec.structs.replace(one, suspicious=suspicion(one.text).score >= _SUSPICIOUS) for one in found]

    async def _freshen(self, sources: Sequence[KnowledgeSource]) -> None:
        for one in sources:
            async with self._turn:
                seen = self._seen.get(one)
                if seen is None or self._clock.monotonic() - seen >= _FRESH_S:
                    await self._refresh(one)

    async def _refresh(self, source: KnowledgeSource) -> Refreshed:
        begun = self._clock.monotonic()
        result = await asyncio.to_thread(self._index.refresh, source)
        self._seen = {one: at for one, at in self._seen.items() if one.name != source.name} | {source: begun}
        return result
