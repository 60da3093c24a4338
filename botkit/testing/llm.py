"""A model provider on a loopback port: OpenAI, Anthropic and Gemini, scripted and strict.

    async with FakeLLM() as llm:
        llm.say("Hello!")
        llm.call("orders__lookup", order_id="ORD-1042")
        llm.fail(429, retry_after_s=2)
        ...                       # talk to llm.openai_url, llm.anthropic_url or llm.gemini_url
        assert llm.requests[0].body["messages"][0]["role"] == "system"

Each request takes the next step of the script, whatever format it speaks. A request that the real
provider would refuse gets that provider's 400 and leaves the script where it was, so a test cannot
share a mistaken idea of a format with the code it tests.
"""

from __future__ import annotations

__all__ = [
    "Call",
    "Cut",
    "FakeLLM",
    "Garbage",
    "Hang",
    "MidStreamError",
    "Reply",
    "Request",
    "Status",
    "Step",
    "Trouble",
    "Usage",
]

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from botkit.testing.llm_servers.anthropic_wire import AnthropicWire
from botkit.testing.llm_servers.audio_wire import AudioDesk
from botkit.testing.llm_servers.embedding_wire import EmbeddingDesk
from botkit.testing.llm_servers.gemini_wire import GeminiWire
from botkit.testing.llm_servers.openai_wire import OpenAIWire
from botkit.testing.llm_servers.script import (
    Call,
    Cut,
    Garbage,
    Hang,
    MidStreamError,
    Reply,
    Status,
    Step,
    Trouble,
    Usage,
)
from botkit.testing.llm_servers.serving import LoopbackServer, ScriptedResponse
from botkit.testing.llm_servers.wire import Request, Wire

Script = Callable[[Request], Step]
"""Decides the answer from the request: for tests that react instead of listing replies."""


class FakeLLM:
    """The three providers behind one script.

    Args:
        script: answers requests once the queue is empty. Without it an unexpected request gets 500
            and is listed in `unexpected`.
    """

    def __init__(self, script: Script | None = None):
        self.requests: list[Request] = []
        """Every request in order of arrival, the refused ones included."""
        self.unexpected: list[Request] = []
        self._script = script
        self._steps: deque[Step] = deque()
        self._arrived = asyncio.Condition()
        self._closing = asyncio.Event()
        self._stack = AsyncExitStack()
        self._audio = AudioDesk(self._note)
        self.embeddings = EmbeddingDesk(self._note)
        """Answers `/v1/embeddings` without a script."""
        openai, anthropic, gemini = OpenAIWire(), AnthropicWire(), GeminiWire()
        routes = [
            Route("/openai/v1/chat/completions", _endpoint(self, openai, "/openai"), methods=["POST"]),
            Route("/openai/v1/audio/transcriptions", self._audio.transcribe, methods=["POST"]),
            Route("/openai/v1/embeddings", self.embeddings.embed, methods=["POST"]),
            Route("/openai/v1/audio/speech", self._audio.speak, methods=["POST"]),
            Route("/anthropic/v1/messages", _endpoint(self, anthropic, "/anthropic"), methods=["POST"]),
            Route("/gemini/{path:path}", _endpoint(self, gemini, "/gemini"), methods=["POST"]),
        ]
        self._server = LoopbackServer(Starlette(routes=routes))
        self.url = f"http://127.0.0.1:{self._server.port}"

    @property
    def openai_url(self) -> str:
        """Base URL as the OpenAI SDK wants it."""
        return f"{self.url}/openai/v1"

    @property
    def anthropic_url(self) -> str:
        """Base URL as the Anthropic SDK wants it."""
        return f"{self.url}/anthropic"

    @property
    def gemini_url(self) -> str:
        """Base URL including the API version."""
        return f"{self.url}/gemini/v1beta"

    def queue(self, *steps: Step) -> FakeLLM:
        """Append answers to the script."""
        self._steps.extend(steps)
        return self

    def say(self, text: str, *, usage: Usage | None = None, trouble: Trouble | None = None) -> FakeLLM:
        return self.queue(Reply(text, usage=usage, trouble=trouble))

    def call(self, name: str, /, **arguments: object) -> FakeLLM:
        """Ask for one tool call."""
        return self.queue(Reply(calls=(Call(name, arguments),)))

    def fail(self, code: int, *, retry_after_s: float | None = None, message: str = "") -> FakeLLM:
        return self.queue(Status(code, retry_after_s, message))

    def hears(self, *words: str | Status) -> FakeLLM:
        """What the next recordings say, or how their transcription fails. Without: what `demo/offline` spoke."""
        self._audio.heard.extend(words)
        return self

    def speaks(self, *sounds: bytes | Status) -> FakeLLM:
        """What comes of the next texts to be spoken. Without: silence that carries the words."""
        self._audio.spoken.extend(sounds)
        return self

    def _note(self, request: Request) -> None:
        self.requests.append(request)
        request.number = len(self.requests)

    async def wait_for_request(self, number: int) -> Request:
        """Wait until `number` requests have arrived and return that one (counted from 1)."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= number)
        return self.requests[number - 1]

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._server)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._stack.aclose()

    async def answer(self, wire: Wire, request: Request) -> ScriptedResponse:
        """Judge one request and take the next step of the script for it."""
        refusal = wire.check(request)
        request.refusal = refusal.message if refusal else ""
        async with self._arrived:
            self.requests.append(request)
            request.number = len(self.requests)
            self._arrived.notify_all()
        if refusal is not None:
            return _refuse(wire, request, Status(refusal.status, message=refusal.message))
        step = self._next(request)
        if isinstance(step, Status):
            return _refuse(wire, request, step)
        error_frame = wire.render_error_frame(
            step.trouble.message if isinstance(step.trouble, MidStreamError) else "Overloaded"
        )
        if request.streamed:
            frames = wire.render_frames(step, request)
            return ScriptedResponse.of_events(
                request, frames, trouble=step.trouble, error_frame=error_frame, closing=self._closing
            )
        body = wire.render(step, request)
        return ScriptedResponse.of_json(
            request, 200, body, trouble=step.trouble, error_frame=error_frame, closing=self._closing
        )

    def _next(self, request: Request) -> Step:
        if self._steps:
            return self._steps.popleft()
        if self._script is not None:
            return self._script(request)
        self.unexpected.append(request)
        return Status(500, message="FakeLLM has no answer left in its script for this request.")


def _refuse(wire: Wire, request: Request, step: Status) -> ScriptedResponse:
    headers = [] if step.retry_after_s is None else [("retry-after", f"{step.retry_after_s:g}")]
    body = wire.render_error(step.code, step.message, step.retry_after_s)
    return ScriptedResponse.of_json(request, step.code, body, headers=headers)


def _endpoint(llm: FakeLLM, wire: Wire, prefix: str) -> Callable[[HttpRequest], object]:
    async def endpoint(http: HttpRequest) -> Response | ScriptedResponse:
        raw = await http.body()
        path = http.url.path.removeprefix(prefix)
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        client = http.client
        request = Request(
            wire.name,
            path,
            dict(http.headers),
            dict(http.query_params),
            body or {},
            raw,
            (client.host, client.port) if client is not None else ("", 0),
        )
        if not isinstance(body, dict):
            request.refusal = "We could not parse the JSON body of your request."
            llm.requests.append(request)
            return _refuse(wire, request, Status(400, message=request.refusal))
        return await llm.answer(wire, request)

    return endpoint
