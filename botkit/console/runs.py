"""One run as the page shows it: its path drawn, and what it asked, used and delivered."""

from __future__ import annotations

__all__ = ["PartView", "RunPage", "WaitRow", "run_page"]

from typing import Any

from botkit.console.timeline import Bar, timeline
from botkit.console.views import TurnView, turn_view
from botkit.core.console import TraceView
from botkit.core.data import Data
from botkit.core.journal import ModelCall, Wait
from botkit.core.messages import Part


class WaitRow(Data, omit_defaults=False):
    """A question of the run. Without the token that its buttons carry."""

    id: str
    kind: str
    state: str
    key: str
    payload: dict[str, Any]
    answer: dict[str, Any] | None
    decided_by: str
    decided_via: str
    created_at: int
    decided_at: int
    expires_at: int


class PartView(Data, omit_defaults=False):
    """A message it sent, or is to send."""

    id: str
    text: str
    state: str
    attempts: int
    error: str
    message_id: str
    created_at: int


class RunPage(Data, omit_defaults=False):
    turn: TurnView
    person: str
    channel: str
    conversation: str
    revision: str
    started_at: int
    ended_at: int
    cost_cents: float
    bars: tuple[Bar, ...]
    models: tuple[ModelCall, ...]
    waits: tuple[WaitRow, ...]
    parts: tuple[PartView, ...]
    now: int
    """Microseconds, UTC, by the server's clock; the end of bars that are still open."""


def run_page(view: TraceView, *, now_us: int) -> RunPage:
    """What the page needs of a trace, and nothing that carries a token."""
    trace = view.trace
    run = trace.run.run
    return RunPage(
        turn=turn_view(view),
        person=view.person or run.person_id,
        channel=run.channel,
        conversation=run.conversation,
        revision=run.revision,
        started_at=run.started_at,
        ended_at=run.ended_at,
        cost_cents=view.cost_cents,
        bars=timeline(view, now_us=now_us),
        models=trace.models,
        waits=tuple(_wait(wait) for wait in trace.run.waits),
        parts=tuple(_part(part) for part in trace.parts),
        now=now_us,
    )


def _wait(wait: Wait) -> WaitRow:
    return WaitRow(
        id=wait.id,
        kind=wait.kind,
        state=wait.state,
        key=wait.key,
        payload=wait.payload,
        answer=wait.answer,
        decided_by=wait.decided_by,
        decided_via=wait.decided_via,
        created_at=wait.created_at,
        decided_at=wait.decided_at,
        expires_at=wait.expires_at,
    )


def _part(part: Part) -> PartView:
    return PartView(
        id=part.id,
        text=part.text,
        state=part.state,
        attempts=part.attempts,
        error=part.error,
        message_id=part.message_id,
        created_at=part.created_at,
    )
