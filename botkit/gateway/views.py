"""What each workspace offers: the tools, resources and prompts of its servers and of the workspaces in it.

Made of what is known of servers when somebody first asks, and again after something changed.
"""

from __future__ import annotations

__all__ = ["Listed", "Views"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botkit.core.tools import Tool
from botkit.gateway.composition import DEPTH_LIMIT, Inner, composed, name_in
from botkit.gateway.definitions import Definition
from botkit.gateway.known import Known
from botkit.gateway.methods import TargetKind
from botkit.gateway.naming import SEPARATOR, tool_name
from botkit.gateway.offers import Extras, Offer, Offers, make_offers
from botkit.gateway.own import own_tools
from botkit.gateway.pool import AnyServer
from botkit.gateway.quarantine import quarantined
from botkit.gateway.rights import review_of
from botkit.gateway.session import ListKind
from botkit.gateway.settings import GatewaySettings, Review, WorkspaceSettings


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
    own: bool = False
    """A tool of botkit itself: `server` only has its limits, and is never started."""


class Views:
    """Every workspace, as it is now."""

    def __init__(self) -> None:
        self._settings = GatewaySettings()
        self._servers: Mapping[str, AnyServer] = {}
        self._known: dict[str, Known] = {}
        self._views: dict[str, dict[str, Listed]] = {}
        self._offers: dict[str, Offers] = {}

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
        own = {name: self._known.get(name, Known()).extras for name in self._servers if settings.offers(name)}
        if depth < DEPTH_LIMIT:
            for inner in settings.workspaces:
                for name, extras in self.extras(inner, depth=depth + 1):
                    own.setdefault(name, extras)
        return list(own.items())

    def _make_view(self, workspace: str, depth: int = 0) -> dict[str, Listed]:
        settings = self._settings.workspaces.get(workspace)
        if settings is None:
            return {}
        view: dict[str, Listed] = {}
        for name, server in self._servers.items():
            known = self._known.get(name)
            if known is None or not settings.offers(name):
                continue
            hidden = {one.name for one in quarantined(self._settings, name, known)}
            for definition in known.definitions:
                if definition.name in hidden:
                    continue
                listed = self._listed(server, definition, review_of(settings, tool_name(name, definition.name)))
                view[listed.tool.name] = listed
        for server, definition, review in own_tools(self._settings, workspace, self._servers) if depth == 0 else ():
            listed = replace(self._listed(server, definition, review), own=True)
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

    def schema(self, server: str, tool: str) -> Mapping[str, Any] | None:
        """The input schema of a server's tool, by the server's own name for it."""
        known = self._known.get(server)
        found = next((one for one in known.definitions if one.name == tool), None) if known else None
        return found.raw["inputSchema"] if found else None

    def _forget_views(self) -> None:
        self._views.clear()
        self._offers.clear()
