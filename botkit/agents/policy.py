"""Asks a model whether a text violates a policy, as a journaled step that is booked like any model call."""

from __future__ import annotations

__all__ = ["PolicyJudge"]

from collections.abc import Callable, Sequence

from botkit.core.data import Data
from botkit.core.errors import BudgetUsedUp, ModelError
from botkit.core.journal import AddUsage, Write
from botkit.core.json_repair import Unreadable, read_arguments
from botkit.core.models import Model, ModelReply, ModelRequest
from botkit.core.screening import Checks, GuardFinding
from botkit.core.screening.policy import POLICY_SCHEMA, POLICY_SYSTEM, policy_prompt, violation
from botkit.runs.context import RunContext, StepScope
from botkit.runs.model_calls import collect_reply, usage_row
from botkit.runs.spending import payer_of_run, reserved

_TIMEOUT_S = 60.0
_OUTPUT_TOKENS = 300


FollowingWrites = Callable[[Sequence[GuardFinding]], Sequence[Write]]


class _Judged(Data):
    """The journaled result."""

    findings: tuple[GuardFinding, ...] = ()


class PolicyJudge:
    """Judges texts of turns by the policy of their bot.

    Args:
        model: asked; without one no text can be judged.
    """

    def __init__(self, model: Model | None = None):
        self._model = model

    async def judge(
        self,
        ctx: RunContext,
        key: str,
        text: str,
        checks: Checks,
        *,
        model: str,
        workspace: str = "",
        writes: FollowingWrites | None = None,
    ) -> tuple[GuardFinding, ...]:
        """What it found: nothing, or one finding. A text that no model could judge is blocked where `checks.closed`.

        Args:
            model: used when the checks name none.
            workspace: on whose behalf, with whose keys.
            writes: what to commit with the verdict.

        Raises:
            Stopped: as the step context says.
        """

        async def ask(scope: StepScope) -> _Judged:
            findings = await self._findings(ctx, scope, text, checks, checks.model or model, workspace)
            if writes is not None:
                scope.write(*writes(findings))
            return _Judged(findings=findings)

        return (await ctx.step(key, ask, kind=_Judged, name="guardrail")).findings

    async def _findings(
        self, ctx: RunContext, scope: StepScope, text: str, checks: Checks, model: str, workspace: str
    ) -> tuple[GuardFinding, ...]:
        request = ModelRequest(
            model=model,
            messages=(
                {"role": "system", "content": POLICY_SYSTEM},
                {"role": "user", "content": policy_prompt(checks.policy, text)},
            ),
            response_schema=POLICY_SCHEMA,
            max_output_tokens=_OUTPUT_TOKENS,
            timeout_s=_TIMEOUT_S,
            trace_id=ctx.run.trace_id,
            workspace=workspace,
            person_id=ctx.run.person_id,
        )
        try:
            paid = await reserved(ctx, scope.key, request, lambda: payer_of_run(ctx.run, workspace))
        except BudgetUsedUp as error:
            reply, code = ModelReply(finish="cut"), error.code
        else:
            reply, code = await self._asked(ctx, paid.request)
            scope.write(*paid.settled(reply.usage))
        at, bot = ctx.clock.micros(), ctx.run.bot
        row = usage_row(ctx.run, at, scope.key, model, reply, workspace=workspace, bot=bot, code=code)
        scope.write(AddUsage(call=row))
        if code:
            measure = "block" if checks.closed else "flag"
            return (GuardFinding(check="policy", kind="unchecked", count=1, measure=measure),)
        try:
            verdict = read_arguments(reply.text)
        except (Unreadable, ValueError):
            verdict = {}
        if violation(verdict) is None:
            return ()
        return (GuardFinding(check="policy", kind="violated", count=1, measure=checks.policy_measure),)

    async def _asked(self, ctx: RunContext, request: ModelRequest) -> tuple[ModelReply, str]:
        if self._model is None:
            return ModelReply(finish="cut"), "no_model"
        try:
            return await collect_reply(self._model, ctx.clock, request), ""
        except ModelError as error:
            return ModelReply(finish="cut"), error.code
