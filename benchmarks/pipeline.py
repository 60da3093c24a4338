"""CPU time of one in-process tool call through the gateway, without its server and without the commit.

    python -m benchmarks.pipeline [CALLS]

Everything of ours runs as in production: rights, limits, argument check, JSON-RPC encoding and decoding, bounds,
redaction, the call record. In the server's place stands a loop that answers each request with prepared bytes.
"""

from __future__ import annotations

__all__ = ["Row", "figures", "measure"]

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from benchmarks.figures import Figure
from botkit.core.clock import SystemClock
from botkit.core.stores import CatalogRow
from botkit.core.tools import Principal, Result, ToolCall
from botkit.gateway.fleet import Fleet
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.pipeline import Gateway
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.secrets import MemorySecrets, Vault
from botkit.gateway.session import Session
from botkit.gateway.settings import (
    BotRules,
    CommandSettings,
    GatewaySettings,
    Review,
    ToolFilter,
    WorkspaceSettings,
)
from botkit.gateway.upstream import Lease, Upstream
from botkit.gateway.wire import Peer

_TOOLS = 30
_ROUNDS = 5
_ID = re.compile(rb'"id":(\d+)')


@dataclass(frozen=True)
class Row:
    """One measurement."""

    name: str
    cpu_ms: float
    """Of one call: the mean of the quietest round, since other programs slow ours down through shared caches."""
    must_ms: float | None = 0.3
    """None: shown for comparison, without a budget."""
    aim_ms: float | None = 0.2


class _Catalog:
    """A catalogue that was seen before, so that no server need be asked."""

    async def load(self) -> Sequence[CatalogRow]:
        schema = {
            "type": "object",
            "properties": {
                "order_id": {"type": "string", "pattern": "^A-[0-9]{3,8}$"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 100},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["order_id"],
        }
        tools = tuple({"name": f"tool_{n}", "description": "A tool.", "inputSchema": schema} for n in range(_TOOLS))
        return [CatalogRow(server="shop", tools=tools, refreshed_at=1)]

    async def save(self, row: CatalogRow) -> None:
        return None


class _Loop:
    """An upstream that answers at once, with the same bytes but for the id."""

    def __init__(self, text: str):
        result = {"content": [{"type": "text", "text": text}], "structuredContent": {"total": 1}, "isError": False}
        self._answer = b',"result":' + msgspec.json.encode(result) + b"}\n"
        self._peer = Peer(self._write)
        self._slots = asyncio.Semaphore(1)
        self._session = Session(self._peer, "modern", "2026-07-28", {"capabilities": {"tools": {}}})

    def _write(self, raw: bytes) -> None:
        found = _ID.search(raw)
        assert found is not None
        self._peer.feed(b'{"jsonrpc":"2.0","id":' + found[1] + self._answer)

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[Lease]:
        lease = Lease(self._slots)
        await self._slots.acquire()
        lease.session = self._session
        yield lease
        lease.let_go()


async def measure(calls: int = 3000) -> list[Row]:
    """Run each case and return its CPU time."""
    short, long = "Order A-1001: delivered on Friday. " * 8, "A line of a long report, as tools write them.\n" * 440
    cases = [
        ("a call, 300 bytes back", short, 0, 0.3, 0.2),
        ("a call, 300 bytes back, 10 live secrets", short, 10, 0.3, 0.2),
        ("a call, 20 KB back, 10 live secrets", long, 10, None, None),
    ]
    return [
        Row(name, await _case(text, secrets, calls), must_ms, aim_ms) for name, text, secrets, must_ms, aim_ms in cases
    ]


async def _case(text: str, secrets: int, calls: int) -> float:
    clock = SystemClock()
    redactor = SecretRedactor(f"sk-live-{number:04}-{'x9' * 14}" for number in range(secrets))
    vault = Vault(MemorySecrets(), EnvironmentKeys("11" * 32), redactor, clock)
    with tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(vault=vault, redactor=redactor, clock=clock, store=_Catalog(), data_folder=Path(folder))
        gateway = Gateway(fleet, redactor=redactor, clock=clock)
        await fleet.catalogue.load()
        gateway.apply(_settings())
        loop = _Loop(text)

        async def upstream(server: object, scopes: object, **more: object) -> Upstream:
            return cast("Upstream", loop)

        fleet.pool.upstream = upstream  # type: ignore[method-assign]  # the server's side is not measured
        await _run(gateway, 200)
        spent: list[float] = []
        for _ in range(_ROUNDS):
            begun = time.process_time()
            await _run(gateway, calls // _ROUNDS)
            spent.append((time.process_time() - begun) / (calls // _ROUNDS))
        await gateway.stop()
    return min(spent) * 1000


async def _run(gateway: Gateway, calls: int) -> None:
    principal = Principal(id="ada", roles=("member", "support"), bot="desk")
    for number in range(calls):
        call = ToolCall(
            id=f"call_{number}",
            workspace="desk",
            tool=f"shop__tool_{number % _TOOLS}",
            arguments={"order_id": "A-1001", "limit": 20, "tags": ["late", "vip"]},
            principal=principal,
            run_id="run_1",
            step=f"turn/{number}",
            idempotency_key=f"run_1/turn/{number}",
        )
        last: Any = None
        async for event in gateway.call(call):
            last = event
        assert isinstance(last, Result)
        assert last.record.status == "ok", last


def _settings() -> GatewaySettings:
    reviews = {
        "shop__tool_1*": Review(tool_class="write"),
        "shop__*": Review(tool_class="read-only"),
        "shop__tool_7": Review(idempotent=True),
    }
    desk = WorkspaceSettings(servers=("*",), reviews=reviews, calls_per_minute_each=10**9, calls_per_minute=10**9)
    return GatewaySettings(
        servers=(CommandSettings(name="shop", argv=("true",)),),
        workspaces={"desk": desk},
        bots={"desk": BotRules(workspace="desk", tools=ToolFilter(deny=("*__admin_*",)))},
    )


def figures() -> list[Figure]:
    """One call, without its commit and its server."""
    return [
        Figure(
            what=f"CPU of an in-process tool call through the gateway: {row.name}",
            must="" if row.must_ms is None else f"≤ {row.must_ms} ms",
            aim="" if row.aim_ms is None else f"{row.aim_ms} ms",
            measured=f"{row.cpu_ms:.2f} ms",
            ok=None if row.must_ms is None else row.cpu_ms <= row.must_ms,
        )
        for row in asyncio.run(measure())
    ]


def main() -> None:
    """Print a table."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    for row in asyncio.run(measure(calls)):
        line = f"{row.name:45} {row.cpu_ms:7.3f} ms CPU"
        if row.must_ms is not None:
            line += f"   must {row.must_ms}, aim {row.aim_ms}   {'ok' if row.cpu_ms <= row.must_ms else 'TOO SLOW'}"
        print(line)


if __name__ == "__main__":
    main()
