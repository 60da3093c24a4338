"""Workspaces: written in bots.yaml, listed with who uses them."""

from __future__ import annotations

__all__ = ["WorkspaceChange", "WorkspaceInfo", "WorkspaceOperations"]

import asyncio
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botkit.app.clients import ClientBlock, client_blocks
from botkit.core.data import Data
from botkit.core.errors import ConfigError, Conflict, InvalidArguments, NotFound
from botkit.gateway.access.desk import Actor

if TYPE_CHECKING:
    from botkit.app.instance import Instance
    from botkit.core.config import Config, Workspace
    from botkit.core.config.edit import Editor

_PLACEHOLDER = "<a token of `botkit token create`>"
_SLUG_CHARACTERS = 32


class WorkspaceInfo(Data, omit_defaults=False):
    slug: str
    name: str
    description: str = ""
    url: str = ""
    servers: tuple[str, ...] = ()
    """As written; `*` is every server."""
    bots: tuple[str, ...] = ()
    members: int = 0
    tokens: int = 0
    """That are good now."""
    active: bool = False
    """What commands mean that name no workspace."""
    applied: bool = True
    """False: it is in the file and waits for `botkit apply`."""
    limits: dict[str, int] = {}
    """Calls `per_minute`, `per_token_per_minute`, `per_month`, `per_token_per_month`; 0: no limit."""
    record_payloads: bool = False
    """Arguments and results of its calls are kept for auditors."""


class WorkspaceChange(Data, omit_defaults=False):
    """An edit of bots.yaml."""

    slug: str
    files: tuple[str, ...] = ()
    applied: bool = False
    """False: it waits for `botkit apply`, or for the next start."""
    url: str = ""
    members_ended: int = 0


class WorkspaceOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self) -> Sequence[WorkspaceInfo]:
        """In the order of the file, also those that wait to be applied."""
        written = await self._written()
        members = await self._i.store.members.list()
        now = self._i.clock.micros()
        tokens = [row for row in await self._i.store.members.tokens() if not row.revoked_at]
        good = [row.workspace for row in tokens if not row.expires_at or row.expires_at > now]
        here = [member.workspace for member in members if member.state == "active"]
        active = self._active()
        return [
            self._info(written, slug, here.count(slug), good.count(slug), active=slug == active)
            for slug in written.workspaces
        ]

    async def show(self, *, workspace: str = "") -> WorkspaceInfo:
        """Raises `NotFound`."""
        slug = await self.resolve(workspace=workspace)
        return next(info for info in await self.list() if info.slug == slug)

    async def clients(self, *, workspace: str = "") -> Sequence[ClientBlock]:
        """How MCP clients are told of it, with a placeholder for the token. Raises `NotFound`."""
        slug = await self.resolve(workspace=workspace)
        return client_blocks(slug, self.url_of(slug), _PLACEHOLDER)

    async def resolve(self, *, workspace: str = "") -> str:
        """The slug that is meant: as given, else the active one, else the only one.

        Raises:
            NotFound: there is none, or several and none is active.
        """
        written = await self._written()
        slug = workspace or self._active()
        if slug in written.workspaces:
            return slug
        known = ", ".join(written.workspaces) or "none; make one with `botkit workspace create`"
        if slug:
            raise NotFound(f"There is no workspace {slug}. There are: {known}.")
        if len(written.workspaces) == 1:
            return next(iter(written.workspaces))
        raise NotFound(f"Name a workspace, or choose one by `botkit workspace use`. There are: {known}.")

    async def use(self, *, workspace: str) -> str:
        """Make it the one commands mean that name none. Raises `NotFound`."""
        slug = await self.resolve(workspace=workspace)
        home = self._i.home
        await asyncio.to_thread(home.write_private, home.active_workspace_file, slug + "\n")
        return slug

    async def create(
        self, *, name: str, by: str, servers: tuple[str, ...] = (), description: str = "", via: str = "cli"
    ) -> WorkspaceChange:
        """Write a workspace into bots.yaml. Its slug is made from the name and stays; a taken one gets a number.

        Raises:
            InvalidArguments: the name is too short, or no slug can be made of it.
            ConfigError: the file does not load with it, such as for an unknown server; nothing was written.
        """
        name = " ".join(name.split())
        if len(name) < 2:
            raise InvalidArguments("a workspace needs a name of at least two characters")
        editor = await self._editor()
        slug = _free(_slug(name), set(editor.get("workspaces") or {}))
        fields: dict[str, Any] = {
            **({"name": name} if name != slug else {}),
            **({"description": description} if description else {}),
            "servers": list(servers),
        }
        editor.set(("workspaces", slug), fields)
        return await self._save(editor, slug, by=by, via=via, action="workspace.create")

    async def rename(self, *, workspace: str, name: str, by: str, via: str = "cli") -> WorkspaceChange:
        """Call it something else; the slug, and with it every URL, stays. Raises `NotFound`, `ConfigError`."""
        editor = await self._known(workspace)
        editor.set(("workspaces", workspace, "name"), " ".join(name.split()))
        return await self._save(editor, workspace, by=by, via=via, action="workspace.rename", name=name)

    async def remove(self, *, workspace: str, by: str, via: str = "cli") -> WorkspaceChange:
        """Take it out of bots.yaml and end all its memberships and tokens.

        Raises:
            NotFound: there is none.
            ConfigError: something in the file still needs it, such as a bot; nothing changed.
        """
        editor = await self._known(workspace)
        editor.delete(("workspaces", workspace))
        change = await self._save(editor, workspace, by=by, via=via, action="workspace.remove")
        ended = await self._i.access.close(workspace, by=Actor(name=by, via=via))
        if self._active() == workspace:
            self._i.home.active_workspace_file.unlink(missing_ok=True)
        return WorkspaceChange(slug=workspace, files=change.files, applied=change.applied, members_ended=ended)

    async def add_server(self, *, workspace: str, server: str, by: str, via: str = "cli") -> WorkspaceChange:
        """Offer a server there. Raises `NotFound`, `Conflict`, `ConfigError`."""
        editor = await self._known(workspace)
        servers = _listed(editor, workspace)
        if server in servers or "*" in servers:
            raise Conflict(f"{workspace} offers {server} already.")
        editor.append(("workspaces", workspace, "servers"), server)
        return await self._save(editor, workspace, by=by, via=via, action="workspace.add_server", server=server)

    async def remove_server(self, *, workspace: str, server: str, by: str, via: str = "cli") -> WorkspaceChange:
        """Stop offering a server there; its tools vanish for all. Raises `NotFound`, `ConfigError`."""
        editor = await self._known(workspace)
        servers = _listed(editor, workspace)
        if server not in servers:
            every = " It offers every server (`*`); name those it shall have instead." if "*" in servers else ""
            raise NotFound(f"{workspace} does not name {server}.{every}")
        editor.set(("workspaces", workspace, "servers"), [one for one in servers if one != server])
        return await self._save(editor, workspace, by=by, via=via, action="workspace.remove_server", server=server)

    def url_of(self, slug: str) -> str:
        """Where MCP clients reach it."""
        environment = self._i.environment
        base = self._i.base_url() or f"http://{environment.host}:{environment.port}"
        return f"{base.rstrip('/')}/ws/{slug}"

    # ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _info(self, written: Config, slug: str, members: int, tokens: int, *, active: bool) -> WorkspaceInfo:
        workspace: Workspace = written.workspaces[slug]
        limits = workspace.rate_limits
        return WorkspaceInfo(
            slug=slug,
            name=workspace.name or slug,
            description=workspace.description,
            url=self.url_of(slug),
            servers=tuple(workspace.servers),
            bots=tuple(name for name, bot in written.bots.items() if bot.workspace == slug),
            members=members,
            tokens=tokens,
            active=active,
            applied=self._i.mode == "command" or slug in self._i.configs.current.workspaces,
            limits={
                "per_minute": limits.calls_per_minute,
                "per_token_per_minute": limits.per_token_per_minute or 0,
                "per_month": limits.per_month or 0,
                "per_token_per_month": limits.per_token_per_month or 0,
            },
            record_payloads=workspace.record_payloads,
        )

    async def _written(self) -> Config:
        """The file; where it does not load, what runs."""
        try:
            return await self._i.configs.on_disk()
        except ConfigError:
            return self._i.configs.current

    def _active(self) -> str:
        try:
            return self._i.home.active_workspace_file.read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    async def _editor(self) -> Editor:
        from botkit.core.config.edit import Editor

        return await asyncio.to_thread(Editor, self._i.environment.config)

    async def _known(self, workspace: str) -> Editor:
        editor = await self._editor()
        written: Mapping[str, Any] = editor.get("workspaces") or {}
        if workspace not in written:
            raise NotFound(f"There is no workspace {workspace} in bots.yaml; see `botkit workspace list`.")
        return editor

    async def _save(
        self, editor: Editor, slug: str, *, by: str, via: str, action: str, **detail: str
    ) -> WorkspaceChange:
        """Write, note who did it, and let it run at once unless other edits wait to be applied."""
        waiting = (await self._i.configs.state()).pending
        files = tuple(editor.changed)
        await asyncio.to_thread(editor.save)
        await self._i.audit(by=by, via=via, action=action, target=slug, **detail)
        applied = self._i.mode != "command" and not waiting
        if applied:
            await self._i.configs.apply(actor=by, via=via)
        return WorkspaceChange(slug=slug, files=files, applied=applied, url=self.url_of(slug))


def _listed(editor: Editor, workspace: str) -> list[str]:
    servers: list[str] | str = editor.get(("workspaces", workspace, "servers")) or []
    return [servers] if isinstance(servers, str) else servers


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_CHARACTERS].strip("-")
    if not slug:
        raise InvalidArguments(f"no slug can be made of {name!r}; use a letter from a to z, or a digit")
    return slug if slug[0].isalpha() else f"w-{slug}"[:_SLUG_CHARACTERS].strip("-")


def _free(slug: str, taken: set[str]) -> str:
    """The slug itself, or the first `slug-2`, `slug-3` … that is free."""
    number, found = 1, slug
    while found in taken:
        number += 1
        found = f"{slug[: _SLUG_CHARACTERS - len(str(number)) - 1].rstrip('-')}-{number}"
    return found
