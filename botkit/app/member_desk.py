"""What members do in their workspace without the command line: as the permission table says, and with an audit row.

Everything goes through the desks and operations that commands use. A member sees and changes their own workspace only,
and nothing that other workspaces share with it: not where servers run, not the people of chat platforms, not values of
secrets. A token that was narrowed, or that a login gave to a program, only looks.
"""

from __future__ import annotations

__all__ = ["MemberDesk", "SecretName", "ServerHealth", "Visitor", "Whoami"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botkit.app.operations import Operations
from botkit.app.operations.access import MemberInfo, TokenInfo, token_info
from botkit.app.operations.calls import CallReport
from botkit.core.analytics import CallFilter
from botkit.core.call_approvals import CallApproval
from botkit.core.console import WaitView
from botkit.core.data import Data
from botkit.core.errors import Denied, InvalidArguments, NotFound
from botkit.core.journal import Audit
from botkit.core.members import Member, MemberRole, MemberToken
from botkit.core.tools import CallRecord
from botkit.gateway.access.desk import Actor, Invited, Issued
from botkit.gateway.access.permissions import ACTIONS, Action, may

if TYPE_CHECKING:
    from botkit.app.instance import Instance

_AUDITS_LOOKED_THROUGH = 5000
_VALUE_CHARACTERS = 65_536


class Visitor(Data):
    """A member, and the token they came with."""

    member: Member
    token: MemberToken

    @property
    def actor(self) -> Actor:
        return Actor(name=self.member.name, via="api", member=self.member)

    @property
    def workspace(self) -> str:
        return self.member.workspace

    @property
    def only_looks(self) -> bool:
        """The token gives less than the role: what it did not carry must not be had by making something with it."""
        token = self.token
        narrowed = token.allow is not None or bool(token.deny or token.per_minute or token.per_month)
        return narrowed or token.origin == "oauth"


class Whoami(Data, omit_defaults=False):
    """Who somebody is to a workspace."""

    workspace: str
    member: str
    role: MemberRole
    token: TokenInfo
    may: tuple[Action, ...]
    only_looks: bool


class ServerHealth(Data, omit_defaults=False):
    """How a server of the workspace is."""

    name: str
    state: str
    error: str
    tools: int
    needs_review: tuple[str, ...]
    """Tools that came or changed, hidden until the operator accepts them."""
    suspicious: tuple[str, ...]
    refreshed_at: int
    """Microseconds, UTC; 0: never."""


class SecretName(Data, omit_defaults=False):
    """That a secret of the workspace is there; never its value."""

    name: str
    version: int
    updated_at: int


class MemberDesk:
    """Acts of members. Each raises `Denied` where the role does not include it."""

    def __init__(self, instance: Instance, operations: Operations):
        self._i = instance
        self._o = operations
        self._desk = instance.access

    async def visitor(self, member_id: str, token_id: str) -> Visitor:
        """Whoever was let in by this token, as they are now. Raises `NotFound` for somebody who is gone."""
        holder = (await self._i.store.members.holders([token_id])).get(token_id)
        if holder is None or holder.member.id != member_id or holder.good_until(self._i.clock.micros()) < 0:
            raise NotFound("this token is no good any more")
        return Visitor(member=holder.member, token=holder.token)

    def whoami(self, visitor: Visitor) -> Whoami:
        member = visitor.member
        return Whoami(
            workspace=member.workspace,
            member=member.name,
            role=member.role,
            token=token_info(visitor.token, member, self._i.clock.micros()),
            may=tuple(action for action in ACTIONS if may(member.role, action)),
            only_looks=visitor.only_looks,
        )

    # ── tokens and members ───────────────────────────────────────────────────────────────────────────────

    async def tokens(self, visitor: Visitor, *, member: str = "", ended: bool = False) -> Sequence[TokenInfo]:
        """Newest first: one's own; an admin those of all, or of one member."""
        found = await self._desk.tokens(visitor.workspace, by=visitor.actor, member=member)
        now = self._i.clock.micros()
        infos = [token_info(row, owner, now) for row, owner in found]
        return [info for info in infos if ended or info.state == "good"]

    async def create_token(
        self,
        visitor: Visitor,
        *,
        name: str,
        member: str = "",
        role: MemberRole | None = None,
        allow: Sequence[str] | None = None,
        deny: Sequence[str] = (),
        per_minute: int = 0,
        per_month: int = 0,
        expires_in_s: float = 0.0,
    ) -> tuple[Issued, TokenInfo]:
        """A token, shown this once; one's own where no member is named. It ends no later than the token it is made
        with. As `AccessDesk.create_token`."""
        self._act(
            visitor, "tokens.manage" if member not in ("", visitor.member.id, visitor.member.name) else "tokens.own"
        )
        issued = await self._desk.create_token(
            visitor.workspace,
            by=visitor.actor,
            name=name,
            member=member or visitor.member.id,
            role=role,
            allow=allow,
            deny=deny,
            per_minute=per_minute,
            per_month=per_month,
            expires_in_s=expires_in_s,
            within=visitor.token,
        )
        return issued, token_info(issued.row, issued.member, self._i.clock.micros())

    async def revoke_token(self, visitor: Visitor, token: str) -> None:
        """End a token at once. Raises `NotFound`, `Conflict`."""
        self._act(visitor, "tokens.own")
        await self._desk.revoke_token(visitor.workspace, token, by=visitor.actor)

    async def members(self, visitor: Visitor) -> Sequence[MemberInfo]:
        """By name."""
        self._look(visitor, "members.list")
        return await self._o.members.list(workspace=visitor.workspace)

    async def invite(
        self, visitor: Visitor, *, name: str, email: str, role: MemberRole, expires_in_s: float
    ) -> Invited:
        """As `AccessDesk.invite`."""
        self._act(visitor, "members.manage")
        return await self._desk.invite(
            visitor.workspace, by=visitor.actor, name=name, email=email, role=role, expires_in_s=expires_in_s
        )

    async def set_role(self, visitor: Visitor, member: str, role: MemberRole) -> Member:
        """Raises `NotFound`, `Conflict`."""
        self._act(visitor, "members.manage")
        return await self._desk.set_role(visitor.workspace, member, role, by=visitor.actor)

    async def remove(self, visitor: Visitor, member: str) -> Member:
        """Raises `NotFound`, `Conflict`."""
        self._act(visitor, "members.manage")
        return await self._desk.remove(visitor.workspace, member, by=visitor.actor)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────

    async def analytics(self, visitor: Visitor, *, period_s: float, member: str = "", server: str = "") -> CallReport:
        """Who used what, what was slow, what failed."""
        self._look(visitor, "analytics.view")
        return await self._o.calls.report(wanted=self._calls(visitor, period_s, server), member=member)

    async def logs(
        self, visitor: Visitor, *, period_s: float, limit: int, member: str = "", server: str = ""
    ) -> Sequence[CallRecord]:
        """Calls, newest first."""
        self._look(visitor, "logs.view")
        return await self._o.calls.list(wanted=self._calls(visitor, period_s, server), member=member, limit=limit)

    async def audits(self, visitor: Visitor, *, limit: int) -> Sequence[Audit]:
        """What was done about this workspace and its members, newest first."""
        self._look(visitor, "audit.view")
        rows = await self._o.reports.audits(limit=_AUDITS_LOOKED_THROUGH)
        return [row for row in rows if _concerns(row, visitor.workspace)][:limit]

    async def servers(self, visitor: Visitor) -> Sequence[ServerHealth]:
        """How each server of the workspace is."""
        self._look(visitor, "servers.manage")
        return [
            ServerHealth(
                name=info.name,
                state=info.state,
                error=info.error,
                tools=info.tools,
                needs_review=info.needs_review,
                suspicious=info.suspicious,
                refreshed_at=info.refreshed_at,
            )
            for info in await self._o.mcp.list()
            if visitor.workspace in info.workspaces
        ]

    async def refresh(self, visitor: Visitor, server: str) -> ServerHealth:
        """Ask a server for its tools now. Raises `NotFound`."""
        self._act(visitor, "servers.manage")
        known = {one.name for one in await self.servers(visitor)}
        if server not in known:
            raise NotFound(f"there is no server {server[:100]} in this workspace")
        await self._o.mcp.refresh(server=server)
        await self._audit(visitor, "mcp.refresh", f"{visitor.workspace}/{server}")
        return next(one for one in await self.servers(visitor) if one.name == server)

    # ── secrets ──────────────────────────────────────────────────────────────────────────────────────────

    async def secrets(self, visitor: Visitor) -> Sequence[SecretName]:
        """Names of the secrets that are the workspace's own."""
        self._look(visitor, "secrets.set")
        found = await self._o.secrets.list(scope=_scope(visitor))
        return [SecretName(name=one.name, version=one.version, updated_at=one.updated_at) for one in found]

    async def set_secret(self, visitor: Visitor, name: str, value: str) -> SecretName:
        """Store a value for the calls of this workspace, or replace it. Raises `SecretError`, `InvalidArguments`."""
        self._act(visitor, "secrets.set")
        if not value or len(value) > _VALUE_CHARACTERS:
            raise InvalidArguments(f"a secret has 1 to {_VALUE_CHARACTERS} characters")
        by, scope = visitor.member.name, _scope(visitor)
        stored = await self._o.secrets.set(name=name, value=value, by=by, scope=scope, via="api")
        return SecretName(name=stored.name, version=stored.version, updated_at=stored.updated_at)

    async def delete_secret(self, visitor: Visitor, name: str) -> None:
        """Raises `NotFound`."""
        self._act(visitor, "secrets.manage")
        await self._o.secrets.delete(name=name, by=visitor.member.name, scope=_scope(visitor), via="api")

    # ── approvals ────────────────────────────────────────────────────────────────────────────────────────

    async def approvals(self, visitor: Visitor) -> Sequence[WaitView]:
        """Calls of members of this workspace that wait for somebody."""
        self._look(visitor, "approvals.decide")
        waiting = {one.id for one in await self._i.call_desk.list(limit=1000) if one.workspace == visitor.workspace}
        return [view for view in await self._o.approvals.list(kind="approval", limit=1000) if view.id in waiting]

    async def decide(self, visitor: Visitor, approval: str, *, approved: bool, comment: str) -> WaitView:
        """Approve or reject a call of another member, once.

        Raises:
            NotFound, Conflict: no such open approval, or somebody decided first.
            Denied: it is one's own call, or others must approve this tool.
        """
        self._act(visitor, "approvals.decide")
        found = await self._i.call_desk.find(approval) if approval.startswith("apr_") else None
        if found is None or found.workspace != visitor.workspace:
            raise NotFound(f"there is no approval {approval[:100]} in this workspace")
        self._may_approve(visitor, found)
        by = visitor.member.name
        return await self._o.approvals.decide(wait=found.id, approved=approved, by=by, comment=comment, via="api")

    def _may_approve(self, visitor: Visitor, call: CallApproval) -> None:
        member = visitor.member
        if call.principal == member.id:
            raise Denied("somebody else has to decide about your own calls")
        approvers = call.approvers or tuple(self._i.configs.current.settings.approvals.approvers)
        if member.role not in approvers and (not member.person_id or member.person_id not in approvers):
            raise Denied(f"only {', '.join(approvers)} may decide this")

    # ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self, visitor: Visitor, action: Action) -> None:
        self._desk.allow(visitor.actor, visitor.workspace, action)

    def _act(self, visitor: Visitor, action: Action) -> None:
        self._look(visitor, action)
        if visitor.only_looks:
            raise Denied(
                "this token is narrower than its member's role, so it changes nothing; use one without scopes and "
                "limits that was not issued by a login",
                action=action,
            )

    def _calls(self, visitor: Visitor, period_s: float, server: str) -> CallFilter:
        since = self._i.clock.micros() - int(period_s * 1_000_000)
        return CallFilter(workspace=visitor.workspace, server=server, since=since)

    async def _audit(self, visitor: Visitor, action: str, target: str) -> None:
        await self._i.audit(by=visitor.member.name, via="api", action=action, target=target)


def _scope(visitor: Visitor) -> str:
    return f"workspace:{visitor.workspace}"


def _concerns(row: Audit, workspace: str) -> bool:
    """Whether an act was about this workspace. Acts about the whole instance are not its members' business."""
    match row.action.partition(".")[0]:
        case "token" | "member" | "mcp":
            return row.target.startswith(f"{workspace}/")
        case "secrets":
            return row.target.startswith(f"workspace:{workspace}/")
        case "workspace":
            return row.target == workspace
        case _:
            return row.detail.get("workspace") == workspace
