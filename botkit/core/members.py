"""Members of workspaces, their tokens and invitations: the records, and the port that stores them.

A member is somebody who may enter a workspace with a token. The same human may be a person of the chat platforms;
`Member.person_id` joins the two, and both kinds of principal have the same rights model.

Every change carries its audit row, committed in the same transaction.
"""

from __future__ import annotations

__all__ = [
    "MEMBER_ROLES",
    "Holder",
    "Invitation",
    "Member",
    "MemberRole",
    "MemberState",
    "MemberToken",
    "Members",
]

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

from botkit.core.data import Data
from botkit.core.journal import Audit

MemberRole = Literal["admin", "developer", "read-only"]
MEMBER_ROLES: tuple[MemberRole, ...] = ("admin", "developer", "read-only")
MemberState = Literal["active", "pending", "removed"]


class Member(Data):
    """Somebody who may use a workspace."""

    id: str
    """`mem_…`."""
    workspace: str
    """Slug."""
    name: str
    """Unique among the members of the workspace who were not removed."""
    email: str = ""
    role: MemberRole = "developer"
    state: MemberState = "active"
    """`pending`: invited and not yet here."""
    person_id: str = ""
    """The person of the chat platforms this is, if any."""
    created_at: int = 0
    joined_at: int = 0
    """0: not yet."""
    last_active_at: int = 0
    """Last use of any of their tokens, to the second or so."""
    calls: int = 0
    """Tool calls in the call log; only filled by `Members.list`."""


class MemberToken(Data):
    """A token of a member. The token itself is nowhere: only its SHA-256, which never leaves the store."""

    id: str
    """`tok_…`."""
    workspace: str
    member_id: str
    name: str = ""
    hint: str = ""
    """Its last four characters, to tell it from others."""
    allow: tuple[str, ...] | None = None
    """Tools or patterns it is good for; None: all that the role allows."""
    deny: tuple[str, ...] = ()
    per_minute: int = 0
    """Its own plan; 0: the workspace's rule for each token."""
    per_month: int = 0
    """Its own quota; 0: none."""
    origin: Literal["token", "oauth"] = "token"
    client: str = ""
    """The OAuth client it was issued to."""
    created_at: int = 0
    created_by: str = ""
    expires_at: int = 0
    """0: never."""
    last_used_at: int = 0
    revoked_at: int = 0
    """0: it was not."""
    revoked_by: str = ""
    family: str = ""
    """Of an access token of OAuth: what came of the same consent ends together."""


class Holder(Data):
    """A token with whose it is."""

    token: MemberToken
    member: Member

    def good_until(self, now: int) -> int:
        """When it ends by itself; -1: it is no good now; 0: never."""
        if self.token.revoked_at or self.member.state != "active":
            return -1
        if self.token.expires_at and self.token.expires_at <= now:
            return -1
        return self.token.expires_at


class Invitation(Data):
    """A way in, good once. The code is stored as its SHA-256 only."""

    id: str
    """`inv_…`."""
    workspace: str
    member_id: str
    created_at: int
    created_by: str = ""
    expires_at: int
    accepted_at: int = 0
    revoked_at: int = 0


class Members(Protocol):
    async def add(self, member: Member, *, audit: Audit) -> None:
        """Raises `Conflict` when the name is taken in that workspace."""
        ...

    async def find(self, workspace: str, name: str) -> Member | None:
        """By id or name, among those who were not removed."""
        ...

    async def get(self, member_id: str) -> Member | None: ...

    async def list(self, workspace: str = "", *, removed: bool = False) -> Sequence[Member]:
        """By workspace and name, with their calls."""
        ...

    async def set_role(self, member_id: str, role: MemberRole, *, audit: Audit) -> None:
        """Raises `NotFound` for somebody who is not there or was removed."""
        ...

    async def remove(self, member_id: str, *, by: str, at: int, audit: Audit) -> Sequence[str]:
        """End a membership, its tokens and open invitations; the ids of the tokens that ended. `NotFound`."""
        ...

    async def invite(self, member: Member, invitation: Invitation, digest: str, *, audit: Audit) -> None:
        """Add a pending member with a way in, or give one who is pending another instead. Raises `Conflict`."""
        ...

    async def accept(self, digest: str, token: MemberToken, token_digest: str, *, at: int, via: str) -> Holder:
        """Use an invitation: the member is active and has the token, whose workspace and member are filled in.

        Raises:
            NotFound: unknown, used, revoked or expired; it is not said which.
        """
        ...

    async def invitations(self, workspace: str = "") -> Sequence[Invitation]:
        """Newest first."""
        ...

    async def add_token(self, token: MemberToken, digest: str, *, audit: Audit) -> None:
        """Raises `NotFound` when the member is not active."""
        ...

    async def tokens(self, *, workspace: str = "", member_id: str = "") -> Sequence[MemberToken]:
        """Newest first, revoked and expired ones too."""
        ...

    async def find_token(self, workspace: str, token: str) -> MemberToken | None:
        """By id, an unambiguous beginning of it, or its name, among those that were not revoked.

        Args:
            workspace: empty: in any.

        Raises:
            Conflict: more than one fits.
        """
        ...

    async def holder(self, digest: str) -> Holder | None:
        """Whose token this is the SHA-256 (lower hex) of, whatever its state."""
        ...

    async def holders(self, token_ids: Collection[str]) -> Mapping[str, Holder]:
        """The present state of tokens, by id."""
        ...

    async def revoke_token(self, token_id: str, *, by: str, at: int, audit: Audit) -> bool:
        """False when it was revoked before. Raises `NotFound`."""
        ...

    async def note_use(self, used: Mapping[str, int]) -> None:
        """Token id → when it was used last."""
        ...
