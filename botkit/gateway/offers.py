"""What servers offer beside tools: resources, resource templates and prompts, and which server each belongs to.

Prompts are called `server__prompt`, as tools are. A resource keeps its URI, because results and people refer to it;
where two servers of a workspace use the same one, that of the later server reads `botkit://SERVER/URI`, which works for
every resource of every server. Reading asks, in this order: the server named in such an address, the list, the
templates, and the only server that has resources at all.
"""

from __future__ import annotations

__all__ = [
    "NO_EXTRAS",
    "Extras",
    "Offer",
    "Offers",
    "changed_lists",
    "list_extras",
    "make_offers",
    "read_extras",
    "stored_extras",
]

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, cast

import msgspec
import structlog

from botkit.core.tools import Tool
from botkit.gateway.naming import tool_name
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.results import without_unwanted
from botkit.gateway.session import ListKind, Session
from botkit.gateway.wire import RpcError

_SCHEME = "botkit://"
_LIST_TIMEOUT_S = 15.0
_KEYS: dict[ListKind, str] = {"resources": "uri", "templates": "uriTemplate", "prompts": "name"}
"""What each item of a list is known by."""
_ITEM_LIMIT_BYTES = 64 * 1024
_NAME_CHARS = 256
_URI_CHARS = 4096
_log = structlog.get_logger("botkit.gateway")
_EXPRESSION = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Extras:
    """What one server has beside tools, and how it introduced itself."""

    resources: tuple[dict[str, Any], ...] = ()
    templates: tuple[dict[str, Any], ...] = ()
    prompts: tuple[dict[str, Any], ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict[str, Any])
    server_info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    instructions: str = ""


NO_EXTRAS = Extras()


@dataclass(frozen=True, slots=True)
class Offer:
    """A resource, template or prompt as a workspace offers it."""

    server: str
    upstream_name: str
    """The server's own name or URI for it."""
    raw: dict[str, Any]
    """The MCP object, with name or URI replaced."""
    name: str
    """The server's own name, which rights are about."""
    via: tuple[str, ...] = ()
    """The workspaces it comes through, the nearest first."""

    def tools(self) -> list[Tool]:
        """For the rights model, which speaks of tools: something that is only read. First as the workspace itself
        offers it, then as each workspace does through which it comes."""
        names = [tool_name(self.server, self.name)]
        for workspace in reversed(self.via):
            names.append(tool_name(workspace, names[-1]))
        return [
            Tool(
                name=name,
                server=self.server,
                upstream_name=self.upstream_name,
                definition={},
                tool_class="read-only",
            )
            for name in reversed(names)
        ]


@dataclass(frozen=True, slots=True)
class Offers:
    """Everything of one workspace."""

    resources: dict[str, Offer]
    """By URI."""
    templates: dict[str, Offer]
    """By URI template."""
    prompts: dict[str, Offer]
    """By name."""
    readable: dict[str, tuple[str, ...]]
    """Servers that have resources, and the workspaces they are reached through."""

    def find_prompt(self, name: str) -> Offer | None:
        return self.prompts.get(name)

    def find_resource(self, uri: str) -> Offer | None:
        """Whose this URI or URI template is."""
        if uri.startswith(_SCHEME):
            server, _, rest = uri.removeprefix(_SCHEME).partition("/")
            if server in self.readable and rest:
                return Offer(server, rest, {"uri": uri}, rest, self.readable[server])
        found = self.resources.get(uri) or self.templates.get(uri)
        if found is not None:
            return found
        for template, offer in self.templates.items():
            if not template.startswith(_SCHEME) and _may_be(uri, template):
                return replace(offer, upstream_name=uri, raw={"uri": uri})
        if len(self.readable) == 1:
            ((server, via),) = self.readable.items()
            return Offer(server, uri, {"uri": uri}, uri, via)
        return None


def make_offers(servers: Iterable[tuple[str, Extras]], inner: Iterable[tuple[str, Offers]] = ()) -> Offers:
    """Join what servers offer, in the order of the settings, and what other workspaces do."""
    servers = list(servers)
    offers = Offers({}, {}, {}, {name: () for name, extras in servers if _can_read(extras)})
    for server, extras in servers:
        for raw in extras.prompts:
            name = tool_name(server, raw["name"])
            offers.prompts[name] = Offer(server, raw["name"], {**raw, "name": name}, raw["name"])
        for raw in extras.resources:
            uri = _free(offers.resources, server, raw["uri"])
            offers.resources[uri] = Offer(server, raw["uri"], {**raw, "uri": uri}, _name(raw, "uri"))
        for raw in extras.templates:
            template = _free(offers.templates, server, raw["uriTemplate"])
            offer = Offer(server, raw["uriTemplate"], {**raw, "uriTemplate": template}, _name(raw, "uriTemplate"))
            offers.templates[template] = offer
    for workspace, theirs in inner:
        _take_over(offers, workspace, theirs)
    return offers


def _take_over(offers: Offers, workspace: str, theirs: Offers) -> None:
    """Offer what an inner workspace offers; what a server offers directly already stays as it is."""
    for name, offer in theirs.prompts.items():
        chained = tool_name(workspace, name)
        raw = {**offer.raw, "name": chained}
        offers.prompts.setdefault(chained, replace(offer, raw=raw, via=(workspace, *offer.via)))
    for here, there, key in (
        (offers.resources, theirs.resources, "uri"),
        (offers.templates, theirs.templates, "uriTemplate"),
    ):
        direct = {(offer.server, offer.upstream_name) for offer in here.values()}
        for offer in there.values():
            if (offer.server, offer.upstream_name) not in direct:
                uri = _free(here, offer.server, offer.upstream_name)
                here[uri] = replace(offer, raw={**offer.raw, key: uri}, via=(workspace, *offer.via))
    for server, via in theirs.readable.items():
        offers.readable.setdefault(server, (workspace, *via))


def _name(raw: Mapping[str, Any], key: str) -> str:
    name = raw.get("name")
    return name if isinstance(name, str) and name else str(raw[key])


def read_extras(items: Iterable[Any], key: str, redactor: SecretRedactor) -> tuple[dict[str, Any], ...]:
    """The usable items of a list: objects of a bounded size with a text under `key`, each once."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if not isinstance(item, dict):
            continue
        try:
            if len(msgspec.json.encode(item)) > _ITEM_LIMIT_BYTES:  # pyright: ignore[reportUnknownArgumentType]  # any JSON
                continue
            raw = cast("dict[str, Any]", redactor.value(without_unwanted(item)))
        except (RecursionError, UnicodeEncodeError):
            continue
        name = raw.get(key)
        if isinstance(name, str) and name and len(name) <= (_NAME_CHARS if key == "name" else _URI_CHARS):
            found.setdefault(name, raw)
    return tuple(found.values())


async def list_extras(server: str, session: Session, redactor: SecretRedactor) -> Extras:
    """Ask for resources and prompts; a server that fails to list them still has its tools.

    Raises:
        ToolUnavailable: the server ended.
    """
    lists: dict[ListKind, tuple[dict[str, Any], ...]] = {}
    for kind, key in _KEYS.items():
        try:
            items = await session.list_all(kind, _LIST_TIMEOUT_S)
        except (RpcError, TimeoutError) as error:
            _log.warning("list_not_read", server=server, list=kind, error=redactor.text(str(error)))
            items = []
        lists[kind] = read_extras(items, key, redactor)
    return Extras(
        resources=lists["resources"],
        templates=lists["templates"],
        prompts=lists["prompts"],
        capabilities=session.capabilities,
        server_info=redactor.value(session.server_info),
        instructions=redactor.text(session.instructions),
    )


def stored_extras(row: Mapping[str, Any]) -> Extras:
    """What was stored; nothing where it no longer reads: it comes anew."""
    try:
        return msgspec.convert(row, Extras)
    except msgspec.ValidationError:
        return NO_EXTRAS


def changed_lists(before: Extras, now: Extras) -> set[ListKind]:
    """Which lists differ; templates count as resources, as in the protocol's notifications."""
    changed: set[ListKind] = set()
    if (before.resources, before.templates) != (now.resources, now.templates):
        changed.add("resources")
    if before.prompts != now.prompts:
        changed.add("prompts")
    return changed


def _can_read(extras: Extras) -> bool:
    return bool(extras.resources or extras.templates or "resources" in extras.capabilities)


def _free(taken: Mapping[str, Offer], server: str, uri: str) -> str:
    return f"{_SCHEME}{server}/{uri}" if uri in taken else uri


@lru_cache(maxsize=1024)
def _literals(template: str) -> tuple[str, ...]:
    return tuple(_EXPRESSION.split(template))


def _may_be(uri: str, template: str) -> bool:
    """Whether a URI can come of an RFC 6570 template: its plain parts follow each other. The server has the last word.

    No regular expression: a template is a stranger's, and must not cost more than its length.
    """
    first, *middle, last = _literals(template) if "{" in template else (template, "")
    if "{" not in template or not uri.startswith(first):
        return False
    at = len(first)
    for part in middle:
        at = uri.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(uri) - len(last) >= at and uri.endswith(last)
