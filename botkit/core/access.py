"""Who stands at a workspace's door: the port between an MCP client's bearer token and a principal.

The gateway's HTTP face asks an `Authenticator` at each request and keeps nothing it learned. What lives on between
requests (sessions, streams, parked questions) is bound to `Grant.credential` and ends when that is revoked.
"""

from __future__ import annotations

__all__ = ["Authenticator", "Grant"]

from collections.abc import Callable
from typing import Protocol

from botkit.core.data import Data
from botkit.core.tools import Principal


class Grant(Data):
    """A token that was accepted, for one workspace and one request."""

    workspace: str
    """The workspace's slug."""
    principal: Principal
    """Kind `member`, with the member's role, the token's id and the token's own tool scopes."""
    credential: str
    """What sessions and streams are bound to: the token's id, never the token."""
    expires_at: int = 0
    """Microseconds, UTC: when streams must end; 0: never."""


class Authenticator(Protocol):
    """Accepts or refuses a token."""

    async def authenticate(self, workspace: str, token: str) -> Grant | None:
        """The grant, or None for a token that is unknown, expired, revoked or of another workspace.

        Notes the use. Raises `StoreError` when it cannot be checked: then nobody is let in.
        """
        ...

    async def was_one(self, token: str) -> bool:
        """Whether this is a token of whichever workspace, or was one before it expired or was revoked.

        Raises as `authenticate`.
        """
        ...

    def watch(self, credential: str, revoked: Callable[[], None]) -> Callable[[], None]:
        """Call `revoked` within a second of the revocation or expiry, once. Returns how to stop watching."""
        ...

    async def exists(self, workspace: str) -> bool:
        """Whether there is such a workspace at all; to a caller without a token the answer is not shown."""
        ...
