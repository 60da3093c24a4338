"""Knowledge kept up by itself: read at the start, when its files or bots.yaml change, and again after a failure."""

from __future__ import annotations

__all__ = ["KnowledgeWatch", "concerns_knowledge", "folders_to_watch"]

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog
from watchfiles import Change, awatch  # pyright: ignore[reportUnknownVariableType] - it mentions trio, which is not here

from botkit.app.knowledge import Library
from botkit.core.clock import Clock
from botkit.core.config import Config
from botkit.core.knowledge import KnowledgeSource
from botkit.store.knowledge.documents import KINDS

_log = structlog.get_logger("botkit.knowledge")

_DEBOUNCE_MS = 500
_AGAIN_S = 60.0
"""After a failure, unless the model names another time."""
_LONGEST_S = 3600.0


class KnowledgeWatch:
    """Runs until it is cancelled."""

    def __init__(self, library: Library, clock: Clock):
        self._library = library
        self._clock = clock
        self._wanted = asyncio.Event()
        self._moved = asyncio.Event()

    async def follow(self, _: Config) -> None:
        """Another revision runs."""
        self._wanted.set()
        self._moved.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="knowledge-files")
            group.create_task(self._keep_up(), name="knowledge-vectors")

    async def _keep_up(self) -> None:
        while True:
            self._wanted.clear()
            failed = await self._library.keep_up()
            if not failed:
                await self._wanted.wait()
                continue
            waits = [one.retry_after_s or _AGAIN_S for one in failed.values()]
            timer = asyncio.ensure_future(self._clock.sleep(min(*waits, _LONGEST_S)))
            wanted = asyncio.ensure_future(self._wanted.wait())
            try:
                await asyncio.wait((timer, wanted), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (timer, wanted):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    async def _follow(self) -> None:
        """Without a working file watch, files are looked at when something is looked up."""
        while True:
            self._moved.clear()
            folders = folders_to_watch(self._library.sources().values())
            if not folders:
                await self._moved.wait()
                continue
            changes = awatch(
                *folders,
                watch_filter=_filter(folders),
                debounce=_DEBOUNCE_MS,
                stop_event=self._moved,
                ignore_permission_denied=True,
            )
            change = asyncio.ensure_future(anext(changes, None))
            await asyncio.sleep(0)  # it watches now; what was saved before is looked for once more
            self._library.watched = True
            self._wanted.set()
            try:
                while await change is not None:
                    self._wanted.set()
                    change = asyncio.ensure_future(anext(changes, None))
            except OSError as error:
                _log.warning("knowledge_not_watched", reason=str(error))
                await self._moved.wait()
            finally:
                self._library.watched = False
                change.cancel()
                with suppress(asyncio.CancelledError, OSError):
                    await change
                await changes.aclose()


def _filter(folders: Sequence[Path]) -> Callable[[Change, str], bool]:
    return lambda _, path: concerns_knowledge(path, folders)


def concerns_knowledge(path: str, folders: Iterable[Path]) -> bool:
    """Whether a change there may be one of documents: of a file that can be read, or of a folder. What is hidden is
    not, such as the home, which changes with every message."""
    changed = Path(path)
    below = [changed.relative_to(folder) for folder in folders if changed.is_relative_to(folder)]
    hidden = any(part.startswith(".") for inner in below for part in inner.parts)
    return not hidden and changed.suffix.lower() in ("", *KINDS)


def folders_to_watch(sources: Iterable[KnowledgeSource]) -> list[Path]:
    """The folders under which files of these may change; those that are there, and none inside another."""
    found: set[Path] = set()
    for source in sources:
        for pattern in source.paths:
            fixed: list[str] = []
            for part in pattern.split("/"):
                if any(mark in part for mark in "*?["):
                    break
                fixed.append(part)
            path = Path(source.root, *fixed)
            while not path.is_dir() and path != Path(source.root):
                path = path.parent
            found.add(path)
    return sorted(one for one in found if not any(other != one and one.is_relative_to(other) for other in found))
