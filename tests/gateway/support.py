"""A gateway with real server processes and everything else in memory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from botkit.core.clock import Clock
from botkit.core.identity import Verification
from botkit.core.ids import new_id
from botkit.core.stores import CatalogRow
from botkit.core.tools import CallRecord, Principal, ToolCall, ToolEvent
from botkit.gateway.fleet import Fleet
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.payloads import PayloadRecorder
from botkit.gateway.pipeline import Gateway
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.secrets import MemorySecrets, Vault
from botkit.gateway.settings import CommandSettings, GatewaySettings, WorkspaceSettings

SERVERS = Path(__file__).parent / "servers"
__all__ = ["ADMIN", "SERVERS", "Bench", "MemoryCatalog", "MemoryLog", "text_of", "until"]

ADMIN = Principal(id="ada", roles=("admin",))


def text_of(result: Any) -> str:
    """The text of a result's blocks."""
    return "\n".join(block.get("text", f"[{block['type']}]") for block in result.content["content"])


async def until(condition: Callable[[], object], patience_s: float = 45.0) -> None:
    """For what happens in other processes and in the file system, which nobody can await."""
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.01)


class MemoryCatalog:
    """Implements `botkit.core.stores.Catalog`."""

    def __init__(self) -> None:
        self.rows: dict[str, CatalogRow] = {}

    async def load(self) -> Sequence[CatalogRow]:
        return list(self.rows.values())

    async def save(self, row: CatalogRow) -> None:
        self.rows[row.server] = row


class MemoryLog:
    """Implements `botkit.core.stores.CallLog`."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []

    async def append(self, records: Sequence[CallRecord]) -> None:
        self.records += records


class Bench:
    """A gateway under test and everything it stands on."""

    def __init__(self, folder: Path, clock: Clock):
        self.folder = folder
        self.effects = folder / "effects"
        self.effects.touch()
        self.clock = clock
        self.redactor = SecretRedactor()
        self.secrets = MemorySecrets()
        self.keys = EnvironmentKeys("11" * 32)
        self.vault = Vault(self.secrets, self.keys, self.redactor, clock)
        self.catalog = MemoryCatalog()
        self.log = MemoryLog()
        self.servers_folder = folder / "servers"
        self.servers_folder.mkdir()
        self.fleet = Fleet(
            vault=self.vault,
            redactor=self.redactor,
            clock=clock,
            store=self.catalog,
            data_folder=folder / "data",
            servers_folder=self.servers_folder,
        )
        recorder = PayloadRecorder(self.keys, self.redactor)
        self.proved: list[Verification] = []
        """What people proved of themselves."""
        self.gateway = Gateway(
            self.fleet,
            redactor=self.redactor,
            clock=clock,
            call_log=self.log,
            recorder=recorder,
            verified=self._verified,
        )

    async def _verified(self, person_id: str) -> list[Verification]:
        return [one for one in self.proved if one.person_id == person_id]

    def raw(self, *options: str, name: str = "raw", **fields: Any) -> CommandSettings:
        """Settings of `servers/raw.py`, or of another file there."""
        env = {"EFFECTS": str(self.effects), **fields.pop("env", {})}
        file = fields.pop("file", "raw.py")
        argv = (sys.executable, str(SERVERS / file), *(f"--{option}" for option in options))
        return CommandSettings(name=name, argv=argv, env=env, **fields)

    async def start(self, *servers: Any, wait_s: float = 30.0, **workspace: Any) -> Gateway:
        """Start with these servers, all offered by the workspace `main`."""
        settings = GatewaySettings(servers=servers, workspaces={"main": WorkspaceSettings(servers=("*",), **workspace)})
        await self.gateway.start(settings)
        await self.gateway.ready(wait_s)
        return self.gateway

    def request(self, tool: str, principal: Principal = ADMIN, **fields: Any) -> ToolCall:
        """A call; fields that `ToolCall` does not have are the tool's arguments."""
        known = {key: fields.pop(key) for key in tuple(fields) if key in ToolCall.__struct_fields__}
        arguments = known.pop("arguments", fields)
        return ToolCall(
            id=new_id("call"), workspace=known.pop("workspace", "main"), tool=tool, arguments=arguments,
            principal=principal, **known,
        )  # fmt: skip

    async def events(self, tool: str, principal: Principal = ADMIN, **fields: Any) -> list[ToolEvent]:
        return [event async for event in self.gateway.call(self.request(tool, principal, **fields))]

    async def call(self, tool: str, principal: Principal = ADMIN, **fields: Any) -> Any:
        """The final event of a call, which is the only one not `Progress`."""
        return (await self.events(tool, principal, **fields))[-1]

    async def names(self, principal: Principal = ADMIN) -> list[str]:
        return [tool.name for tool in await self.gateway.list_tools("main", principal)]

    async def forget_parked_calls(self) -> None:
        """As after a restart of botkit."""
        await self.gateway._parking.stop()  # pyright: ignore[reportPrivateUsage]  # what a restart does

    @property
    def parked(self) -> int:
        """Calls that wait for an answer."""
        return len(self.gateway._parking)  # pyright: ignore[reportPrivateUsage]  # counted nowhere else

    def processes(self) -> int:
        """How many servers run now."""
        return len(self.fleet.pool._upstreams)  # pyright: ignore[reportPrivateUsage]  # counted nowhere else

    async def in_flight(self, count: int = 1) -> None:
        """Return once so many calls are with their servers."""
        upstreams = self.fleet.pool._upstreams  # pyright: ignore[reportPrivateUsage]  # counted nowhere else
        await until(lambda: sum(upstream.busy for upstream in upstreams.values()) >= count)
        await asyncio.sleep(0)

    def effect_lines(self) -> list[str]:
        return self.effects.read_text().splitlines()
