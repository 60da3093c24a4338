"""The process itself: who it is and how it is."""

from __future__ import annotations

__all__ = ["ProcessInfo", "ProcessOperations"]

import os
from collections import defaultdict
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from botkit.core.console import BotInfo, ChannelInfo, Overview, PersonInfo, ServerInfo
from botkit.core.data import Data
from botkit.core.tools import Principal

if TYPE_CHECKING:
    from botkit.app.instance import Instance
    from botkit.core.config import Bot, Config

_ALWAYS = (
    PersonInfo(name="operator", title="You, the operator", roles=("admin",)),
    PersonInfo(name="visitor", title="A stranger", roles=("guest",)),
)
"""Whom one can be on the page without declaring anybody."""


class ProcessInfo(Data, omit_defaults=False):
    pid: int
    version: str
    mode: str
    url: str


class ProcessOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def info(self) -> ProcessInfo:
        return ProcessInfo(pid=os.getpid(), version=version("botkit"), mode=self._i.mode, url=self._i.url)

    async def overview(self) -> Overview:
        """Bots, people, channels, servers and what an operator should act on."""
        instance = self._i
        config = instance.configs.current
        return Overview(
            version=version("botkit"),
            mode="dev" if instance.mode != "run" else "run",
            revision=config.revision,
            config_error=str(instance.configs.error or ""),
            bots=tuple(_bot(config, name, bot) for name, bot in config.bots.items() if bot.enabled),
            people=_people(config),
            channels=await self.channels(),
            servers=await self.servers(),
            warnings=tuple(self._warnings(config)),
            counts=await instance.store.records.counts(),
        )

    async def channels(self) -> tuple[ChannelInfo, ...]:
        """Channels with what waits to be delivered on them."""
        pending = await self._i.store.records.parts(state="pending", limit=1000)
        unknown = await self._i.store.records.parts(state="unknown", limit=1000)
        return tuple(
            msgspec.structs.replace(
                channel,
                parts_pending=sum(part.conversation.channel == channel.name for part in pending),
                parts_unknown=sum(part.conversation.channel == channel.name for part in unknown),
            )
            for channel in self._i.channels.health()
        )

    async def servers(self) -> tuple[ServerInfo, ...]:
        """Tool servers with the names of their tools."""
        names: defaultdict[str, list[str]] = defaultdict(list)
        config = self._i.configs.current
        everybody = Principal(kind="service", id="overview", roles=tuple(config.roles))
        for workspace in config.workspaces:
            for tool in await self._i.gateway.list_tools(workspace, everybody):
                if tool.name not in names[tool.server]:
                    names[tool.server].append(tool.name)
        return tuple(
            ServerInfo(
                name=server.name,
                state=server.state,
                detail="; ".join(filter(None, (server.error, *server.left_out, *server.needs_review))),
                tools=tuple(names[server.name]),
            )
            for server in self._i.gateway.status()
        )

    def _warnings(self, config: Config) -> list[str]:
        found = [str(problem) for problem in config.warnings]
        environment = self._i.environment
        if self._i.mode == "run" and environment.master_key is None:
            found.append(
                "The master key is a generated file beside the database. Set BOTKIT_MASTER_KEY, and keep a copy apart "
                "from the backups: who has both has every secret."
            )
        if not environment.public_url and any(getattr(c, "mode", "") == "webhook" for c in config.channels.values()):
            found.append("Webhooks need BOTKIT_PUBLIC_URL; without it those channels poll or stay off.")
        return found


def _bot(config: Config, name: str, bot: Bot) -> BotInfo:
    model = config.resolve_model(bot.model).model
    return BotInfo(
        name=name,
        title=bot.name or name,
        description=bot.description,
        model=model,
        workspace=bot.workspace,
        welcome=bot.welcome or "",
        examples=tuple(getattr(bot, "examples", ())),
        offline=model == "demo/offline",
    )


def _people(config: Config) -> tuple[PersonInfo, ...]:
    declared = [
        PersonInfo(name=name, title=person.name or name, roles=tuple(person.roles))
        for name, person in config.people.items()
    ]
    known = {person.name for person in declared}
    return (*(person for person in _ALWAYS if person.name not in known), *declared)
