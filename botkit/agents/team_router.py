"""Chooses the member of a team that answers, as a journaled step."""

from __future__ import annotations

__all__ = ["TeamRouter"]

import structlog

from botkit.agents.routing import Choice, by_rule, by_words, choice_of, choice_prompt, choice_schema
from botkit.core.errors import ModelError
from botkit.core.journal import AddUsage
from botkit.core.json_repair import Unreadable, read_value
from botkit.core.models import Model, ModelReply, ModelRequest, Usage
from botkit.core.teams import Routed, RouteRequest
from botkit.core.validation import problems
from botkit.runs.context import RunContext, StepScope
from botkit.runs.model_calls import collect_reply, usage_row

_log = structlog.get_logger("botkit.agents")
_SYSTEM = (
    "You pass messages of people on to the member of a team who can answer them best. Answer with one JSON object: "
    '{"member": "…", "confidence": 0.0, "reason": "…"}. Be honest about confidence: low when several could be meant.'
)
_MAX_OUTPUT_TOKENS = 200


class TeamRouter:
    """Fills the engine's port for routing."""

    def __init__(self, model: Model):
        self._model = model

    async def route(self, ctx: RunContext, key: str, request: RouteRequest) -> Routed:
        """Who answers. Replayable.

        A choice that is not sure leaves the person with the member they are talking with, else with the default.
        A model that fails is no reason not to answer: the words decide then.
        """

        async def choose(scope: StepScope) -> Routed:
            if len(request.members) == 1:
                return Routed(member=request.members[0].name, by="only")
            if (ruled := by_rule(request.rules, request.text, request.command)) is not None:
                return Routed(member=ruled.member, by="rule", reason=ruled.reason)
            reply: ModelReply | None = None
            choice = by_words(request.members, request.text)
            by = "words"
            if request.model:
                reply, chosen = await self._asked(ctx, scope, request)
                choice, by = (chosen, "model") if chosen is not None else (choice, by)
            usage, ms = (reply.usage, reply.latency_ms) if reply is not None else (Usage(), 0.0)
            if choice.confidence < request.min_confidence:
                stays = request.current or request.default
                by, choice = (
                    ("sticky" if request.current else "default"),
                    Choice(
                        member=stays,
                        confidence=choice.confidence,
                        reason=f"not sure enough for {choice.member}: {choice.reason}",
                    ),
                )
            return Routed(
                member=choice.member,
                by=by,  # pyright: ignore[reportArgumentType] - one of its words
                confidence=choice.confidence,
                reason=choice.reason,
                usage=usage,
                ms=ms,
            )

        return await ctx.step(key, choose, kind=Routed, name="route")

    async def _asked(
        self, ctx: RunContext, scope: StepScope, request: RouteRequest
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
            trace_id=ctx.run.trace_id,
        )
        try:
            reply = await collect_reply(self._model, ctx.clock, asked)
        except ModelError as error:
            _log.warning("route_by_words", team=request.team, run=ctx.run.id, code=error.code)
            return None, None
        scope.write(AddUsage(call=usage_row(ctx.run, ctx.clock.micros(), scope.key, asked, reply, workspace="")))
        try:
            data = read_value(reply.text)
        except Unreadable:
            return reply, None
        return reply, choice_of(data) if not problems(schema, data) else None
