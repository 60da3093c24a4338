"""One tool call of a run, with everything that may come between: approvals, questions, answers that get lost.

{key}          the first attempt
{key}/wait/0   the approval it needed
{key}/1        the attempt after that
"""

from __future__ import annotations

__all__ = ["Elicit", "Made", "ToolCalls"]

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from botkit.core.ids import new_id, short_token
from botkit.core.journal import LogCall
from botkit.core.tools import (
    CallRecord,
    NeedsApproval,
    NeedsInput,
    Principal,
    Progress,
    Result,
    Tool,
    ToolCall,
    ToolPort,
    result_body,
    without_payload,
)
from botkit.runs.context import Answer, EffectUnknown, RunContext, StepScope, WaitSpec

_ATTEMPTS_LIMIT = 6
_Ended = Result | NeedsApproval | NeedsInput


class Elicit(Protocol):
    """Asks a person what a tool wants to know."""

    def __call__(
        self, ctx: RunContext, key: str, message: str, schema: dict[str, Any], *, person_id: str, expires_s: float
    ) -> Awaitable[dict[str, Any] | None]:
        """The answer as the schema wants it; None when there is none. Raises `Paused`."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a call."""

    text: str
    """What the tool said, or why it was not called."""
    result: Result | None = None
    """None: a person declined it or did not answer; nothing was sent."""
    declined: Answer | None = None
    """The decision of the person who did not approve it."""


@dataclass(frozen=True, slots=True)
class _Try:
    """What changes from attempt to attempt of the same call."""

    approval: str = ""
    answers: dict[str, Any] | None = None
    state: str = ""


class ToolCalls:
    """Makes calls with one principal's rights in one workspace."""

    def __init__(
        self,
        ctx: RunContext,
        port: ToolPort,
        *,
        workspace: str,
        principal: Principal,
        elicit: Elicit,
        input_expires_s: float,
        progress: Callable[[Progress], None] | None = None,
    ):
        self._ctx = ctx
        self._port = port
        self._workspace = workspace
        self._principal = principal
        self._elicit = elicit
        self._input_expires_s = input_expires_s
        self._progress = progress

    async def make(
        self, key: str, name: str, arguments: dict[str, Any], tool: Tool | None, *, timeout_s: float = 0.0
    ) -> Made:
        """Call a tool. Replayable.

        Args:
            tool: what is known of it; None: nothing, so its effect must not happen twice.
            timeout_s: for a call that may be repeated; cutting a write short would leave its effect unknown.

        Raises:
            Paused: a person, or an operator, must decide first.
        """
        attempt = _Try()
        for number in range(_ATTEMPTS_LIMIT):
            event = await self._send(f"{key}/{number}" if number else key, name, arguments, tool, attempt, timeout_s)
            if isinstance(event, Result):
                return Made(result_body(event.content), event)
            wait = f"{key}/wait/{number}"
            if isinstance(event, NeedsApproval):
                answer = await self._ctx.wait(wait, self._approval(event))
                if not answer.approved:
                    return Made(_declined(answer), declined=answer)
                attempt = _Try(approval=event.digest)
                continue
            answers = await self._elicit(
                self._ctx,
                wait,
                event.message,
                event.schema,
                person_id=self._principal.id,
                expires_s=self._input_expires_s,
            )
            if answers is None:
                return Made("The person did not answer the question this tool asked. Nothing was done.")
            attempt = _Try(approval=attempt.approval, answers=answers, state=event.state)
        return Made("The tool kept asking questions, so the call was given up.")

    def _approval(self, event: NeedsApproval) -> WaitSpec:
        payload = {
            "tool": event.tool,
            "server": event.server,
            "arguments": event.arguments,
            "reason": event.reason,
            "digest": event.digest,
            **({"taint": list(event.taint)} if event.taint else {}),
        }
        return WaitSpec(
            kind="approval",
            payload=payload,
            approvers=event.approvers,
            person_id=self._principal.id,
            token=short_token(),
        )

    async def _send(
        self, key: str, name: str, arguments: dict[str, Any], tool: Tool | None, attempt: _Try, timeout_s: float
    ) -> _Ended:
        if tool is not None and self._principal.taint and not attempt.approval:
            # what was read may have made it a question
            tool = await self._port.find_tool(self._workspace, self._principal, name) or tool
        repeatable = tool is not None and tool.repeatable

        async def call(scope: StepScope) -> _Ended:
            request = ToolCall(
                id=new_id("call"),
                workspace=self._workspace,
                tool=name,
                arguments=arguments,
                principal=self._principal,
                run_id=self._ctx.run.id,
                step=scope.key,
                trace_id=self._ctx.run.trace_id,
                idempotency_key=scope.idempotency_key,
                approval=attempt.approval,
                answers=attempt.answers,
                state=attempt.state,
                channel=self._ctx.run.channel,
                timeout_s=timeout_s if repeatable else 0.0,
            )
            event = await self._last_event(request)
            scope.write(LogCall(record=event.record))
            if isinstance(event, Result) and event.connect:
                event = self._in_private(event, scope)
            if isinstance(event, Result) and event.unknown and not repeatable:
                raise EffectUnknown(f"{name} was called and no answer came")
            return without_payload(event)

        # A call that still has to be approved leaves nothing behind: the gateway asks before it sends.
        asks_first = tool is not None and tool.approve and not attempt.approval
        return await self._ctx.step(
            key,
            call,
            kind=_Ended,
            name=name,
            once=not repeatable and not asks_first,
            resolve=lambda decision: self._resolved(name, decision),
        )

    def _in_private(self, refused: Result, scope: StepScope) -> Result:
        """Keep the link to connect an account from what others read: the person gets it elsewhere."""
        told = self._ctx.invite(refused.record.server, refused.connect) if self._ctx.invite is not None else None
        if told is None:
            return refused
        text, writes = told
        scope.write(*writes)
        content = {"content": [{"type": "text", "text": text}], "isError": True}
        return msgspec.structs.replace(refused, content=content, connect="")

    async def _last_event(self, request: ToolCall) -> _Ended:
        async for event in self._port.call(request):
            if not isinstance(event, Progress):
                return event
            if self._progress is not None:
                self._progress(event)
        raise RuntimeError(f"the tool port ended without a result for {request.tool}")

    def _resolved(self, name: str, decision: dict[str, Any]) -> _Ended:
        """An operator's decision about an unknown effect, as the result of the call."""
        failed = decision.get("action") != "result"
        given = decision.get("message" if failed else "result")
        text = given if isinstance(given, str) else json.dumps(given)
        content: dict[str, Any] = {"content": [{"type": "text", "text": text or "It did not happen."}]}
        record = CallRecord(id="", at=0, workspace=self._workspace, tool=name, status="error" if failed else "ok")
        return Result(content=content, record=record, is_error=failed)


def _declined(answer: Answer) -> str:
    if answer.state == "expired":
        return "Nobody approved this call in time, so it was not made."
    reason = str(answer.data.get("comment") or "").strip()
    return f"A person declined this call, so it was not made.{f' The reason given: {reason}.' if reason else ''}"
