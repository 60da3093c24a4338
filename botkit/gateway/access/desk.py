"""Where members, tokens and invitations are given and taken, with an audit row for each act.

Whoever acts is an `Actor`: the operator of the instance, who may do everything, or a member, who may do in their own
workspace what the permission table says.
"""

from __future__ import annotations

__all__ = ["OPERATOR", "AccessDesk", "Actor", "Invited", "Issued"]

import re
from collections.abc import Callable, Container, Sequence

from msgspec.structs import replace

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import Conflict, Denied, InvalidArguments, NotFound
from botkit.core.ids import new_id
from botkit.core.journal import Audit
from botkit.core.members import Invitation, Member, MemberRole, Members, MemberToken
from botkit.gateway.access.gate import TokenGate
from botkit.gateway.access.permissions import Action, may
from botkit.gateway.access.tokens import make_code, make_token, slug_of_code, token_digest

_MICROS = 1_000_000
INVITATION_S = 7 * 86_400.0
_NAME_CHARACTERS = 100
_PATTERN = re.compile(r"[A-Za-z0-9_.*?\-]{1,128}")


class Actor(Data):
    """Who does something, and by which way."""

    name: str
    via: str
    """`cli`, `page`, `api` …"""
    member: Member | None = None
    """None: the operator."""


OPERATOR = Actor(name="operator", via="cli")


class Issued(Data, omit_defaults=False):
    """A token, this one time."""

    token: str
    row: MemberToken
    member: Member


class Invited(Data, omit_defaults=False):
    """An invitation, this one time."""

    code: str
    member: Member
    expires_at: int


class AccessDesk:
    """Everything administrative about members and tokens.

    Args:
        workspaces: the slugs that exist now.
    """

    def __init__(self, members: Members, clock: Clock, *, workspaces: Callable[[], Container[str]]):
        self._members = members
        self._clock = clock
        self._workspaces = workspaces
        self.gate = TokenGate(members, clock, workspaces=workspaces)

    def allow(self, by: Actor, workspace: str, action: Action) -> None:
        """Return when the actor may do that there.

        Raises:
            NotFound: it is not the member's workspace.
            Denied: the role does not include it.
        """
        self._check(by, workspace, action)

    # ── tokens ───────────────────────────────────────────────────────────────────────────────────────────

    async def create_token(
        self,
        workspace: str,
        *,
        by: Actor,
        name: str = "",
        member: str = "",
        role: MemberRole | None = None,
        person: str = "",
        allow: Sequence[str] | None = None,
        deny: Sequence[str] = (),
        per_minute: int = 0,
        per_month: int = 0,
        expires_in_s: float = 0.0,
        within: MemberToken | None = None,
    ) -> Issued:
        """A token for a member, who is added when nobody of that name is there.

        Args:
            name: of the token, such as the machine it is for; the member's name when empty.
            member: id or name; `name` when empty.
            role: of a member who is added (`developer` when None).
            person: id of the person of the chat platforms whom a member who is added is.
            expires_in_s: 0: never.
            within: the token it is asked for with; the new one ends no later than that.

        Raises:
            NotFound: no such workspace.
            InvalidArguments: a name or pattern is none.
            Conflict: a role was given to a member who has another one, or who was invited and has not come yet.
            Denied: the actor may not.
        """
        self._check_workspace(workspace)
        who = _check_name(member or name, "member")
        patterns = [*(allow or ()), *deny]
        if wrong := next((pattern for pattern in patterns if not _PATTERN.fullmatch(pattern)), None):
            raise InvalidArguments(f"{wrong[:100]!r} is no tool and no pattern; write `orders__find` or `orders__*`")
        found = await self._members.find(workspace, who)
        own = by.member is not None and found is not None and found.id == by.member.id
        self._check(by, workspace, "tokens.own" if own else "tokens.manage")
        if found is None:
            found = await self._add(workspace, who, role or "developer", by, person=person)
        elif found.state == "pending":
            raise Conflict(f"{found.name} was invited and gets a token by accepting; or remove the invitation first")
        elif role is not None and role != found.role:
            change = f"botkit member role {workspace} {who} {role}"
            raise Conflict(f"{found.name} is {found.role}; change that by `{change}`")
        token = self._token(found, name or who, by, expires_in_s=expires_in_s)
        token = replace(
            token,
            expires_at=_earlier(token.expires_at, within.expires_at if within is not None else 0),
            allow=None if allow is None else tuple(allow),
            deny=tuple(deny),
            per_minute=per_minute,
            per_month=per_month,
        )
        text = make_token(found.name)
        token = replace(token, hint=text[-4:])
        audit = self._audit(by, "token.create", f"{workspace}/{found.name}", token=token.id, name=token.name)
        await self._members.add_token(token, token_digest(text), audit=audit)
        return Issued(token=text, row=token, member=found)

    async def tokens(self, workspace: str = "", *, by: Actor, member: str = "") -> Sequence[tuple[MemberToken, Member]]:
        """With whose they are, newest first; revoked and expired ones too."""
        if by.member is not None and not may(by.member.role, "tokens.manage"):
            self._check(by, by.member.workspace, "tokens.own")
            workspace, member = by.member.workspace, by.member.id
        elif by.member is not None:
            self._check(by, workspace, "tokens.manage")
        owners = {one.id: one for one in await self._members.list(workspace, removed=True)}
        only = {one.id for one in owners.values() if member in (one.id, one.name)} if member else set(owners)
        rows = await self._members.tokens(workspace=workspace)
        return [(row, owners[row.member_id]) for row in rows if row.member_id in only]

    async def revoke_token(self, workspace: str, token: str, *, by: Actor) -> MemberToken:
        """End a token at once, with its streams.

        Args:
            workspace: empty: whichever has it.
            token: its id, an unambiguous beginning of it, or its name.

        Raises:
            NotFound, Conflict: there is none, or more than one fits.
        """
        found = await self._members.find_token(workspace, token)
        if found is None:
            raise NotFound(f"there is no token {token[:100]}; see `botkit token list`")
        workspace = found.workspace
        own = by.member is not None and found.member_id == by.member.id
        self._check(by, workspace, "tokens.own" if own else "tokens.manage")
        now = self._clock.micros()
        audit = self._audit(by, "token.revoke", f"{workspace}/{found.id}", name=found.name)
        await self._members.revoke_token(found.id, by=by.name, at=now, audit=audit)
        self.gate.ended([found.id])
        return replace(found, revoked_at=now, revoked_by=by.name)

    # ── members ──────────────────────────────────────────────────────────────────────────────────────────

    async def members(self, workspace: str = "", *, by: Actor) -> Sequence[Member]:
        """By workspace and name, with their calls."""
        if by.member is not None:
            self._check(by, workspace, "members.list")
        return await self._members.list(workspace)

    async def invite(
        self,
        workspace: str,
        *,
        by: Actor,
        name: str,
        email: str = "",
        role: MemberRole = "developer",
        person: str = "",
        expires_in_s: float = INVITATION_S,
    ) -> Invited:
        """A code that lets somebody in, once. Inviting somebody again makes the earlier code useless.

        Raises:
            Conflict: the name is taken by somebody who is here already.
        """
        self._check_workspace(workspace)
        self._check(by, workspace, "members.manage")
        name = _check_name(name, "member")
        now = self._clock.micros()
        member = Member(
            id=new_id("mem"),
            workspace=workspace,
            name=name,
            email=email.strip(),
            role=role,
            state="pending",
            person_id=person,
            created_at=now,
        )
        code = make_code(name)
        invitation = Invitation(
            id=new_id("inv"),
            workspace=workspace,
            member_id=member.id,
            created_at=now,
            created_by=by.name,
            expires_at=now + int(expires_in_s * _MICROS),
        )
        audit = self._audit(by, "member.invite", f"{workspace}/{name}", role=role)
        await self._members.invite(member, invitation, token_digest(code), audit=audit)
        known = await self._members.find(workspace, name)
        return Invited(code=code, member=known or member, expires_at=invitation.expires_at)

    async def accept(self, code: str, *, via: str, token_name: str = "") -> Issued:
        """Come in by an invitation: the member is active and has a first token.

        Raises:
            NotFound: unknown, used, withdrawn or expired; it is not said which.
        """
        nobody = Member(id="", workspace="", name="")
        token = self._token(nobody, token_name or "invitation", Actor(name="", via=via))
        text = make_token(slug_of_code(code))
        digest = token_digest(code)
        holder = await self._members.accept(
            digest, replace(token, hint=text[-4:]), token_digest(text), at=self._clock.micros(), via=via
        )
        return Issued(token=text, row=holder.token, member=holder.member)

    async def set_role(self, workspace: str, member: str, role: MemberRole, *, by: Actor) -> Member:
        """Takes effect with the next request of each of their tokens. Raises `NotFound`, `Conflict`."""
        self._check(by, workspace, "members.manage")
        found = await self._find(workspace, member)
        await self._keep_an_admin(found, role, by)
        audit = self._audit(by, "member.role", f"{workspace}/{found.name}", role=role, was=found.role)
        await self._members.set_role(found.id, role, audit=audit)
        self.gate.changed([token.id for token in await self._members.tokens(member_id=found.id)])
        return replace(found, role=role)

    async def remove(self, workspace: str, member: str, *, by: Actor) -> Member:
        """End a membership with all its tokens and streams; nobody else notices. Raises `NotFound`, `Conflict`."""
        self._check(by, workspace, "members.manage")
        found = await self._find(workspace, member)
        await self._keep_an_admin(found, None, by)
        return await self._end(found, by)

    async def close(self, workspace: str, *, by: Actor) -> int:
        """Before a workspace is removed: end every membership of it, so that nobody is let in should another one
        get its name. How many those were."""
        self._check(by, workspace, "workspace.manage")
        everybody = await self._members.list(workspace)
        for member in everybody:
            await self._end(member, by)
        return len(everybody)

    # ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _add(self, workspace: str, name: str, role: MemberRole, by: Actor, *, person: str) -> Member:
        now = self._clock.micros()
        member = Member(
            id=new_id("mem"),
            workspace=workspace,
            name=name,
            role=role,
            person_id=person,
            created_at=now,
            joined_at=now,
        )
        await self._members.add(member, audit=self._audit(by, "member.add", f"{workspace}/{name}", role=role))
        return member

    async def _end(self, member: Member, by: Actor) -> Member:
        audit = self._audit(by, "member.remove", f"{member.workspace}/{member.name}")
        self.gate.ended(await self._members.remove(member.id, by=by.name, at=self._clock.micros(), audit=audit))
        return replace(member, state="removed")

    async def _find(self, workspace: str, member: str) -> Member:
        found = await self._members.find(workspace, member)
        if found is None:
            raise NotFound(f"there is no member {member} in {workspace}; see `botkit member list {workspace}`")
        return found

    async def _keep_an_admin(self, member: Member, role: MemberRole | None, by: Actor) -> None:
        """Members cannot leave their workspace without an admin; the operator can."""
        if by.member is None or member.role != "admin" or role == "admin":
            return
        admins = [one for one in await self._members.list(member.workspace) if one.role == "admin"]
        if not any(one.id != member.id and one.state == "active" for one in admins):
            raise Conflict(f"{member.name} is the last admin of {member.workspace}; make somebody else admin first")

    def _token(self, member: Member, name: str, by: Actor, *, expires_in_s: float = 0.0) -> MemberToken:
        now = self._clock.micros()
        return MemberToken(
            id=new_id("tok"),
            workspace=member.workspace,
            member_id=member.id,
            name=_check_name(name, "token"),
            created_at=now,
            created_by=by.name,
            expires_at=now + int(expires_in_s * _MICROS) if expires_in_s else 0,
        )

    def _check_workspace(self, workspace: str) -> None:
        if workspace not in self._workspaces():
            raise NotFound(f"there is no workspace {workspace}; see `botkit workspace list`")

    def _check(self, by: Actor, workspace: str, action: Action) -> None:
        if by.member is None:
            return
        if by.member.workspace != workspace or by.member.state != "active":
            raise NotFound(f"there is no workspace {workspace}")
        if not may(by.member.role, action):
            raise Denied(f"a {by.member.role} member may not do that; ask an admin of {workspace}", action=action)

    def _audit(self, by: Actor, action: str, target: str, **detail: str) -> Audit:
        given = {key: value for key, value in detail.items() if value}
        return Audit(
            at=self._clock.micros(), actor=by.name, via=by.via, action=action, target=target, detail=dict(given)
        )


def _earlier(one: int, other: int) -> int:
    """Of two ends, 0 being none."""
    return min(one or other, other or one)


def _check_name(name: str, what: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > _NAME_CHARACTERS or not name.isprintable():
        raise InvalidArguments(f"a {what} needs a name of 1 to {_NAME_CHARACTERS} printable characters")
    return name
