"""Names in the fields of nodes that point at something outside: tools, models, bots, workflows, channels, secrets."""

from __future__ import annotations

__all__ = ["Facts", "check_names", "facts_of", "workspaces_of"]

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botkit.core.config import Config
from botkit.core.config.models.llm import TIERS
from botkit.core.functions import function_names
from botkit.core.tools import FUNCTIONS
from botkit.workflows.checks.texts import Found, texts_of
from botkit.workflows.define.written import Report, Written, WrittenNode, names_hint
from botkit.workflows.expressions import is_template
from botkit.workflows.registry import Registry


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to be named."""

    models: Collection[str] = ()
    bots: Collection[str] = ()
    workflows: Collection[str] = ()
    channels: Collection[str] = ()
    secrets: Collection[str] | None = None
    """None: not known here, so nothing is said about them."""
    servers: Mapping[str, Collection[str] | None] = field(default_factory=dict[str, "Collection[str] | None"])
    """Server, skill or function → its tools; None when it never told."""
    offered: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    """Workspace → the servers, skills and functions it offers."""


def facts_of(
    config: Config,
    *,
    tools: Mapping[str, Collection[str]] | None = None,
    secrets: Collection[str] | None = None,
) -> Facts:
    """What a configuration holds.

    Args:
        tools: tools by server, of servers that have told them.
        secrets: names of stored secrets, when somebody knows.
    """
    known = tools or {}
    owners = [*config.servers, *config.skills]
    return Facts(
        models=[*dict.fromkeys((*config.models, *TIERS))],
        bots=[*config.bots, *config.teams],
        workflows=[*config.workflows],
        channels=[*config.channels],
        secrets=secrets,
        servers={**{name: known.get(name) for name in owners}, FUNCTIONS: function_names(config)},
        offered={name: _offered(config, name, frozenset()) for name in config.workspaces},
    )


def _offered(config: Config, name: str, seen: frozenset[str]) -> set[str]:
    workspace = config.workspaces.get(name)
    if workspace is None or name in seen:
        return set()
    mine = {*config.servers_of(workspace), *workspace.skills}
    if workspace.functions or "*" in workspace.servers:
        mine.add(FUNCTIONS)
    return mine.union(*(_offered(config, inner, seen | {name}) for inner in workspace.workspaces))


def workspaces_of(config: Config, slug: str) -> list[str]:
    """Where the tools of a workflow come from: its own workspace, else those of the bots that run it."""
    own = config.workflows[slug].workspace
    if own is not None:
        return [own]
    found = [bot.workspace for bot in config.bots.values() if bot.workflow == slug]
    return list(dict.fromkeys(found)) or ["default"]


def check_names(written: Written, registry: Registry, facts: Facts, workspaces: Collection[str]) -> None:
    """Add every name that leads nowhere to `written.report`; a name with `{{ … }}` is known only when it runs."""
    check = _Check(written, facts, workspaces)
    for node, found in _named(written, registry):
        look = check.looks.get(found.mark)
        if look is not None and not is_template(found.text):
            look(node, found)


def _named(written: Written, registry: Registry) -> Iterator[tuple[WrittenNode, Found]]:
    for node in written.nodes:
        kind = registry.get(node.type)
        if kind is not None:
            yield from ((node, found) for found in texts_of(node, kind.spec))


def names_in(written: Written, registry: Registry, mark: str) -> Iterator[tuple[str, WrittenNode, Found]]:
    """Every plain name of one sort, such as each `workflow` a workflow runs."""
    for node, found in _named(written, registry):
        if found.mark == mark and not is_template(found.text):
            yield found.text, node, found


class _Check:
    def __init__(self, written: Written, facts: Facts, workspaces: Collection[str]):
        self._report: Report = written.report
        self._facts = facts
        self._workspaces = workspaces
        self._nodes = {node.id for node in written.nodes}
        self.looks: Mapping[str, Callable[[WrittenNode, Found], None]] = {
            "model": self._model,
            "tool": self._tool,
            "tools": self._pattern,
            "secret": self._secret,
            "bot": lambda node, found: self._one_of(node, found, "bot or team", facts.bots),
            "workflow": lambda node, found: self._one_of(node, found, "workflow", facts.workflows),
            "channel": lambda node, found: self._one_of(node, found, "channel", facts.channels),
            "function": self._function,
            "node": lambda node, found: self._one_of(node, found, "node", self._nodes),
        }

    def _add(self, node: WrittenNode, found: Found, message: str, hint: str = "") -> None:
        self._report.add(found.place, message, node.id, *found.path, hint=hint)

    def _one_of(self, node: WrittenNode, found: Found, what: str, known: Collection[str]) -> None:
        if found.text not in known:
            self._add(node, found, f"no {what} is called `{found.text[:64]}`", names_hint(found.text, known))

    def _model(self, node: WrittenNode, found: Found) -> None:
        if "/" not in found.text:
            self._one_of(node, found, "model", self._facts.models)

    def _function(self, node: WrittenNode, found: Found) -> None:
        known = self._facts.servers.get(FUNCTIONS) or ()
        if found.text.replace("-", "_") not in known:
            self._one_of(node, found, "function", known)
        else:
            self._server(node, found, FUNCTIONS)

    def _secret(self, node: WrittenNode, found: Found) -> None:
        known = self._facts.secrets
        if known is not None and re.sub(r"[^A-Za-z0-9]", "_", found.text).upper() not in known:
            hint = f"store it with `botkit secrets set {found.text[:64]}`"
            self._add(node, found, f"no secret is stored as `{found.text[:64]}`", hint)

    def _pattern(self, node: WrittenNode, found: Found) -> None:
        if not any(c in found.text for c in "*?["):
            self._tool(node, found)
            return
        server = found.text.partition("__")[0]
        if "__" in found.text and not any(c in server for c in "*?["):
            self._server(node, found, server)

    def _server(self, node: WrittenNode, found: Found, server: str) -> bool:
        if server not in self._facts.servers:
            self._one_of_servers(node, found, server)
            return False
        lacking = [name for name in self._workspaces if server not in self._facts.offered.get(name, ())]
        if lacking:
            self._add(node, found, f"the workspace `{lacking[0]}` does not offer `{server}`")
        return not lacking

    def _one_of_servers(self, node: WrittenNode, found: Found, server: str) -> None:
        self._add(node, found, f"no server is called `{server[:64]}`", names_hint(server, self._facts.servers))

    def _tool(self, node: WrittenNode, found: Found) -> None:
        server, separator, tool = found.text.partition("__")
        if not separator or not tool:
            message = "a tool is written server__tool"
            self._add(node, found, message, names_hint(found.text, self._every_tool()))
            return
        if not self._server(node, found, server):
            return
        tools: Any = self._facts.servers[server]
        if tools is None:
            message = f"`{server}` has not told its tools yet, so nobody knows whether it has `{tool[:64]}`"
            self._report.warn(found.place, message, node.id, *found.path)
        elif tool not in tools:
            self._add(node, found, f"`{server}` has no tool `{tool[:64]}`", names_hint(tool, tools))

    def _every_tool(self) -> list[str]:
        return [f"{server}__{tool}" for server, tools in self._facts.servers.items() for tool in tools or ()]
