"""MCP servers: how they are, trying them, and adding and removing them in bots.yaml."""

from __future__ import annotations

__all__ = ["McpOperations", "OfferedTool", "ServerChange", "ServerInfo", "ToolTrial"]

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from botkit.app.operations.lent_gateway import gateway_of
from botkit.app.operations.tool_changes import ToolChange, changed_tools
from botkit.core.data import Data
from botkit.core.errors import BotkitError, Conflict, NotFound
from botkit.core.ids import new_id
from botkit.core.tools import NeedsApproval, NeedsInput, Principal, Progress, Result, ToolCall, result_text
from botkit.gateway.settings import RemoteSettings

if TYPE_CHECKING:
    from botkit.app.instance import Instance
    from botkit.core.config.edit import Editor
    from botkit.gateway.catalog import ServerStatus
    from botkit.gateway.pipeline import Gateway

"""A program's packages may have to be fetched first."""


class ServerInfo(Data, omit_defaults=False):
    name: str
    kind: str
    """`run`, `command` or `url`."""
    target: str
    """The file, the command line or the address, without secrets."""
    state: str
    error: str = ""
    tools: int = 0
    left_out: tuple[str, ...] = ()
    needs_review: tuple[str, ...] = ()
    """Tools in quarantine until they are accepted."""
    suspicious: tuple[str, ...] = ()
    """Tools whose own words are worth a look, and why."""
    workspaces: tuple[str, ...] = ()
    refreshed_at: int = 0
    """Microseconds, UTC; 0: never."""


class ToolTrial(Data, omit_defaults=False):
    """What happened when a tool was tried."""

    server: str
    state: str
    error: str = ""
    tools: tuple[str, ...] = ()
    tool: str = ""
    """Empty: only the server was tried."""
    workspace: str = ""
    progress: tuple[str, ...] = ()
    status: str = ""
    """As in the call log; `waiting` when it needs an approval or an answer."""
    message: str = ""
    """The tool's answer as text, or what it waits for."""
    content: dict[str, Any] = {}
    duration_ms: float = 0.0
    result_bytes: int = 0
    trace_id: str = ""
    call_id: str = ""


class OfferedTool(Data, omit_defaults=False):
    """A tool as a workspace offers it to a role."""

    name: str
    tool_class: str
    """As reviewed: `read-only`, `write`, `destructive`, or `unreviewed`."""
    approve: bool = False
    description: str = ""


class ServerChange(Data, omit_defaults=False):
    """An edit of bots.yaml."""

    name: str
    files: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    applied: bool = False
    """False: it waits for `botkit apply`, as other edits of the file do."""
    url: str = ""
    """Where MCP clients reach the first of the workspaces."""
    missing_secrets: tuple[str, ...] = ()


class McpOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self) -> Sequence[ServerInfo]:
        """Every server of bots.yaml and of the servers folder."""
        async with self._gateway(start=False):
            return [self._info(status) for status in self._i.gateway.status()]

    async def refresh(self, *, server: str = "") -> Sequence[ServerInfo]:
        """Ask one server, or all, for its tools now, forgetting past failures.

        Raises:
            NotFound: no such server.
        """
        if server:
            self._known(server)
        async with self._gateway(only=server):
            await self._i.gateway.fleet.refresh(server)
            return [self._info(one) for one in self._i.gateway.status() if server in ("", one.name)]

    async def changes(self, *, server: str) -> Sequence[ToolChange]:
        """Tools of a server that are new or changed since its review; nobody sees them until accepted.

        Raises:
            NotFound: no such server.
        """
        self._known(server)
        async with self._gateway(start=False):
            return changed_tools(self._i.gateway.fleet.catalogue.changes(server))

    async def accept(self, *, server: str, shown: dict[str, str], by: str, via: str = "cli") -> Sequence[str]:
        """Take changed definitions as reviewed: their class, and whatever else was decided about them, holds again.

        Args:
            shown: tool → digest, as `changes` told them; others stay as they are.

        Raises:
            NotFound: no such server.
            Conflict: a tool has changed again since.
        """
        self._known(server)
        async with self._gateway(start=False):
            await self._i.gateway.fleet.catalogue.accept(server, shown)
        for tool, digest in shown.items():
            await self._i.audit(by=by, via=via, action="mcp.accept", target=tool, digest=digest)
        return list(shown)

    async def test(
        self,
        *,
        server: str,
        by: str,
        tool: str = "",
        arguments: dict[str, Any] | None = None,
        workspace: str = "",
    ) -> ToolTrial:
        """Start a server and, with `tool`, call it with an administrator's rights. The call is logged like any other.

        Raises:
            NotFound: no such server, or no workspace offers it.
        """
        self._known(server)
        async with self._gateway(only=server):
            await self._i.gateway.fleet.refresh(server)
            status = next(one for one in self._i.gateway.status() if one.name == server)
            trial = ToolTrial(server=server, state=status.state, error=status.error, tools=self._tools(server))
            if not tool or (status.error and not trial.tools):
                return trial
            return await self._try(trial, tool, arguments or {}, workspace, by)

    async def tools(self, *, workspace: str, role: str = "admin") -> Sequence[OfferedTool]:
        """Every tool that somebody with this role may call in a workspace, asked of its servers now.

        Raises:
            NotFound: no such workspace.
        """
        if workspace not in self._i.configs.current.workspaces:
            known = ", ".join(self._i.configs.current.workspaces) or "none"
            raise NotFound(f"There is no workspace {workspace}; bots.yaml has: {known}.")
        async with self._gateway():
            principal = Principal(kind="service", id="cli", roles=(role,))
            found = await self._i.gateway.list_tools(workspace, principal)
        return [
            OfferedTool(name=one.name, tool_class=one.tool_class, approve=one.approve, description=one.description)
            for one in found
        ]

    async def add(
        self,
        *,
        name: str,
        server: dict[str, Any],
        by: str,
        workspaces: tuple[str, ...] = (),
        via: str = "cli",
    ) -> ServerChange:
        """Write a server into bots.yaml, as the file has it, and offer it in these workspaces.

        Raises:
            Conflict: the name is taken.
            NotFound: no such workspace.
            ConfigError: the file does not load with it; nothing was written.
        """
        from botkit.core.config.edit import Editor

        editor = await asyncio.to_thread(Editor, self._i.environment.config)
        if editor.get(f"servers.{name}") is not None or name in self._i.configs.current.servers:
            raise Conflict(f"There is a server {name} already. Choose another name, or remove it first.")
        editor.set(f"servers.{name}", server)
        for workspace in workspaces:
            if editor.get(f"workspaces.{workspace}") is None:
                raise NotFound(f"There is no workspace {workspace} in bots.yaml.")
            if "*" not in (editor.get(f"workspaces.{workspace}.servers") or []):
                editor.append(f"workspaces.{workspace}.servers", name)
        change = await self._save(editor, name, by=by, via=via, action="mcp.add", workspaces=workspaces)
        wanted = {rule["secret"] for rule in server.get("inject", ())}
        missing = [one for one in sorted(wanted) if not await self._i.vault.has(one)]
        base = self._i.environment.public_url or self._i.url
        url = f"{base.rstrip('/')}/ws/{workspaces[0]}" if base and workspaces else ""
        return replace(change, missing_secrets=tuple(missing), url=url)

    async def remove(self, *, name: str, by: str, via: str = "cli") -> ServerChange:
        """Take a server out of bots.yaml and out of every workspace.

        Raises:
            NotFound: the file does not name it.
            ConfigError: something else in the file needs it; nothing was written.
        """
        from botkit.core.config.edit import Editor

        editor = await asyncio.to_thread(Editor, self._i.environment.config)
        if editor.get(f"servers.{name}") is None:
            self._known(name)
            raise NotFound(f"{name} is a file of the servers folder that bots.yaml does not name; delete the file.")
        editor.delete(f"servers.{name}")
        left: list[str] = []
        workspaces: dict[str, Any] = editor.get("workspaces") or {}
        for workspace in workspaces:
            servers: list[str] = editor.get(f"workspaces.{workspace}.servers") or []
            if name in servers:
                left.append(workspace)
                editor.set(f"workspaces.{workspace}.servers", [one for one in servers if one != name])
        return await self._save(editor, name, by=by, via=via, action="mcp.remove", workspaces=tuple(left))

    async def login(self, *, server: str, owner: str, by: str, via: str = "cli") -> str:
        """The address at which a person logs in. Raises as `OAuth.begin`, and `NotFound`."""
        url = await self._i.connections.oauth.begin(self._remote(server), owner)
        await self._i.audit(by=by, via=via, action="mcp.login", target=server, owner=owner)
        return url

    async def logout(self, *, server: str, owner: str, by: str, via: str = "cli") -> None:
        """Forget a login. Raises `NotFound` when there is none."""
        if not await self._i.connections.oauth.forget(self._remote(server), owner):
            raise NotFound(f"Nobody is logged in to {server} for {owner}.")
        await self._i.audit(by=by, via=via, action="mcp.logout", target=server, owner=owner)

    def _remote(self, name: str) -> RemoteSettings:
        from botkit.app.gateway_settings import gateway_settings

        self._known(name)
        servers = gateway_settings(self._i.configs.current).servers
        found = next((one for one in servers if one.name == name), None)
        if not isinstance(found, RemoteSettings):
            raise NotFound(f"{name} is no server reached over HTTP, so there is no login.")
        return found

    async def _save(
        self, editor: Editor, name: str, *, by: str, via: str, action: str, workspaces: tuple[str, ...]
    ) -> ServerChange:
        """Write, note who did it, and let it run at once unless other edits wait to be applied."""
        waiting = (await self._i.configs.state()).pending
        files = tuple(editor.changed)
        await asyncio.to_thread(editor.save)
        await self._i.audit(by=by, via=via, action=action, target=name, files=list(files), workspaces=list(workspaces))
        applied = self._i.mode != "command" and not waiting
        if applied:
            await self._i.configs.apply(actor=by, via=via)
        return ServerChange(name=name, files=files, workspaces=workspaces, applied=applied)

    async def _try(self, trial: ToolTrial, tool: str, arguments: dict[str, Any], workspace: str, by: str) -> ToolTrial:
        gateway = self._i.gateway
        offering = [name for name, one in gateway.fleet.settings.workspaces.items() if one.offers(trial.server)]
        if workspace and workspace not in offering:
            raise NotFound(f"The workspace {workspace} does not offer {trial.server}.")
        if not offering:
            raise NotFound(f"No workspace offers {trial.server}; add it to one, then its tools can be called.")
        call = ToolCall(
            id=new_id("call"),
            workspace=workspace or offering[0],
            tool=tool if tool.startswith(f"{trial.server}__") else f"{trial.server}__{tool}",
            arguments=arguments,
            principal=Principal(kind="service", id=f"cli:{by}", roles=("admin",)),
            trace_id=new_id("trace"),
        )
        progress: list[str] = []
        final: NeedsApproval | NeedsInput | Result | None = None
        async for event in gateway.call(call):
            if isinstance(event, Progress):
                progress.append(event.message or f"{event.progress:g} of {event.total:g}")
            else:
                final = event
        if final is None:
            raise BotkitError(f"{call.tool} ended without an answer.")
        await self._i.store.calls.append([final.record])
        record = final.record
        return replace(
            trial,
            tool=call.tool,
            workspace=call.workspace,
            progress=tuple(progress),
            status=record.status,
            message=_said(final),
            content=final.content if isinstance(final, Result) else {},
            duration_ms=record.duration_ms,
            result_bytes=record.result_bytes,
            trace_id=record.trace_id,
            call_id=record.id,
        )

    def _gateway(self, *, only: str = "", start: bool = True) -> AbstractAsyncContextManager[Gateway]:
        return gateway_of(self._i, only=only, start=start)

    def _tools(self, server: str) -> tuple[str, ...]:
        fleet = self._i.gateway.fleet
        offering = [name for name, one in fleet.settings.workspaces.items() if one.offers(server)]
        found = {
            listed.tool.name: None
            for workspace in offering
            for listed in fleet.catalogue.view(workspace).values()
            if listed.server.name == server
        }
        return tuple(found)

    def _info(self, status: ServerStatus) -> ServerInfo:
        config = self._i.configs.current
        server = config.servers.get(status.name)
        written: Mapping[str, Any] = server.model_dump(mode="json") if server is not None else {}
        kind = next((one for one in ("run", "command", "url") if written.get(one)), "run")
        target = str(written.get(kind) or "")
        if kind == "command":
            target = " ".join([target, *written.get("args", ())])
        return ServerInfo(
            name=status.name,
            kind=kind,
            target=self._i.redactor.text(target.partition("?")[0] if kind == "url" else target),
            state=status.state,
            error=status.error,
            tools=status.tools,
            left_out=status.left_out,
            needs_review=status.needs_review,
            suspicious=status.suspicious,
            workspaces=tuple(
                name for name, one in config.workspaces.items() if status.name in one.servers or "*" in one.servers
            ),
            refreshed_at=status.refreshed_at,
        )

    def _known(self, server: str) -> None:
        if server not in self._i.configs.current.servers:
            known = ", ".join(self._i.configs.current.servers) or "none"
            raise NotFound(f"There is no server {server}; bots.yaml and the servers folder have: {known}.")


def _said(final: NeedsApproval | NeedsInput | Result) -> str:
    if isinstance(final, Result):
        return result_text(final.content)
    return final.reason if isinstance(final, NeedsApproval) else f"It asks: {final.message}"
