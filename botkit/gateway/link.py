"""What an upstream supervises: a way to a server, be it a process or an address."""

from __future__ import annotations

__all__ = ["Link", "LinkHooks", "ProcessLink"]

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botkit.core.clock import Clock
from botkit.core.errors import ToolUnavailable
from botkit.gateway.process import Command, Process, spawn
from botkit.gateway.session import CAPABILITIES, Era, Manner, Session, open_session
from botkit.gateway.wire import Peer


class Link(Protocol):
    """One life of a connection. `open` once, then `bury` after it ended by itself, or `stop` to end it."""

    @property
    def stateful(self) -> bool:
        """Whether the server keeps something for whoever uses this connection, so that it may not be shared."""
        ...

    @property
    def pid(self) -> int:
        """0 for what is no process of ours."""
        ...

    @property
    def alive(self) -> bool: ...

    async def open(self, era: Era | None, timeout_s: float) -> Session:
        """Say hello.

        Raises:
            ToolUnavailable: the server did not answer, or not as one should; `stop` it.
        """
        ...

    async def bury(self) -> str:
        """After the end: why it ended, as half a sentence. What is on its way may still be answered."""
        ...

    async def stop(self) -> None:
        """End it and everything it holds. Safe to repeat."""
        ...


@dataclass(frozen=True, slots=True)
class LinkHooks:
    """What a link tells its upstream."""

    clock: Clock
    on_line: Callable[[str], None]
    """A line for the log, from the server."""
    on_report: Callable[[str], None]
    """One sentence about something odd the server did."""
    on_closed: Callable[[], None]
    """It can answer no more."""
    manner: Manner | None = None
    """As whom to present ourselves; None: as botkit."""

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What a handshake server is told that it can ask for."""
        return self.manner.capabilities if self.manner is not None else CAPABILITIES


class ProcessLink:
    """A server below us, spoken to over its standard input and output."""

    stateful = False  # one process serves everybody with the same credentials

    def __init__(self, process: Process, hooks: LinkHooks, name: str):
        self._process = process
        self._hooks = hooks
        self._name = name
        self._peer = Peer(process.write, on_report=hooks.on_report)
        process.listen(self._peer.feed, self._closed)

    @classmethod
    async def start(cls, command: Command, hooks: LinkHooks, name: str) -> ProcessLink:
        """Raises `ToolUnavailable` when the program cannot be started."""
        return cls(await spawn(command, hooks.on_line), hooks, name)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.alive

    async def open(self, era: Era | None, timeout_s: float) -> Session:
        try:
            return await open_session(self._peer, era=era, timeout_s=timeout_s, capabilities=self._hooks.capabilities)
        except ToolUnavailable as error:
            if not self._process.alive:
                await asyncio.wait([self._process.exited], timeout=1)  # its last words may still be under way
            raise ToolUnavailable(self._explained(str(error))) from error

    async def bury(self) -> str:
        return self._explained(f"it ended with status {await self._process.stop()}")

    async def stop(self) -> None:
        self._process.forget()
        self._peer.close(f"The server {self._name} ended.")
        await self._process.stop()

    def _closed(self) -> None:
        self._peer.close(f"The server {self._name} ended.")
        self._hooks.on_closed()

    def _explained(self, reason: str) -> str:
        """The reason, with the last words of the server where it left some."""
        tail = self._process.tail
        return f"{reason.rstrip('.')}. Its last words: {tail[-1]}" if tail else reason
