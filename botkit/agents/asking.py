"""Model calls of one turn: journaled, streamed, within the turn's time, booked whatever happens."""

from __future__ import annotations

__all__ = ["Asker", "TimeUp"]

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from botkit.agents.limits import Budget
from botkit.agents.stream import AnswerStream
from botkit.agents.tokens import BreakdownMeter, estimate_json_tokens, estimate_tokens
from botkit.core.agent import AgentTask, ReplySink
from botkit.core.budgets import Payer
from botkit.core.errors import BudgetUsedUp, ModelError
from botkit.core.journal import AddUsage, ModelCall
from botkit.core.live import LiveEvent
from botkit.core.models import Model, ModelReply, ModelRequest, Signal, Usage
from botkit.runs.context import RunContext, StepScope
from botkit.runs.escalating import Climb, signal_of, stronger
from botkit.runs.model_calls import OutOfTime, collect_reply, usage_row
from botkit.runs.spending import PaidCall, reserved


class TimeUp(Exception):
    """The turn's working time ended while the model was writing."""


class Asker:
    """Asks the model, counts what it used, and shows what it writes."""

    def __init__(self, ctx: RunContext, task: AgentTask, model: Model, sink: ReplySink, budget: Budget):
        self._ctx = ctx
        self._task = task
        self._model = model
        self._sink = sink
        self._budget = budget
        self.meter = BreakdownMeter()
        self.answered_by = task.model
        """The model of the last answer, after fallbacks."""
        self.climb = Climb(model, task.model)

    def escalate(self, why: Signal, step: str) -> bool:
        """Ask a stronger model from now on, where there is one for this."""
        return self.climb.higher(why, step, journaled=self._ctx.done(stronger(step)))

    async def ask(
        self,
        key: str,
        messages: Sequence[dict[str, Any]],
        *,
        tools: tuple[dict[str, Any], ...],
        estimated: Mapping[str, int],
        final: bool,
        stable_chars: int = 0,
    ) -> ModelReply:
        """One model call as a journaled step, and another one where a stronger model has to take over.

        Args:
            estimated: tokens of each part of the input, for the breakdown.
            final: tools are named but must not be called, and the text is the answer.
            stable_chars: as `ModelRequest.stable_chars`.

        Raises:
            TimeUp: the turn's time ended.
            ModelError: no model answered.
            BudgetUsedUp: no model was asked.
        """
        request = self._request(
            tuple(messages),
            tools=tools,
            tool_choice="none" if final and tools else "auto",
            max_output_tokens=self._task.max_output_tokens,
            response_schema=self._task.output_schema,
            stable_chars=stable_chars,
        )
        stream = AnswerStream(self._sink, show=self._task.stream)
        try:
            reply = await self._asked(key, request, stream, final=final)
        except ModelError:
            if not self.climb.retreat():
                raise
            await stream.restart()
            reply = await self._asked(key, request, stream, final=final)
        self._count(reply, estimated)
        while (why := signal_of(reply)) is not None and self.escalate(why, key):
            key = stronger(key)
            await stream.restart()
            try:
                reply = await self._asked(key, request, stream, final=final)
            except (ModelError, BudgetUsedUp, TimeUp):  # what there is is better than nothing
                self.climb.retreat()
                return reply
            self._count(reply, estimated)
        return reply

    async def _asked(self, key: str, request: ModelRequest, stream: AnswerStream, *, final: bool) -> ModelReply:
        seconds = max(0.001, self._budget.remaining_s)
        request = msgspec.structs.replace(request, model=self.climb.next_model(), timeout_s=seconds)

        async def call(scope: StepScope) -> ModelReply:
            paid = await self._reserve(scope, request)
            try:
                reply = await self._collect(paid.request, stream)
            except (asyncio.CancelledError, TimeUp):
                self._book_failure(key, paid, paid.priced(_cut_usage(request, stream)), code="")
                raise
            except ModelError as error:
                used = error.facts.get("usage")
                self._book_failure(key, paid, used if isinstance(used, Usage) else Usage(), code=error.code)
                raise
            await stream.end(keep=final or not reply.calls)
            self._book(scope, paid, reply)
            return reply

        reply = await self._ctx.step(key, call, kind=ModelReply, name="model")
        self.answered_by = reply.model or self.answered_by
        return reply

    async def summarise(self, key: str, instruction: str, text: str) -> str:
        """A summary as a journaled step; empty when the model cannot give one, since the turn can go on."""
        request = self._request(
            ({"role": "system", "content": instruction}, {"role": "user", "content": text}),
            max_output_tokens=min(self._task.max_output_tokens, 2048),
        )

        async def call(scope: StepScope) -> ModelReply:
            try:
                paid = await self._reserve(scope, request)
            except BudgetUsedUp:
                return ModelReply()
            try:
                reply = await self._collect(paid.request, None)
            except (ModelError, TimeUp):
                scope.write(*paid.settled())
                return ModelReply()
            self._book(scope, paid, reply)
            return reply

        reply = await self._ctx.step(key, call, kind=ModelReply, name="summarise")
        self._count(reply, {"conversation_history": 1})
        return reply.text

    def _request(self, messages: tuple[dict[str, Any], ...], **options: Any) -> ModelRequest:
        task = self._task
        return ModelRequest(
            model=task.model,
            messages=messages,
            temperature=task.temperature,
            params=task.model_params,
            timeout_s=max(0.001, self._budget.remaining_s),
            trace_id=self._ctx.run.trace_id,
            workspace=task.workspace,
            person_id=task.principal.id,
            **options,
        )

    async def _reserve(self, scope: StepScope, request: ModelRequest) -> PaidCall:
        return await reserved(self._ctx, scope.key, request, self._payer)

    def _payer(self) -> Payer:
        task = self._task
        return Payer.of(task.principal, workspaces=(task.workspace,), channel=self._ctx.run.channel, bot=task.bot)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────

    async def _collect(self, request: ModelRequest, stream: AnswerStream | None) -> ModelReply:
        """Read the stream to its end, within the turn's time."""
        feed = stream.feed if stream is not None else None
        try:
            return await collect_reply(self._model, self._ctx.clock, request, feed=feed)
        except OutOfTime as error:
            raise TimeUp from error

    # ── counting ─────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, reply: ModelReply, estimated: Mapping[str, int]) -> None:
        self._budget.usage += reply.usage
        self._budget.spent_ms += reply.latency_ms
        self.meter.add(estimated, reply.usage)

    def _book(self, scope: StepScope, paid: PaidCall, reply: ModelReply) -> None:
        scope.write(AddUsage(call=self._usage_row(scope.key, paid, reply)), *paid.settled(reply.usage))
        run = self._ctx.run
        if self._ctx.live.watched(run.conversation):
            data = {
                "model": reply.model or paid.request.model,
                "usage": msgspec.to_builtins(reply.usage),
                "latency_ms": reply.latency_ms,
                "step": scope.key,
            }
            self._ctx.live.publish(LiveEvent(kind="model", conversation=run.conversation, run_id=run.id, data=data))

    def _book_failure(self, key: str, paid: PaidCall, usage: Usage, *, code: str) -> None:
        """A call that was cut off is billed all the same: committed with the end of the run."""
        row = self._usage_row(key, paid, ModelReply(usage=usage, finish="cut"), code=code)
        self._ctx.write(AddUsage(call=row), *paid.settled(usage))

    def _usage_row(self, key: str, paid: PaidCall, reply: ModelReply, *, code: str = "") -> ModelCall:
        run, task = self._ctx.run, self._task
        at = self._ctx.clock.micros()
        return usage_row(run, at, key, paid.request.model, reply, workspace=task.workspace, bot=task.bot, code=code)


def _cut_usage(request: ModelRequest, stream: AnswerStream) -> Usage:
    """Nobody told how much a cut call used, so it is counted here."""
    read = sum(map(estimate_json_tokens, (*request.messages, *request.tools)))
    return Usage(input_tokens=read, output_tokens=estimate_tokens(stream.raw), estimated=True)
