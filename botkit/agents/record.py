"""What one turn leaves behind: rows of the transcript, and traces of its tool calls."""

from __future__ import annotations

__all__ = ["TurnRecord"]

from collections.abc import Sequence
from typing import Any

import msgspec

from botkit.agents.calls import CallOutcome
from botkit.agents.limits import Limit
from botkit.agents.results import remembered_text
from botkit.core.agent import AgentWords, ToolTrace
from botkit.core.citations import SEARCHES, sources_in
from botkit.core.data import encode
from botkit.core.journal import TranscriptRow
from botkit.core.models import RequestedCall
from botkit.core.redact import Redactor
from botkit.core.taint import joined
from botkit.runs.context import RunContext


class TurnRecord:
    """Grows with the turn.

    Args:
        stored_result_chars: of each tool result.
    """

    def __init__(self, ctx: RunContext, redactor: Redactor, stored_result_chars: int):
        self._ctx = ctx
        self._redactor = redactor
        self._stored_result_chars = stored_result_chars
        self.rows: list[TranscriptRow] = []
        self.traces: list[ToolTrace] = []

    def say(self, role: Any, text: str, taint: tuple[str, ...], /, **data: Any) -> None:
        """A row, with where what was read until then came from."""
        if taint:
            data["taint"] = list(taint)
        run = self._ctx.run
        at = self._ctx.clock.micros()
        self.rows.append(
            TranscriptRow(session_id=run.session_id, run_id=run.id, role=role, text=text, data=data, at=at)
        )

    def round(
        self, text: str, outcomes: Sequence[CallOutcome], taint: tuple[str, ...]
    ) -> tuple[list[RequestedCall], dict[str, Any]]:
        """One round of calls: what was asked, with arguments as they were understood, and the sources of passages that
        were found (`botkit.core.citations`)."""
        asked = [msgspec.structs.replace(one.call, arguments=encode(one.arguments).decode()) for one in outcomes]
        calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in asked]
        self.say("assistant", self._redactor.text(text), taint, calls=calls)
        sources: dict[str, Any] = {}
        for outcome in outcomes:
            call = outcome.call
            stored = remembered_text(outcome.text, outcome.ref, self._stored_result_chars)
            kept: dict[str, Any] = {"ref": outcome.ref, "chars": len(outcome.text)} if outcome.ref else {}
            if outcome.answered_by:
                kept["answered_by"] = outcome.answered_by
            if call.name == SEARCHES and (found := sources_in(outcome.text)):
                sources |= found
                kept["sources"] = found
            self.say("tool", stored, joined(taint, outcome.taint), call_id=call.id, name=call.name, **kept)
            self.traces.append(
                ToolTrace(
                    tool_name=call.name,
                    arguments=outcome.arguments,
                    result=stored,
                    latency_ms=outcome.duration_ms,
                    success=outcome.ok,
                )
            )
        return asked, sources

    def excuse(self, limit: Limit, words: AgentWords) -> str:
        """Why there is no answer, and what was done all the same."""
        failed = f" ({words.tool_failed})"
        done = dict.fromkeys(f"`{trace.tool_name}`{'' if trace.success else failed}" for trace in self.traces)
        so_far = words.used_so_far.format(tools=", ".join(done)) if done else ""
        return words.limit_reached.format(why=limit.said, so_far=so_far)
