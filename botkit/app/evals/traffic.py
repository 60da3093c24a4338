"""Recorded turns of real people, to be answered again by another version: read from the journal, and nothing more.

Whoever was erased is not in the journal any more, and so not here. Tools are answered with what they said then; a call
that was not made then is not made now, only told.
"""

from __future__ import annotations

__all__ = ["PastTurn", "RecordedAnswers", "read_traffic"]

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from botkit.core.agent import ToolTrace
from botkit.core.data import Data
from botkit.core.events import Attachment
from botkit.core.journal import Run, Step, TranscriptRow
from botkit.core.models import Usage
from botkit.core.stores import Trace
from botkit.core.tools import Result, arguments_digest, result_text
from botkit.engine.turn import TurnInput, input_of
from botkit.store.glance import Glance

_ENDED = ("completed", "limit_reached")
_PAGE = 100
_LOOKED_THROUGH = 5_000
"""Runs at most that are looked at for those that fit."""
_TRANSCRIPT_ROWS = 2_000
_HEAD_CHARS = 1_000


class PastTurn(Data, omit_defaults=False):
    """One message of a person, what the bot knew, and what came of it."""

    run_id: str
    bot: str
    text: str
    person_name: str = ""
    roles: tuple[str, ...] = ()
    locale: str = ""
    timezone: str = ""
    attachments: tuple[Attachment, ...] = ()
    history: tuple[TranscriptRow, ...] = ()
    summary: str = ""
    reply: str = ""
    member: str = ""
    state: str = ""
    calls: tuple[ToolTrace, ...] = ()
    contents: tuple[tuple[str, dict[str, Any]], ...] = ()
    """What tools said, in order: as MCP results, with the tool."""
    usage: Usage = Usage()
    model_ms: float = 0.0


class RecordedAnswers:
    """What tools said in a past turn, for calls like those of then."""

    def __init__(self, past: PastTurn):
        self._exact: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        self._loose: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        contents = list(past.contents)
        for call in past.calls:
            key = arguments_digest(call.tool_name, dict(call.arguments))
            self._exact[key].append(_content_of(call, contents))
        known = {call.tool_name for call in past.calls}
        for tool, content in contents:
            if tool not in known:  # of a workflow, whose journal does not say with which arguments
                self._loose[tool].append(content)

    def knows(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether such a call was made then."""
        return bool(self._exact.get(arguments_digest(tool, dict(arguments))) or self._loose.get(tool))

    def take(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """The MCP result of then; the last one again for a further call of the same kind; None: there was no such."""
        queue = self._exact.get(arguments_digest(tool, dict(arguments))) or self._loose.get(tool)
        if not queue:
            return None
        return queue.popleft() if len(queue) > 1 else queue[0]


async def read_traffic(glance: Glance, *, bot: str, limit: int, history_messages: int) -> list[PastTurn]:
    """The last turns of a bot or team that a message began and an answer ended, oldest first.

    Turns with files are left out: what stood in them may be gone.
    """
    found: list[PastTurn] = []
    before, looked = "", 0
    while len(found) < limit and looked < _LOOKED_THROUGH:
        page = await glance.records.runs(bot=bot, limit=_PAGE, before=before)
        if not page:
            break
        for summary in page:
            run, before, looked = summary.run, summary.run.id, looked + 1
            if len(found) < limit and _fits(run):
                trace = await glance.records.trace(run.id)
                if trace is not None:
                    history = await _history(glance, run, history_messages)
                    found.append(_past(trace, history))
    return found[::-1]


def _fits(run: Run) -> bool:
    if run.state not in _ENDED or not run.bot or not run.person_id:
        return False
    turn = input_of(run)
    return bool(turn.text) and not turn.attachments and not turn.withheld and not turn.trigger.get("service")


async def _history(glance: Glance, run: Run, limit: int) -> tuple[TranscriptRow, ...]:
    turn = input_of(run)
    if not turn.history_seq or not limit:
        return ()
    rows = await glance.records.transcript(run.conversation, limit=_TRANSCRIPT_ROWS)
    mine = [row for row in rows if row.session_id == run.session_id and row.seq < turn.history_seq]
    return tuple(mine[-limit:])


def _past(trace: Trace, history: Sequence[TranscriptRow]) -> PastTurn:
    run = trace.run.run
    turn: TurnInput = input_of(run)
    output: Mapping[str, Any] = run.output or {}
    usage = Usage()
    for call in trace.models:
        usage += call.usage
    return PastTurn(
        run_id=run.id,
        bot=run.bot,
        text=turn.text,
        person_name=turn.sender_name,
        roles=turn.roles,
        locale=turn.locale,
        timezone=turn.timezone,
        history=tuple(history),
        summary=turn.summary,
        reply=str(output.get("text") or ""),
        member=str(output.get("member") or ""),
        state=run.state,
        calls=msgspec.convert(output.get("calls") or (), tuple[ToolTrace, ...]),
        contents=tuple(_contents(trace.run.steps.values())),
        usage=usage,
        model_ms=sum(call.latency_ms for call in trace.models),
    )


def _contents(steps: Any) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for step in cast("Sequence[Step]", steps):
        if "__" in step.name and step.state == "done" and step.result:
            try:
                result = msgspec.json.decode(step.result, type=Result)
            except msgspec.MsgspecError:  # a question that came first, or something else of that name
                continue
            found.append((step.name, result.content))
    return found


def _content_of(call: ToolTrace, contents: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The whole result of a call, of which the trace holds what later turns remember."""
    head = call.result.removeprefix("ERROR: ")[:_HEAD_CHARS]
    for at, (tool, content) in enumerate(contents):
        if tool == call.tool_name and result_text(content).startswith(head[: len(head) // 2]):
            return contents.pop(at)[1]
    return {"content": [{"type": "text", "text": call.result}], "isError": not call.success}
