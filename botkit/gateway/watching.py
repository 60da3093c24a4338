"""Resources that clients want to hear of: each server is asked once, however many clients wait.

A server forgets its subscriptions when it restarts; they are made anew as soon as it is up.
"""

from __future__ import annotations

__all__ = ["Watching"]

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from botkit.core.errors import BotkitError
from botkit.gateway.session import Session

_WATCHED_LIMIT = 1000
"""Resources of one server."""
_log = structlog.get_logger("botkit.gateway")


class Watching:
    """Args: session: opens the session in which a server's lists are read."""

    def __init__(self, session: Callable[[str], Awaitable[Session]]):
        self._session = session
        self._wanted: dict[str, Counter[str]] = {}
        """By server: how many wait for news of each URI."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def watched(self) -> int:
        """Resources of all servers."""
        return sum(len(wanted) for wanted in self._wanted.values())

    @property
    def pending(self) -> bool:
        """Whether some server has not been told yet."""
        return bool(self._tasks)

    def hold(self, server: str, uri: str) -> bool:
        """Begin to hear of a resource; False: too many are watched already. Undo it with `release`."""
        wanted = self._wanted.setdefault(server, Counter())
        if uri not in wanted and len(wanted) >= _WATCHED_LIMIT:
            return False
        wanted[uri] += 1
        if wanted[uri] == 1:
            self.renew(server)
        return True

    def release(self, server: str, uri: str) -> None:
        wanted = self._wanted.get(server)
        if wanted is None or uri not in wanted:
            return
        wanted[uri] -= 1
        if wanted[uri] <= 0:
            del wanted[uri]
            self.renew(server)

    def renew(self, server: str) -> None:
        """Tell the server what is watched, also after its restart."""
        if server in self._wanted and server not in self._tasks:
            task = self._tasks[server] = asyncio.create_task(self._apply(server), name=f"watch resources of {server}")
            task.add_done_callback(lambda _: self._tasks.pop(server, None))

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _apply(self, server: str) -> None:
        try:
            session = await self._session(server)
            uris: set[str] | None = None
            while uris != set(self._wanted[server]):  # more came while we spoke
                uris = set(self._wanted[server])
                session.watch(uris)
                await asyncio.sleep(0)
        except (BotkitError, TimeoutError) as error:
            _log.warning("resources_not_watched", server=server, error=str(error))
