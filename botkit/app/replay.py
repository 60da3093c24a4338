"""Answering a past message again, with the tool results that were recorded: nothing is called, sent or stored.

It shows what another prompt, model or revision would have made of the same facts.
"""

from __future__ import annotations

__all__ = ["RecordedTools", "ReplayReport", "replay"]

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

import msgspec

from botkit.agents.loop import AgentLoop
from botkit.app.instance import Instance
from botkit.app.replayed import ReplayReport
from botkit.core.agent import ToolTrace
from botkit.core.errors import NotFound
from botkit.core.ids import new_id
from botkit.core.journal import AddUsage, Claim, Committed, Journal, OpenRun, Run, Write
from botkit.core.live import LiveHub
from botkit.core.models import Usage
from botkit.core.tools import (
    CallRecord,
    Principal,
    Result,
    Tool,
    ToolCall,
    ToolEvent,
    ToolPort,
    arguments_digest,
)
from botkit.engine.effective import effective
from botkit.engine.turn import conversation_of, input_of, task_of
from botkit.runs.context import RunContext

_NOT_RECORDED = (
    "This call was not made in the recorded run, so there is no result to show for it. Answer with what you have."
)


class RecordedTools:
    """A tool port that knows the tools of now and answers with the results of then."""

    def __init__(self, tools: ToolPort, recorded: Iterable[ToolTrace]):
        self._tools = tools
        self._recorded: defaultdict[str, deque[ToolTrace]] = defaultdict(deque)
        for call in recorded:
            self._recorded[arguments_digest(call.tool_name, dict(call.arguments))].append(call)
        self.misses: list[str] = []
        """Calls that were not recorded."""

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> Sequence[Tool]:
        return [_free(tool) for tool in await self._tools.list_tools(workspace, principal, room_tokens=room_tokens)]

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        tool = await self._tools.find_tool(workspace, principal, name)
        return None if tool is None else _free(tool)

    async def call(self, call: ToolCall) -> AsyncIterator[ToolEvent]:
        queue = self._recorded.get(arguments_digest(call.tool, call.arguments))
        record = CallRecord(id=call.id, at=0, workspace=call.workspace, tool=call.tool)
        if not queue:
            self.misses.append(call.tool)
            yield Result(content=_text(_NOT_RECORDED, is_error=True), record=record, is_error=True, sent=False)
            return
        # The last result answers every further call of the same kind.
        then = queue.popleft() if len(queue) > 1 else queue[0]
        failed = not then.success
        yield Result(content=_text(then.result, is_error=failed), record=record, is_error=failed)


class _NoJournal:
    """Takes the commits of a replay and keeps only what the model calls cost."""

    def __init__(self) -> None:
        self.usage: list[AddUsage] = []

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        self.usage.extend(write for write in writes if isinstance(write, AddUsage))
        return Committed()


async def replay(instance: Instance, opened: OpenRun, *, model: str = "") -> ReplayReport:
    """Answer the message of a run again, by the configuration that runs now.

    Args:
        model: another model than the bot's.

    Raises:
        NotFound: its bot is not in bots.yaml any more.
    """
    run, turn, config = opened.run, input_of(opened.run), instance.configs.current
    if not turn.text:
        raise NotFound(f"run {run.id} has no message to answer again", run=run.id)
    this = effective(config, conversation_of(run), route=run.bot)
    history = await instance.store.journal.history(
        run.session_id, before_seq=turn.history_seq, limit=this.history_messages
    )
    task = task_of(run, turn, this, config, turn.roles, history)
    task = msgspec.structs.replace(task, model=model or task.model, stream=False)
    recorded = _calls(run)
    tools = RecordedTools(instance.gateway, recorded)
    journal = _NoJournal()
    fresh = msgspec.structs.replace(run, id=new_id("run"), trace_id=new_id("trc"), state="running", usage=Usage())
    ctx = RunContext(
        journal=cast("Journal", journal),  # commits are all a run asks of it
        claim=Claim(lane=run.lane, owner="replay", epoch=0),
        open_run=OpenRun(run=fresh),
        clock=instance.clock,
        live=LiveHub(),
    )
    loop = AgentLoop(instance.models, tools, redactor=instance.redactor)
    outcome = await loop.run(ctx, task, _Nobody())
    await instance.store.journal.commit(None, journal.usage)  # real money, also when nothing else is real
    return ReplayReport(
        run_id=run.id,
        message=turn.text,
        before=_said(run),
        after=outcome.text,
        calls_before=recorded,
        calls_after=outcome.calls,
        unrecorded=tuple(tools.misses),
        model=outcome.model,
        usage=outcome.usage,
        same=outcome.text.strip() == _said(run).strip(),
    )


class _Nobody:
    """Nobody watches a replay being written."""

    async def write(self, text: str) -> None:
        return

    async def restart(self) -> None:
        return


def _calls(run: Run) -> tuple[ToolTrace, ...]:
    """The calls of a run that ended, with what they returned."""
    return msgspec.convert((run.output or {}).get("calls") or (), tuple[ToolTrace, ...])


def _free(tool: Tool) -> Tool:
    """As it is, but needing no approval: a replay does nothing that would need one."""
    return msgspec.structs.replace(tool, approve=False)


def _text(text: str, *, is_error: bool) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def _said(run: Run) -> str:
    return str((run.output or {}).get("text") or "")
