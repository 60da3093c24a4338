"""The door of a workspace: bearer tokens checked against the database, and told when they end.

A token that was looked up, with whatever result, is not looked up again for `FRESH_S` seconds, so a busy client costs
one read a second. What ends in this process (a token revoked, a member removed) is pushed here at once; what ends in
another one is seen by the next look, no later than `FRESH_S` after it.
"""

from __future__ import annotations

__all__ = ["FRESH_S", "TokenGate"]

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable, Collection, Container
from typing import Any

from botkit.core.access import Grant
from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import StoreError
from botkit.core.members import Holder, Members
from botkit.core.tools import Principal
from botkit.gateway.access.tokens import TOKEN_PREFIX, token_digest

FRESH_S = 0.9
"""A little under a second, so that a look and what follows it fit into one."""
_REMEMBERED = 4096
_NOTE_S = 10.0
"""How often uses are written down."""


class _Seen(Data):
    digest: str
    holder: Holder
    at: float
    """Monotonic seconds."""


class _Watch:
    __slots__ = ("revoked", "token_id")

    def __init__(self, token_id: str, revoked: Callable[[], None]):
        self.token_id = token_id
        self.revoked = revoked


class TokenGate:
    """Implements `botkit.core.access.Authenticator`.

    Args:
        workspaces: the slugs that exist now.
    """

    def __init__(self, members: Members, clock: Clock, *, workspaces: Callable[[], Container[str]]):
        self._members = members
        self._clock = clock
        self._workspaces = workspaces
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._digest_of: dict[str, str] = {}
        self._unknown: OrderedDict[str, float] = OrderedDict()
        """Digests of which there was no token, and when that was looked up."""
        self._pushed = 0
        """How often something was pushed; a look-up that was under way then may be old already."""
        self._watches: dict[int, _Watch] = {}
        self._count = 0
        self._used: dict[str, int] = {}
        self._watching = asyncio.Event()

    # ── botkit.core.access.Authenticator ─────────────────────────────────────────────────────────────────

    async def authenticate(self, workspace: str, token: str) -> Grant | None:
        digest = token_digest(token)
        holder = await self._holder(digest)
        # The look-up is by digest: what its time tells is about the digest of a guess, and of no use. Everything
        # after it is the same for unknown, expired, revoked and foreign tokens.
        if holder is None or not token.startswith(TOKEN_PREFIX):
            return None
        now = self._clock.micros()
        good_until = holder.good_until(now)
        same = hmac.compare_digest(holder.token.workspace.encode(), workspace.encode())
        if good_until < 0 or not same or workspace not in self._workspaces():
            return None
        self._used[holder.token.id] = now
        return Grant(
            workspace=workspace,
            principal=_principal(holder),
            credential=holder.token.id,
            expires_at=good_until,
        )

    async def was_one(self, token: str) -> bool:
        return await self._holder(token_digest(token)) is not None

    def watch(self, credential: str, revoked: Callable[[], None]) -> Callable[[], None]:
        self._count += 1
        number = self._count
        self._watches[number] = _Watch(credential, revoked)
        self._watching.set()

        def stop() -> None:
            self._watches.pop(number, None)

        return stop

    async def exists(self, workspace: str) -> bool:
        return workspace in self._workspaces()

    # ── what ends here is pushed ─────────────────────────────────────────────────────────────────────────

    def ended(self, token_ids: Collection[str]) -> None:
        """These tokens are no good any more: forget them, and tell whoever watches."""
        for token_id in token_ids:
            self._forget(token_id)
        for number, watch in list(self._watches.items()):
            if watch.token_id in token_ids and self._watches.pop(number, None) is not None:
                self._tell(watch)

    def changed(self, token_ids: Collection[str]) -> None:
        """These tokens give other rights now: look them up again."""
        for token_id in token_ids:
            self._forget(token_id)

    # ── as long as the process runs ──────────────────────────────────────────────────────────────────────

    async def keep_watch(self) -> None:
        """Look after watched tokens, until cancelled. Nothing is read while nobody watches."""
        while True:
            await self._watching.wait()
            if not self._watches:
                self._watching.clear()
                continue
            await self.look()
            await self._clock.sleep(FRESH_S)

    async def look(self) -> None:
        """Check every watched token once. While the database does not answer, nothing is ended: new requests are
        refused then, and a stream has nothing new to say."""
        watched = {watch.token_id for watch in self._watches.values()}
        try:
            found = await self._members.holders(watched)
        except StoreError as error:
            _log().warning("watched_tokens_not_checked", reason=str(error))
            return
        now = self._clock.micros()
        workspaces = self._workspaces()
        self.ended(
            {
                token_id
                for token_id in watched
                if (holder := found.get(token_id)) is None
                or holder.good_until(now) < 0
                or holder.token.workspace not in workspaces
            }
        )

    async def keep_notes(self) -> None:
        """Write down now and then when tokens were used, until cancelled."""
        while True:
            await self._clock.sleep(_NOTE_S)
            await self.note_uses()

    async def note_uses(self) -> None:
        """Write down what was not yet. A failure loses nothing but the time of a use."""
        used, self._used = self._used, {}
        try:
            await self._members.note_use(used)
        except StoreError as error:
            self._used = used | self._used
            _log().warning("token_use_not_noted", reason=str(error))

    # ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _holder(self, digest: str) -> Holder | None:
        now = self._clock.monotonic()
        seen = self._seen.get(digest)
        if seen is not None and now - seen.at < FRESH_S:
            return seen.holder
        if now - self._unknown.get(digest, -FRESH_S) < FRESH_S:
            return None
        pushed = -1
        holder = None
        while pushed != self._pushed:
            pushed = self._pushed
            holder = await self._members.holder(digest)
        if holder is None:
            self._seen.pop(digest, None)
            self._unknown[digest] = now
            self._unknown.move_to_end(digest)
            while len(self._unknown) > _REMEMBERED:
                self._unknown.popitem(last=False)
            return None
        self._seen[digest] = _Seen(digest=digest, holder=holder, at=now)
        self._seen.move_to_end(digest)
        self._digest_of[holder.token.id] = digest
        while len(self._seen) > _REMEMBERED:
            _, oldest = self._seen.popitem(last=False)
            self._digest_of.pop(oldest.holder.token.id, None)
        return holder

    def _forget(self, token_id: str) -> None:
        self._pushed += 1
        self._seen.pop(self._digest_of.pop(token_id, ""), None)

    def _tell(self, watch: _Watch) -> None:
        try:
            watch.revoked()
        except Exception:
            _log().exception("watcher_failed", token=watch.token_id)


def _principal(holder: Holder) -> Principal:
    token, member = holder.token, holder.member
    return Principal(
        kind="member",
        id=member.id,
        roles=(member.role,),
        token_id=token.id,
        allow=token.allow,
        deny=token.deny,
        per_minute=token.per_minute,
        per_month=token.per_month,
        person=member.person_id,
    )


def _log() -> Any:
    """Commands import this module for its shapes alone, and must not pay for a logger."""
    import structlog

    return structlog.get_logger("botkit.gateway.access")
