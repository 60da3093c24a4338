"""What a turn needs around it: a journal in memory, tools that count their effects, and a way to replay."""

from __future__ import annotations

__all__ = ["Behaviour", "Bench", "FakeTools", "Sink", "a_task", "a_tool", "row"]

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from botkit.agents.loop import AgentLoop, LoopSettings
from botkit.core.agent import AgentOutcome, AgentTask
from botkit.core.budgets import Spending
from botkit.core.journal import (
    AddUsage,
    Claim,
    Committed,
    Intent,
    Journal,
    LogCall,
    ModelCall,
    OpenRun,
    OpenWait,
    Run,
    Step,
    StepDone,
    TranscriptRow,
    Wait,
    Write,
)
from botkit.core.live import LiveHub
from botkit.core.models import Model
from botkit.core.tools import (
    CallRecord,
    CallStatus,
    NeedsApproval,
    NeedsInput,
    Principal,
    Progress,
    Result,
    Tool,
    ToolCall,
    ToolClass,
    ToolEvent,
    arguments_digest,
)
from botkit.runs.context import Paused, RunContext, Stopped
from botkit.testing.clock import ManualClock

ADA = Principal(id="per_ada", roles=("member",), bot="desk")
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

Behaviour = Callable[[dict[str, Any]], str | Exception | ToolEvent]


def a_tool(
    name: str,
    description: str = "",
    *,
    tool_class: ToolClass = "read-only",
    approve: bool = False,
    required: Sequence[str] = (),
    **properties: Any,
) -> Tool:
    """A tool `server__name`; keyword arguments are its properties, a bare type name or a whole schema."""
    schemas = {key: {"type": value} if isinstance(value, str) else value for key, value in properties.items()}
    server, _, upstream = name.partition("__")
    definition = {
        "name": name,
        "description": description,
        "inputSchema": {"type": "object", "properties": schemas, "required": list(required)},
    }
    return Tool(
        name=name,
        server=server,
        upstream_name=upstream,
        definition=definition,
        tool_class=tool_class,
        approve=approve,
    )


def a_task(text: str = "Hello", **more: Any) -> AgentTask:
    values: dict[str, Any] = {
        "bot": "desk",
        "prompt": "You are the desk.",
        "model": "scripted",
        "workspace": "shop",
        "principal": ADA,
        "text": text,
        "person_name": "Ada",
        "now": NOW,
        **more,
    }
    return AgentTask(**values)


def row(role: Any, text: str, seq: int = 0, **data: Any) -> TranscriptRow:
    return TranscriptRow(session_id="ses_1", role=role, text=text, at=seq, seq=seq, data=data)


class FakeTools:
    """A tool port. `behaviours` decide what a tool does; `effects` is what really happened, in order."""

    def __init__(self, *tools: Tool, **behaviours: Behaviour):
        self.tools = list(tools)
        self.behaviours = behaviours
        self.effects: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[ToolCall] = []

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> Sequence[Tool]:
        return self.tools

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.name == name), None)

    async def call(self, call: ToolCall) -> AsyncIterator[ToolEvent]:
        self.requests.append(call)
        tool = await self.find_tool(call.workspace, call.principal, call.tool)
        if tool is None:
            yield self.result(call, f"Unknown tool {call.tool}.", status="denied", sent=False)
            return
        digest = arguments_digest(call.tool, call.arguments)
        if tool.approve and call.approval != digest:
            yield NeedsApproval(
                tool=call.tool,
                server=tool.server,
                arguments=call.arguments,
                digest=digest,
                record=self.record(call, "waiting"),
            )
            return
        yield Progress(message="working", progress=1, total=2)
        given = {**call.arguments, **({"answers": call.answers} if call.answers is not None else {})}
        answer = self.behaviours.get(tool.upstream_name, lambda arguments: f"{tool.upstream_name} done")(given)
        if isinstance(answer, Exception):
            yield self.result(call, str(answer), status="error")
            return
        if isinstance(answer, str):
            self.effects.append((call.tool, call.arguments))
            yield self.result(call, answer)
            return
        yield answer

    def record(self, call: ToolCall, status: CallStatus = "ok") -> CallRecord:
        return CallRecord(
            id=call.id, at=0, workspace=call.workspace, tool=call.tool, step=call.step, status=status, duration_ms=7
        )

    def result(self, call: ToolCall, text: str, *, status: CallStatus = "ok", sent: bool = True) -> Result:
        content = {"content": [{"type": "text", "text": text}]}
        return Result(content=content, record=self.record(call, status), is_error=status != "ok", sent=sent)

    def asks(self, message: str, schema: dict[str, Any], state: str = "s1") -> NeedsInput:
        record = CallRecord(id="c", at=0, workspace="shop", status="waiting")
        return NeedsInput(message=message, schema=schema, state=state, record=record)


class Sink:
    """Remembers what the person saw: `shown` now, and how often it was taken back."""

    def __init__(self) -> None:
        self.shown = ""
        self.restarts = 0
        self.pieces: list[str] = []

    async def write(self, text: str) -> None:
        self.shown += text
        self.pieces.append(text)

    async def restart(self) -> None:
        self.shown = ""
        self.restarts += 1


class _MemoryJournal:
    """As much of the journal as a run context uses."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.steps: dict[str, Step] = {}
        self.waits: dict[str, Wait] = {}
        self.die_after = -1
        """Raise at the commit after this many more; the commit itself is lost."""

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        if self.die_after == 0:
            raise ConnectionError("the process died here")
        self.die_after -= 1
        for write in writes:
            self.writes.append(write)
            if isinstance(write, Intent):
                self.steps[write.key] = Step(run_id=write.run_id, key=write.key, name=write.name, state="intent")
            elif isinstance(write, StepDone):
                self.steps[write.key] = Step(run_id=write.run_id, key=write.key, name=write.name, result=write.result)
            elif isinstance(write, OpenWait):
                self.waits.setdefault(write.wait.key, write.wait)
        return Committed()


class Bench:
    """Runs one turn, as often as it takes, on one journal."""

    def __init__(
        self, model: Model, tools: FakeTools | None = None, *, settings: LoopSettings | None = None, group: bool = False
    ):
        self.tools = tools or FakeTools()
        self.clock = ManualClock()
        self.live = LiveHub()
        self.journal = _MemoryJournal()
        self.sink = Sink()
        self.loop = AgentLoop(model, self.tools, settings=settings)
        self.ctx: RunContext | None = None
        self.spending: Spending | None = None
        self._run = Run(
            id="run_1",
            lane="cli:room:",
            conversation="cli:room:",
            conversation_kind="group" if group else "dm",
            channel="cli",
            bot="desk",
            person_id="per_ada",
            session_id="ses_1",
            trace_id="trc_1",
        )

    def context(self) -> RunContext:
        """A new execution of the run from what the journal holds."""
        self.ctx = RunContext(
            journal=cast("Journal", self.journal),
            claim=Claim(lane="cli:room:", owner="me", epoch=1),
            open_run=OpenRun(run=self._run, steps=dict(self.journal.steps), waits=tuple(self.journal.waits.values())),
            clock=self.clock,
            live=self.live,
        )
        self.ctx.spending = self.spending
        return self.ctx

    async def run(self, task: AgentTask | None = None) -> AgentOutcome:
        """Execute the turn; called again, replay it."""
        ctx = self.context()
        try:
            outcome = await self.loop.run(ctx, task or a_task(), self.sink)
        except (Paused, Stopped):
            await ctx.commit()  # as the engine does when it parks or ends the run
            raise
        await ctx.commit()
        return outcome

    def decide(self, key: str, **answer: Any) -> None:
        """Answer a wait, as the engine would."""
        wait = self.journal.waits[key]
        self.journal.waits[key] = msgspec.structs.replace(wait, state="answered", answer=answer, decided_by="boss")

    def expire(self, key: str) -> None:
        self.journal.waits[key] = msgspec.structs.replace(self.journal.waits[key], state="expired")

    @property
    def logged(self) -> list[CallRecord]:
        return [write.record for write in self.journal.writes if isinstance(write, LogCall)]

    @property
    def billed(self) -> list[ModelCall]:
        return [write.call for write in self.journal.writes if isinstance(write, AddUsage)]
