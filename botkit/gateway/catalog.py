"""What tools there are: each server's list as last seen, and each workspace's view of it.

Lists are always answered from memory. Servers are asked at start, when they say that something changed, after each
restart, when their file or settings change, and every hour; each on its own and with its own deadline, so a slow, dead
or malformed server delays and hides nobody. What was seen is stored, and offered after a restart of botkit before the
servers are up again.
"""

from __future__ import annotations

__all__ = ["Catalogue", "ChangedTool", "Listed", "ServerStatus"]

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import structlog

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import BotkitError, Conflict
from botkit.core.stores import Catalog, CatalogRow
from botkit.core.tools import Tool
from botkit.gateway.composition import DEPTH_LIMIT, Inner, composed, name_in
from botkit.gateway.definitions import Definition, read_definitions
from botkit.gateway.methods import TargetKind
from botkit.gateway.naming import SEPARATOR, tool_name
from botkit.gateway.offers import (
    NO_EXTRAS,
    Extras,
    Offer,
    Offers,
    changed_lists,
    list_extras,
    make_offers,
    stored_extras,
)
from botkit.gateway.pool import AnyServer
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.rights import review_of
from botkit.gateway.session import ListKind
from botkit.gateway.settings import GatewaySettings, Review, WorkspaceSettings
from botkit.gateway.suspicions import suspicions
from botkit.gateway.upstream import State, Upstream

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


class ChangedTool(Data):
    """A tool in quarantine: it is not the one that was reviewed, or was not there then."""

    name: str
    """With its server."""
    hash: str
    """Of the present definition: what `Catalogue.accept` is told was looked at."""
    now: dict[str, Any]
    """The MCP `Tool` object."""
    before: dict[str, Any] | None = None
    """As it was reviewed; None where that was not kept, and for a new one."""
    new: bool = False
    """It came after the review."""
    suspicions: tuple[str, ...] = ()
    """What in its words is worth a look."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A tool as a workspace offers it, with what the pipeline needs to call it."""

    tool: Tool
    review: Review
    definition: Definition | None
    """None for what is not a tool."""
    server: AnyServer
    inner: tuple[Inner, ...] = ()
    """The workspaces a tool comes through, the nearest first; empty for this workspace's own."""


class Upstreams(Protocol):
    """How the catalogue reaches servers."""

    async def for_listing(self, server: AnyServer) -> Upstream:
        """Raises `BotkitError` when its secrets are missing."""
        ...

    def peek(self, server: str) -> Upstream | None: ...


@dataclass(slots=True)
class _Known:
    """What is known of one server."""

    definitions: Sequence[Definition] = ()
    left_out: Sequence[str] = ()
    pins: dict[str, str] = field(default_factory=dict[str, str])
    """Of a server with a reviewed tool: name → hash of every tool that was there, or was accepted since."""
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """The definitions the pins stand for."""
    refreshed_at: int = 0
    error: str = ""
    stale: bool = True
    extras: Extras = NO_EXTRAS
    noted: set[ListKind] = field(default_factory=set[ListKind])
    """Lists that the server said had changed since they were last read."""
    suspicions: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By tool."""


class Catalogue:
    """The tools of all servers and workspaces."""

    def __init__(self, store: Catalog, upstreams: Upstreams, redactor: SecretRedactor, clock: Clock):
        self._store = store
        self._upstreams = upstreams
        self._redactor = redactor
        self._clock = clock
        self._settings = GatewaySettings()
        self._servers: Mapping[str, AnyServer] = {}
        self._known: dict[str, _Known] = {}
        self._views: dict[str, dict[str, Listed]] = {}
        self._offers: dict[str, Offers] = {}
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
            self._known[row.server] = _Known(
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

    def view(self, workspace: str) -> Mapping[str, Listed]:
        """The tools of a workspace by name, in a stable order; also those of servers that are down."""
        view = self._views.get(workspace)
        if view is None:
            view = self._views[workspace] = self._make_view(workspace)
        return view

    def offers(self, workspace: str) -> Offers:
        """The resources and prompts of a workspace; also those of servers that are down."""
        offers = self._offers.get(workspace)
        if offers is None:
            offers = self._offers[workspace] = self._make_offers(workspace)
        return offers

    def _make_offers(self, workspace: str, depth: int = 0) -> Offers:
        settings = self._settings.workspaces.get(workspace)
        inner = settings.workspaces if settings is not None and depth < DEPTH_LIMIT else ()
        return make_offers(
            self.extras(workspace, depth=DEPTH_LIMIT),
            [(name, self._make_offers(name, depth + 1)) for name in inner],
        )

    def listed_offers(self, workspace: str, kind: ListKind) -> Sequence[tuple[dict[str, Any], Listed]]:
        """Resources, templates or prompts as MCP objects, with what the rights model needs."""
        offers = self.offers(workspace)
        found = {"resources": offers.resources, "templates": offers.templates, "prompts": offers.prompts}.get(kind, {})
        listed = [(offer.raw, self._as_listed(workspace, offer)) for offer in found.values()]
        return [(raw, one) for raw, one in listed if one is not None]

    def find(self, workspace: str, kind: TargetKind, name: str) -> Listed | None:
        """A tool or prompt by its name, or a resource by its URI."""
        if kind == "tool":
            return self.view(workspace).get(name)
        offers = self.offers(workspace)
        offer = offers.find_prompt(name) if kind == "prompt" else offers.find_resource(name)
        return self._as_listed(workspace, offer) if offer is not None else None

    def unlisted(self, workspace: str, name: str) -> Listed | None:
        """A tool of a transparent workspace that its server never listed: nobody reviewed it, and it may not exist."""
        settings = self._settings.workspaces.get(workspace)
        if settings is None or not settings.transparent or len(settings.servers) != 1:
            return None
        server = self._servers.get(settings.servers[0])
        known = self._known.get(settings.servers[0])
        own = name.removeprefix(f"{settings.servers[0]}{SEPARATOR}")
        if server is None or known is None or tool_name(server.name, own) != name:
            return None
        if any(one.name == own for one in known.definitions) or any(f"Tool {own} was" in one for one in known.left_out):
            return None
        tool = Tool(name=name, server=server.name, upstream_name=own, definition={})
        return Listed(tool, review_of(settings, name), None, server)

    def _as_listed(self, workspace: str, offer: Offer) -> Listed | None:
        server, settings = self._servers.get(offer.server), self._settings.workspaces.get(workspace)
        if server is None or settings is None:
            return None
        if any(name not in self._settings.workspaces for name in offer.via):
            return None
        tool, *through = offer.tools()
        inner = tuple(
            Inner(name, one, review_of(self._settings.workspaces[name], one.name))
            for name, one in zip(offer.via, through, strict=True)
        )
        return Listed(tool, review_of(settings, tool.name), None, server, inner)

    def extras(self, workspace: str, *, depth: int = 0) -> Sequence[tuple[str, Extras]]:
        """What is known of each server of a workspace, in the order of the settings, and of those of the workspaces
        in it, unless `depth` says that it is deep enough."""
        settings = self._settings.workspaces.get(workspace)
        if settings is None:
            return []
        own = {name: self._known.get(name, _Known()).extras for name in self._servers if settings.offers(name)}
        if depth < DEPTH_LIMIT:
            for inner in settings.workspaces:
                for name, extras in self.extras(inner, depth=depth + 1):
                    own.setdefault(name, extras)
        return list(own.items())

    def server(self, name: str) -> AnyServer | None:
        """A server that is not switched off."""
        return self._servers.get(name)

    def note(self, server: str, kind: ListKind) -> None:
        """A server says that a list changed: read it again, and tell those who look at it."""
        self._known.setdefault(server, _Known()).noted.add(kind)
        self.refresh(server)

    def schema(self, server: str, tool: str) -> Mapping[str, Any] | None:
        """The input schema of a server's tool, by the server's own name for it."""
        known = self._known.get(server)
        found = next((one for one in known.definitions if one.name == tool), None) if known else None
        return found.raw["inputSchema"] if found else None

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
        known = {name: self._known.get(name, _Known()) for name in self._servers}
        return [name for name, one in known.items() if one.error or one.refreshed_at <= before]

    async def settled(self, timeout_s: float) -> None:
        """Wait until every server answered or failed, or has tools from earlier; at most so long."""
        waiting = [
            task
            for name, task in self._refreshing.items()
            if name in self._servers and not self._known.setdefault(name, _Known()).definitions
        ]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)

    def changes(self, server: str) -> Sequence[ChangedTool]:
        """Tools of a server in quarantine."""
        known = self._known.get(server, _Known())
        return [
            ChangedTool(
                name=tool_name(server, one.name),
                hash=one.hash,
                now=one.raw,
                before=known.accepted.get(one.name),
                new=one.name not in known.pins,
                suspicions=known.suspicions.get(one.name, ()),
            )
            for one in self._quarantined(server, known)
        ]

    async def accept(self, server: str, shown: Mapping[str, str] | None = None) -> Sequence[str]:
        """Take a server's present definitions as reviewed. Returns the tools this changes.

        Args:
            shown: tool → hash, of the changes somebody looked at (`ChangedTool`); None: whatever is there now.

        Raises:
            Conflict: a tool has changed again since.
        """
        known = self._known.get(server, _Known())
        changed = {tool_name(server, one.name): one for one in self._quarantined(server, known)}
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
        known = self._known.setdefault(name, _Known())
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
        self._look_at(name, known, tools)
        changed = [one.hash for one in definitions] != [one.hash for one in known.definitions]
        known.definitions, known.left_out = definitions, left_out
        known.error, known.stale = "", False
        known.refreshed_at = self._clock.micros()
        pinned = self._pin(name, known)
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

    def _forget_views(self) -> None:
        self._views.clear()
        self._offers.clear()

    def _pin(self, server: str, known: _Known) -> bool:
        """Remember the tools of a reviewed server the first time they are seen, and say what came or changed since."""
        pins, accepted = known.pins, known.accepted
        if not self._is_pinned(server, known):
            known.pins, known.accepted = {}, {}
        elif not pins:
            known.pins = {one.name: one.hash for one in known.definitions}
            known.accepted = {one.name: one.raw for one in known.definitions}
        else:
            kept = {one.name: one.raw for one in known.definitions if pins.get(one.name) == one.hash}
            known.accepted = {**accepted, **kept}
            advice = f"Look at it, and accept it, with botkit mcp accept {server}."
            for one in self._quarantined(server, known):
                reason = "changed" if one.name in pins else "new"
                name = tool_name(server, one.name)
                _log.warning("tool_quarantined", server=server, tool=name, reason=reason, advice=advice)
        return known.pins != pins or known.accepted != accepted

    def _is_pinned(self, server: str, known: _Known) -> bool:
        """Whether somebody reviewed a tool of the server, so that what it offers must stay as it was."""
        settings = next((one for one in self._settings.servers if one.name == server), None)
        if settings is None or not settings.pin:
            return False
        names = {tool_name(server, name) for name in (*known.pins, *(one.name for one in known.definitions))}
        return any(
            workspace.offers(server) and any(review_of(workspace, name).tool_class is not None for name in names)
            for workspace in self._settings.workspaces.values()
        )

    def _quarantined(self, server: str, known: _Known) -> Sequence[Definition]:
        """Tools that nobody may see before a person has: new names and other definitions on a reviewed server."""
        different = [one for one in known.definitions if known.pins.get(one.name) != one.hash] if known.pins else []
        return different if different and self._is_pinned(server, known) else []

    def _look_at(self, server: str, known: _Known, tools: Sequence[Any]) -> None:
        """Note what in the words of tools a person should look at."""
        others = [one.name for name, other in self._known.items() if name != server for one in other.definitions]
        found: dict[str, tuple[str, ...]] = {}
        for raw in tools:
            own: Any = raw.get("name") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # as servers send it
            if isinstance(own, str) and (sentences := suspicions(raw, others)):
                found[own] = tuple(sentences)
        for name in found.keys() - known.suspicions.keys():
            reasons = "; ".join(found[name])
            _log.warning("tool_suspicious", server=server, tool=tool_name(server, name), reasons=reasons)
        known.suspicions = found

    async def _save(self, server: str, known: _Known) -> None:
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

    def _make_view(self, workspace: str, depth: int = 0) -> dict[str, Listed]:
        settings = self._settings.workspaces.get(workspace)
        if settings is None:
            return {}
        view: dict[str, Listed] = {}
        for name, server in self._servers.items():
            known = self._known.get(name)
            if known is None or not settings.offers(name):
                continue
            hidden = {one.name for one in self._quarantined(name, known)}
            for definition in known.definitions:
                if definition.name in hidden:
                    continue
                listed = self._listed(server, definition, review_of(settings, tool_name(name, definition.name)))
                view[listed.tool.name] = listed
        if depth < DEPTH_LIMIT:
            for inner in settings.workspaces:
                for one in self._make_view(inner, depth + 1).values():
                    listed = self._passed_on(one, inner, settings)
                    view.setdefault(listed.tool.name, listed)
        return view

    def _passed_on(self, listed: Listed, workspace: str, settings: WorkspaceSettings) -> Listed:
        """A tool of an inner workspace, as the outer one offers it."""
        name = name_in(workspace, listed.tool)
        tool, review = composed(listed.tool, listed.review, review_of(settings, name), name)
        inner = (Inner(workspace, listed.tool, listed.review), *listed.inner)
        return Listed(tool, review, listed.definition, listed.server, inner)

    def _listed(self, server: AnyServer, definition: Definition, review: Review) -> Listed:
        name = tool_name(server.name, definition.name)
        tool = Tool(
            name=name,
            server=server.name,
            upstream_name=definition.name,
            definition={**definition.raw, "name": name},
            tool_class=review.tool_class or "unreviewed",
            idempotent=bool(review.idempotent),
            approve=bool(review.approve),
        )
        return Listed(tool, review, definition, server)

    def _status(self, server: AnyServer) -> ServerStatus:
        known = self._known.get(server.name, _Known())
        upstream = self._upstreams.peek(server.name)
        status = ServerStatus(
            name=server.name,
            state="stopped" if not server.enabled else upstream.state if upstream else "idle",
            error=(upstream.error if upstream else "") or known.error,
            tools=len(known.definitions),
            stale=known.stale and bool(known.definitions),
            left_out=tuple(known.left_out),
            needs_review=tuple(tool_name(server.name, one.name) for one in self._quarantined(server.name, known)),
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
