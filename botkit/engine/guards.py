"""The guardrails of `bots.yaml` at the door: which hold for a bot, and what they leave of a message."""

from __future__ import annotations

__all__ = ["GuardedWorkflows", "cleaned", "cleaned_answer", "guards_of", "judged", "kept_back"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.agents.guarded import BLOCKED, as_rows, guarded, noted
from botkit.agents.policy import PolicyJudge
from botkit.core.agent import AgentOutcome
from botkit.core.config.models.guardrails import Guardrails
from botkit.core.identity_cache import IdentityCache
from botkit.core.journal import Run
from botkit.core.screening import WITHHELD, Checks, GuardFinding, Guards, Rule, check
from botkit.core.workflows import WorkflowOutcome, WorkflowTask
from botkit.engine.ports import Workflows
from botkit.runs.context import RunContext

if TYPE_CHECKING:
    from botkit.core.config import Bot, Config
    from botkit.core.config.models.guardrails import TextChecks
    from botkit.engine.turn import TurnInput

_REVISIONS = 8
"""So many at a time are worth remembering: the newest, and those that paused runs are pinned to."""


def guards_of(config: Config, bot: Bot | None = None) -> Guards:
    """The guardrails of a bot over those of the installation, key by key; rules of both."""
    return _of_revision(config)(bot.guardrails if bot is not None else _NONE)


def _of(config: Config) -> IdentityCache[Guardrails, Guards]:
    return IdentityCache(lambda of_bot: _joined([config.settings.guardrails, of_bot]))


_NONE = Guardrails()
_of_revision = IdentityCache(_of, size=_REVISIONS)


def _joined(over: Sequence[Guardrails]) -> Guards:
    fallback = next((each.fallback for each in reversed(over) if each.fallback is not None), "")
    return Guards(
        input=_checks([each.input for each in over]),
        output=_checks([each.output for each in over]),
        tools=msgspec.structs.replace(_checks([each.tools for each in over]), policy=""),
        fallback=fallback,
    )


def _checks(layers: Sequence[TextChecks]) -> Checks:
    def value(name: str) -> Any:
        nearest = next((each for each in reversed(layers) if name in each.model_fields_set), layers[-1])
        return getattr(nearest, name)

    return Checks(
        personal=value("personal"),
        personal_kinds=tuple(value("personal_kinds")),
        secrets=value("secrets"),
        injection=value("injection"),
        injection_score=value("injection_score"),
        rules=tuple(
            Rule(name=rule.name, words=tuple(rule.words), pattern=rule.pattern, measure=rule.measure)
            for each in layers
            for rule in each.rules
        ),
        policy=value("policy"),
        policy_measure=value("policy_measure"),
        model=value("model") or "",
        closed=value("on_model_failure") == "block",
    )


def cleaned(turn: TurnInput, checks: Checks, run: Run) -> TurnInput:
    """A message as rules leave it: what was taken out is kept nowhere in its run, nor what was withheld."""
    if not checks.active:
        return turn
    verdict = check(turn.text, checks)
    noted("input", verdict.findings, run_id=run.id, bot=run.bot)
    return _as_found(turn, verdict.text, verdict.findings) if verdict.findings else turn


def cleaned_answer(text: str, checks: Checks, *, run_id: str, bot: str) -> str:
    """What a person wrote as the answer to a question, as rules leave it."""
    verdict = check(text, checks)
    noted("input", verdict.findings, run_id=run_id, bot=bot)
    return WITHHELD if verdict.blocked else verdict.text


def judged(turn: TurnInput, findings: Sequence[GuardFinding]) -> TurnInput:
    """The same with what a model found."""
    return _as_found(turn, turn.text, findings) if findings else turn


def _as_found(turn: TurnInput, text: str, findings: Sequence[GuardFinding]) -> TurnInput:
    why = next((f"{each.check}: {each.kind}" for each in findings if each.measure == "block"), "")
    return msgspec.structs.replace(
        turn,
        text=WITHHELD if why else text,
        attachments=() if why else turn.attachments,
        withheld=why,
        findings=(*turn.findings, *as_rows("input", findings)),
    )


def kept_back(turn: TurnInput, findings: Sequence[dict[str, Any]]) -> AgentOutcome:
    """How the turn of a message ends that was blocked: no model has read it."""
    error = {"code": BLOCKED, "message": f"the message was kept back ({turn.withheld})"}
    return AgentOutcome(state="failed", text="", error=error, output={"guardrails": list(findings)})


class GuardedWorkflows:
    """Implements the port of workflows: what they leave to be said at their end passes the guardrails too."""

    def __init__(self, workflows: Workflows, judge: PolicyJudge | None):
        self._workflows = workflows
        self._judge = judge

    async def plan_hash(self, revision: str, workflow: str) -> str:
        return await self._workflows.plan_hash(revision, workflow)

    async def run(self, ctx: RunContext, task: WorkflowTask) -> WorkflowOutcome:
        """As the port says."""
        outcome = await self._workflows.run(ctx, task)
        if not outcome.text:
            return outcome
        said = AgentOutcome(text=outcome.text)
        about = {"model": task.model, "bot": task.bot, "workspace": task.workspace}
        said = await guarded(ctx, said, task.guards, self._judge, **about)
        if said.error is None:
            return msgspec.structs.replace(outcome, text=said.text)
        return msgspec.structs.replace(outcome, state="failed", text="", output=None, error=said.error)
