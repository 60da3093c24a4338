"""One model call of a run: read to its end, within its time, with the row that books it."""

from __future__ import annotations

__all__ = ["OutOfTime", "collect_reply", "usage_row"]

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from botkit.core.clock import Clock
from botkit.core.errors import ModelUnavailable
from botkit.core.ids import new_id
from botkit.core.journal import ModelCall, Run
from botkit.core.models import Model, ModelDelta, ModelReply, ModelRequest


class OutOfTime(ModelUnavailable):
    """The time of the call ended before the answer did."""


async def collect_reply(
    model: Model,
    clock: Clock,
    request: ModelRequest,
    *,
    feed: Callable[[ModelDelta], Awaitable[None]] | None = None,
) -> ModelReply:
    """The whole answer. Whatever ends it early closes the connection of the provider.

    Args:
        feed: given each piece of text as it comes.

    Raises:
        ModelError: no model answered.
        OutOfTime: not within `request.timeout_s`.
    """

    async def read() -> ModelReply:
        source: AsyncIterator[ModelDelta | ModelReply] = model.stream(request)
        try:
            async for item in source:
                if not isinstance(item, ModelDelta):
                    return item
                if feed is not None:
                    await feed(item)
        finally:
            if inspect.isasyncgen(source):
                await source.aclose()
        raise RuntimeError(f"the model port ended without a reply for {request.model}")

    started = clock.monotonic()
    task = asyncio.ensure_future(read())
    timer = asyncio.ensure_future(clock.sleep(request.timeout_s))
    try:
        await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise OutOfTime(f"{request.model} did not answer in {request.timeout_s:g} seconds")
        reply = task.result()
        if reply.latency_ms:
            return reply
        return msgspec.structs.replace(reply, latency_ms=(clock.monotonic() - started) * 1000)
    finally:
        timer.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))


def usage_row(
    run: Run,
    at: int,
    step: str,
    model: str,
    reply: ModelReply,
    *,
    workspace: str,
    bot: str,
    code: str = "",
) -> ModelCall:
    """What a call is booked as.

    Args:
        model: the one that was asked; it counts where no other one answered.
    """
    return ModelCall(
        id=new_id("mc"),
        at=at,
        run_id=run.id,
        step=step,
        trace_id=run.trace_id,
        bot=bot,
        channel=run.channel,
        workspace=workspace,
        person_id=run.person_id,
        model=reply.model or model,
        usage=reply.usage,
        latency_ms=reply.latency_ms,
        attempts=reply.attempts,
        finish=reply.finish,
        code=code,
        reused=reply.reused,
    )
