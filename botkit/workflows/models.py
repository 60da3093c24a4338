"""One model call of a node: journaled, booked, and as structured as it was asked for."""

from __future__ import annotations

__all__ = ["ask"]

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.core.budgets import Payer
from botkit.core.data import Data
from botkit.core.errors import ModelError
from botkit.core.journal import AddUsage, ModelCall
from botkit.core.json_repair import Unreadable, read_value
from botkit.core.models import ModelReply, ModelRequest, Usage
from botkit.core.validation import problems
from botkit.runs.context import StepScope
from botkit.runs.model_calls import collect_reply, usage_row
from botkit.runs.spending import reserved
from botkit.sdk.nodes import ModelAnswer, NodeFailed

if TYPE_CHECKING:
    from botkit.workflows.context import NodeRun

_SCHEMA_LIMIT = 40_000


class _Answered(Data):
    reply: ModelReply


async def ask(
    node: NodeRun,
    name: str,
    prompt: str,
    *,
    system: str,
    model: str,
    schema: Mapping[str, Any] | None,
    temperature: float | None,
    max_output_tokens: int,
    timeout_s: float,
) -> tuple[ModelAnswer, Usage]:
    """Ask, and ask once more where the answer does not fit the schema. As `NodeContext.ask_model`."""
    messages: list[dict[str, Any]] = []
    instructions = "\n\n".join(filter(None, [system, _instruction(schema) if schema is not None else ""]))
    if instructions:
        messages.append({"role": "system", "content": instructions})
    messages.append({"role": "user", "content": prompt})
    request = ModelRequest(
        model=model,
        messages=tuple(messages),
        max_output_tokens=max_output_tokens,
        temperature=temperature,
        response_schema=dict(schema) if schema is not None else None,
        timeout_s=timeout_s,
        trace_id=node.run.trace_id,
        workspace=node.workspace,
        person_id=node.run.person_id,
    )
    reply = await _one(node, name, request)
    usage = reply.usage
    if schema is None:
        return _answer(reply, usage, None), usage
    data, wrong = _read(reply.text, schema)
    if wrong:
        mended = (
            *request.messages,
            {"role": "assistant", "content": reply.text},
            {"role": "user", "content": f"That does not fit: {wrong}. Answer again with the JSON object only."},
        )
        reply = await _one(node, f"{name}/again", msgspec.structs.replace(request, messages=mended))
        usage += reply.usage
        data, wrong = _read(reply.text, schema)
    if wrong:
        raise NodeFailed(f"the model's answer does not fit the schema: {wrong}", code="schema", retryable=True)
    return _answer(reply, usage, data), usage


def _instruction(schema: Mapping[str, Any]) -> str:
    return (
        "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n"
        + json.dumps(schema, ensure_ascii=False)[:_SCHEMA_LIMIT]
    )


def _read(text: str, schema: Mapping[str, Any]) -> tuple[Any, str]:
    try:
        data = read_value(text)
    except Unreadable as error:
        return None, f"it is not JSON ({error})"
    wrong = problems(dict(schema), data)
    return data, "; ".join(wrong[:3])


def _answer(reply: ModelReply, usage: Usage, data: Any) -> ModelAnswer:
    return ModelAnswer(
        text=reply.text.strip(),
        model=reply.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_micros=usage.cost_micros,
        data=data,
    )


async def _one(node: NodeRun, name: str, request: ModelRequest) -> ModelReply:
    def payer() -> Payer:
        run = node.ctx.run
        return Payer.of(node.task.principal, workspaces=(node.workspace,), channel=run.channel, bot=run.bot)

    def booked(key: str, reply: ModelReply, *, code: str = "") -> ModelCall:
        run, at, model = node.ctx.run, node.ctx.clock.micros(), request.model
        return usage_row(run, at, key, model, reply, workspace=node.workspace, bot=run.bot, code=code)

    async def call(scope: StepScope) -> _Answered:
        paid = await reserved(node.ctx, scope.key, request, payer)
        try:
            reply = await collect_reply(node.services.model, node.ctx.clock, paid.request)
        except ModelError as error:
            used = error.facts.get("usage")
            failed = ModelReply(usage=used if isinstance(used, Usage) else Usage(), finish="cut")
            row = booked(scope.key, failed, code=error.code)
            node.ctx.write(AddUsage(call=row), *paid.settled(failed.usage))
            raise
        scope.write(AddUsage(call=booked(scope.key, reply)), *paid.settled(reply.usage))
        return _Answered(reply=reply)

    answered = await node.scoped(name, call, kind=_Answered)
    return answered.reply
