"""One supervised account: its adapter, its health, and its restarts."""

from __future__ import annotations

__all__ = ["RunningChannel", "Wanted"]

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from botkit.app.channels.host import ChannelHost, HostServices
from botkit.app.channels.platforms import Platforms
from botkit.core.data import Data
from botkit.core.errors import BotkitError, ChannelFatal, SecretError
from botkit.sdk import Adapter, Health

_log = structlog.get_logger("botkit.channels")

_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_STOP_TIMEOUT_S = 10.0


class Wanted(Data):
    """What the configuration asks for; a channel is replaced when this changes."""

    name: str
    platform: str
    enabled: bool | str
    config: Any
    """The channel's model."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets it needs."""


class RunningChannel:
    """Starts one adapter and starts it again when it falls, until `stop`.

    Args:
        started: told each time the adapter runs, so that kept messages leave.
        has_secret: whether the instance has a secret, for `enabled: auto`.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        platforms: Platforms,
        services: HostServices,
        has_secret: Callable[[str], Awaitable[bool]],
        started: Callable[[str], Awaitable[None]],
    ):
        self.wanted = wanted
        self.health = Health(state="starting", since=services.clock.micros())
        self.adapter: Adapter | None = None
        """While it runs."""
        self._platforms = platforms
        self._services = services
        self._has_secret = has_secret
        self._started = started
        self._built: Adapter | None = None
        self.settled = asyncio.Event()
        """Set once it runs, or it is known why it does not."""
        self._fell = asyncio.Event()
        self._stopping = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def build(self) -> Adapter:
        """The adapter without starting it: rendering is pure. Raises `ChannelFatal`."""
        if self._built is None:
            kind = self._platforms.load(self.wanted.platform)
            try:
                host = ChannelHost(self.wanted.name, self._services, self._reported)
                self._built = kind(self.wanted.name, self.wanted.config, host)
            except BotkitError:
                raise
            except Exception as error:
                raise ChannelFatal(
                    f"the adapter for {self.wanted.platform} refused its settings: {error}", channel=self.wanted.name
                ) from error
        return self._built

    async def run(self) -> None:
        """Keep it running until `stop`, or until only a person can help."""
        failures = 0
        while not self._stopping.is_set():
            self._fell.clear()
            try:
                if not await self._should_run():
                    return
                await self._up()
                failures = 0
                await self._first(self._fell, self._stopping)
            except (ChannelFatal, SecretError) as error:
                self._set("fatal", str(error))
            except BotkitError as error:
                self._set("degraded", f"{error}; trying again")
            except Exception as error:
                _log.exception("channel_failed", channel=self.wanted.name)
                self._set("degraded", f"{type(error).__name__} in the adapter, see the log; trying again")
            finally:
                await self._down()
            if self.health.state == "fatal":
                return
            if not self._stopping.is_set():
                await self._pause(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1

    async def probe(self) -> Health:
        """Start and stop once; what it reported in between. Raises what kept it from starting."""
        missing = await self._missing_secrets()
        if missing:
            raise SecretError(f"a secret is missing: {_remedy(missing)}", channel=self.wanted.name)
        try:
            await self._up()
            return self.health
        finally:
            await self._down()

    async def stop(self) -> None:
        """Stop taking events and disconnect. Safe to repeat."""
        self._stopping.set()
        if self.task is not None:
            await asyncio.wait((self.task,))
        if self.health.state != "fatal":
            self._set("off")

    def leave_off(self, why: str) -> None:
        self._set("off", why)

    async def _should_run(self) -> bool:
        if self.wanted.enabled is False:
            self._set("off", "switched off in bots.yaml")
            return False
        missing = await self._missing_secrets()
        if not missing:
            return True
        if self.wanted.enabled == "auto":
            self._set("off", f"starts when its secret is stored: {_remedy(missing)}")
        else:
            self._set("fatal", f"a secret is missing: {_remedy(missing)}")
        return False

    async def _missing_secrets(self) -> list[str]:
        return [name for name in self.wanted.secrets if not await self._has_secret(name)]

    async def _up(self) -> None:
        if self.health.state != "degraded":
            self._set("starting")
        if self._built is None:
            # Platform libraries take up to a second to import: not on the loop.
            await asyncio.to_thread(self._platforms.load, self.wanted.platform)
        adapter, before = self.build(), self.health
        await adapter.start()
        self.adapter = adapter
        if self.health is before or self.health.state == "starting":  # it said nothing worse meanwhile
            self._set("ok")
        _log.info("channel_started", channel=self.wanted.name, platform=self.wanted.platform)
        self.settled.set()
        await self._started(self.wanted.name)

    async def _down(self) -> None:
        adapter, self.adapter, self._built = self._built, None, None
        if adapter is None:
            return
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await adapter.stop()
        except TimeoutError:
            _log.warning("channel_stop_timeout", channel=self.wanted.name, timeout_s=_STOP_TIMEOUT_S)
        except Exception:
            _log.exception("channel_stop_failed", channel=self.wanted.name)

    def _reported(self, health: Health) -> None:
        """What the adapter says about itself. `fatal` and an unasked `off` end this attempt."""
        if self._built is None:
            return  # it is being stopped; why it stopped is the better news
        since = health.since or self._services.clock.micros()
        if health.state != self.health.state or health.detail != self.health.detail:
            self.health = msgspec.structs.replace(health, since=since)
            _log.info("channel_health", channel=self.wanted.name, state=health.state, detail=health.detail)
        if health.state in ("fatal", "off"):
            self._fell.set()

    def _set(self, state: Any, detail: str = "") -> None:
        if state != "starting":
            self.settled.set()
        if state == self.health.state and detail == self.health.detail:
            return
        self.health = Health(state=state, detail=detail, since=self._services.clock.micros())
        if state in ("fatal", "degraded"):
            _log.error("channel_health", channel=self.wanted.name, state=state, detail=detail)

    async def _pause(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._services.clock.sleep(seconds))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((sleeping, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopping.cancel()

    @staticmethod
    async def _first(*events: asyncio.Event) -> None:
        waiting = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


def _remedy(missing: list[str]) -> str:
    return "; ".join(f"botkit secrets set {name}" for name in missing)
