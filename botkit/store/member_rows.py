"""Rows of members, tokens and invitations as records."""

from __future__ import annotations

__all__ = [
    "INVITATION_COLUMNS",
    "MEMBER_COLUMNS",
    "TOKEN_COLUMNS",
    "read_holder",
    "read_invitation",
    "read_member",
    "read_token",
]

from botkit.core.data import decode
from botkit.core.members import Holder, Invitation, Member, MemberToken
from botkit.store.rows import Row
from botkit.store.schema import invitations, members, tokens

MEMBER_COLUMNS = tuple(members.c)
TOKEN_COLUMNS = tuple(column for column in tokens.c if column.name != "digest")
INVITATION_COLUMNS = tuple(column for column in invitations.c if column.name != "digest")


def read_member(row: Row, calls: int = 0) -> Member:
    id_, workspace, name, email, role, state, person_id, created_at, joined_at, last_active_at = row
    return Member(
        id=id_,
        workspace=workspace,
        name=name,
        email=email,
        role=role,
        state=state,
        person_id=person_id,
        created_at=created_at,
        joined_at=joined_at,
        last_active_at=last_active_at,
        calls=calls,
    )


def read_token(row: Row) -> MemberToken:
    (
        id_, workspace, member_id, name, hint, allow, deny, per_minute, per_month, origin, client, created_at,
        created_by, expires_at, last_used_at, revoked_at, revoked_by, family,
    ) = row  # fmt: skip
    return MemberToken(
        id=id_,
        workspace=workspace,
        member_id=member_id,
        name=name,
        hint=hint,
        allow=None if allow is None else decode(allow, tuple[str, ...]),
        deny=() if deny == "[]" else decode(deny, tuple[str, ...]),
        per_minute=per_minute,
        per_month=per_month,
        origin=origin,
        client=client,
        created_at=created_at,
        created_by=created_by,
        expires_at=expires_at,
        last_used_at=last_used_at,
        revoked_at=revoked_at,
        revoked_by=revoked_by,
        family=family,
    )


def read_holder(row: Row) -> Holder:
    """A token's columns, then its member's."""
    cut = len(TOKEN_COLUMNS)
    return Holder(token=read_token(row[:cut]), member=read_member(row[cut:]))


def read_invitation(row: Row) -> Invitation:
    id_, workspace, member_id, created_at, created_by, expires_at, accepted_at, revoked_at = row
    return Invitation(
        id=id_,
        workspace=workspace,
        member_id=member_id,
        created_at=created_at,
        created_by=created_by,
        expires_at=expires_at,
        accepted_at=accepted_at,
        revoked_at=revoked_at,
    )
