"""A scripted model: the model port without a provider.

model = ScriptedModel(calls(("orders__get", {"order_id": "ORD-1"})), "It is on its way.")
model = ScriptedModel(respond=lambda request: request.messages[-1]["content"].upper())
"""

from __future__ import annotations

__all__ = ["ScriptedModel", "calls"]

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

from botkit.core.data import encode
from botkit.core.models import Escalation, ModelDelta, ModelReply, ModelRequest, RequestedCall, Usage

Answer = str | ModelReply | Exception
"""Text, a whole reply, or an error to raise."""

_PIECE = re.compile(r"\S+\s*|\s+")


def calls(*wanted: tuple[str, Mapping[str, object]], text: str = "") -> ModelReply:
    """A reply that asks for these tools."""
    requested = tuple(
        RequestedCall(id=f"call_{number}", name=name, arguments=encode(dict(arguments)).decode())
        for number, (name, arguments) in enumerate(wanted)
    )
    return ModelReply(text=text, calls=requested, finish="tool_calls")


class ScriptedModel:
    """Answers from a list, then from `respond`. Every request is kept in `requests`.

    Args:
        usage: billed for each answer that does not carry its own.
        gate: when given, each answer waits for it after its first piece of text.
        escalations: the stronger model behind a model.
    """

    def __init__(
        self,
        *answers: Answer,
        respond: Callable[[ModelRequest], Answer] | None = None,
        usage: Usage = Usage(input_tokens=10, output_tokens=5),  # noqa: B008 - a frozen record cannot be changed by one caller for another
        window_tokens: int = 128_000,
        gate: asyncio.Event | None = None,
        escalations: Mapping[str, Escalation] | None = None,
    ):
        self.requests: list[ModelRequest] = []
        self.closed_early = 0
        """Streams whose reader went away before the end."""
        self._answers = deque(answers)
        self._respond = respond
        self._usage = usage
        self._window_tokens = window_tokens
        self._gate = gate
        self.escalations = escalations or {}
        """The stronger model behind a model."""

    def window_tokens(self, model: str) -> int:
        return self._window_tokens

    def escalation(self, model: str) -> Escalation | None:
        return self.escalations.get(model)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        self.requests.append(request)
        reply = self._next(request)
        finished = False
        try:
            for number, piece in enumerate(_PIECE.findall(reply.text)):
                if number == 1 and self._gate is not None:
                    await self._gate.wait()
                yield ModelDelta(text=piece)
            if self._gate is not None:
                await self._gate.wait()
            finished = True
            yield reply
        finally:
            self.closed_early += not finished

    def _next(self, request: ModelRequest) -> ModelReply:
        if self._answers:
            answer = self._answers.popleft()
        elif self._respond is not None:
            answer = self._respond(request)
        else:
            raise AssertionError(f"the script has no answer left; the model was asked: {request.messages[-1]}")
        if isinstance(answer, Exception):
            raise answer
        reply = ModelReply(text=answer) if isinstance(answer, str) else answer
        if reply.usage == Usage():
            reply = msgspec.structs.replace(reply, usage=self._usage)
        return msgspec.structs.replace(reply, model=reply.model or request.model)
