"""A door in memory: tokens and what they are good for, revoked when a test says so.

door = FakeAuthenticator()
door.admit("mwt_ada", "main", Principal(kind="member", id="ada", roles=("admin",), token_id="t1"))
…
door.revoke("mwt_ada")
"""

from __future__ import annotations

__all__ = ["FakeAuthenticator"]

from collections.abc import Callable

import msgspec

from botkit.core.access import Grant
from botkit.core.tools import Principal


class FakeAuthenticator:
    """Implements `botkit.core.access.Authenticator`."""

    def __init__(self) -> None:
        self._grants: dict[tuple[str, str], Grant] = {}
        self._watched: dict[str, list[Callable[[], None]]] = {}
        self._ended: set[str] = set()
        self.asked = 0
        """How often a token was looked at."""

    def admit(self, token: str, workspace: str, principal: Principal | None = None) -> Grant:
        """Accept a token. An empty one admits whoever brings none."""
        name = token.removeprefix("mwt_") or "anybody"
        principal = principal or Principal(kind="member", id=name, roles=("admin",))
        principal = msgspec.structs.replace(principal, token_id=principal.token_id or f"token-{name}")
        grant = Grant(workspace=workspace, principal=principal, credential=principal.token_id)
        self._grants[workspace, token] = grant
        return grant

    def revoke(self, token: str) -> None:
        """Refuse the token from now on, and tell who hangs on it."""
        for key in [key for key in self._grants if key[1] == token]:
            grant = self._grants.pop(key)
            for revoked in self._watched.pop(grant.credential, []):
                revoked()
        self._ended.add(token)

    @property
    def watched(self) -> int:
        """How many wait to be told of a revocation."""
        return sum(len(found) for found in self._watched.values())

    async def authenticate(self, workspace: str, token: str) -> Grant | None:
        self.asked += 1
        return self._grants.get((workspace, token))

    async def was_one(self, token: str) -> bool:
        return token in self._ended or any(key[1] == token for key in self._grants)

    def watch(self, credential: str, revoked: Callable[[], None]) -> Callable[[], None]:
        self._watched.setdefault(credential, []).append(revoked)

        def stop() -> None:
            if revoked in self._watched.get(credential, []):
                self._watched[credential].remove(revoked)

        return stop

    async def exists(self, workspace: str) -> bool:
        return any(key[0] == workspace for key in self._grants)
