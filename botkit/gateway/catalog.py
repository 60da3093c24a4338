"""What tools there are: each server's list as last seen, and each workspace's view of it.

Lists are always answered from memory. Servers are asked at start, when they say that something changed, after each
restart, when their file or settings change, and every hour; each on its own and with its own deadline, so a slow, dead
or malformed server delays and hides nobody. What was seen is stored, and offered after a restart of botkit before the
servers are up again.
"""

from __future__ import annotations

__all__ = ["Catalogue", "ServerStatus"]

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import BotkitError, Conflict
from botkit.core.stores import Catalog, CatalogRow
from botkit.gateway.definitions import read_definitions
from botkit.gateway.known import Known
from botkit.gateway.naming import tool_name
from botkit.gateway.offers import NO_EXTRAS, Extras, changed_lists, list_extras, stored_extras
from botkit.gateway.pool import AnyServer
from botkit.gateway.quarantine import ChangedTool, changes, look_at, pin, quarantined
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.session import ListKind
from botkit.gateway.settings import GatewaySettings
from botkit.gateway.upstream import State, Upstream
from botkit.gateway.views import Views

_LIST_TIMEOUT_S = 15.0
_log = structlog.get_logger("botkit.gateway")


class ServerStatus(Data):
    """How a server is, for people."""

    name: str
    state: State
    error: str = ""
    tools: int = 0
    stale: bool = False
    """The tools are those of an earlier day; the server has not confirmed them since botkit started."""
    left_out: tuple[str, ...] = ()
    """One sentence for each tool that cannot be used."""
    needs_review: tuple[str, ...] = ()
    """Tools in quarantine: new or changed since the server's tools were reviewed; nobody sees them until accepted."""
    suspicious: tuple[str, ...] = ()
    """One sentence for each tool whose own words a person should look at."""
    refreshed_at: int = 0
    """Microseconds, UTC."""
    starts: int = 0
    pid: int = 0


class Upstreams(Protocol):
    """How the catalogue reaches servers."""

    async def for_listing(self, server: AnyServer) -> Upstream:
        """Raises `BotkitError` when its secrets are missing."""
        ...

    def peek(self, server: str) -> Upstream | None: ...


class Catalogue(Views):
    """The tools of all servers and workspaces: `Views`, kept current."""

    def __init__(self, store: Catalog, upstreams: Upstreams, redactor: SecretRedactor, clock: Clock):
        super().__init__()
        self._store = store
        self._upstreams = upstreams
        self._redactor = redactor
        self._clock = clock
        self.on_change: Callable[[], None] = lambda: None
        """Called when something that some workspace offers may have changed."""
        self.revision: dict[tuple[str, ListKind], int] = {}
        """By server and list: counts up whenever the list changed, or its server said so."""
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()

    async def load(self) -> None:
        """Take over what was stored. Definitions that no longer read are dropped in silence: they come anew."""
        for row in await self._store.load():
            definitions, _ = read_definitions(row.tools, self._redactor)
            self._known[row.server] = Known(
                definitions,
                pins=dict(row.pins),
                accepted=dict(row.accepted),
                refreshed_at=row.refreshed_at,
                extras=stored_extras(row.extras),
            )
        self._forget_views()

    def apply(self, settings: GatewaySettings) -> None:
        """Use other settings from now on."""
        self._settings = settings
        self._servers = {server.name: server for server in settings.servers if server.enabled}
        self._forget_views()
        self.on_change()

    def server(self, name: str) -> AnyServer | None:
        """A server that is not switched off."""
        return self._servers.get(name)

    def note(self, server: str, kind: ListKind) -> None:
        """A server says that a list changed: read it again, and tell those who look at it."""
        self._known.setdefault(server, Known()).noted.add(kind)
        self.refresh(server)

    def is_offered(self, server: str) -> bool:
        """Whether a server's tools are worth listing: it is up, or may well be in a moment."""
        upstream = self._upstreams.peek(server)
        return upstream is None or not upstream.dead

    def refresh(self, server: str) -> asyncio.Task[None]:
        """Ask a server for its tools, once however many ask for it; the task never fails."""
        task = self._refreshing.get(server)
        if task is not None:
            self._again.add(server)  # something changed while we were reading
            return task
        task = asyncio.create_task(self._refresh_until_quiet(server), name=f"refresh {server}")
        self._refreshing[server] = task
        task.add_done_callback(lambda _: self._refreshing.pop(server, None))
        return task

    def due(self, older_than_s: float) -> Sequence[str]:
        """Servers to ask again: those that failed to list, and those not asked for so long."""
        before = self._clock.micros() - int(older_than_s * 1_000_000)
        known = {name: self._known.get(name, Known()) for name in self._servers}
        return [name for name, one in known.items() if one.error or one.refreshed_at <= before]

    async def settled(self, timeout_s: float) -> None:
        """Wait until every server answered or failed, or has tools from earlier; at most so long."""
        waiting = [
            task
            for name, task in self._refreshing.items()
            if name in self._servers and not self._known.setdefault(name, Known()).definitions
        ]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)

    def changes(self, server: str) -> Sequence[ChangedTool]:
        """Tools of a server in quarantine."""
        return changes(self._settings, server, self._known.get(server, Known()))

    async def accept(self, server: str, shown: Mapping[str, str] | None = None) -> Sequence[str]:
        """Take a server's present definitions as reviewed. Returns the tools this changes.

        Args:
            shown: tool → hash, of the changes somebody looked at (`ChangedTool`); None: whatever is there now.

        Raises:
            Conflict: a tool has changed again since.
        """
        known = self._known.get(server, Known())
        changed = {tool_name(server, one.name): one for one in quarantined(self._settings, server, known)}
        wanted = {name: one.hash for name, one in changed.items()} if shown is None else shown
        for name, digest in wanted.items():
            if name not in changed or changed[name].hash != digest:
                raise Conflict(f"{name} is not what was looked at any more; look again.", tool=name)
        accepted = [changed[name] for name in wanted]
        known.pins = {**known.pins, **{one.name: one.hash for one in accepted}}
        known.accepted = {**known.accepted, **{one.name: one.raw for one in accepted}}
        self._forget_views()
        await self._save(server, known)
        self.on_change()
        return [one.name for one in accepted]

    def status(self) -> Sequence[ServerStatus]:
        """Every configured server, in the order of the settings."""
        return [self._status(server) for server in self._settings.servers]

    async def stop(self) -> None:
        tasks = list(self._refreshing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _refresh_until_quiet(self, name: str) -> None:
        while True:
            self._again.discard(name)
            await self._refresh(name)
            if name not in self._again:
                return

    async def _refresh(self, name: str) -> None:
        server = self._servers.get(name)
        if server is None:
            return
        known = self._known.setdefault(name, Known())
        try:
            upstream = await self._upstreams.for_listing(server)
            session = await upstream.ready()
            self._again.discard(name)  # the start itself asked for this refresh
            noted, known.noted = known.noted, set()
            tools = await session.list_tools(_LIST_TIMEOUT_S)
            extras = await list_extras(name, session, self._redactor)
        except (BotkitError, TimeoutError) as error:
            known.error = self._redactor.text(str(error) or "The server did not list its tools in time.")
            _log.warning("tools_not_refreshed", server=name, error=known.error)
            return
        definitions, left_out = read_definitions(tools, self._redactor)
        others = [one.name for server, other in self._known.items() if server != name for one in other.definitions]
        look_at(name, known, tools, others)
        changed = [one.hash for one in definitions] != [one.hash for one in known.definitions]
        known.definitions, known.left_out = definitions, left_out
        known.error, known.stale = "", False
        known.refreshed_at = self._clock.micros()
        pinned = pin(self._settings, name, known)
        before, known.extras = known.extras, extras
        self._count(name, noted, changed or pinned, before, extras)
        if changed or pinned or before != extras:
            await self._save(name, known)
            _log.info("tools_refreshed", server=name, tools=len(definitions), left_out=len(left_out))
        for sentence in left_out:
            _log.warning("tool_left_out", server=name, reason=sentence)

    def _count(self, server: str, noted: set[ListKind], tools: bool, before: Extras, now: Extras) -> None:
        """Note which lists changed, and tell whoever watches."""
        changed = noted | changed_lists(before, now)
        if tools:
            changed.add("tools")
        for kind in changed:
            self.revision[server, kind] = self.revision.get((server, kind), 0) + 1
        if changed or before != now:
            self._forget_views()
            self.on_change()

    async def _save(self, server: str, known: Known) -> None:
        row = CatalogRow(
            server=server,
            tools=tuple(one.raw for one in known.definitions),
            pins=known.pins,
            refreshed_at=known.refreshed_at,
            accepted=known.accepted,
            extras=msgspec.to_builtins(known.extras) if known.extras != NO_EXTRAS else {},
        )
        try:
            await self._store.save(row)
        except BotkitError as error:  # a full disk must not take the tools away
            _log.warning("catalogue_not_saved", server=server, error=str(error))

    def _status(self, server: AnyServer) -> ServerStatus:
        known = self._known.get(server.name, Known())
        upstream = self._upstreams.peek(server.name)
        status = ServerStatus(
            name=server.name,
            state="stopped" if not server.enabled else upstream.state if upstream else "idle",
            error=(upstream.error if upstream else "") or known.error,
            tools=len(known.definitions),
            stale=known.stale and bool(known.definitions),
            left_out=tuple(known.left_out),
            needs_review=tuple(one.name for one in changes(self._settings, server.name, known)),
            suspicious=tuple(
                f"{tool_name(server.name, name)}: {'; '.join(found)}" for name, found in known.suspicions.items()
            ),
            refreshed_at=known.refreshed_at,
            starts=upstream.starts if upstream else 0,
            pid=upstream.pid if upstream else 0,
        )
        if status.error and upstream is None and server.enabled:
            return msgspec.structs.replace(status, state="failing")
        return status
