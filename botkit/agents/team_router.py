"""Chooses the member of a team that answers, as a journaled step."""

from __future__ import annotations

__all__ = ["TeamRouter"]

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
import structlog

from botkit.agents.routing import Choice, by_rule, by_words, choice_of, choice_prompt, choice_schema
from botkit.core.clock import Clock
from botkit.core.errors import BudgetUsedUp, ModelError
from botkit.core.journal import AddUsage
from botkit.core.json_repair import Unreadable, read_value
from botkit.core.models import Model, ModelReply, ModelRequest
from botkit.core.teams import Routed, RouteRequest
from botkit.core.validation import problems
from botkit.runs.context import RunContext, StepScope
from botkit.runs.model_calls import collect_reply, usage_row
from botkit.runs.spending import PaidCall, payer_of_run, reserved

_log = structlog.get_logger("botkit.agents")
_SYSTEM = (
    "You pass messages of people on to the member of a team who can answer them best. Answer with one JSON object: "
    '{"member": "…", "confidence": 0.0, "reason": "…"}. Be honest about confidence: low when several could be meant.'
)
_MAX_OUTPUT_TOKENS = 200

Book = Callable[[ModelRequest, ModelReply], None]
Pay = Callable[[ModelRequest], Awaitable[ModelRequest]]


class TeamRouter:
    """Fills the engine's port for routing."""

    def __init__(self, model: Model):
        self._model = model

    async def route(self, ctx: RunContext, key: str, request: RouteRequest) -> Routed:
        """Who answers, chosen once for each key. Replayable.

        A choice without a model costs nothing and comes out the same again, so it has no commit of its own.
        """
        if not ctx.done(key) and (free := _without_model(request)) is not None:
            ctx.record(key, "route", free)
            return free

        async def choose(scope: StepScope) -> Routed:
            held: list[PaidCall] = []

            async def pay(asked: ModelRequest) -> ModelRequest:
                held.append(await reserved(ctx, scope.key, asked, lambda: payer_of_run(ctx.run, request.workspace)))
                return held[-1].request

            def book(asked: ModelRequest, reply: ModelReply) -> None:
                at, space = ctx.clock.micros(), request.workspace
                row = usage_row(ctx.run, at, scope.key, asked.model, reply, workspace=space, bot=request.team)
                scope.write(AddUsage(call=row), *held.pop().settled(reply.usage))

            routed = await self.choose(request, ctx.clock, trace_id=ctx.run.trace_id, book=book, pay=pay)
            for call in held:  # no model answered
                scope.write(*call.settled())
            return routed

        return await ctx.step(key, choose, kind=Routed, name="route")

    async def choose(
        self,
        request: RouteRequest,
        clock: Clock,
        *,
        trace_id: str = "",
        book: Book | None = None,
        pay: Pay | None = None,
    ) -> Routed:
        """Who answers.

        A choice that is not sure leaves the person with the member they are talking with, else with the default.
        A model that fails is no reason not to answer: the words decide then.

        Args:
            book: told of every model call that was made.
            pay: asked before each; returns the request to make. May raise `BudgetUsedUp`.
        """
        if (free := _without_model(request)) is not None:
            return free
        reply, chosen = await self._asked(request, clock, trace_id, book, pay)
        if chosen is not None:
            routed = _routed(request, chosen, "model")
        else:
            routed = _routed(request, by_words(request.members, request.text), "words")
        if reply is None:
            return routed
        return msgspec.structs.replace(routed, usage=reply.usage, ms=reply.latency_ms)

    async def _asked(
        self, request: RouteRequest, clock: Clock, trace_id: str, book: Book | None, pay: Pay | None
    ) -> tuple[ModelReply | None, Choice | None]:
        prompt = choice_prompt(
            request.members, request.text, current=request.current, said=request.said, note=request.note
        )
        schema = choice_schema(request.members)
        asked = ModelRequest(
            model=request.model,
            messages=({"role": "system", "content": _SYSTEM}, {"role": "user", "content": prompt}),
            max_output_tokens=_MAX_OUTPUT_TOKENS,
            temperature=0.0,
            response_schema=schema,
            timeout_s=request.timeout_s,
            trace_id=trace_id,
            workspace=request.workspace,
            person_id=request.person_id,
        )
        try:
            asked = await pay(asked) if pay is not None else asked
            reply = await collect_reply(self._model, clock, asked)
        except (ModelError, BudgetUsedUp) as error:
            _log.warning("route_by_words", team=request.team, trace=trace_id, code=error.code)
            return None, None
        if book is not None:
            book(asked, reply)
        try:
            data = read_value(reply.text)
        except Unreadable:
            return reply, None
        return reply, choice_of(data) if not problems(schema, data) else None


def _without_model(request: RouteRequest) -> Routed | None:
    """Who answers where no model has to be asked; None where one has to."""
    if len(request.members) == 1:
        return Routed(member=request.members[0].name, by="only")
    if (ruled := by_rule(request.rules, request.text, request.command)) is not None:
        return Routed(member=ruled.member, by="rule", reason=ruled.reason)
    return None if request.model else _routed(request, by_words(request.members, request.text), "words")


def _routed(request: RouteRequest, choice: Choice, by: Literal["model", "words"]) -> Routed:
    """A choice that is sure enough; else the person stays where they are."""
    if choice.confidence >= request.min_confidence:
        return Routed(member=choice.member, by=by, confidence=choice.confidence, reason=choice.reason)
    return Routed(
        member=request.current or request.default,
        by="sticky" if request.current else "default",
        confidence=choice.confidence,
        reason=f"not sure enough for {choice.member}: {choice.reason}",
    )
