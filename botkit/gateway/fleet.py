"""All servers together: those of the settings, those found in a folder, and the watch over their files."""

from __future__ import annotations

__all__ = ["Fleet"]

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, cast

import msgspec
import structlog

from botkit.core.clock import Clock
from botkit.core.errors import ConfigError, NotFound, SecretError
from botkit.core.stores import Catalog
from botkit.core.tools import FUNCTIONS
from botkit.gateway.catalog import Catalogue, ServerStatus
from botkit.gateway.functions.listing import with_functions
from botkit.gateway.hosted import discover, fingerprint, server_name, watch
from botkit.gateway.pool import AnyServer, Pool
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.secrets import Vault, scopes_for
from botkit.gateway.session import ListKind, Session
from botkit.gateway.settings import GatewaySettings, HostedSettings
from botkit.gateway.upstream import NewsKind, Upstream
from botkit.gateway.watching import Watching

_CHECK_S = 60.0
_log = structlog.get_logger("botkit.gateway")


class Fleet:
    """Owns the processes and the catalogue. Call `start` once and `stop` at the end.

    Args:
        data_folder: each hosted server gets a folder of its own in it, as `BOTKIT_SERVER_DATA`.
        servers_folder: every Python file in it is a server, also one dropped in later.
        refresh_s: how often a server is asked for its tools without a reason.
    """

    def __init__(
        self,
        *,
        vault: Vault,
        redactor: SecretRedactor,
        clock: Clock,
        store: Catalog,
        data_folder: Path,
        servers_folder: Path | None = None,
        refresh_s: float = 3600.0,
    ):
        self._clock = clock
        self._servers_folder = servers_folder.resolve() if servers_folder else None
        self._refresh_s = refresh_s
        self._given = GatewaySettings()
        self.settings = GatewaySettings()
        """Those given, with found servers and the state of files."""
        self.pool = Pool(
            vault=vault,
            redactor=redactor,
            clock=clock,
            data_folder=data_folder,
            on_ready=self._refresh_soon,
            on_tools_changed=lambda _: None,  # the news say it too
            on_news=self._news,
            schema_of=lambda server, tool: self.catalogue.schema(server, tool),
        )
        self.catalogue = Catalogue(store, self, redactor, clock)
        self.watching = Watching(self._session_of)
        self.on_news: Callable[[Literal["resource", "asked"], str, str], None] = lambda _kind, _server, _name: None
        """Called when a watched resource changed (server, URI), or a question asked elsewhere is done (server, id)."""
        self._tasks: list[asyncio.Task[None]] = []
        self._watching: tuple[Path, ...] = ()
        self._watcher: asyncio.Task[None] | None = None
        self._running = False
        vault.on_change = self._secret_changed

    async def start(self, settings: GatewaySettings) -> None:
        """Read the stored catalogue and begin to start every server. Returns at once."""
        await self.catalogue.load()
        self._running = True
        self.apply(settings)
        self._tasks.append(asyncio.create_task(self._keep_fresh(), name="refresh tools"))

    def apply(self, settings: GatewaySettings) -> None:
        """Use other settings: only servers that changed are replaced, after their calls ended."""
        self._given = settings
        before = {server.name: server for server in self.settings.servers}
        self.settings = self._completed(settings)
        servers: dict[str, AnyServer] = {one.name: one for one in self.settings.servers if one.enabled}
        self.pool.apply(servers)
        self.catalogue.apply(self.settings)
        if self._running:
            for name, server in servers.items():
                if before.get(name) != server:
                    self.catalogue.refresh(name)
            self._watch_files()

    def rescan(self) -> None:
        """Look at the files again: new ones start, edited ones restart after draining, removed ones end."""
        self.apply(self._given)

    async def ready(self, timeout_s: float) -> None:
        """Wait until each server answered, failed, or has tools from an earlier day; at most so long."""
        await self.catalogue.settled(timeout_s)

    async def refresh(self, server: str = "") -> None:
        """Ask one server, or all, for its tools now, forgetting past failures."""
        names = [one.name for one in self.settings.servers if one.enabled and server in ("", one.name)]
        for name in names:
            self.pool.resume(name)
        await asyncio.gather(*(self.catalogue.refresh(name) for name in names))

    def status(self) -> Sequence[ServerStatus]:
        return self.catalogue.status()

    async def stop(self) -> None:
        """End every server and everything they started."""
        self._running = False
        tasks = [*self._tasks, *([self._watcher] if self._watcher else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.watching.stop()
        await self.catalogue.stop()
        await self.pool.stop()

    # What the catalogue asks for.

    async def for_listing(self, server: AnyServer) -> Upstream:
        """An upstream with the credentials of the first workspace that has them all."""
        offering = [name for name, one in self.settings.workspaces.items() if one.offers(server.name)]
        missing: SecretError | None = None
        for workspace in offering or [""]:
            try:
                return await self.pool.upstream(server, scopes_for(workspace=workspace, server=server.name))
            except SecretError as error:
                missing = error
        raise missing or SecretError("No workspace has the secrets of this server.")

    def peek(self, server: str) -> Upstream | None:
        return self.pool.peek(server)

    def _completed(self, settings: GatewaySettings) -> GatewaySettings:
        """Add the files of the folder that the settings do not name, and what every file holds now."""
        servers: list[AnyServer] = list(settings.servers)
        names = {server.name for server in servers}
        listed = {Path(one.path).resolve() for one in servers if isinstance(one, HostedSettings)}
        for path in discover(self._servers_folder) if self._servers_folder else ():
            name = server_name(path)
            if path in listed:
                continue
            if name in names:
                _log.warning("server_name_taken", server=name, file=path.name, advice="Rename the file.")
                continue
            names.add(name)
            servers.append(HostedSettings(name=name, path=str(path)))
        settings = msgspec.structs.replace(settings, servers=tuple(servers))
        if FUNCTIONS not in names:
            try:
                settings = with_functions(settings)
            except ConfigError as error:
                _log.warning("functions_not_served", error=str(error), problems=[str(one) for one in error.problems])
        complete = tuple(
            msgspec.structs.replace(one, content_hash="".join(map(fingerprint, map(Path, (one.path, *one.files)))))
            if isinstance(one, HostedSettings)
            else one
            for one in settings.servers
        )
        return msgspec.structs.replace(settings, servers=complete)

    def _refresh_soon(self, server: str) -> None:
        if self._running:
            self.catalogue.refresh(server)
            self.catalogue.on_change()
            self.watching.renew(server)

    def _news(self, server: str, kind: NewsKind, name: str) -> None:
        if not self._running:
            return
        if kind == "list":
            self.catalogue.note(server, cast("ListKind", name))
        elif kind == "state":
            self.catalogue.on_change()
        else:
            self.on_news(kind, server, name)

    async def _session_of(self, server: str) -> Session:
        """The session in which a server's lists are read. Raises `BotkitError`."""
        found = self.catalogue.server(server)
        if found is None:
            raise NotFound(f"There is no server {server}.")
        return await (await self.for_listing(found)).ready()

    def _secret_changed(self, name: str) -> None:
        """A server that failed for want of a secret gets another chance."""
        if self.pool.oauth is not None:
            self.pool.oauth.changed(name)
        if self._running:
            for server in self.catalogue.due(self._refresh_s):
                self.pool.resume(server)
                self.catalogue.refresh(server)

    async def _keep_fresh(self) -> None:
        while True:
            await self._clock.sleep(_CHECK_S)
            for server in self.catalogue.due(self._refresh_s):
                self.catalogue.refresh(server)

    def _watch_files(self) -> None:
        hosted = [one for one in self.settings.servers if isinstance(one, HostedSettings)]
        folders = {Path(file).parent for one in hosted for file in (one.path, *one.files)}
        if self.settings.functions.folder:
            folders.add(Path(self.settings.functions.folder))
        if self._servers_folder is not None:
            folders.add(self._servers_folder)
        watching = tuple(sorted(folder for folder in folders if folder.is_dir()))
        if watching == self._watching and self._watcher is not None and not self._watcher.done():
            return
        if self._watcher is not None:
            self._watcher.cancel()
        self._watching = watching
        self._watcher = asyncio.create_task(self._watch(watching), name="watch servers") if watching else None

    async def _watch(self, folders: Sequence[Path]) -> None:
        """Without a working file watch everything else goes on; edits then need a restart."""
        changes = watch(folders)
        first = asyncio.ensure_future(anext(changes))
        try:
            await asyncio.sleep(0)  # the watch stands now
            self.rescan()  # for what happened between the first look and the watch
            files: set[Path] | None = await first
            while files is not None:
                _log.info("server_files_changed", files=sorted(file.name for file in files))
                self.rescan()
                files = await anext(changes, None)
        except OSError as error:
            _log.warning("server_files_not_watched", error=str(error))
        finally:
            first.cancel()
