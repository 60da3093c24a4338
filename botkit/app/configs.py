"""The configuration that runs: loaded, recorded as a revision, changed on purpose, never broken by a bad edit."""

from __future__ import annotations

__all__ = ["ConfigBook"]

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import structlog

from botkit.app.revisions import Applied, ConfigState
from botkit.app.workflows import load_project, tools_of
from botkit.core.clock import Clock
from botkit.core.config import Config, load_config
from botkit.core.errors import BotkitError, ConfigError, NotFound
from botkit.core.stores import Catalog, Revision, Revisions

_log = structlog.get_logger("botkit.config")

_REMEMBERED = 8
"""Loaded older revisions kept in memory for runs that began under them."""

Apply = Callable[[Config], Awaitable[None]]


class ConfigBook:
    """The engine's `ConfigSource`, and the one door through which the configuration changes.

    Args:
        file: bots.yaml.
        catalog: the tools servers told, for workflows that call them.
    """

    def __init__(self, file: Path, revisions: Revisions, clock: Clock, catalog: Catalog | None = None):
        self._file = file
        self._catalog = catalog
        self._revisions = revisions
        self._clock = clock
        self._current: Config | None = None
        self._older: OrderedDict[str, Config] = OrderedDict()
        self._changing = asyncio.Lock()
        self._listeners: list[Apply] = []
        self.error: ConfigError | None = None
        """Why the file on disk is not what runs; None when it loads."""

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def file(self) -> Path:
        return self._file

    @property
    def current(self) -> Config:
        if self._current is None:
            raise BotkitError("no configuration was loaded yet")
        return self._current

    async def get(self, revision: str) -> Config:
        """An older revision, for a run that began under it; the current one when it is not to be had."""
        if revision in ("", self.current.revision):
            return self.current
        if revision not in self._older:
            self._older[revision] = await self._load_stored(revision)
        self._older.move_to_end(revision)
        while len(self._older) > _REMEMBERED:
            self._older.popitem(last=False)
        return self._older[revision]

    async def _load_stored(self, revision: str) -> Config:
        stored = await self._revisions.get(revision)
        if stored is None:
            return self.current
        try:
            return await self._load(stored.files)
        except ConfigError as error:
            # A variable is gone, or this version refuses what an older one accepted.
            _log.warning("old_revision_unusable", revision=revision, reason=str(error))
            return self.current

    async def _load(self, files: Mapping[str, str] | None = None) -> Config:
        return await asyncio.to_thread(load_config, self._file, files=files)

    async def _load_checked(self, files: Mapping[str, str] | None = None) -> Config:
        """As `_load`, its workflows looked at too. What already ran is not judged again by a newer version."""
        tools = tools_of(await self._catalog.load()) if self._catalog is not None else None
        return await asyncio.to_thread(load_project, self._file, files=files, tools=tools)

    async def on_disk(self) -> Config:
        """What the file says now. Raises `ConfigError`; `error` remembers it."""
        try:
            config = await self._load_checked()
        except ConfigError as error:
            self.error = error
            raise
        self.error = None
        return config

    async def state(self) -> ConfigState:
        try:
            on_disk = (await self.on_disk()).revision
        except ConfigError as error:
            return ConfigState(active=self.current.revision, error=str(error))
        return ConfigState(active=self.current.revision, on_disk=on_disk)

    # ── changing ─────────────────────────────────────────────────────────────────────────────────────────

    def subscribe(self, listener: Apply) -> None:
        """Call `listener` with every new revision, in the order of subscription."""
        self._listeners.append(listener)

    async def start(self, *, actor: str, read: Config | None = None) -> Config:
        """Begin with the file, or where it is broken or absent, with the revision that ran last.

        Args:
            read: the file, when it was loaded a moment ago.

        Raises:
            ConfigError: the file cannot be loaded and nothing ran before.
        """
        last = await self._revisions.active()
        try:
            config = read or await self.on_disk()
        except ConfigError as error:
            if last is None:
                raise
            _log.error("config_broken", running=last.id, problems=str(error))
            self._current = await self._load(last.files)
            return self._current
        await self._record(config, last, actor=actor, via="start")
        self._current = config
        return config

    async def peek(self, *, read: Config | None = None) -> Config:
        """For a command that runs no bot: the revision that ran last, else the file, else an empty one.

        A broken file keeps nobody from looking at runs or from storing the secret it misses.
        """
        last = await self._revisions.active()
        try:
            self._current = await self._load(last.files) if last is not None else read or await self.on_disk()
        except ConfigError as error:
            self.error = error
            self._current = read or Config()
        return self._current

    async def apply(self, *, actor: str, via: str, note: str = "") -> Applied:
        """Make the file on disk the revision that runs. Raises `ConfigError`; then nothing changed."""
        async with self._changing:
            return await self._switch(await self.on_disk(), actor=actor, via=via, note=note)

    async def rollback(self, revision: str = "", *, actor: str, via: str) -> Applied:
        """Rewrite the files as they were in an older revision, and apply them.

        Args:
            revision: id or an unambiguous beginning of it; the one that ran before the current one when empty.

        Raises:
            NotFound: there is no such revision.
            ConfigError: that revision does not load any more; nothing changed.
        """
        async with self._changing:
            target = await self._target(revision)
            config = await self._load_checked(target.files)
            notes = await self._keep_edits(actor)
            written, failed = await asyncio.to_thread(self._write, target.files)
            if failed:
                failed.append("so that revision runs from the database, and the files on disk differ from it")
            else:
                # What else is in the project now, such as other servers, is part of what runs.
                config = await self.on_disk()
            applied = await self._switch(config, actor=actor, via=via, note=f"rollback to {target.id[:12]}")
            return Applied(
                revision=applied.revision,
                previous=applied.previous,
                changed=applied.changed,
                files=tuple(written),
                notes=(*notes, *failed),
            )

    async def _target(self, revision: str) -> Revision:
        if revision:
            found = await self._revisions.get(revision)
            if found is None:
                raise NotFound(f"there is no revision {revision}; see `botkit rollback --list`")
            return found
        for listed in await self._revisions.list():
            if listed.id != self.current.revision and (found := await self._revisions.get(listed.id)) is not None:
                return found
        raise NotFound("there is no earlier revision to go back to")

    async def _keep_edits(self, actor: str) -> list[str]:
        """Edits that were never applied would be lost by rewriting the files: record them first."""
        try:
            config = await self.on_disk()
        except ConfigError:
            kept = self._file.with_name(self._file.name + ".broken")
            if self._file.exists():
                await asyncio.to_thread(kept.write_bytes, await asyncio.to_thread(self._file.read_bytes))
            return [f"the broken file was kept as {kept.name}"]
        if config.revision != self.current.revision:
            await self._revisions.save(self._as_revision(config, actor, "edits before a rollback"))
            return [f"edits that were not applied are kept as revision {config.revision[:12]}"]
        return []

    def _write(self, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Write what differs; (paths written, what could not be done)."""
        written: list[str] = []
        notes: list[str] = []
        root = self._file.parent
        for path, text in files.items():
            target = root / path
            if path.endswith("/") or _reads(target) == text:
                continue
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary = target.with_name(f".{target.name}.botkit")
                temporary.write_text(text, encoding="utf-8", newline="")
                if target.exists():
                    temporary.chmod(target.stat().st_mode & 0o777)
                temporary.replace(target)
                written.append(path)
            except OSError as error:
                notes.append(f"{path} could not be written: {error.strerror or error}")
        return written, notes

    async def _switch(self, config: Config, *, actor: str, via: str, note: str) -> Applied:
        last = await self._revisions.active()
        previous = self.current.revision
        await self._record(config, last, actor=actor, via=via, note=note)
        if config.revision != previous:
            self._older[previous] = self.current
            self._current = config
            for listener in self._listeners:
                await listener(config)
            _log.info("config_applied", revision=config.revision[:12], previous=previous[:12], actor=actor, via=via)
        before = last.id if last is not None else ""
        return Applied(revision=config.revision, previous=before, changed=config.revision != before)

    async def _record(self, config: Config, last: Revision | None, *, actor: str, via: str, note: str = "") -> None:
        """Store a revision and note that it runs, unless that is known."""
        if last is None or last.id != config.revision:
            await self._revisions.save(self._as_revision(config, actor, note))
            await self._revisions.activate(config.revision, actor=actor, via=via)

    def _as_revision(self, config: Config, actor: str, note: str) -> Revision:
        return Revision(id=config.revision, at=self._clock.micros(), actor=actor, files=dict(config.files), note=note)


def _reads(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
