"""The live view: what is happening right now, for people who watch. Ephemeral by design; facts are in the journal."""

from __future__ import annotations

__all__ = ["Live", "LiveEvent", "LiveHub", "LiveKind"]

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

from botkit.core.data import Data

LiveKind = Literal[
    "accepted",
    "status",
    "route",
    "delta",
    "reset",
    "model",
    "tool_call",
    "tool_result",
    "progress",
    "node",
    "part",
    "wait",
    "done",
]


class LiveEvent(Data):
    kind: LiveKind
    conversation: str
    """Conversation key."""
    run_id: str = ""
    text: str = ""
    """`delta`: the new piece; `status`: what is being done; `part`: a delivered message."""
    data: dict[str, Any] = {}
    """`tool_call`: {"call_id", "tool", "arguments"}; `tool_result`: {"call_id", "tool", "ok", "text", "duration_ms"};
    `model`: {"model", "usage", "latency_ms"}; `node`, one of a workflow finished: {"path", "node", "type", "handle",
    "ms", "error"}; `wait`: the question; `done`: {"state", "usage"}."""


class Live(Protocol):
    """The publishing side. Never blocks, never raises, costs nothing when nobody watches."""

    def publish(self, event: LiveEvent) -> None: ...

    def watched(self, conversation: str) -> bool: ...


class LiveHub:
    """Live view within one process: watchers of a conversation, or of everything (`""`)."""

    def __init__(self, *, backlog: int = 10_000):
        self._backlog = backlog
        self._queues: defaultdict[str, set[asyncio.Queue[LiveEvent]]] = defaultdict(set)

    def watched(self, conversation: str) -> bool:
        return bool(self._queues) and (conversation in self._queues or "" in self._queues)

    def publish(self, event: LiveEvent) -> None:
        if not self._queues:
            return
        for key in (event.conversation, ""):
            for queue in tuple(self._queues.get(key, ())):
                if queue.qsize() < self._backlog:  # a watcher that stopped reading loses events, not our memory
                    queue.put_nowait(event)

    @asynccontextmanager
    async def watch(self, conversation: str = "") -> AsyncGenerator[asyncio.Queue[LiveEvent]]:
        """A queue that receives every event from now on; ended by leaving the block."""
        queue: asyncio.Queue[LiveEvent] = asyncio.Queue()
        self._queues[conversation].add(queue)
        try:
            yield queue
        finally:
            watchers = self._queues[conversation]
            watchers.discard(queue)
            if not watchers:
                del self._queues[conversation]
