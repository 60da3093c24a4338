"""Functions of the project in a rehearsal: really run, in their own processes, without secrets."""

from __future__ import annotations

__all__ = ["CaseFunctions"]

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from botkit.app.gateway_settings import gateway_settings
from botkit.app.guests import spawn_guest
from botkit.core.config import Config
from botkit.core.data import encode, encode_text
from botkit.core.errors import ToolUnavailable
from botkit.core.functions import function_names
from botkit.core.guests import GuestProcess
from botkit.core.tools import FUNCTIONS
from botkit.gateway.functions import server
from botkit.gateway.functions.listing import files_of, plan

_PREFIX = f"{FUNCTIONS}__"


class CaseFunctions:
    """Calls functions through the server the gateway uses, which is started when the first one is called.

    Calls are answered one at a time. Secrets are not given: a function that needs one has its result in the case.
    """

    def __init__(self, config: Config):
        self._config = config
        self._names = {f"{_PREFIX}{name}" for name in function_names(config)}
        self._process: GuestProcess | None = None
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = b""
        self._turn = asyncio.Lock()
        self._calls = 0

    def __contains__(self, tool: str) -> bool:
        return tool in self._names

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result as MCP has it.

        Raises:
            ConfigError: a PEP 723 block is malformed.
            ToolUnavailable: the server cannot be started, or ended.
        """
        async with self._turn:
            process = await self._started()
            self._calls += 1
            params = {"name": tool.removeprefix(_PREFIX), "arguments": dict(arguments)}
            message = {"jsonrpc": "2.0", "id": self._calls, "method": "tools/call", "params": params}
            process.write(encode(message) + b"\n")
            while (line := await self._lines.get()) is not None:
                answer = msgspec.json.decode(line)
                if answer.get("id") == self._calls:
                    return answer["result"]
            self._process = None
            raise ToolUnavailable(f"the functions ended: {' '.join(process.tail)[-500:]}")

    async def close(self) -> None:
        if self._process is not None:
            await self._process.stop()

    async def _started(self) -> GuestProcess:
        if self._process is None or not self._process.alive:
            settings = gateway_settings(self._config).functions
            told, environment = plan(files_of(settings))
            env = {**environment, "BOTKIT_FUNCTIONS": encode_text(told)}
            self._lines, self._rest = asyncio.Queue(), b""
            argv = [sys.executable, "-I", str(Path(server.__file__))]
            self._process = await spawn_guest(argv, env=env)
            self._process.listen(self._feed, lambda: self._lines.put_nowait(None))
        return self._process

    def _feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.put_nowait(line)
