"""Knowledge of an instance: which files there are by bots.yaml, who may look into them, and the index of them."""

from __future__ import annotations

__all__ = ["BOTH", "INDEX_FOLDER", "Library", "sources_of"]

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from botkit.app.configs import ConfigBook
from botkit.app.embedding import EmbeddingDesk
from botkit.core.budgets import Payer
from botkit.core.clock import Clock
from botkit.core.config import Config
from botkit.core.errors import BotkitError, BudgetUsedUp, ModelError, NotFound, StoreError
from botkit.core.knowledge import Asker, Found, KnowledgeFile, KnowledgeSource, Passage
from botkit.core.screening import suspicion
from botkit.store.knowledge import KnowledgeIndex, Meaning, Refreshed

_log = structlog.get_logger("botkit.knowledge")

INDEX_FOLDER = "knowledge"
BOTH = ("words", "meaning")
"""Ways to search."""
_FRESH_S = 5.0
"""Files are not looked at again sooner when something is looked up."""
_WATCHED_FRESH_S = 60.0
"""The same where a change of files is noticed by itself."""
_PATIENCE_S = 10.0
"""How long somebody who looks something up waits for files to be read."""
_AT_ONCE = 384
"""Texts that are fetched for the model together; their batches are asked for side by side."""
_SUSPICIOUS = 0.6
_TOP_LIMIT = 50


def sources_of(config: Config) -> dict[str, KnowledgeSource]:
    """The sources of a revision that are on."""
    root = str(config.root.resolve())
    common = config.settings.knowledge
    return {
        name: KnowledgeSource(
            name=name,
            root=root,
            paths=tuple(one.paths),
            description=one.description,
            file_limit_bytes=one.file_limit_bytes,
            read_timeout_s=float(common.read_timeout_s),
            embedding=one.embedding or common.embedding or "",
            min_similarity=float(one.min_similarity),
            bots=tuple(one.bots),
            roles=tuple(one.roles),
        )
        for name, one in config.knowledge.items()
        if one.enabled
    }


def _workspaces_of(config: Config, source: str) -> tuple[str, ...]:
    return tuple(name for name, one in config.workspaces.items() if source in one.knowledge or "*" in one.knowledge)


class Library:
    """Implements `KnowledgePort`. What is searched is brought up to date first, at most every few seconds.

    Args:
        embedding: None where no model is asked for vectors.
    """

    def __init__(self, home: Path, configs: ConfigBook, clock: Clock, embedding: EmbeddingDesk | None = None):
        self._index = KnowledgeIndex(home / INDEX_FOLDER, clock)
        self._configs = configs
        self._clock = clock
        self._embedding = embedding
        self._seen: dict[KnowledgeSource, float] = {}
        self._reading: dict[str, asyncio.Task[Refreshed]] = {}
        self._closing = False
        self.watched = False
        """Whether changes of files are noticed by themselves."""

    async def aclose(self) -> None:
        """End reading after the file that is being read."""
        self._closing = True
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        await asyncio.to_thread(self._index.close)

    # ── searching ────────────────────────────────────────────────────────────────────────────────────────────

    def offered(self, workspace: str, asker: Asker) -> dict[str, KnowledgeSource]:
        """The sources of a workspace that are for whoever asks."""
        found = self._configs.current.workspaces.get(workspace)
        names = tuple(found.knowledge) if found is not None else ()
        return {
            name: one
            for name, one in sources_of(self._configs.current).items()
            if (name in names or "*" in names)
            and (not one.bots or asker.bot in one.bots)
            and (not one.roles or set(one.roles).intersection(asker.roles))
        }

    async def search(
        self,
        workspace: str,
        query: str,
        *,
        asker: Asker,
        sources: Sequence[str] = (),
        top_k: int = 5,
        min_score: float = 0.0,
    ) -> Found:
        """See the port."""
        offered = self.offered(workspace, asker)
        for name in sources:
            if name not in offered:
                known = f"; there is: {', '.join(offered)}" if offered else ""
                raise NotFound(f"this workspace has no knowledge `{name[:64]}`{known}")
        wanted = [offered[name] for name in dict.fromkeys(sources or offered)]
        return await self._search(wanted, query, asker, top_k=top_k, min_score=min_score)

    async def search_all(
        self, query: str, *, sources: Sequence[str] = (), top_k: int = 5, by: Sequence[str] = BOTH
    ) -> Found:
        """For operators, who may look into everything. Raises `NotFound`."""
        return await self._search(self._named(sources), query, Asker(), top_k=top_k, by=by)

    async def _search(
        self,
        sources: Sequence[KnowledgeSource],
        query: str,
        asker: Asker,
        *,
        top_k: int,
        min_score: float = 0.0,
        by: Sequence[str] = BOTH,
    ) -> Found:
        if not sources or not query.strip():
            return Found()
        unread = await self._freshen(sources)
        meanings, silent = await self._meanings(sources, query, asker) if "meaning" in by else ({}, "")
        names = [one.name for one in sources]
        limit = max(1, min(top_k, _TOP_LIMIT))
        try:
            found = await self._look(names, query, limit, min_score, meanings, words="words" in by)
        except StoreError as error:
            if not meanings:
                raise
            _log.warning("knowledge_by_words_only", reason=str(error))
            silent = str(error)
            found = await self._look(names, query, limit, min_score, {})
        notices = [
            f"searched by words alone: {silent}" if silent else "",
            f"still being read: {', '.join(unread)}" if unread else "",
        ]
        return Found(passages=tuple(found), notice="; ".join(filter(None, notices)))

    async def _look(
        self,
        names: Sequence[str],
        query: str,
        limit: int,
        min_score: float,
        meanings: Mapping[str, Meaning],
        *,
        words: bool = True,
    ) -> list[Passage]:
        found = await asyncio.to_thread(
            self._index.search, names, query, top_k=limit, min_score=min_score, meanings=meanings, words=words
        )
        return [msgspec.structs.replace(one, suspicious=suspicion(one.text).score >= _SUSPICIOUS) for one in found]

    async def _meanings(
        self, sources: Sequence[KnowledgeSource], query: str, asker: Asker
    ) -> tuple[dict[str, Meaning], str]:
        """The query as the models of these sources understand it, and why one does not."""
        meanings: dict[str, Meaning] = {}
        silent: dict[str, str] = {}
        for one in sources:
            if not one.embedding or self._embedding is None or one.embedding in silent:
                continue
            try:
                vector = await self._embedding.query(one.embedding, query, asker)
            except (ModelError, BudgetUsedUp) as error:
                _log.warning("knowledge_by_words_only", source=one.name, model=one.embedding, reason=str(error))
                silent[one.embedding] = f"the model {one.embedding} does not answer ({error.code})"
                continue
            meanings[one.name] = Meaning(vector=vector, least=one.min_similarity)
        return meanings, "; ".join(silent.values())

    # ── keeping up ───────────────────────────────────────────────────────────────────────────────────────────

    async def refresh(self, names: Sequence[str] = ()) -> dict[str, Refreshed]:
        """Bring these sources, or all, up to date now, with their vectors. Raises `NotFound`."""
        if not names:
            await asyncio.to_thread(self._index.forget, list(sources_of(self._configs.current)))
        found: dict[str, Refreshed] = {}
        for source in self._named(names):
            result = await self._read(source)
            try:
                made = await self.embed(source)
            except BotkitError as error:
                result = msgspec.structs.replace(result, notice=str(error))
            else:
                result = msgspec.structs.replace(result, embedded=made)
            found[source.name] = result
        return found

    async def embed(self, source: KnowledgeSource, *, tidy: bool = True) -> int:
        """Have vectors made of what has none; how many texts that were.

        What was made is kept when a later batch fails.

        Args:
            tidy: forget vectors of texts that are gone, which looks at all of them.

        Raises:
            ModelError: the model does not answer.
            BudgetUsedUp: the workspaces of the source have no money for it.
            StoreError: they cannot be kept.
        """
        if not source.embedding or self._embedding is None:
            return 0
        desk, index = self._embedding, self._index.of(source.name)
        identity = desk.identity(source.embedding)
        asker = Asker(payer=Payer(workspaces=_workspaces_of(self._configs.current, source.name)))
        made = after = 0

        async def make(rows: Sequence[tuple[bytes, str]]) -> int:
            vectors = await desk.documents(source.embedding, [text for _, text in rows], asker)
            pairs = [(digest, vector) for (digest, _), vector in zip(rows, vectors, strict=True)]
            await asyncio.to_thread(index.keep_vectors, identity, pairs)
            return len(pairs)

        while not self._closing:
            rows = await asyncio.to_thread(index.without_vector, identity, after=after, limit=_AT_ONCE)
            if not rows:
                if tidy:
                    await asyncio.to_thread(index.tidy)
                break
            after = rows[-1][0]
            texts = list({digest: text for _, digest, text in rows}.items())
            batches = desk.batched(texts, [text for _, text in texts])
            results = await asyncio.gather(*map(make, batches), return_exceptions=True)
            made += sum(one for one in results if isinstance(one, int))
            failed = next((one for one in results if isinstance(one, BaseException)), None)
            if failed is not None:
                raise failed
        return made

    async def keep_up(self) -> dict[str, BotkitError]:
        """Read every source and have its vectors made, and drop what bots.yaml names no more; what failed."""
        sources = sources_of(self._configs.current)
        failed: dict[str, BotkitError] = {}
        await asyncio.to_thread(self._index.forget, list(sources))
        for name, source in sources.items():
            try:
                result = await self._read(source)
                made = await self.embed(source, tidy=bool(result.changed or result.removed))
            except BotkitError as error:
                failed[name] = error
                _log.warning("knowledge_behind", source=name, reason=str(error))
                continue
            if made or result.added or result.changed or result.removed:
                _log.info("knowledge_read", source=name, vectors=made, **msgspec.to_builtins(result, str_keys=True))
        return failed

    def sources(self) -> dict[str, KnowledgeSource]:
        """All that are on."""
        return sources_of(self._configs.current)

    async def files(self, names: Sequence[str] = ()) -> Sequence[KnowledgeFile]:
        """Raises `NotFound`."""
        wanted = self._named(names)
        await self._freshen(wanted)
        return await asyncio.to_thread(self._index.files, [one.name for one in wanted])

    async def passages(self, file: str, names: Sequence[str] = ()) -> Sequence[Passage]:
        """What a file was cut to, in order. Raises `NotFound`."""
        wanted = self._named(names)
        await self._freshen(wanted)
        found = await asyncio.to_thread(self._index.passages, [one.name for one in wanted], file)
        if not found:
            raise NotFound(f"no knowledge has a file `{file}`; see `botkit knowledge list`")
        return found

    async def sizes(self, name: str) -> tuple[int, int]:
        """Passages of a source, and texts that have a vector."""
        return await asyncio.to_thread(self._index.of(name).sizes)

    def _named(self, names: Sequence[str]) -> list[KnowledgeSource]:
        known = sources_of(self._configs.current)
        for name in names:
            if name not in known:
                raise NotFound(f"bots.yaml has no knowledge `{name}`; see `knowledge:`")
        return [known[name] for name in dict.fromkeys(names or known)]

    async def _freshen(self, sources: Sequence[KnowledgeSource]) -> list[str]:
        """Look at files again that may have changed; the sources that are still being read."""
        late: list[str] = []
        fresh_s = _WATCHED_FRESH_S if self.watched else _FRESH_S
        for one in sources:
            seen = self._seen.get(one)
            if seen is not None and self._clock.monotonic() - seen < fresh_s:
                continue
            task = self._begin(one)
            await asyncio.wait((task,), timeout=_PATIENCE_S)
            if task.done():
                task.result()
            else:
                late.append(one.name)
        return late

    async def _read(self, source: KnowledgeSource) -> Refreshed:
        running = self._reading.get(source.name)
        if running is not None:  # it may have passed by what changed meanwhile
            await asyncio.wait((running,))
        return await asyncio.shield(self._begin(source))

    def _begin(self, source: KnowledgeSource) -> asyncio.Task[Refreshed]:
        task = self._reading.get(source.name)
        if task is None:
            task = asyncio.create_task(self._refresh(source), name=f"knowledge-{source.name}")
            self._reading[source.name] = task
            task.add_done_callback(lambda done: self._ended(source.name, done))
        return task

    def _ended(self, name: str, task: asyncio.Task[Refreshed]) -> None:
        self._reading.pop(name, None)
        if not task.cancelled() and (error := task.exception()) is not None:  # also where nobody waited for it
            _log.warning("knowledge_not_read", source=name, reason=str(error))

    async def _refresh(self, source: KnowledgeSource) -> Refreshed:
        begun = self._clock.monotonic()
        result = await asyncio.to_thread(self._index.refresh, source, lambda: not self._closing)
        self._seen = {one: at for one, at in self._seen.items() if one.name != source.name} | {source: begun}
        return result
