"""What can end a piece of work before its time: the client leaves or cancels, its token is revoked, botkit stops.

Short work pays nothing for it: whoever finishes within a few milliseconds is never watched.
"""

from __future__ import annotations

__all__ = ["Credentials", "Ended", "Lifeline"]

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from botkit.core.access import Authenticator
from botkit.gateway.serving.http import Http

_SHORT_S = 0.05


class Ended(Exception):
    """The work was ended from outside; `str()` says by what: `gone`, `cancelled`, `revoked` or `stopping`."""


class Credentials:
    """Watches each credential in use once, however many streams hang on it."""

    def __init__(self, authenticator: Authenticator):
        self._authenticator = authenticator
        self._ends: dict[str, dict[object, Callable[[str], None]]] = {}
        self._stops: dict[str, Callable[[], None]] = {}

    def hold(self, credential: str, end: Callable[[str], None]) -> Callable[[], None]:
        """Call `end("revoked")` when the credential is no longer good. Returns how to let go."""
        token = object()
        ends = self._ends.setdefault(credential, {})
        ends[token] = end
        if credential not in self._stops:
            self._stops[credential] = self._authenticator.watch(credential, lambda: self._end(credential, "revoked"))

        def let_go() -> None:
            ends.pop(token, None)
            if not ends and self._ends.get(credential) is ends:
                del self._ends[credential]
                self._stops.pop(credential)()

        return let_go

    def __len__(self) -> int:
        """How many streams and long requests are open."""
        return sum(len(ends) for ends in self._ends.values())

    def end_all(self) -> None:
        """Botkit stops."""
        for credential in list(self._ends):
            self._end(credential, "stopping")

    def _end(self, credential: str, reason: str) -> None:
        for end in list(self._ends.get(credential, {}).values()):
            end(reason)


class Lifeline:
    """Holds the present task; `end` cuts it.

    async with Lifeline(credentials, credential).held(http=http):   # http: its client's leaving ends the work
        ...                                                         # raises `Ended`
    """

    __slots__ = ("_credential", "_credentials", "_done", "_let_go", "_on_long", "_task", "_watcher", "reason")

    def __init__(self, credentials: Credentials, credential: str, *, on_long: Callable[[], None] | None = None):
        self._credentials = credentials
        self._credential = credential
        self._on_long = on_long
        self._task: asyncio.Task[object] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._let_go: Callable[[], None] | None = None
        self._done = False
        self.reason = ""

    def end(self, reason: str) -> None:
        """Cut the work, once."""
        if not self.reason and not self._done and self._task is not None:
            self.reason = reason
            self._task.cancel()

    @asynccontextmanager
    async def held(self, http: Http | None = None, *, at_once: bool = False) -> AsyncGenerator[None]:
        """Raises `Ended` at the end of the block when `end` was called in it."""
        task = self._task = asyncio.current_task()
        assert task is not None
        timer: asyncio.TimerHandle | None = None
        if at_once:
            self._watch(http)
        else:
            timer = asyncio.get_running_loop().call_later(_SHORT_S, self._watch, http)
        try:
            yield
        except asyncio.CancelledError:
            if not self.reason or task.uncancel() > 0:
                raise
            raise Ended(self.reason) from None
        finally:
            self._done = True
            if timer is not None:
                timer.cancel()
            if self._watcher is not None:
                self._watcher.cancel()
            if self._let_go is not None:
                self._let_go()

    def _watch(self, http: Http | None) -> None:
        if self._done:
            return
        self._let_go = self._credentials.hold(self._credential, self.end)
        if self._on_long is not None:
            self._on_long()
        if http is not None:
            self._watcher = asyncio.create_task(self._leaving(http), name="watch a client leave")

    async def _leaving(self, http: Http) -> None:
        await http.gone()
        self.end("gone")
