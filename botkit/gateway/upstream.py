"""One server, kept within reach: started when needed, restarted when it dies, given up for a while when it keeps dying.

A server is a process of ours or an address; to this module both are a `Link`.

    idle ──▶ starting ──▶ ready ──▶ (dies) failing ──▶ starting …
                  └─▶ failing ──5 times──▶ paused ──5 minutes, or an edit──▶ starting

A call waits for a server that is starting, within its own time. It does not wait for one that is failing: the model is
told and can go on.
"""

from __future__ import annotations

__all__ = ["Lease", "NewsKind", "SpawnLimit", "State", "Upstream"]

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Literal

import structlog

from botkit.core.clock import Clock
from botkit.core.errors import BotkitError, ToolUnavailable
from botkit.gateway.link import Link, LinkHooks, ProcessLink
from botkit.gateway.process import Command
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.remote.endpoint import Endpoint
from botkit.gateway.session import Era, Manner, Session

State = Literal["idle", "starting", "ready", "failing", "paused", "stopped"]
NewsKind = Literal["list", "resource", "asked", "state"]
SpawnLimit = asyncio.Semaphore
"""How many servers may start at once, so that a start of botkit is not a storm of processes."""

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 60.0
_FAILURES_UNTIL_PAUSE = 5
_PAUSE_S = 300.0
_STABLE_AFTER_S = 60.0
"""A server that lived this long starts its next life without a past."""
_TURN_S = 3.0
"""How long a starting server counts as one of those starting at once."""
_LOG_LINES_A_MINUTE = 120

_log = structlog.get_logger("botkit.gateway")


class Lease:
    """The right to make one call."""

    session: Session

    def __init__(self, slots: asyncio.Semaphore):
        self._slots: asyncio.Semaphore | None = slots

    def let_go(self) -> None:
        """Give the slot to the next caller, while the call itself only waits for a person. Safe to repeat."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()


class Upstream:
    """A supervised server and the session with it.

    Args:
        target: what to start or where to connect, made anew for each start, so that rotated secrets arrive.
        era: in which era the server was last seen, to spare it a question.
        manner: as whom it is spoken to, where that is not botkit.
        on_ready: called after each successful start.
        on_tools_changed: called when the server says so.
        on_news: called with a kind and a name when the server says that a `list` changed (its kind), a `resource` (its
            URI), or that what a person was `asked` elsewhere is done (the question's id); and when it failed (`state`).
    """

    def __init__(
        self,
        name: str,
        target: Callable[[], Awaitable[Command | Endpoint]],
        *,
        clock: Clock,
        spawning: SpawnLimit,
        redactor: SecretRedactor,
        start_timeout_s: float = 30.0,
        parallel_calls: int = 16,
        idle_s: float = 0.0,
        era: Era | None = None,
        manner: Manner | None = None,
        on_ready: Callable[[], None] = lambda: None,
        on_tools_changed: Callable[[], None] = lambda: None,
        on_news: Callable[[NewsKind, str], None] = lambda _kind, _name: None,
    ):
        self.name = name
        self.state: State = "idle"
        self.error = ""
        """Why it is failing or paused."""
        self.starts = 0
        self.last_used = clock.monotonic()
        self._target = target
        self._clock = clock
        self._spawning = spawning
        self._redactor = redactor
        self._start_timeout_s = start_timeout_s
        self._idle_s = idle_s
        self._on_ready = on_ready
        self._on_tools_changed = on_tools_changed
        self._on_news = on_news
        self._slots = asyncio.Semaphore(parallel_calls)
        self._era: Era | None = manner.era if manner is not None else era
        self._manner = manner
        self._session: Session | None = None
        self._link: Link | None = None
        self._links: set[Link] = set()
        """Also those on their way out."""
        self._starting: asyncio.Task[Session] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._ready_at = 0.0
        self._paused_until = 0.0
        self._busy = 0
        self._free = asyncio.Event()
        self._free.set()
        self._log_since = 0.0
        self._log_lines = 0

    @property
    def pid(self) -> int:
        return self._link.pid if self._link is not None else 0

    @property
    def era(self) -> Era | None:
        """In which era the server lives, as far as it was seen."""
        return self._era

    @property
    def stateful(self) -> bool | None:
        """Whether it keeps something for whoever is connected; None before it was connected to."""
        return self._link.stateful if self._link is not None and self._session is not None else None

    @property
    def dead(self) -> bool:
        """Whether it failed more than once, so that its tools are better not offered."""
        return self.state == "paused" or (self.state in ("failing", "starting") and self._failures > 1)

    @property
    def busy(self) -> int:
        """Calls in flight, parked ones included."""
        return self._busy

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[Lease]:
        """The session, for one call; started first if need be. Holds one of the server's slots.

        Raises:
            ToolUnavailable: it cannot be started, or is failing or paused; nothing was sent.
        """
        self._check()
        self._busy += 1
        self._free.clear()
        try:
            lease = Lease(self._slots)
            await self._slots.acquire()
            try:
                lease.session = await self.ready()
                yield lease
            finally:
                lease.let_go()
        finally:
            self.last_used = self._clock.monotonic()
            self._busy -= 1
            if not self._busy:
                self._free.set()

    async def ready(self) -> Session:
        """The session, started if need be. Raises `ToolUnavailable` as `lease`."""
        self._check()
        if self._session is not None:
            return self._session
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name=f"start {self.name}")
            self._starting.add_done_callback(_observed)
        # A caller that gives up must not take the start away from the others.
        return await asyncio.shield(self._starting)

    def resume(self) -> None:
        """Forget past failures: something was mended."""
        self._failures = 0
        if self.state in ("failing", "paused"):
            self.state = "idle"

    async def drain(self, timeout_s: float) -> None:
        """Let calls in flight finish, then stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._free.wait()
        await self.stop()

    async def stop(self) -> None:
        """End the process and everything it started. It does not start again. Safe to repeat."""
        self.state = "stopped"
        tasks: list[asyncio.Task[Any]] = [*self._tasks]
        if self._starting is not None:
            tasks.append(self._starting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._session = None
        await asyncio.gather(*(link.stop() for link in self._links))
        self._links.clear()

    def _check(self) -> None:
        if self.state == "stopped":
            raise ToolUnavailable(f"The server {self.name} was removed or is being replaced.", server=self.name)
        if self.state == "paused" and self._clock.monotonic() >= self._paused_until:
            self.resume()
        if self.state in ("failing", "paused"):
            raise ToolUnavailable(f"The server {self.name} is not available: {self.error}", server=self.name)

    async def _start(self) -> Session:
        self.state = "starting"
        try:
            async with self._turn_to_start():
                session = await self._open()
        except (BotkitError, OSError) as error:
            await self._end_link()
            self._failed(str(error))
            raise ToolUnavailable(f"The server {self.name} is not available: {self.error}", server=self.name) from error
        finally:
            self._starting = None
        self.state, self.error = "ready", ""
        self._ready_at = self.last_used = self._clock.monotonic()
        self._session = session
        if self._idle_s:
            self._spawn_task(self._stop_when_idle())
        _log.info("server_ready", server=self.name, protocol=session.version, pid=self.pid)
        self._on_ready()
        return session

    @asynccontextmanager
    async def _turn_to_start(self) -> AsyncGenerator[None]:
        """One of the few turns, for a while: a server that never says hello must not keep others from starting."""
        await self._spawning.acquire()
        turn = Lease(self._spawning)
        timer = asyncio.get_running_loop().call_later(_TURN_S, turn.let_go)
        try:
            yield
        finally:
            timer.cancel()
            turn.let_go()

    async def _open(self) -> Session:
        link = self._link = await self._connect(await self._target())
        self._links.add(link)
        self.starts += 1
        try:
            session = await link.open(self._era, self._start_timeout_s)
        except ToolUnavailable:
            # If it died of a question it did not know, the next start asks the old way.
            self._era = "handshake" if self._era is None and link.pid and not link.alive else None
            raise
        self._era = session.era
        session.on_tools_changed = self._on_tools_changed
        session.on_changed = lambda kind: self._on_news("list", kind)
        session.on_updated = lambda uri: self._on_news("resource", uri)
        session.on_asked_done = lambda question: self._on_news("asked", question)
        session.on_log = self._logged
        session.listen()
        return session

    async def _connect(self, target: Command | Endpoint) -> Link:
        found: list[Link] = []
        hooks = LinkHooks(
            clock=self._clock,
            on_line=self._logged,
            on_report=lambda what: self._warn("server_misbehaved", what=what),
            on_closed=lambda: self._closed(found[0] if found else None),
            manner=self._manner,
        )
        if isinstance(target, Endpoint):
            from botkit.gateway.remote.link import RemoteLink  # with the HTTP client

            found.append(RemoteLink(target, hooks))
        else:
            found.append(await ProcessLink.start(target, hooks, self.name))
        return found[0]

    def _closed(self, link: Link | None) -> None:
        """The server can answer no more."""
        if link is not None and link is self._link and self.state == "ready":
            self._session = None
            self._spawn_task(self._bury(link))

    async def _bury(self, link: Link) -> None:
        reason = await link.bury()
        if link is self._link:
            self._link = None
            if self._clock.monotonic() - self._ready_at >= _STABLE_AFTER_S:
                self._failures = 0
            self._failed(reason)

    def _failed(self, reason: str) -> None:
        """Count a failure and plan the next attempt."""
        if self.state == "stopped":
            return
        self._failures += 1
        self.error = self._redactor.text(reason)
        if self._failures > _FAILURES_UNTIL_PAUSE:
            self.state = "paused"
            self._paused_until = self._clock.monotonic() + _PAUSE_S
            self._warn("server_paused", error=self.error, failures=self._failures)
            self._on_news("state", self.state)
            return
        self.state = "failing"
        self._on_news("state", self.state)
        delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (self._failures - 1)) * random.uniform(0.8, 1.2)
        self._warn("server_failed", error=self.error, failures=self._failures, retry_in_s=round(delay_s, 2))
        self._spawn_task(self._retry(delay_s))

    async def _retry(self, delay_s: float) -> None:
        await self._clock.sleep(delay_s)
        if self.state == "failing":
            self.state = "idle"
            with contextlib.suppress(ToolUnavailable):
                await self.ready()

    async def _stop_when_idle(self) -> None:
        link = self._link
        while True:
            idle_s = self._clock.monotonic() - self.last_used
            if not self._busy and idle_s >= self._idle_s:
                break
            await self._clock.sleep(max(0.01, self._idle_s - idle_s) if not self._busy else self._idle_s)
        if self.state == "ready" and link is self._link:
            self.state = "idle"
            self._session = None
            await self._end_link()
            _log.info("server_stopped_idle", server=self.name)

    async def _end_link(self) -> None:
        link, self._session = self._link, None
        if link is not None:
            await link.stop()
            self._links.discard(link)
            if link is self._link:
                self._link = None

    def _spawn_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"supervise {self.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _logged(self, line: str) -> None:
        """A line of standard error, at most so many a minute."""
        now = self._clock.monotonic()
        if now - self._log_since >= 60:
            self._log_since, self._log_lines = now, 0
        self._log_lines += 1
        if self._log_lines <= _LOG_LINES_A_MINUTE:
            _log.info("server_said", server=self.name, line=self._redactor.text(line))
        elif self._log_lines == _LOG_LINES_A_MINUTE + 1:
            self._warn("server_silenced", advice="It writes too much; its lines are dropped for a minute.")

    def _warn(self, event: str, **facts: object) -> None:
        _log.warning(event, server=self.name, **facts)


def _observed(task: asyncio.Task[Session]) -> None:
    """A failed start is in `error`; that nobody waited for it is no second failure."""
    if not task.cancelled():
        task.exception()
