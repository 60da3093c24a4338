"""One turn: from the messages of a person to the committed answer.

A turn is started once and may be executed several times — after a crash, or each time an approval wakes it —
so everything it reads besides its journaled steps is fixed in `Run.input` when it starts.
"""

from __future__ import annotations

__all__ = ["TurnInput", "conversation_of", "input_of", "new_run", "note_keys", "run_id_of", "session_for", "task_of"]

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.core.agent import AgentTask, ContextShares
from botkit.core.clock import Clock, from_micros
from botkit.core.data import Data
from botkit.core.events import Attachment, Conversation, Event
from botkit.core.ids import new_id
from botkit.core.journal import InboxRow, LaneContext, Run, Session, TranscriptRow, Wait
from botkit.core.notes import NoteKey
from botkit.core.tools import Principal
from botkit.engine.effective import Effective
from botkit.engine.guards import guards_of
from botkit.engine.identity import Known
from botkit.engine.languages import agent_words, speak
from botkit.engine.tainting import taint_at_start

if TYPE_CHECKING:
    from botkit.core.config import Config

_LATE_NOTE_S = 120
_HOUR_S = 3600


class TurnInput(Data):
    """What a turn was started with; stored in `Run.input`."""

    text: str
    message_id: str = ""
    sender_id: str = ""
    sender_name: str = ""
    roles: tuple[str, ...] = ("guest",)
    """At the start, for people who read the trace; rights are looked up again at every call."""
    tags: tuple[str, ...] = ()
    """Of the person, at the start."""
    locale: str = ""
    timezone: str = ""
    attachments: tuple[Attachment, ...] = ()
    history_seq: int = 0
    """Rows of the session with a smaller seq were what the bot remembered; 0: it was the first message."""
    summary: str = ""
    note: str = ""
    now: int
    """Microseconds, UTC."""
    title: str = ""
    """Of the conversation."""
    forwarded: tuple[str, ...] = ()
    """Whose words the person passed on."""
    workflow: str = ""
    """What answers instead of the agent loop."""
    graph_hash: str = ""
    """The graph it is pinned to."""
    withheld: str = ""
    """Why a guardrail kept the message back, such as `injection: override`; `text` says only that it did."""
    findings: tuple[dict[str, Any], ...] = ()
    """What guardrails found in the message: where, check, kind, count and measure of each."""
    trigger: dict[str, Any] = {}
    """What began it: the variable `trigger`."""
    unsaid: bool = False
    """The message enters the transcript once its files were read and heard."""


def input_of(run: Run) -> TurnInput:
    """Read `Run.input` back."""
    return msgspec.convert(run.input, TurnInput)


def session_for(
    context: LaneContext, event: Event, bot: str, person_id: str, lane: str, *, ttl_s: float, now: int
) -> tuple[Session, bool]:
    """The session this message belongs to, and whether it is a new one (none yet, expired, another bot)."""
    session = context.session
    if session is not None and session.bot == bot and now - session.last_at <= ttl_s * 1_000_000:
        return msgspec.structs.replace(session, last_at=now), False
    fresh = Session(
        id=new_id("ses"),
        lane=lane,
        bot=bot,
        channel=event.channel,
        conversation=event.conversation.key,
        person_id=person_id if event.conversation.kind == "dm" else "",
        started_at=now,
        last_at=now,
    )
    return fresh, True


def new_run(
    rows: Sequence[InboxRow],
    *,
    known: Known,
    bot: str,
    session: Session,
    context: LaneContext,
    new_session: bool,
    revision: str,
    clock: Clock,
    stale_after_s: float,
) -> Run:
    """The run that answers these messages, with everything a replay needs.

    Its id follows from the first message's, so that a turn killed before its first commit begins again as the
    same run, and ends by editing whatever that one had begun to show.
    """
    event = rows[-1].event
    now = clock.micros()
    history = () if new_session else context.history
    person = known.person
    turn = TurnInput(
        text="\n\n".join(text for row in rows if (text := row.event.text.strip())),
        message_id=event.message_id,
        sender_id=event.sender.id,
        sender_name=person.name or event.sender.name,
        roles=known.roles,
        tags=person.tags,
        locale=person.locale or event.sender.locale,
        timezone=person.timezone or event.sender.timezone,
        attachments=tuple(item for row in rows for item in row.event.attachments),
        history_seq=history[-1].seq + 1 if history else 0,
        summary="" if new_session else session.summary,
        note=_note(rows, context.waits, known, now, stale_after_s),
        now=now,
        title=event.conversation.title,
        forwarded=tuple(dict.fromkeys(row.event.forwarded for row in rows if row.event.forwarded)),
    )
    return Run(
        id=run_id_of(rows[0].id),
        lane=rows[0].lane,
        conversation=event.conversation.key,
        conversation_kind=event.conversation.kind,
        channel=event.channel,
        bot=bot,
        person_id=person.id,
        revision=revision,
        session_id=session.id,
        trace_id=new_id("trc"),
        input=msgspec.to_builtins(turn),
        started_at=now,
        updated_at=now,
    )


def run_id_of(row_id: str) -> str:
    """The id of the run that an inbox row begins."""
    return f"run_{row_id.rpartition('_')[2]}"


def _note(rows: Sequence[InboxRow], waits: Sequence[Wait], known: Known, now: int, stale_after_s: float) -> str:
    """What the model should know besides the message."""
    notes: list[str] = []
    for wait in waits:
        if wait.kind == "approval":
            notes.append(f"A call of `{wait.payload.get('tool')}` in this conversation waits for a person's approval.")
        elif wait.kind == "reconcile":
            notes.append(
                f"An operator has to find out whether `{wait.payload.get('name')}` happened; do not repeat it."
            )
    age_s = (now / 1_000_000) - min(row.event.occurred_at.timestamp() for row in rows)
    if age_s > max(stale_after_s, _LATE_NOTE_S):
        notes.append(f"This was written {_age(age_s)} ago and could not be answered sooner; apologise briefly.")
    if known.roles == ("guest",):
        notes.append("The person is a guest: only tools that read may be available.")
    return "\n".join(notes)


def _age(seconds: float) -> str:
    if seconds < 2 * _HOUR_S:
        return f"{int(seconds // 60)} minutes"
    if seconds < 48 * _HOUR_S:
        return f"{int(seconds // _HOUR_S)} hours"
    return f"{int(seconds // (24 * _HOUR_S))} days"


def conversation_of(run: Run, title: str = "") -> Conversation:
    """Where a run answers."""
    kind = "group" if run.conversation_kind == "group" else "dm"
    found = Conversation.from_key(run.conversation, kind)
    return msgspec.structs.replace(found, title=title) if title else found


def _output_of(this: Effective) -> dict[str, Any]:
    """What an answer has to fit, as fields of `AgentTask`."""
    wanted = this.bot.output
    if wanted is None:
        return {}
    return {
        "output_schema": dict(wanted.answer_schema),
        "output_say": wanted.say,
        "output_repairs": wanted.repairs,
    }


def task_of(
    run: Run, turn: TurnInput, this: Effective, config: Config, roles: tuple[str, ...], history: Sequence[TranscriptRow]
) -> AgentTask:
    """What the agent is asked to do."""
    now: datetime = from_micros(turn.now)
    locale = turn.locale if this.locale == "auto" else this.locale
    return AgentTask(
        bot=run.bot,
        prompt=this.prompt,
        model=this.model,
        temperature=this.bot.temperature,
        workspace=this.bot.workspace,
        principal=Principal(
            id=run.person_id, roles=roles, bot=run.bot, taint=taint_at_start(run, turn, this, config, history)
        ),
        text=turn.text,
        attachments=turn.attachments,
        history=tuple(history),
        summary=turn.summary,
        person_name=turn.sender_name,
        now=now,
        timezone=turn.timezone or config.settings.timezone,
        locale=locale,
        words=agent_words(speak(locale)),
        note=turn.note,
        max_iterations=this.bot.max_iterations,
        max_output_tokens=this.bot.max_output_tokens,
        max_turn_tokens=this.bot.max_turn_tokens or 0,
        max_cost_micros=int(this.bot.max_turn_cost.amount * 1_000_000) if this.bot.max_turn_cost else 0,
        timeout_s=this.bot.timeout_s,
        stream=this.stream and this.bot.output is None,
        **_output_of(this),
        says_unread=True,
        guards=guards_of(config, this.bot),
        max_context_tokens=this.bot.context.max_tokens or 0,
        shares=ContextShares(
            tool_definitions=this.bot.context.tool_definitions,
            memory=this.bot.context.memory,
            summary=this.bot.context.summary,
            tool_results=this.bot.context.tool_results,
        ),
        notes=note_keys(run, run.bot) if this.bot.memory else (),
        history_limit=this.history_messages,
    )


def note_keys(run: Run, *teams: str) -> tuple[NoteKey, ...]:
    """Whose notes a bot may know of in this conversation: where others read along, nobody's own."""
    if run.channel.startswith("@"):
        return ()
    keys = [NoteKey(scope="chat", owner=run.conversation)]
    if run.conversation_kind == "dm" and run.person_id and not run.person_id.startswith("@"):
        keys.insert(0, NoteKey(scope="person", owner=run.person_id))
    return (*keys, *(NoteKey(scope="team", owner=name) for name in dict.fromkeys(filter(None, teams))))
