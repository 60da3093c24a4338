"""How a turn ends: by an answer, a pause or a stop. Each is one commit, and then whoever watches is told."""

from __future__ import annotations

__all__ = ["CurrentTurn", "Endings", "released"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.agents.guarded import BLOCKED
from botkit.core.agent import AgentOutcome
from botkit.core.errors import BudgetUsedUp
from botkit.core.events import Conversation
from botkit.core.journal import PutSession, Requeue, Run, Say, SetRun, TranscriptRow, WaitingFor, Write
from botkit.core.live import LiveEvent
from botkit.engine.budget_notices import used_up_text
from botkit.engine.effective import Effective
from botkit.engine.forms import form_json
from botkit.engine.guards import guards_of
from botkit.engine.languages import Language, language_of
from botkit.engine.reply import Reply
from botkit.engine.services import Services
from botkit.engine.speaking import Voiced
from botkit.engine.turn import TurnInput
from botkit.runs.context import RunContext
from botkit.runs.lanes import LaneScope

if TYPE_CHECKING:
    from botkit.core.config import Config


@dataclass(frozen=True, slots=True)
class CurrentTurn:
    """One execution of a turn, as long as it lasts."""

    scope: LaneScope
    ctx: RunContext
    run: Run
    this: Effective
    turn: TurnInput
    config: Config
    conversation: Conversation
    reply: Reply

    @property
    def words(self) -> Language:
        """What is said by us, and not by the model, in this conversation."""
        return language_of(self.config, self.conversation, self.turn.locale, bot=self.run.bot)


class Endings:
    """Commits what comes of a turn."""

    def __init__(self, services: Services):
        self._s = services

    async def finish(self, current: CurrentTurn, outcome: AgentOutcome, voiced: Voiced) -> None:
        run, now = current.run, self._s.clock.micros()
        text = outcome.text
        if outcome.state == "failed" or (outcome.state == "limit_reached" and (not text or _is_budget(outcome.error))):
            text = _failure_text(current, outcome.error)
        text, parts = current.reply.final(text) if text else ("", [])
        if voiced.voice is not None:
            parts += current.reply.voice(voiced.voice, after=len(parts))
        session = await self._touch_session(current, outcome, now)
        output = {
            "text": text,
            "model": outcome.model,
            "iterations": outcome.iterations,
            "breakdown": msgspec.to_builtins(outcome.breakdown),
            "calls": msgspec.to_builtins(outcome.calls),
            **outcome.output,
        }
        if found := (*current.turn.findings, *outcome.output.get("guardrails", ())):
            output["guardrails"] = list(found)
        writes: list[Write] = [
            *(Say(row=_row_of(run, row)) for row in outcome.rows),
            *outcome.notes,
            *session,
            SetRun(
                run_id=run.id,
                state=outcome.state,
                at=now,
                output=output,
                error=outcome.error,
                usage=outcome.usage,
            ),
            *parts,
            *self._requeue(current),
        ]
        await self._end(current, writes)
        self._publish_done(current, outcome.state, outcome=outcome, text=text or str(output["text"]))

    async def _touch_session(self, current: CurrentTurn, outcome: AgentOutcome, now: int) -> list[Write]:
        """Keep a new summary; the session's clock was set when the turn began."""
        if not outcome.summary:
            return []
        context = await self._s.journal.context(current.run.lane, history_limit=0)
        session = context.session
        if session is None or session.id != current.run.session_id:
            return []
        summed = msgspec.structs.replace(session, summary=outcome.summary, summary_seq=outcome.summary_seq, last_at=now)
        return [PutSession(session=summed)]

    def _requeue(self, current: CurrentTurn) -> list[Write]:
        """Messages kept back while this run waited are due now, whatever the settings say since."""
        return [released(current.run)] if current.ctx.waited else []

    async def pause(self, current: CurrentTurn) -> None:
        waits = current.ctx.open_waits
        kinds: list[WaitingFor] = [wait.kind for wait in waits]
        waiting_for: WaitingFor = "reconcile" if "reconcile" in kinds else kinds[0] if kinds else "approval"
        now = self._s.clock.micros()
        paused = SetRun(run_id=current.run.id, state="waiting", at=now, waiting_for=waiting_for)
        await self._end(current, [*current.reply.paused(), paused])
        self._s.timers_changed()
        for wait in waits:
            self._s.live.publish(
                LiveEvent(
                    kind="wait",
                    conversation=current.run.conversation,
                    run_id=current.run.id,
                    data={"wait_id": wait.id, "kind": wait.kind, "token": wait.token, "payload": wait.payload}
                    | ({"form": form} if (form := form_json(wait)) else {}),
                )
            )
        self._publish_done(current, "waiting", waiting_for=waiting_for)

    async def stopped(self, current: CurrentTurn) -> None:
        partial = current.reply.text.strip()
        words = current.words
        text = f"{partial}\n\n_{words.stopped}_" if partial else words.stopped
        text, parts = current.reply.final(text)
        now = self._s.clock.micros()
        said = TranscriptRow(
            session_id=current.run.session_id, run_id=current.run.id, role="assistant", text=text, at=now
        )
        writes: list[Write] = [
            Say(row=said),
            SetRun(run_id=current.run.id, state="cancelled", at=now, output={"text": text}),
            *parts,
            *self._requeue(current),
        ]
        await self._end(current, writes)
        self._publish_done(current, "cancelled", text=text)

    async def _end(self, current: CurrentTurn, writes: Sequence[Write]) -> None:
        """The commit that ends this execution; it gives the lane back when nothing else waits in it."""
        release = current.scope.last_batch
        committed = await self._s.outbox.commit(
            current.run.conversation, lambda send: current.ctx.commit(*writes, release=release, send=send)
        )
        if release:
            await current.scope.released_by(committed)

    def _publish_done(
        self,
        current: CurrentTurn,
        state: str,
        *,
        outcome: AgentOutcome | None = None,
        waiting_for: str = "",
        text: str = "",
    ) -> None:
        run = current.run
        if not self._s.live.watched(run.conversation):
            return
        usage = outcome.usage if outcome is not None else run.usage
        data: dict[str, Any] = {
            "state": state,
            "status": state,
            "run_id": run.id,
            "trace_id": run.trace_id,
            "waiting_for": waiting_for,
            "text": text,
            "conversation_id": run.session_id,
            "usage": msgspec.to_builtins(usage),
            "cost_cents": usage.cost_micros / 10_000,
            "latency_ms": (self._s.clock.micros() - run.started_at) / 1000,
            "iterations": outcome.iterations if outcome is not None else 0,
            "breakdown": msgspec.to_builtins(outcome.breakdown) if outcome is not None else {},
            "calls": msgspec.to_builtins(outcome.calls) if outcome is not None else [],
            "error": outcome.error if outcome is not None else None,
            **({"data": outcome.output["data"]} if outcome is not None and "data" in outcome.output else {}),
        }
        self._s.live.publish(LiveEvent(kind="done", conversation=run.conversation, run_id=run.id, data=data))


def released(run: Run) -> Requeue:
    """The write that gives back what was kept until this run ended (`while_waiting: queue`)."""
    return Requeue(lane=run.lane, outcome=f"queued: {run.id}")


def _row_of(run: Run, row: TranscriptRow) -> TranscriptRow:
    return msgspec.structs.replace(row, session_id=run.session_id, run_id=run.id)


def _is_budget(error: dict[str, Any] | None) -> bool:
    return (error or {}).get("code") == BudgetUsedUp.code


def _failure_text(current: CurrentTurn, error: dict[str, Any] | None) -> str:
    if (error or {}).get("code") == BLOCKED and (said := guards_of(current.config, current.this.bot).fallback):
        return said
    if current.this.bot.fallback:
        return current.this.bot.fallback
    if _is_budget(error):
        return used_up_text(current.words, error, current.config.settings.timezone)
    code = (error or {}).get("code", "internal")
    return current.words.failed.format(code=code, trace=current.run.trace_id)
