"""At most `settings.max_parallel_model_calls` calls of one model at once; the others wait, first come first."""

from __future__ import annotations

__all__ = ["ModelGate"]

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import cast

from botkit.agents.models import Models
from botkit.core.embeddings import EmbeddingReply, EmbeddingRequest
from botkit.core.models import Escalation, ModelDelta, ModelReply, ModelRequest


class _Queue:
    """Places for one model."""

    def __init__(self) -> None:
        self.busy = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class ModelGate:
    """Implements the model port before `Models`.

    Args:
        limit: read whenever a place is taken or given back, so that a reload takes effect.
    """

    def __init__(self, models: Models, limit: Callable[[], int]):
        self._models = models
        self._limit = limit
        self._queues: dict[str, _Queue] = {}

    def window_tokens(self, model: str) -> int:
        return self._models.window_tokens(model)

    def escalation(self, model: str) -> Escalation | None:
        return self._models.escalation(model)

    @property
    def waiting(self) -> int:
        """Calls that wait for a place now."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        async with self.place(self._models.spec(request.model).model):
            stream = cast("AsyncGenerator[ModelDelta | ModelReply]", self._models.stream(request))
            async with aclosing(stream) as items:  # a stopped answer closes the provider's connection at once
                async for item in items:
                    yield item

    def identity(self, model: str) -> str:
        return self._models.identity(model)

    async def embed(self, request: EmbeddingRequest) -> EmbeddingReply:
        async with self.place(self._models.spec(request.model).model):
            return await self._models.embed(request)

    @asynccontextmanager
    async def place(self, model: str) -> AsyncGenerator[None]:
        """A place for one call of a model, by LiteLLM's name."""
        queue = self._queues.setdefault(model, _Queue())
        await self._enter(queue)
        try:
            yield
        finally:
            queue.busy -= 1
            self._let_in(queue)
            if not queue.busy and not queue.waiting:
                self._queues.pop(model, None)

    async def _enter(self, queue: _Queue) -> None:
        if queue.busy < self._limit() and not queue.waiting:
            queue.busy += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and cut off at the same moment
                queue.busy -= 1
                self._let_in(queue)
            else:
                queue.waiting.remove(turn)
            raise

    def _let_in(self, queue: _Queue) -> None:
        while queue.waiting and queue.busy < self._limit():
            turn = queue.waiting.popleft()
            if not turn.done():
                queue.busy += 1
                turn.set_result(None)
