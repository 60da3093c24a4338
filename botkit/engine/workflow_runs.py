"""Runs of workflows as turns of the engine: what they are told, what they say, and how they end."""

from __future__ import annotations

__all__ = [
    "OPERATOR",
    "OutgoingMessages",
    "answer_of",
    "begin",
    "operator_event",
    "service_event",
    "service_roles",
    "service_setting",
    "workflow_task",
]

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.core.agent import AgentOutcome
from botkit.core.clock import Clock, from_micros
from botkit.core.config import Bot
from botkit.core.config.models.llm import OFFLINE_MODEL
from botkit.core.errors import NotFound
from botkit.core.events import Conversation, Event, User
from botkit.core.journal import Emit, Run, Say, TranscriptRow, Write
from botkit.core.messages import OutMessage, Part
from botkit.core.tools import Principal
from botkit.core.workflows import WorkflowOutcome, WorkflowTask
from botkit.engine import pressed
from botkit.engine.effective import AS_BOT, Effective
from botkit.engine.guards import guards_of
from botkit.engine.languages import agent_words, speak
from botkit.engine.nowhere import is_nowhere
from botkit.engine.ports import Channels
from botkit.engine.tainting import taint_at_start
from botkit.engine.turn import TurnInput
from botkit.engine.workflow_events import EVENT, origin_of, origin_principal
from botkit.runs.outbox import Outbox

if TYPE_CHECKING:
    from botkit.core.config import Config

OPERATOR = "operator"
"""The service on whose behalf runs begin that an operator began."""


class _ByHand:
    """What stands for a declaration in bots.yaml where an operator or another run began the run."""

    enabled = True


_BY_HAND = _ByHand()
_SERVICE_CHANNELS = {"webhook": "@webhook", "cron": "@schedule", "api": "@api"}


def begin(run: Run, turn: TurnInput, workflow: str, graph_hash: str, trigger: Mapping[str, Any]) -> Run:
    """The run of a workflow in place of an agent's turn, pinned to its graph."""
    pinned = msgspec.structs.replace(turn, workflow=workflow, graph_hash=graph_hash, trigger=dict(trigger))
    return msgspec.structs.replace(run, kind="workflow", input=msgspec.to_builtins(pinned))


def workflow_task(
    run: Run,
    turn: TurnInput,
    this: Effective,
    config: Config,
    roles: tuple[str, ...],
    history: Sequence[TranscriptRow],
    conversation: Conversation,
) -> WorkflowTask:
    """What the runner is asked to do."""
    service, origin = str(turn.trigger.get("service") or ""), origin_of(turn.trigger)
    if origin is not None and (found := origin_principal(origin, roles)) is not None:
        principal = found
    elif service:
        trigger = origin.trigger if origin is not None else turn.trigger
        principal = Principal(
            kind="service",
            id=str(trigger.get("service") or service),
            roles=roles,
            allow=_allowed(trigger, config),
            taint=origin.taint if origin is not None else (),
        )
    else:
        principal = Principal(
            id=run.person_id,
            roles=roles,
            bot="" if run.bot.startswith(AS_BOT) else run.bot,
            taint=taint_at_start(run, turn, this, config, history),
        )
    timezone = turn.timezone or config.settings.timezone
    locale = turn.locale if this.locale == "auto" else this.locale
    return WorkflowTask(
        workflow=turn.workflow,
        revision=run.revision,
        graph_hash=turn.graph_hash,
        bot=run.bot,
        model=this.model,
        prompt=this.prompt,
        workspace=this.bot.workspace,
        principal=principal,
        trigger=turn.trigger,
        variables={
            "message": {
                "text": turn.text,
                "id": turn.message_id,
                "attachments": msgspec.to_builtins(turn.attachments),
            },
            "user": {
                "id": run.person_id,
                "name": turn.sender_name,
                "roles": list(turn.roles),
                "tags": list(turn.tags),
                "locale": turn.locale,
                "timezone": timezone,
            },
            "conversation": {
                "key": "" if is_nowhere(conversation.channel) else conversation.key,
                "channel": conversation.channel,
                "room": conversation.room,
                "thread": conversation.thread,
                "kind": conversation.kind,
                "title": turn.title,
            },
            "input": turn.trigger.get("input") or {},
        },
        attachments=turn.attachments,
        history=tuple(history),
        summary=turn.summary,
        text=turn.text,
        person_name=turn.sender_name,
        now=from_micros(turn.now),
        timezone=timezone,
        locale=locale,
        words=agent_words(speak(locale)),
        guards=guards_of(config, this.bot),
        note=turn.note,
    )


def answer_of(outcome: WorkflowOutcome, run: Run, at: int) -> AgentOutcome:
    """How the run ended, as the engine ends turns. An empty text: its nodes said it, or silence is meant."""
    rows: tuple[TranscriptRow, ...] = ()
    if outcome.text:
        said = TranscriptRow(
            session_id=run.session_id,
            run_id=run.id,
            role="assistant",
            text=outcome.text,
            at=at,
            data={"taint": list(outcome.taint)} if outcome.taint else {},
        )
        rows = (said,)
    return AgentOutcome(
        state="completed" if outcome.state == "ignored" else outcome.state,
        text=outcome.text,
        rows=rows,
        usage=outcome.usage,
        iterations=outcome.nodes,
        taint=outcome.taint,
        error=outcome.error,
        output={
            "output": outcome.output,
            "path": list(outcome.path),
            **({"text": "\n\n".join(outcome.said)} if outcome.said else {}),
            **({"ignored": "no trigger of the workflow fits"} if outcome.state == "ignored" else {}),
            **({"compensated": list(outcome.compensated)} if outcome.compensated else {}),
        },
    )


def operator_event(conversation: Conversation, ref: str, trigger: Mapping[str, Any], at: datetime) -> Event:
    """What an operator puts into the inbox of a conversation to begin a run in it."""
    return Event(
        channel="@operator",
        dedupe_key=ref,
        kind="trigger",
        conversation=conversation,
        sender=User(id="@operator"),
        occurred_at=at,
        signal={"kind": "api", "name": "operator", **trigger, "service": OPERATOR},
    )


def service_event(kind: str, name: str, delivery: str, trigger: Mapping[str, Any], at: datetime) -> Event:
    """What a webhook, a schedule or a program puts into the inbox to begin a run.

    Args:
        kind: `webhook`, `cron` or `api`.
        name: its key in bots.yaml.
        delivery: unique for this occasion; a repeat of it begins nothing.
        trigger: `{"workflow", …}` and what the variable `trigger` shall hold.
    """
    channel = _SERVICE_CHANNELS[kind]
    # each delivery has a lane of its own, so that one slow run does not hold up the others
    return Event(
        channel=channel,
        dedupe_key=f"{name}/{delivery}",
        kind="trigger",
        conversation=Conversation(channel=channel, room=name, thread=delivery, kind="group"),
        sender=User(id=f"@{kind}", name=name),
        occurred_at=at,
        signal={"kind": kind, "name": name, **trigger, "service": f"{kind}:{name}"},
    )


def service_setting(config: Config, workflow: str, trigger: Mapping[str, Any]) -> Effective:
    """What a run without a bot works with.

    Raises:
        NotFound: its workflow, or what began it, is not in this revision or is off.
    """
    found, declared = config.workflows.get(workflow), _declared(config, trigger)
    if declared is None or not declared.enabled:
        raise NotFound(f"{trigger.get('kind')} `{trigger.get('name')}` is not in bots.yaml, or is off")
    if found is None and not workflow.startswith("@"):
        raise NotFound(f"no workflow `{workflow}` in bots.yaml")
    helper = config.bots.get(getattr(declared, "bot", None) or "")
    model = getattr(declared, "model", None) or ("default" if "default" in config.models else OFFLINE_MODEL)
    workspace = getattr(declared, "workspace", None) or (found.workspace if found is not None else None)
    workspace = workspace or (helper.workspace if helper is not None else "default")
    name = (found.name if found is not None else None) or str(trigger.get("name"))
    bot = Bot(name=name, model=model, workspace=workspace)
    return Effective(
        slug="",
        bot=bot,
        prompt="",
        model=model,
        busy="queue",
        while_waiting="new_turn",
        stream=False,
        history_messages=0,
        session_ttl_s=0.0,
        locale=config.settings.locale,
    )


def service_roles(config: Config, trigger: Mapping[str, Any]) -> tuple[str, ...]:
    """Rights of what no person began: those of its owner; without one, a guest's, or for tools it names a member's."""
    origin = origin_of(trigger)
    trigger = origin.trigger if origin is not None else trigger
    declared = _declared(config, trigger)
    owner = getattr(declared, "owner", None)
    if owner is not None and owner in config.people:
        return config.roles_of(owner) or ("member",)
    return ("member",) if _allowed(trigger, config) else ("guest",)


def _declared(config: Config, trigger: Mapping[str, Any]) -> Any:
    if trigger.get("service") == OPERATOR or trigger.get("kind") == EVENT:
        return _BY_HAND
    name = str(trigger.get("name") or "")
    return {"webhook": config.webhooks, "cron": config.schedules, "api": config.endpoints}.get(
        str(trigger.get("kind")), {}
    ).get(name)


def _allowed(trigger: Mapping[str, Any], config: Config) -> tuple[str, ...] | None:
    tools = getattr(_declared(config, trigger), "tools", None)
    return tuple(tools.allow) if tools is not None and tools.allow is not None else None


class OutgoingMessages:
    """Fills the workflows' port for messages: they become outbox parts and entries of the transcript."""

    def __init__(self, channels: Channels, outbox: Outbox, clock: Clock):
        self._channels = channels
        self._outbox = outbox
        self._clock = clock

    def writes(self, run: Run, ref: str, message: OutMessage, conversation: str) -> Sequence[Write]:
        place = Conversation.from_key(conversation or run.conversation, "group" if conversation else "dm")
        if not conversation and run.conversation_kind == "group":
            place = msgspec.structs.replace(place, kind="group")
        now = self._clock.micros()
        renderer = self._channels.renderer(place.channel)
        form = pressed.kept_form(message, renderer.capabilities(place))
        writes: list[Write] = [
            Emit(
                part=Part(
                    id=f"{ref}.{index}",
                    run_id=run.id,
                    conversation=place,
                    index=index,
                    payload={**form, **piece.payload},
                    text=piece.text,
                    created_at=now,
                )
            )
            for index, piece in enumerate(renderer.render(message, place))
        ]
        if place.key == run.conversation and run.session_id:
            said = TranscriptRow(session_id=run.session_id, run_id=run.id, role="assistant", text=message.text, at=now)
            writes.append(Say(row=said))
        return writes

    def kick(self, run: Run, conversation: str) -> None:
        self._outbox.kick(conversation)
