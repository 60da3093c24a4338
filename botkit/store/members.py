"""Members of workspaces, their tokens and their invitations."""

from __future__ import annotations

__all__ = ["SqlMembers"]

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace
from sqlalchemy import delete, func, select, update

from botkit.core.clock import Clock
from botkit.core.errors import Conflict, NotFound
from botkit.core.journal import AddAudit, Audit
from botkit.core.members import Holder, Invitation, Member, MemberRole, MemberToken
from botkit.store.codec import clean, dump
from botkit.store.member_rows import (
    INVITATION_COLUMNS,
    MEMBER_COLUMNS,
    TOKEN_COLUMNS,
    read_holder,
    read_invitation,
    read_member,
    read_token,
)
from botkit.store.oauth import end_family
from botkit.store.query import Query, Tx, arg, const
from botkit.store.reader import Reader
from botkit.store.schema import calls, invitations, members, secrets, tokens
from botkit.store.writer import Writer
from botkit.store.writes import Act, apply_write
from botkit.store.writes.registry import insert_row

_PERSON = "id workspace name email role state person_id created_at joined_at last_active_at"
_ISSUED = (
    "id digest workspace member_id name hint allow deny per_minute per_month origin client created_at created_by "
    "expires_at last_used_at revoked_at revoked_by family"
)
_INVITATION = "id digest workspace member_id created_at created_by expires_at accepted_at revoked_at"

_ADD = Query(
    _PERSON,
    lambda insert: insert_row(insert, members, _PERSON).on_conflict_do_nothing(
        index_elements=["workspace", "name"], index_where=members.c.state != const("removed")
    ),
)
_GET = Query("id", lambda _: select(*MEMBER_COLUMNS).where(members.c.id == arg("id")))
_NAMED = Query(
    "workspace name",
    lambda _: select(*MEMBER_COLUMNS).where(
        members.c.workspace == arg("workspace"), members.c.name == arg("name"), members.c.state != const("removed")
    ),
)
_SET_ROLE = Query(
    "role id",
    lambda _: (
        update(members).values(role=arg("role")).where(members.c.id == arg("id"), members.c.state != const("removed"))
    ),
)
_RENEW = Query(
    "email role id",
    lambda _: update(members).values(email=arg("email"), role=arg("role")).where(members.c.id == arg("id")),
)
_REMOVE = Query(
    "id",
    lambda _: (
        update(members)
        .values(state=const("removed"))
        .where(members.c.id == arg("id"), members.c.state != const("removed"))
    ),
)
_JOIN = Query(
    "at id",
    lambda _: (
        update(members)
        .values(state=const("active"), joined_at=arg("at"))
        .where(members.c.id == arg("id"), members.c.state == const("pending"))
    ),
)
_ACTIVE = Query(
    "at id",
    lambda _: (
        update(members)
        .values(last_active_at=arg("at"))
        .where(members.c.id == arg("id"), members.c.last_active_at < arg("at"))
    ),
)
_ADD_TOKEN = Query(_ISSUED, lambda insert: insert_row(insert, tokens, _ISSUED))
_REVOKE = Query(
    "at by id",
    lambda _: (
        update(tokens)
        .values(revoked_at=arg("at"), revoked_by=arg("by"))
        .where(tokens.c.id == arg("id"), tokens.c.revoked_at == const(0))
        .returning(tokens.c.family)
    ),
)
_REVOKE_ALL = Query(
    "at by member_id",
    lambda _: (
        update(tokens)
        .values(revoked_at=arg("at"), revoked_by=arg("by"))
        .where(tokens.c.member_id == arg("member_id"), tokens.c.revoked_at == const(0))
        .returning(tokens.c.id)
    ),
)
_KNOWS_TOKEN = Query("id", lambda _: select(const(1)).where(tokens.c.id == arg("id")))
_USED = Query(
    "at id",
    lambda _: (
        update(tokens)
        .values(last_used_at=arg("at"))
        .where(tokens.c.id == arg("id"), tokens.c.last_used_at < arg("at"))
        .returning(tokens.c.member_id)
    ),
)
_ADD_INVITATION = Query(_INVITATION, lambda insert: insert_row(insert, invitations, _INVITATION))
_WITHDRAW = Query(
    "at member_id",
    lambda _: (
        update(invitations)
        .values(revoked_at=arg("at"))
        .where(
            invitations.c.member_id == arg("member_id"),
            invitations.c.accepted_at == const(0),
            invitations.c.revoked_at == const(0),
        )
    ),
)
_ACCEPT = Query(
    "at digest now",
    lambda _: (
        update(invitations)
        .values(accepted_at=arg("at"))
        .where(
            invitations.c.digest == arg("digest"),
            invitations.c.accepted_at == const(0),
            invitations.c.revoked_at == const(0),
            invitations.c.expires_at > arg("now"),
        )
        .returning(*INVITATION_COLUMNS)
    ),
)
_DROP_ACCOUNTS = Query("scope", lambda _: delete(secrets).where(secrets.c.scope == arg("scope")))
"""Accounts of their own that a member connected go with the member."""


class SqlMembers:
    """Implements `botkit.core.members.Members`."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, *, owner: str):
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._owner = owner

    async def add(self, member: Member, *, audit: Audit) -> None:
        def unit(tx: Tx) -> None:
            _add(tx, member)
            self._audit(tx, audit)

        await self._writer.run(unit)

    async def find(self, workspace: str, name: str) -> Member | None:
        def unit(tx: Tx) -> Member | None:
            row = tx(_NAMED, workspace, clean(name)).fetchone()
            if row is None:
                row = tx(_GET, name).fetchone()
            member = None if row is None else read_member(row)
            return member if member and member.workspace == workspace and member.state != "removed" else None

        return await self._writer.run(unit)

    async def get(self, member_id: str) -> Member | None:
        return await self._writer.run(lambda tx: _load(tx, member_id))

    async def list(self, workspace: str = "", *, removed: bool = False) -> Sequence[Member]:
        statement = select(*MEMBER_COLUMNS).order_by(members.c.workspace, members.c.name, members.c.created_at)
        counted = (
            select(calls.c.principal, func.count())
            .where(calls.c.principal_kind == "member")
            .group_by(calls.c.principal)
        )
        if workspace:
            statement = statement.where(members.c.workspace == workspace)
            counted = counted.where(calls.c.workspace == workspace)
        if not removed:
            statement = statement.where(members.c.state != "removed")
        made: dict[str, int] = {row[0]: row[1] for row in await self._reader.all(counted)}
        return [read_member(row, made.get(row[0], 0)) for row in await self._reader.all(statement)]

    async def set_role(self, member_id: str, role: MemberRole, *, audit: Audit) -> None:
        def unit(tx: Tx) -> None:
            if tx(_SET_ROLE, role, member_id).rowcount != 1:
                raise _nobody(member_id)
            self._audit(tx, audit)

        await self._writer.run(unit)

    async def remove(self, member_id: str, *, by: str, at: int, audit: Audit) -> Sequence[str]:
        def unit(tx: Tx) -> Sequence[str]:
            if tx(_REMOVE, member_id).rowcount != 1:
                raise _nobody(member_id)
            tx(_WITHDRAW, at, member_id)
            tx(_DROP_ACCOUNTS, f"person:member:{member_id}")
            ended = [row[0] for row in tx(_REVOKE_ALL, at, clean(by), member_id).fetchall()]
            self._audit(tx, audit)
            return ended

        return await self._writer.run(unit)

    async def invite(self, member: Member, invitation: Invitation, digest: str, *, audit: Audit) -> None:
        def unit(tx: Tx) -> None:
            row = tx(_NAMED, member.workspace, clean(member.name)).fetchone()
            known = None if row is None else read_member(row)
            if known is None:
                _add(tx, member)
            elif known.state == "pending":
                tx(_RENEW, clean(member.email), member.role, known.id)
                tx(_WITHDRAW, invitation.created_at, known.id)
            else:
                raise _taken(member)
            made = (
                invitation.id,
                digest,
                invitation.workspace,
                member.id if known is None else known.id,
                invitation.created_at,
                clean(invitation.created_by),
                invitation.expires_at,
                0,
                0,
            )
            tx(_ADD_INVITATION, *made)
            self._audit(tx, audit)

        await self._writer.run(unit)

    async def accept(self, digest: str, token: MemberToken, token_digest: str, *, at: int, via: str) -> Holder:
        def unit(tx: Tx) -> Holder:
            row = tx(_ACCEPT, at, digest, at).fetchone()
            invitation = None if row is None else read_invitation(row)
            if invitation is None or tx(_JOIN, at, invitation.member_id).rowcount != 1:
                raise NotFound("this invitation is unknown, used or expired; ask for a new one")
            member = _load(tx, invitation.member_id)
            assert member is not None
            given = replace(token, workspace=member.workspace, member_id=member.id, created_by=member.name)
            _add_token(tx, given, token_digest)
            audit = Audit(
                at=at,
                actor=member.name,
                via=via,
                action="member.join",
                target=f"{member.workspace}/{member.name}",
                detail={"role": member.role, "token": given.id},
            )
            self._audit(tx, audit)
            return Holder(token=given, member=member)

        return await self._writer.run(unit)

    async def invitations(self, workspace: str = "") -> Sequence[Invitation]:
        statement = select(*INVITATION_COLUMNS).order_by(invitations.c.created_at.desc(), invitations.c.id.desc())
        if workspace:
            statement = statement.where(invitations.c.workspace == workspace)
        return [read_invitation(row) for row in await self._reader.all(statement)]

    async def add_token(self, token: MemberToken, digest: str, *, audit: Audit) -> None:
        def unit(tx: Tx) -> None:
            member = _load(tx, token.member_id)
            if member is None or member.state != "active":
                raise _nobody(token.member_id)
            _add_token(tx, token, digest)
            self._audit(tx, audit)

        await self._writer.run(unit)

    async def tokens(self, *, workspace: str = "", member_id: str = "") -> Sequence[MemberToken]:
        statement = select(*TOKEN_COLUMNS).order_by(tokens.c.created_at.desc(), tokens.c.id.desc())
        if workspace:
            statement = statement.where(tokens.c.workspace == workspace)
        if member_id:
            statement = statement.where(tokens.c.member_id == member_id)
        return [read_token(row) for row in await self._reader.all(statement)]

    async def find_token(self, workspace: str, token: str) -> MemberToken | None:
        if not token:
            return None
        alive = select(*TOKEN_COLUMNS).where(tokens.c.revoked_at == 0)
        if workspace:
            alive = alive.where(tokens.c.workspace == workspace)
        for condition in (
            tokens.c.id == token,
            tokens.c.name == token,
            tokens.c.id.startswith(token, autoescape=True),
        ):
            found = await self._reader.all(alive.where(condition).limit(2))
            if len(found) > 1:
                raise Conflict(f"more than one token fits {token}; give its whole id from `botkit token list`")
            if found:
                return read_token(found[0])
        return None

    async def holder(self, digest: str) -> Holder | None:
        row = await self._reader.first(
            select(*TOKEN_COLUMNS, *MEMBER_COLUMNS)
            .join(members, members.c.id == tokens.c.member_id)
            .where(tokens.c.digest == digest)
        )
        return None if row is None else read_holder(row)

    async def holders(self, token_ids: Collection[str]) -> Mapping[str, Holder]:
        found: dict[str, Holder] = {}
        wanted = sorted(token_ids)
        for start in range(0, len(wanted), _CHUNK):
            rows = await self._reader.all(
                select(*TOKEN_COLUMNS, *MEMBER_COLUMNS)
                .join(members, members.c.id == tokens.c.member_id)
                .where(tokens.c.id.in_(wanted[start : start + _CHUNK]))
            )
            found.update((row[0], read_holder(row)) for row in rows)
        return found

    async def revoke_token(self, token_id: str, *, by: str, at: int, audit: Audit) -> bool:
        def unit(tx: Tx) -> bool:
            row = tx(_REVOKE, at, clean(by), token_id).fetchone()
            if row is not None:
                end_family(tx, row[0], by=by, at=at)  # or its client would fetch the next one
                self._audit(tx, audit)
                return True
            if tx(_KNOWS_TOKEN, token_id).fetchone() is None:
                raise NotFound(f"there is no token {token_id}", token=token_id)
            return False

        return await self._writer.run(unit)

    async def note_use(self, used: Mapping[str, int]) -> None:
        def unit(tx: Tx) -> None:
            for token_id, at in sorted(used.items()):
                row = tx(_USED, at, token_id).fetchone()
                if row is not None:
                    tx(_ACTIVE, at, row[0])

        if used:
            await self._writer.run(unit, key="tokens")

    def _audit(self, tx: Tx, audit: Audit) -> None:
        apply_write(tx, AddAudit(audit=audit), Act(owner=self._owner, now=self._clock.micros()))


_CHUNK = 400
"""Values in one IN list."""


def _load(tx: Tx, member_id: str) -> Member | None:
    row = tx(_GET, member_id).fetchone()
    return None if row is None else read_member(row)


def _add(tx: Tx, member: Member) -> None:
    values = (
        member.id,
        member.workspace,
        clean(member.name),
        clean(member.email),
        member.role,
        member.state,
        member.person_id,
        member.created_at,
        member.joined_at,
        0,
    )
    if tx(_ADD, *values).rowcount != 1:
        raise _taken(member)


def _add_token(tx: Tx, token: MemberToken, digest: str) -> None:
    values = (
        token.id,
        digest,
        token.workspace,
        token.member_id,
        clean(token.name),
        token.hint,
        None if token.allow is None else dump(token.allow),
        dump(token.deny),
        token.per_minute,
        token.per_month,
        token.origin,
        clean(token.client),
        token.created_at,
        clean(token.created_by),
        token.expires_at,
        0,
        0,
        "",
        token.family,
    )
    tx(_ADD_TOKEN, *values)


def _taken(member: Member) -> Conflict:
    return Conflict(
        f"workspace {member.workspace} has a member {member.name}; see `botkit member list`", member=member.name
    )


def _nobody(member_id: str) -> NotFound:
    return NotFound(f"there is no such member ({member_id}); see `botkit member list`", member=member_id)
