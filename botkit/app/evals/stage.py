"""The stage of evaluations: the models, tools and requests of an instance that is only tried, and who asked for them.

Every conversation on it is a try of a case (`Try`). Model calls are counted for it, recorded or played; calls of tools
are answered by its mocks, refused when they may change something, or made.
"""

from __future__ import annotations

__all__ = ["CalledTool", "ModelUse", "Stage", "StagePlatforms", "Try"]

import asyncio
import fnmatch
import mimetypes
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from botkit.app.channels import Platforms
from botkit.app.evals.cassette import Cassette, Stale
from botkit.app.names import SANDBOX
from botkit.app.rehearsal.mocks import CaseTools
from botkit.core.data import Data
from botkit.core.errors import NotFound
from botkit.core.events import Attachment, Conversation
from botkit.core.live import LiveEvent
from botkit.core.models import Escalation, Model, ModelDelta, ModelReply, ModelRequest, Usage
from botkit.core.outbound import HttpPort, HttpReply, HttpRequest, HttpUnsent
from botkit.core.own_tools import OWN_SERVERS
from botkit.core.redact import NoRedaction, Redactor
from botkit.core.tools import Result, Tool, ToolCall
from botkit.sdk import Adapter

Mode = Literal["", "record", "play"]
_READS = ("GET", "HEAD", "OPTIONS")
_CHUNK_BYTES = 65_536


class CalledTool(Data, omit_defaults=False):
    """One call of a tool that was allowed."""

    tool: str
    arguments: dict[str, Any] = {}
    how: Literal["called", "mocked", "refused"] = "called"
    """`refused`: it may change something, and the case has no result for it."""


class ModelUse(Data):
    """One model call."""

    usage: Usage
    latency_ms: float = 0.0


@dataclass
class Try:
    """One try of a case, while it lasts."""

    case: str
    number: int
    """Of the try, from 1."""
    room: str
    """In the sandbox: its conversation."""
    mocks: Mapping[str, Any]
    """Tool or pattern → its result."""
    cassette: Cassette | None = None
    mode: Mode = ""
    writes: bool = False
    only_mocks: bool = False
    calls: list[CalledTool] = field(default_factory=list[CalledTool])
    models: list[ModelUse] = field(default_factory=list[ModelUse])
    beside: list[ModelUse] = field(default_factory=list[ModelUse])
    """Calls for judges and played people: not the bot's."""
    stale: list[str] = field(default_factory=list[str])
    _tools: dict[str, CaseTools] = field(default_factory=dict[str, CaseTools])

    @property
    def key(self) -> str:
        """Of its conversation."""
        return Conversation(channel=SANDBOX, room=self.room).key

    def recorded(self, call: ToolCall) -> dict[str, Any] | None:
        """The MCP result that was recorded for a call; None: there is none."""
        return None

    def mock(self, tool: str) -> tuple[str, CaseTools] | None:
        """What answers for a tool, and as which one: that of its own name, else of the first pattern that fits."""
        name = tool if tool in self.mocks else next((one for one in self.mocks if fnmatch.fnmatchcase(tool, one)), "")
        if not name:
            return None
        if name not in self._tools:
            self._tools[name] = CaseTools({name: self.mocks[name]})
        return name, self._tools[name]


class Stage:
    """Knows every try by its conversation, its runs and their traces.

    Attributes:
        events: everything that happens on the instance; set once it runs.
        redactor: of the instance; set once it runs.
    """

    def __init__(self) -> None:
        self.events: asyncio.Queue[LiveEvent] | None = None
        self.redactor: Redactor = NoRedaction()
        self.writes = False
        """Requests of workflows that may change something are sent."""
        self._by_key: dict[str, Try] = {}
        self._by_run: dict[str, Try] = {}
        self._real: Model | None = None

    def enter(self, one: Try) -> None:
        """A try begins. Its conversation is nobody else's."""
        self._by_key[one.key] = one
        self._by_run[one.key] = one  # what is asked beside the conversation carries its key as the trace

    def leave(self, one: Try) -> None:
        self._by_key.pop(one.key, None)
        for name in [name for name, owner in self._by_run.items() if owner is one]:
            del self._by_run[name]

    # ── models ───────────────────────────────────────────────────────────────────────────────────────────

    def model(self, real: Model) -> Model:
        """The models of the instance, as the stage has them."""
        self._real = real
        return _StagedModel(self, real)

    async def ask(self, one: Try, request: ModelRequest, *, beside: bool = True) -> AsyncIterator[Any]:
        """A model call of a try: played, or made and recorded, and counted.

        Raises:
            ModelError: as the model port; `Stale` where nothing fitting was recorded.
        """
        book = one.beside if beside else one.models
        if one.mode == "play" and one.cassette is not None:
            try:
                reply = one.cassette.play(one.case, one.number, request)
            except Stale as error:
                one.stale.append(str(error))
                raise
            book.append(ModelUse(usage=reply.usage, latency_ms=reply.latency_ms))
            if reply.text:
                yield ModelDelta(text=reply.text)
            yield reply
            return
        assert self._real is not None, "an instance runs on the stage"
        async for item in self._real.stream(request):
            if isinstance(item, ModelReply):
                book.append(ModelUse(usage=item.usage, latency_ms=item.latency_ms))
                if one.mode == "record" and one.cassette is not None:
                    one.cassette.record(one.case, one.number, request, item, self.redactor.text)
            yield item

    def try_of(self, trace_id: str, run_id: str = "") -> Try | None:
        """Whose call it is."""
        while self.events is not None and not self.events.empty():
            event = self.events.get_nowait()
            if event.kind == "status" and (found := self._by_key.get(event.conversation)) is not None:
                self._by_run[event.run_id] = found
                self._by_run[str(event.data.get("trace_id") or event.run_id)] = found
        return self._by_run.get(trace_id) or self._by_run.get(run_id)

    # ── tools ────────────────────────────────────────────────────────────────────────────────────────────

    async def stand_in(self, call: ToolCall, tool: Tool) -> dict[str, Any] | None:
        """Answers a call that was allowed, and approved where it has to be; None: the server answers it."""
        one = self.try_of(call.trace_id, call.run_id)
        if call.method != "tools/call":
            return None
        harmless = tool.tool_class == "read-only" or tool.server in OWN_SERVERS
        if one is None:  # of a run that no case began
            return None if harmless or self.writes else _not_called(call)
        if (given := one.recorded(call)) is not None:
            one.calls.append(CalledTool(tool=call.tool, arguments=call.arguments, how="mocked"))
            return given
        if (mock := one.mock(call.tool)) is not None:
            one.calls.append(CalledTool(tool=call.tool, arguments=call.arguments, how="mocked"))
            async for event in mock[1].call(msgspec.structs.replace(call, tool=mock[0])):
                if isinstance(event, Result):
                    return event.content
        if (harmless and not one.only_mocks) or one.writes:
            one.calls.append(CalledTool(tool=call.tool, arguments=call.arguments))
            return None
        one.calls.append(CalledTool(tool=call.tool, arguments=call.arguments, how="refused"))
        return _not_called(call)

    def http(self, real: HttpPort) -> HttpPort:
        """The client of workflows, as the stage has it."""
        return _StagedHttp(self, real)


def _not_called(call: ToolCall) -> dict[str, Any]:
    text = f"{call.tool} is not called while something is only tried."
    return {"content": [{"type": "text", "text": text}], "isError": True}


class _StagedModel:
    """Implements `Model`."""

    def __init__(self, stage: Stage, real: Model):
        self._stage = stage
        self._real = real

    def window_tokens(self, model: str) -> int:
        return self._real.window_tokens(model)

    def escalation(self, model: str) -> Escalation | None:
        return self._real.escalation(model)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        one = self._stage.try_of(request.trace_id)
        asked = self._real.stream(request) if one is None else self._stage.ask(one, request, beside=False)
        async for item in asked:
            yield item


class _StagedHttp:
    """Implements `HttpPort`: reads are real, everything else is not sent."""

    def __init__(self, stage: Stage, real: HttpPort):
        self._stage = stage
        self._real = real

    async def send(self, request: HttpRequest, *, workspace: str = "") -> HttpReply:
        if request.method.upper() in _READS or self._stage.writes:
            return await self._real.send(request, workspace=workspace)
        raise HttpUnsent(f"a {request.method.upper()} is not sent while something is only tried", code="not_sent")


class StagePlatforms(Platforms):
    """The sandbox, whose people send files of the project."""

    def __init__(self, root: Path):
        super().__init__()
        self._root = root

    def attachment(self, path: str) -> Attachment:
        """A file as it comes with a message. Raises `NotFound`."""
        file = self._root / path
        if not file.is_file():
            raise NotFound(f"there is no file {path}")
        mime = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        family = mime.partition("/")[0]
        kind = family if family in ("image", "audio", "video") else "file"
        return msgspec.convert(
            {"kind": kind, "name": file.name, "mime": mime, "size_bytes": file.stat().st_size, "remote": path},
            Attachment,
        )

    def load(self, platform: str) -> type[Adapter]:
        found, root = super().load(platform), self._root
        if platform != SANDBOX:
            return found

        async def fetch(self: Adapter, attachment: Attachment) -> AsyncGenerator[bytes]:
            data = await asyncio.to_thread((root / attachment.remote).read_bytes)
            for start in range(0, len(data), _CHUNK_BYTES):
                yield data[start : start + _CHUNK_BYTES]

        return type("StageSandbox", (found,), {"fetch": fetch})
