"""All channels of this process, kept as the configuration asks; what did not change keeps running."""

from __future__ import annotations

__all__ = ["ChannelManager"]

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Literal

from botkit.app.channels.channel import RunningChannel, Wanted
from botkit.app.channels.host import HostServices
from botkit.app.channels.platforms import Platforms
from botkit.app.names import SANDBOX
from botkit.core.config import Config
from botkit.core.console import ChannelInfo
from botkit.core.errors import NotFound, StoreBusy
from botkit.core.events import Event
from botkit.sdk import Adapter, Health, ServesHttp


class ChannelManager:
    """The engine's `Channels`.

    Args:
        has_secret: whether the instance has a secret and can open it.
        spawn: starts a task that somebody owns.
        started: told when an adapter runs.
        only: start these channels and no others (`botkit chat` runs the sandbox alone).
    """

    def __init__(
        self,
        *,
        platforms: Platforms,
        services: HostServices,
        has_secret: Callable[[str], Awaitable[bool]],
        spawn: Callable[..., asyncio.Task[None]],
        started: Callable[[str], Awaitable[None]],
        only: Sequence[str] | None = None,
    ):
        self._platforms = platforms
        self._services = services
        self._has_secret = has_secret
        self._spawn = spawn
        self._started = started
        self._only = only
        self._channels: dict[str, RunningChannel] = {}
        self._policies: dict[str, Literal["hold", "resend"]] = {}

    # ── what the engine asks ─────────────────────────────────────────────────────────────────────────────

    def adapter(self, channel: str) -> Adapter | None:
        found = self._channels.get(channel)
        return None if found is None else found.adapter

    def renderer(self, channel: str) -> Adapter:
        found = self._channels.get(channel)
        if found is None:
            raise NotFound(f"there is no channel `{channel}` in bots.yaml", channel=channel)
        return found.adapter or found.build()

    def platform(self, channel: str) -> str | None:
        """The platform of a channel, running or not; None when there is no such channel."""
        found = self._channels.get(channel)
        return None if found is None else found.wanted.platform

    def adapter_class(self, platform: str) -> type[Adapter]:
        """Raises `ChannelFatal` when no installed package has one."""
        return self._platforms.load(platform)

    def policy(self, channel: str) -> Literal["hold", "resend"]:
        return self._policies.get(channel, "hold")

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────

    async def apply(self, config: Config) -> tuple[str, ...]:
        """Run what `config` asks for, and return the names of the channels that were started or replaced.

        A channel whose settings are the same as before is not touched.
        """
        wanted = {want.name: want for want in _wanted(config)}
        self._policies = {name: channel.on_unknown_send for name, channel in config.channels.items()}
        gone = [name for name, channel in self._channels.items() if wanted.get(name) != channel.wanted]
        await asyncio.gather(*(self._channels.pop(name).stop() for name in gone))
        fresh = [name for name in wanted if name not in self._channels]
        for name in fresh:
            self._start(wanted[name])
        return tuple(fresh)

    async def settled(self, channel: str) -> None:
        """Wait until a channel runs, or it is known why it does not."""
        await self._channels[channel].settled.wait()

    async def restart(self, channel: str) -> None:
        """Start a channel anew: its secrets changed, or a person mended what was fatal. Raises `NotFound`."""
        found = self._channels.get(channel)
        if found is None:
            raise NotFound(f"there is no channel `{channel}` in bots.yaml", channel=channel)
        await found.stop()
        self._start(found.wanted)

    async def secrets_changed(self, name: str) -> None:
        """Start anew the channels that use this secret."""
        for channel in [c.wanted.name for c in self._channels.values() if name in c.wanted.secrets]:
            await self.restart(channel)

    async def probe(self, channel: str) -> ChannelInfo:
        """Start a channel that does not run for a moment and tell what its platform answered.

        It takes no messages meanwhile: none is acknowledged, so the platform delivers them later.

        Raises:
            NotFound: there is no such channel.
            BotkitError: it cannot start; the message says what to do.
        """
        found = self._channels.get(channel)
        if found is None:
            raise NotFound(f"there is no channel `{channel}` in bots.yaml", channel=channel)
        services = replace(self._services, accept=_accept_nothing)
        health = await RunningChannel(
            found.wanted, platforms=self._platforms, services=services, has_secret=self._has_secret, started=_nothing
        ).probe()
        return _info(channel, found.wanted.platform, health)

    def closing(self) -> None:
        """HTTP ends: so do answers of adapters that would go on for ever."""
        for channel in self._channels.values():
            if isinstance(channel.adapter, ServesHttp):
                channel.adapter.closing()

    async def stop(self) -> None:
        await asyncio.gather(*(channel.stop() for channel in self._channels.values()))

    def health(self) -> tuple[ChannelInfo, ...]:
        return tuple(_info(name, channel.wanted.platform, channel.health) for name, channel in self._channels.items())

    def _start(self, wanted: Wanted) -> None:
        channel = RunningChannel(
            wanted,
            platforms=self._platforms,
            services=self._services,
            has_secret=self._has_secret,
            started=self._started,
        )
        self._channels[wanted.name] = channel
        if self._only is None or wanted.name in self._only:
            channel.task = self._spawn(channel.run())
        else:
            channel.leave_off("not started by this command")


def _info(name: str, platform: str, health: Health) -> ChannelInfo:
    return ChannelInfo(name=name, platform=platform, state=health.state, detail=health.detail, since=health.since)


async def _accept_nothing(event: Event) -> bool:
    raise StoreBusy("this is only a test of the connection")


async def _nothing(channel: str) -> None:
    return


def _wanted(config: Config) -> list[Wanted]:
    sandbox = Wanted(name=SANDBOX, platform=SANDBOX, enabled=True, config=None)
    return [
        sandbox,
        *(
            Wanted(
                name=name,
                platform=channel.platform,
                enabled=channel.enabled,
                config=channel,
                secrets=tuple(sorted({ref.secret for ref in channel.secret_refs()})),
            )
            for name, channel in config.channels.items()
        ),
    ]
