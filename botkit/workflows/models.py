"""One model call of a node: journaled, booked, and as structured as it was asked for."""

from __future__ import annotations

__all__ = ["ask"]

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botkit.core.budgets import Payer
from botkit.core.data import Data
from botkit.core.errors import ModelError
from botkit.core.events import Attachment
from botkit.core.journal import AddUsage, ModelCall
from botkit.core.media import describe_attachment, with_files
from botkit.core.models import ModelReply, ModelRequest, Usage
from botkit.core.structured import unfit
from botkit.runs.context import StepScope
from botkit.runs.escalating import Climb
from botkit.runs.model_calls import collect_reply, usage_row
from botkit.runs.spending import reserved
from botkit.runs.structured import ask_structured
from botkit.sdk.nodes import ModelAnswer, NodeFailed

if TYPE_CHECKING:
    from botkit.workflows.context import NodeRun


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
    files: Sequence[Attachment] = (),
) -> tuple[ModelAnswer, Usage]:
    """Ask, and ask again where the answer does not fit the schema. As `NodeContext.ask_model`.

    Args:
        files: what it is shown besides.
    """
    text = "\n".join([prompt, *map(describe_attachment, files)])
    messages: list[dict[str, Any]] = [with_files({"role": "user", "content": text}, files)]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    request = ModelRequest(
        model=model,
        messages=tuple(messages),
        max_output_tokens=max_output_tokens,
        temperature=temperature,
        timeout_s=timeout_s,
        trace_id=node.run.trace_id,
        workspace=node.workspace,
        person_id=node.run.person_id,
    )

    async def call(asked: ModelRequest, step: str) -> ModelReply:
        return await _one(node, f"{name}/{step}" if step else name, asked)

    climb = Climb(node.services.model, model)
    found = await ask_structured(
        call, request, schema, climb=climb, journaled=lambda step: node.ctx.done(f"{name}/{step}")
    )
    if found.wrong:
        raise NodeFailed(unfit((found.wrong,)), code="schema", retryable=True)
    return _answer(found.reply, found.usage, found.data), found.usage


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
