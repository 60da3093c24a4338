"""What an OAuth client holds of a member between requests: codes and refresh tokens, and the port that stores them.

Access tokens are member tokens like others (`MemberToken.origin` is `oauth`), so they are checked, limited, watched and
revoked by the same code. Everything that came of one consent is a *family* and ends together.
"""

from __future__ import annotations

__all__ = ["OAuthKey", "OAuthKeys", "Spent"]

from collections.abc import Sequence
from typing import Literal, Protocol

from botkit.core.data import Data


class OAuthKey(Data):
    """A code or a refresh token; good once. Stored by its SHA-256 only."""

    kind: Literal["code", "refresh"]
    family: str
    """`fam_…`; shared with the access tokens of the same consent."""
    workspace: str
    member_id: str
    client: str
    """The client's id, such as the address of its metadata document."""
    redirect_uri: str = ""
    challenge: str = ""
    """PKCE, S256; of a code."""
    allow: tuple[str, ...] | None = None
    """Tool scopes of the token the member showed; they go over to every token of the family."""
    deny: tuple[str, ...] = ()
    per_minute: int = 0
    per_month: int = 0
    created_at: int = 0
    expires_at: int = 0


class Spent(Data):
    """What became of an attempt to use a key."""

    key: OAuthKey
    again: bool = False
    """It was used before: somebody has a copy."""


class OAuthKeys(Protocol):
    async def add(self, key: OAuthKey, digest: str) -> None: ...

    async def spend(self, digest: str, kind: Literal["code", "refresh"], *, at: int) -> Spent | None:
        """Use it up, once, whoever asks at the same time. None when it is unknown or expired."""
        ...

    async def end_family(self, family: str, *, by: str, at: int) -> Sequence[str]:
        """End all its access tokens and keys; the ids of the tokens that ended now."""
        ...

    async def is_over(self, family: str) -> bool:
        """Whether it ended. What is added to a family that has ended is not ended by itself: look, and end it again."""
        ...

    async def expire(self, before: int) -> int:
        """Forget keys and access tokens that expired before; how many."""
        ...
