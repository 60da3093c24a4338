"""Guardrails of a turn: what tools return, what is shown while it is written, and the answer."""

from __future__ import annotations

__all__ = ["BLOCKED", "GuardedSink", "GuardedTools", "as_rows", "guarded", "noted"]

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import structlog

from botkit.agents.policy import PolicyJudge
from botkit.core.agent import AgentOutcome, ReplySink
from botkit.core.data import encode_text
from botkit.core.journal import TranscriptRow
from botkit.core.redact import StreamRedactor
from botkit.core.screening import WITHHELD, Checks, GuardFinding, Guards, check, stream_of
from botkit.core.taint import source
from botkit.core.tools import Principal, Result, Tool, ToolCall, ToolEvent, ToolPort, result_text
from botkit.runs.context import RunContext

_log = structlog.get_logger("botkit.agents")

BLOCKED = "guardrail_blocked"
"""Code of a turn whose message or answer was kept back."""
_STEP = "guard/output"


def as_rows(where: str, findings: Sequence[GuardFinding]) -> list[dict[str, Any]]:
    """Findings as a run keeps them."""
    return [{"where": where, **msgspec.structs.asdict(each)} for each in findings]


def noted(where: str, findings: Sequence[GuardFinding], *, run_id: str, bot: str) -> list[dict[str, Any]]:
    """The same, and a line in the log for each. Never the text, nor what a model said about it."""
    for each in findings:
        facts = {"where": where, "check": each.check, "kind": each.kind, "run_id": run_id, "bot": bot}
        if each.measure == "block":
            _log.warning(BLOCKED, **facts)
        else:
            _log.info("guardrail_found", measure=each.measure, **facts)
    return as_rows(where, findings)


async def guarded(
    ctx: RunContext,
    outcome: AgentOutcome,
    guards: Guards,
    judge: PolicyJudge | None,
    *,
    model: str,
    bot: str,
    workspace: str,
) -> AgentOutcome:
    """An answer as the guardrails leave it. What is blocked is in no part of it.

    Args:
        judge: asks a model about the policy; without it no text can be judged.
        model: for a policy that names none.
        bot: whose answer it is.
        workspace: on whose behalf a model is asked.

    Raises:
        Stopped: as the step context says.
    """
    checks = guards.output
    if outcome.hand_over:  # a word to a colleague; what that one answers is checked
        return outcome
    verdict = check(outcome.text, checks)
    whole = check(encode_text(outcome.output["data"]), checks) if "data" in outcome.output else verdict
    findings, why = whole.findings, verdict.blocked or whole.blocked
    if checks.policy and whole.text.strip() and not why and outcome.state != "failed":
        found = await (judge or PolicyJudge()).judge(ctx, _STEP, whole.text, checks, model=model, workspace=workspace)
        findings = (*findings, *found)
        why = next((f"{each.check}: {each.kind}" for each in found if each.measure == "block"), "")
    if not findings and not checks.active and not checks.policy:
        return outcome
    rows = tuple(_guarded_row(row, checks, withhold=bool(why)) for row in outcome.rows)
    told = noted("output", findings, run_id=ctx.run.id, bot=bot)
    output = {name: value for name, value in outcome.output.items() if name != "raw"}  # what no check has seen
    if told:
        output["guardrails"] = [*output.get("guardrails", ()), *told]
    if not why:
        if whole.changed and "data" in output:
            output["data"] = _read_again(whole.text)
        return msgspec.structs.replace(outcome, text=verdict.text, rows=rows, output=output)
    for name in ("output", "text", "data"):
        output.pop(name, None)
    error = {"code": BLOCKED, "message": f"the answer was kept back ({why})"}
    return msgspec.structs.replace(outcome, state="failed", text="", rows=rows, error=error, output=output)


def _read_again(text: str) -> Any:
    """An object from which something was taken out; None where it fell apart."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _guarded_row(row: TranscriptRow, checks: Checks, *, withhold: bool) -> TranscriptRow:
    """What the bot says in the transcript; when its answer is withheld, so is what it said on the way there."""
    if row.role != "assistant" or not row.text:
        return row
    verdict = check(row.text, checks)
    if withhold or verdict.blocked:
        return msgspec.structs.replace(row, text=WITHHELD)
    return msgspec.structs.replace(row, text=verdict.text) if verdict.changed else row


class GuardedSink:
    """Implements `ReplySink`: takes out of a growing text what is taken out of the whole."""

    def __init__(self, sink: ReplySink, checks: Checks):
        self._sink = sink
        self._checks = checks
        self._stream: StreamRedactor | None = stream_of(checks)

    async def write(self, text: str) -> None:
        piece = self._stream.feed(text) if self._stream is not None else text
        if piece:
            await self._sink.write(piece)

    async def restart(self) -> None:
        self._stream = stream_of(self._checks)
        await self._sink.restart()


class GuardedTools:
    """Implements `ToolPort` before the gateway: results pass the guardrails before they are journaled or read."""

    def __init__(self, port: ToolPort, checks: Checks, *, bot: str):
        self._port = port
        self._checks = checks
        self._bot = bot

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> Sequence[Tool]:
        return await self._port.list_tools(workspace, principal, room_tokens=room_tokens)

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        return await self._port.find_tool(workspace, principal, name)

    async def call(self, call: ToolCall) -> AsyncIterator[ToolEvent]:
        async for event in self._port.call(call):
            yield self._guarded(event, call) if isinstance(event, Result) else event

    def _guarded(self, result: Result, call: ToolCall) -> Result:
        text = result_text(result.content)
        structured = result.content.get("structuredContent")
        if structured is not None:
            text = f"{text}\n{json.dumps(structured, ensure_ascii=False)}" if text.strip() else json.dumps(structured)
        verdict = check(text, self._checks)
        noted("tools", verdict.findings, run_id=call.run_id, bot=self._bot)
        if verdict.steers and not result.taint:
            result = msgspec.structs.replace(result, taint=source("the tool", call.tool))
        if verdict.blocked:
            kept = f"The result of {call.tool} was kept back by a guardrail ({verdict.blocked}). Tell the person."
            return _as_text(result, kept)
        return _as_text(result, verdict.text) if verdict.changed else result


def _as_text(result: Result, text: str) -> Result:
    """A result that is this text; it went out all the same, so whether it failed stays as it was."""
    content: dict[str, Any] = {"content": [{"type": "text", "text": text}]}
    if result.is_error:
        content["isError"] = True
    return msgspec.structs.replace(result, content=content)
