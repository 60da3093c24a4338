"""One tool call of a turn: arguments read, the gateway asked, people asked where it says so.

A call is journaled as it goes: `{key}` is the first attempt; when the gateway wants an approval or an answer
the run waits at `{key}/wait/0`, and the attempt after that is `{key}/1`.
"""

from __future__ import annotations

__all__ = ["CallOutcome", "ToolCaller", "distinct_ids"]

import difflib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from botkit.agents.colleagues import Colleagues
from botkit.agents.elicitation import elicit
from botkit.agents.schemas import fit_arguments
from botkit.core.agent import AgentTask
from botkit.core.allowance import Allowance
from botkit.core.data import Data
from botkit.core.json_repair import Unreadable, read_arguments
from botkit.core.live import LiveEvent
from botkit.core.models import RequestedCall, Usage
from botkit.core.own_tools import READ_RESULT
from botkit.core.taint import joined
from botkit.core.tool_search import SEARCH_TOOLS, unwrapped
from botkit.core.tools import (
    Principal,
    Progress,
    Result,
    Tool,
    ToolPort,
    arguments_digest,
)
from botkit.runs.calling import ToolCalls
from botkit.runs.context import Answer, RunContext


class CallOutcome(Data):
    """What the model is told about one call it asked for."""

    call: RequestedCall
    arguments: dict[str, Any] = {}
    text: str
    ok: bool
    duration_ms: float = 0.0
    digest: str = ""
    """Of the tool and its arguments; empty when they could not be read."""
    taint: tuple[str, ...] = ()
    """What the text taints its reader with."""
    usage: Usage = Usage()
    """Of a colleague that was asked."""
    answered_by: str = ""
    """The colleague."""
    ref: str = ""
    """Where the result is kept, for `results__read`; empty: where nobody can read it."""


class ToolCaller:
    """Runs the calls of one turn."""

    def __init__(
        self,
        ctx: RunContext,
        task: AgentTask,
        port: ToolPort,
        tools: Sequence[Tool],
        *,
        input_expires_s: float,
    ):
        self._ctx = ctx
        self._task = task
        self._port = port
        self._tools: dict[str, Tool] = {tool.name: tool for tool in tools}
        self._input_expires_s = input_expires_s
        self._refused: set[str] = set()
        self._taint = task.principal.taint
        self._colleagues = Colleagues(ctx, task)

    @property
    def principal(self) -> Principal:
        """On whose behalf calls are made, with where what the model has read came from.

        That grows between rounds, so that calls made side by side are treated alike, and the same in a replay.
        """
        return msgspec.structs.replace(self._task.principal, taint=self._taint)

    def has_read(self, *sources: str) -> None:
        """The model knows what came from there."""
        self._taint = joined(self._taint, sources)

    def were_read(self, outcomes: Sequence[CallOutcome]) -> None:
        """What these say is known to the model from here on."""
        self._taint = joined(self._taint, *(outcome.taint for outcome in outcomes))

    def asks(self, call: RequestedCall) -> bool:
        """Whether it is a question to a colleague."""
        return self._colleagues.knows(call) and call.name not in self._tools

    def read(self, call: RequestedCall, *, truncated: bool) -> CallOutcome | dict[str, Any]:
        """The arguments, mended where that is safe, or the explanation for the model."""
        tool = self._tools.get(call.name)
        try:
            if truncated:
                json.loads(call.arguments or "{}")
            arguments = read_arguments(call.arguments)
        except Unreadable as error:
            return self._told(call, f"The arguments are not valid JSON: {error}. Send the call again.")
        except ValueError:
            return self._told(
                call, "The answer hit its length limit in the middle of this call, so it was not run. Make it shorter."
            )
        return fit_arguments(tool.input_schema, arguments) if tool is not None else arguments

    def _told(self, call: RequestedCall, text: str) -> CallOutcome:
        return CallOutcome(call=call, text=text, ok=False)

    async def run(self, key: str, call: RequestedCall, arguments: dict[str, Any], *, left: Allowance) -> CallOutcome:
        """Make the call, with everything that comes between. Replayable.

        Args:
            left: what it may use.

        Raises:
            Paused: a person, or an operator, must decide first.
        """
        call, arguments = await self._meant(call, arguments)
        digest = arguments_digest(call.name, arguments)
        if digest in self._refused:
            return CallOutcome(
                call=call, arguments=arguments, digest=digest, ok=False, text="A person has declined exactly this call."
            )
        self._publish("tool_call", {"call_id": call.id, "tool": call.name, "arguments": arguments})
        if self.asks(call):
            said = await self._colleagues.ask(key, call, arguments, left, self.principal)
            outcome = CallOutcome(
                call=call,
                arguments=arguments,
                text=said.text,
                ok=said.ok,
                duration_ms=said.ms,
                digest=digest,
                usage=said.usage,
                taint=said.taint,
                answered_by=said.bot,
            )
        else:
            outcome = await self._attempts(key, call, arguments, digest, left.time_s)
        self._publish(
            "tool_result",
            {
                "call_id": call.id,
                "tool": call.name,
                "ok": outcome.ok,
                "text": outcome.text,
                "duration_ms": outcome.duration_ms,
            },
        )
        return outcome

    async def _meant(self, call: RequestedCall, arguments: dict[str, Any]) -> tuple[RequestedCall, dict[str, Any]]:
        """The call of a tool that was found by search, in place of the `call_tool` around it."""
        inner = unwrapped(call.name, arguments) if call.name in self._tools else None
        if inner is not None:
            call, arguments = msgspec.structs.replace(call, name=inner[0]), inner[1]
        if SEARCH_TOOLS in self._tools and call.name not in self._tools:
            tool = await self._port.find_tool(self._task.workspace, self._task.principal, call.name)
            if tool is not None:
                self._tools[tool.name] = tool
                arguments = fit_arguments(tool.input_schema, arguments)
        return call, arguments

    async def _attempts(
        self, key: str, call: RequestedCall, arguments: dict[str, Any], digest: str, time_left_s: float
    ) -> CallOutcome:
        def ended(
            text: str, *, ok: bool = False, duration_ms: float = 0.0, taint: str = "", ref: str = ""
        ) -> CallOutcome:
            return CallOutcome(
                call=call,
                arguments=arguments,
                text=text,
                ok=ok,
                duration_ms=duration_ms,
                digest=digest,
                taint=(taint,) if taint else (),
                ref=ref,
            )

        tools = ToolCalls(
            self._ctx,
            self._port,
            workspace=self._task.workspace,
            principal=self.principal,
            elicit=elicit,
            input_expires_s=self._input_expires_s,
            progress=lambda event: self._progressed(call.name, event),
        )
        hurry_s = max(1.0, time_left_s)
        made = await tools.make(key, call.name, arguments, self._tools.get(call.name), timeout_s=hurry_s)
        if (result := made.result) is not None:
            text = self._describe(call.name, made.text, result)
            took, ref = result.record.duration_ms, self._ref(result)
            return ended(text, ok=not result.is_error, duration_ms=took, taint=result.taint, ref=ref)
        if made.declined is not None:
            self._refused.add(digest)
            return ended(_declined(made.declined))
        return ended(made.text)

    def _ref(self, result: Result) -> str:
        """Of what a tool said, where it can be read again. What is read from there is not kept once more."""
        step = result.record.step
        kept = READ_RESULT in self._tools and step and not result.is_error and result.record.tool != READ_RESULT
        return f"{self._ctx.run.id}/{step}" if kept else ""

    def _progressed(self, tool: str, event: Progress) -> None:
        self._publish("progress", {"tool": tool, "progress": event.progress, "total": event.total}, event.message)

    def _describe(self, name: str, text: str, result: Result) -> str:
        if not result.is_error:
            return text or "(the tool returned nothing)"
        if name not in self._tools and self._tools:
            near = difflib.get_close_matches(name, self._tools, n=3, cutoff=0.5)
            hint = f" Did you mean {', '.join(near)}?" if near else f" Tools: {', '.join(self._tools)}."
            text = f"{text or f'There is no tool {name}.'}{hint}"
        return f"ERROR: {text or 'the call failed without a reason'}"

    def _publish(self, kind: Any, data: dict[str, Any], text: str = "") -> None:
        run = self._ctx.run
        if self._ctx.live.watched(run.conversation):
            self._ctx.live.publish(
                LiveEvent(kind=kind, conversation=run.conversation, run_id=run.id, text=text, data=data)
            )


def _declined(answer: Answer) -> str:
    if answer.state == "expired":
        return "Nobody approved this call in time, so it was not run. Tell the person."
    reason = str(answer.data.get("comment") or "").strip()
    because = f" The reason given: {reason}." if reason else ""
    return f"A person declined this call, so it was not run.{because} Do not try it again; tell the person."


def distinct_ids(calls: Sequence[RequestedCall]) -> list[RequestedCall]:
    """Calls with ids that are there and differ, whatever the model wrote: results are matched by them."""
    seen: set[str] = set()
    out: list[RequestedCall] = []
    for index, call in enumerate(calls):
        call_id = call.id if call.id and call.id not in seen else f"{call.id or 'call'}_{index}"
        seen.add(call_id)
        out.append(msgspec.structs.replace(call, id=call_id))
    return out
