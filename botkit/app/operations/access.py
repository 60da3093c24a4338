"""Tokens and members of workspaces."""

from __future__ import annotations

__all__ = ["InvitationInfo", "MemberInfo", "MemberOperations", "TokenInfo", "TokenOperations", "token_info"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from botkit.app.clients import ClientBlock, client_blocks
from botkit.app.operations.data import DataOperations
from botkit.app.operations.workspaces import WorkspaceOperations
from botkit.core.data import Data
from botkit.core.members import Member, MemberRole, MemberToken
from botkit.gateway.access.desk import INVITATION_S, AccessDesk, Actor, Issued

if TYPE_CHECKING:
    from botkit.app.instance import Instance

TokenState = Literal["good", "expired", "revoked"]


class TokenInfo(Data, omit_defaults=False):
    """A token without the token; with it only in the answer that made it."""

    id: str
    workspace: str
    member: str
    role: str
    name: str
    state: TokenState
    hint: str = ""
    """Its last four characters."""
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    per_minute: int = 0
    per_month: int = 0
    client: str = ""
    created_at: int = 0
    expires_at: int = 0
    last_used_at: int = 0
    token: str = ""
    """Shown once."""
    url: str = ""
    mcp_json: str = ""
    """The block for clients without one of their own."""
    clients: tuple[ClientBlock, ...] = ()


class MemberInfo(Data, omit_defaults=False):
    id: str
    workspace: str
    name: str
    email: str
    role: str
    state: str
    joined_at: int
    last_active_at: int
    calls: int
    tokens: int
    """That are good now."""


class InvitationInfo(Data, omit_defaults=False):
    """An invitation, this one time."""

    member: str
    workspace: str
    role: str
    code: str
    link: str
    """Empty while no public URL is known."""
    expires_at: int


class _Access:
    def __init__(self, instance: Instance):
        self._i = instance
        self._workspaces = WorkspaceOperations(instance)

    async def _desk(self) -> AccessDesk:
        """The desk of the running instance. In a process that runs nothing, one that knows the workspaces that are
        written and not applied yet: nobody has to be told of anything there."""
        if self._i.mode != "command":
            return self._i.access
        slugs = {info.slug for info in await self._workspaces.list()}
        return AccessDesk(self._i.store.members, self._i.clock, workspaces=lambda: slugs)

    async def _person(self, person: str) -> str:
        """The id of somebody in bots.yaml, or by id, name or `channel:user` of whoever wrote to a bot. `NotFound`."""
        if not person or person in self._i.configs.current.people:
            return person
        return (await DataOperations(self._i).person(person=person)).id

    def _issued(self, issued: Issued) -> TokenInfo:
        slug = issued.row.workspace
        url = self._workspaces.url_of(slug)
        blocks = client_blocks(slug, url, issued.token)
        info = self._info(issued.row, issued.member)
        return replace(info, token=issued.token, url=url, mcp_json=blocks[-1].text, clients=blocks)

    def _info(self, row: MemberToken, member: Member) -> TokenInfo:
        return token_info(row, member, self._i.clock.micros())


def token_info(row: MemberToken, member: Member, now: int) -> TokenInfo:
    """A token as people are shown it, at `now` in microseconds. Pure."""
    ended: TokenState = "revoked" if row.revoked_at or member.state == "removed" else "expired"
    good = ended == "expired" and (not row.expires_at or row.expires_at > now)
    return TokenInfo(
        id=row.id,
        workspace=row.workspace,
        member=member.name,
        role=member.role,
        name=row.name,
        state="good" if good else ended,
        hint=row.hint,
        allow=row.allow,
        deny=row.deny,
        per_minute=row.per_minute,
        per_month=row.per_month,
        client=row.client,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


class TokenOperations(_Access):
    async def create(
        self,
        *,
        by: str,
        workspace: str = "",
        name: str = "",
        member: str = "",
        role: MemberRole | None = None,
        person: str = "",
        allow: tuple[str, ...] | None = None,
        deny: tuple[str, ...] = (),
        per_minute: int = 0,
        per_month: int = 0,
        expires_in_s: float = 0.0,
        via: str = "cli",
    ) -> TokenInfo:
        """A token, shown this once, with the blocks for clients. As `AccessDesk.create_token`."""
        desk = await self._desk()
        issued = await desk.create_token(
            await self._workspaces.resolve(workspace=workspace),
            by=Actor(name=by, via=via),
            name=name,
            member=member,
            role=role,
            person=await self._person(person),
            allow=allow,
            deny=deny,
            per_minute=per_minute,
            per_month=per_month,
            expires_in_s=expires_in_s,
        )
        return self._issued(issued)

    async def list(self, *, workspace: str = "", member: str = "", ended: bool = False) -> Sequence[TokenInfo]:
        """Newest first; of every workspace when none is named.

        Args:
            ended: expired and revoked ones too.
        """
        actor = Actor(name="operator", via="cli")
        found = await self._i.access.tokens(workspace, by=actor, member=member)
        infos = [self._info(row, owner) for row, owner in found]
        return [info for info in infos if ended or info.state == "good"]

    async def revoke(self, *, token: str, by: str, workspace: str = "", via: str = "cli") -> TokenInfo:
        """End a token at once. Raises `NotFound`, `Conflict`."""
        row = await self._i.access.revoke_token(workspace, token, by=Actor(name=by, via=via))
        member = await self._i.store.members.get(row.member_id)
        return self._info(row, member or Member(id=row.member_id, workspace=row.workspace, name=row.member_id))


class MemberOperations(_Access):
    async def list(self, *, workspace: str = "") -> Sequence[MemberInfo]:
        """By workspace and name."""
        now = self._i.clock.micros()
        rows = await self._i.store.members.tokens(workspace=workspace)
        good = [row.member_id for row in rows if not row.revoked_at and not 0 < row.expires_at <= now]
        return [
            MemberInfo(
                id=member.id,
                workspace=member.workspace,
                name=member.name,
                email=member.email,
                role=member.role,
                state=member.state,
                joined_at=member.joined_at,
                last_active_at=member.last_active_at,
                calls=member.calls,
                tokens=good.count(member.id),
            )
            for member in await self._i.access.members(workspace, by=Actor(name="operator", via="cli"))
        ]

    async def invite(
        self,
        *,
        name: str,
        by: str,
        workspace: str = "",
        email: str = "",
        role: MemberRole = "developer",
        person: str = "",
        expires_in_s: float = INVITATION_S,
        via: str = "cli",
    ) -> InvitationInfo:
        """As `AccessDesk.invite`."""
        desk = await self._desk()
        slug = await self._workspaces.resolve(workspace=workspace)
        invited = await desk.invite(
            slug,
            by=Actor(name=by, via=via),
            name=name,
            email=email,
            role=role,
            person=await self._person(person),
            expires_in_s=expires_in_s,
        )
        base = self._i.base_url()
        return InvitationInfo(
            member=invited.member.name,
            workspace=slug,
            role=role,
            code=invited.code,
            link=f"{base.rstrip('/')}/join/{invited.code}" if base else "",
            expires_at=invited.expires_at,
        )

    async def accept(self, *, code: str, token_name: str = "", via: str = "cli") -> TokenInfo:
        """As `AccessDesk.accept`."""
        return self._issued(await self._i.access.accept(code, via=via, token_name=token_name))

    async def role(self, *, member: str, role: MemberRole, by: str, workspace: str = "", via: str = "cli") -> Member:
        """Takes effect with the next request. Raises `NotFound`."""
        slug = await self._workspaces.resolve(workspace=workspace)
        return await self._i.access.set_role(slug, member, role, by=Actor(name=by, via=via))

    async def remove(self, *, member: str, by: str, workspace: str = "", via: str = "cli") -> Member:
        """End a membership and its tokens at once. Raises `NotFound`."""
        slug = await self._workspaces.resolve(workspace=workspace)
        return await self._i.access.remove(slug, member, by=Actor(name=by, via=via))
