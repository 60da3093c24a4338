"""The engine: from an accepted event to a committed answer, for every bot and platform alike."""

from __future__ import annotations

__all__ = ["Engine"]

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import structlog

from botkit.agents.policy import PolicyJudge
from botkit.core.budgets import Balance, Spending
from botkit.core.clock import Clock
from botkit.core.config import longest_history
from botkit.core.documents import DocumentTexts
from botkit.core.errors import Conflict, Fenced, NotFound, StoreError
from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import Run, SetRun, Signal, Wait
from botkit.core.live import Live, LiveEvent
from botkit.core.messages import Part
from botkit.core.notebook import Notebook
from botkit.core.redact import NoRedaction, Redactor
from botkit.core.speech import Speech
from botkit.core.teams import Routed, RouteRequest
from botkit.engine import forms
from botkit.engine.access import AccessRules
from botkit.engine.budget_notices import low_writes
from botkit.engine.effective import lane_of
from botkit.engine.guards import GuardedWorkflows
from botkit.engine.handler import Handler
from botkit.engine.identity import Identities
from botkit.engine.notices import Notices, conversations_of
from botkit.engine.nowhere import SomewhereOrNowhere
from botkit.engine.ports import Agent, CallApprover, Channels, ConfigSource, EngineStore, Router, Workflows
from botkit.engine.rooms import move_of
from botkit.engine.sealing import CodeSeal, Sealing
from botkit.engine.services import Services
from botkit.engine.takeover import TAKEOVER, taken_over
from botkit.engine.turn import run_id_of
from botkit.engine.workflow_runs import OutgoingMessages, operator_event
from botkit.runs.context import RunContext
from botkit.runs.lanes import LaneRuntime
from botkit.runs.outbox import Outbox
from botkit.sdk.adapter import Adapter

_log = structlog.get_logger("botkit.engine")

_HEARTBEAT_S = 5.0
_TIMER_MAX_S = 60.0
_UNKNOWN_LIMIT = 10_000
_FINAL = ("completed", "failed", "cancelled", "limit_reached")


class _NoTeams:
    async def route(self, ctx: RunContext, key: str, request: RouteRequest) -> Routed:
        return Routed(member=request.default, by="default", reason="nobody chooses here")


class Engine:
    """Joins lanes, turns and the outbox.

    Args:
        spawn: creates a task that somebody owns, such as a task group's `create_task`.
        heartbeat_s: how often this process renews its lease; well below the lease's length.
        calls: where calls of MCP clients wait for approval; None where there are none.
        workflows: runs those of bots.yaml; None where no revision has any.
        spending: what calls are reserved on; without it nothing is limited.
        speech: listens to recordings and speaks answers; without it nothing does.
        documents: reads documents people send; without it they are passed on unread.
        judge: asks a model about the policies of guardrails; without it nothing passes one that is closed.
        mail: delivers questions to approvers by mail.
        codes: seals messages that may be codes of `auth_gate`; None where nobody is asked for any.
        router: chooses members of teams; None where no revision has any.
        on_fenced: called when another process declared this one dead: stop, and start anew.
    """

    def __init__(
        self,
        *,
        store: EngineStore,
        configs: ConfigSource,
        channels: Channels,
        agent: Agent,
        live: Live,
        clock: Clock,
        spawn: Callable[..., asyncio.Task[None]],
        redactor: Redactor | None = None,
        heartbeat_s: float = _HEARTBEAT_S,
        calls: CallApprover | None = None,
        workflows: Workflows | None = None,
        judge: PolicyJudge | None = None,
        spending: Spending | None = None,
        speech: Speech | None = None,
        documents: DocumentTexts | None = None,
        codes: CodeSeal | None = None,
        mail: Adapter | None = None,
        router: Router | None = None,
        notebook: Notebook | None = None,
        on_fenced: Callable[[], None] | None = None,
    ):
        self._store = store
        self._journal = store.journal
        channels = SomewhereOrNowhere(channels, mail)
        self._configs = configs
        self._live = live
        self._clock = clock
        self._spawn = spawn
        self._heartbeat_s = heartbeat_s
        self._on_fenced = on_fenced
        settings = configs.current.settings
        self._timer_changed = asyncio.Event()
        self.outbox = Outbox(
            journal=store.journal, clock=clock, live=live, senders=channels, spawn=spawn, moved=self._chat_moved
        )
        self.lanes = LaneRuntime(
            journal=store.journal,
            clock=clock,
            live=live,
            spawn=spawn,
            max_parallel=settings.max_parallel_turns,
            history_limit=longest_history(configs.current),
            started=False,
        )
        self.lanes.spending = spending
        self.messages = OutgoingMessages(channels, self.outbox, clock)
        """What the nodes of workflows say."""
        self._services = Services(
            journal=store.journal,
            configs=configs,
            channels=channels,
            agent=agent,
            identities=Identities(store.people),
            access=AccessRules(store.pairing, clock),
            files=store.files,
            records=store.records,
            outbox=self.outbox,
            live=live,
            clock=clock,
            redactor=redactor or NoRedaction(),
            spawn=spawn,
            wake=self.lanes.wake,
            timers_changed=self._timer_changed.set,
            sealing=Sealing(codes),
            workflows=GuardedWorkflows(workflows, judge) if workflows is not None else None,
            judge=judge,
            spending=spending,
            speech=speech,
            documents=documents,
            router=router or _NoTeams(),
            notebook=notebook,
        )
        self._handler = Handler(self._services, calls)
        self.lanes.attach(self._handler)
        self._tasks: list[asyncio.Task[None]] = []

    async def warn_of_budget(self, balance: Balance, run_id: str) -> None:
        """Tell those who decide, and the person whose own it is, that a budget runs low."""
        opened = await self._journal.load_run(run_id) if run_id else None
        run = opened.run if opened is not None else None
        writes = low_writes(self._services, Notices(self._services), balance, run)
        if writes:
            await self._journal.commit(None, writes)
        for key in conversations_of(writes):
            self.outbox.kick(key)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Take up what a former process left and what came in since, then watch timers and renew the lease."""
        self.lanes.start()
        await self._recover()
        await self._put_schedules()
        self._tasks = [self._spawn(work) for work in (self._watch_timers(), self._keep_lease(), self._listen())]

    async def _recover(self) -> None:
        recovered = await self._journal.recover()
        if recovered.lanes or recovered.unknown_parts:
            _log.info(
                "recovering",
                lanes=len(recovered.lanes),
                conversations=len(recovered.conversations),
                unknown_parts=len(recovered.unknown_parts),
            )
        await self.lanes.recover(recovered.lanes)
        await self.outbox.resolve_unknown(recovered.unknown_parts)
        for conversation in recovered.conversations:
            self.outbox.kick(conversation)

    async def drain(self, timeout_s: float) -> bool:
        """Let running turns end and replies leave for that long; what is left resumes at the next start."""
        for task in self._tasks:
            task.cancel()
        started = self._clock.monotonic()
        clean = await self.lanes.drain(timeout_s)
        await self.outbox.drain(max(0.0, timeout_s - (self._clock.monotonic() - started)))
        return clean

    def timers_changed(self) -> None:
        """A timer was put by a commit of a run: it may be due earlier than the one being waited for."""
        self._timer_changed.set()

    def reconfigured(self) -> None:
        """A new revision is in force: roles and names may have changed, what models are shown, and schedules."""
        self._services.identities.forget()
        self.lanes.history_limit = longest_history(self._configs.current)
        self._spawn(self._put_schedules())

    async def _put_schedules(self) -> None:
        if not self._configs.current.schedules:
            return
        from botkit.engine.schedules import timers_of

        try:
            await self._journal.commit(None, timers_of(self._configs.current, self._clock.now()))
        except StoreError as error:
            _log.error("schedules_not_stored", code=error.code, detail=str(error))
        self._timer_changed.set()

    def person_changed(self, person_id: str) -> None:
        """What is known of one person changed."""
        self._services.identities.forget(person_id)

    def people_changed(self) -> None:
        """A person was paired, linked or given a role."""
        self._services.identities.forget()
        self._services.access.forget()

    async def channel_started(self, channel: str) -> None:
        """Deliver what was kept while the channel was off, and settle what a crash left unknown."""
        with self.outbox.holding(channel):
            unknown = await self._store.records.parts(state="unknown", channel=channel, limit=_UNKNOWN_LIMIT)
        await self.outbox.channel_started(channel, unknown)

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────

    async def accept(self, event: Event) -> bool:
        """Store an event; durable when this returns, and the platform may be acknowledged.

        False: it was accepted before. Raises `StoreError` when it could not be stored.
        """
        if (move := move_of(event)) is not None:  # before anything that is said in the new room begins a turn there
            await self._journal.commit(None, (move,))
        config = self._configs.current
        lane = lane_of(event, config)
        event = await self._services.sealing.sealed(event, lane, self._journal, self.lanes, config)
        accepted = await self.lanes.accept(event, lane)
        if accepted.new:
            self._live.publish(
                LiveEvent(kind="accepted", conversation=event.conversation.key, data={"event_id": accepted.id})
            )
        return accepted.new

    async def begin(self, event: Event) -> tuple[str, bool]:
        """Store what begins a run without a chat (`service_event`); its run id, and whether it is new.

        Raises `StoreError` when it could not be stored.
        """
        accepted = await self.lanes.accept(event, event.conversation.key)
        return run_id_of(accepted.id), accepted.new

    async def take_over(self, conversation: Conversation, *, by: str, reason: str = "") -> tuple[str, bool]:
        """Let people speak in place of the bot in a conversation, until they hand it back; the run, and whether new.

        Raises:
            Conflict: somebody has taken it over already.
        """
        context = await self._journal.context(conversation.key, history_limit=0)
        if taken_over(context) is not None:
            raise Conflict(f"`{conversation.key}` is taken over already")
        trigger = {"workflow": TAKEOVER, "input": {"by": by, "reason": reason}}
        return await self.begin(operator_event(conversation, new_id("take"), trigger, self._clock.now()))

    async def speak(self, conversation: str, text: str, *, by: str) -> Wait:
        """Say something in a conversation that was taken over. Raises `NotFound`."""
        return await self._handler.takeovers.say(conversation, text, by=by, ref=new_id("say"))

    async def hand_back(self, conversation: str, *, by: str, via: str, comment: str = "") -> Wait:
        """Give a conversation back to its bot. Raises `NotFound`, `Conflict`."""
        wait = await self._handler.takeovers.of(conversation)
        return await self._handler.decisions.decide(wait, approved=True, by=by, via=via, comment=comment)

    async def _chat_moved(self, part: Part, place: Conversation) -> None:
        """A delivery found its chat under another id: the same as hearing of it from the platform."""
        event = Event(
            channel=part.conversation.channel,
            dedupe_key=f"moved:{part.id}",
            kind="member",
            status="migrated",
            conversation=part.conversation,
            sender=User(id="@platform"),
            occurred_at=self._clock.now(),
            target_id=place.room,
        )
        await self.accept(event)

    # ── decisions ────────────────────────────────────────────────────────────────────────────────────────

    async def decide(
        self,
        ref: str,
        *,
        approved: bool,
        by: str,
        via: str,
        comment: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Wait:
        """Approve or reject as the operator of this instance.

        Args:
            ref: wait id, an unambiguous beginning of it or of its run id, or its token.
            values: values of the request that are changed with the decision.

        Raises:
            NotFound, Conflict: no such open approval, or decided before.
            InvalidArguments: a value may not be changed.
        """
        wait = await self._find_wait(ref, "approval")
        return await self._handler.decisions.decide(
            wait, approved=approved, by=by, via=via, comment=comment, values=values
        )

    async def resolve(self, run_id: str, step: str, answer: dict[str, Any], *, by: str, via: str) -> Wait:
        """Tell what became of an effect nobody could confirm.

        Args:
            answer: `{"action": "retry"}`, `{"action": "result", "result": …}` or
                `{"action": "fail", "message": …}`.
        """
        opened = await self._journal.load_run(run_id)
        waits = [w for w in opened.waits if w.kind == "reconcile" and w.payload.get("step") == step] if opened else []
        if not waits:
            raise NotFound(f"Run {run_id} asks nothing about step {step}; see `botkit runs show {run_id}`.")
        wait = next((w for w in waits if w.state == "open"), None)
        if wait is None:
            raise Conflict("This step was resolved already.")
        return await self._handler.decisions.close(wait, answer, by=by, via=via)

    async def answer(
        self, ref: str, text: str, *, by: str, via: str, fields: Mapping[str, str | list[str]] | None = None
    ) -> Wait:
        """Answer a question a tool asked, from outside its conversation.

        Args:
            fields: the answers of its form, in place of a text.
        """
        wait = await self._find_wait(ref, "reply")
        answer = forms.said(wait, text) if fields is None else {"fields": dict(fields)}
        return await self._handler.decisions.close(wait, answer, by=by, via=via)

    async def _find_wait(self, ref: str, kind: str) -> Wait:
        wait = await self._journal.find_wait(wait_id=ref) or await self._journal.find_wait(token=ref)
        if wait is None:
            matching = [w for w in await self._store.records.waits(kind=kind) if w.id.startswith(ref)]
            if len(matching) > 1:
                raise Conflict(f"`{ref}` names {len(matching)} open waits; give more of the id.")
            wait = matching[0] if matching else None
        if wait is None or wait.kind != kind:
            raise NotFound(f"No open {kind} `{ref}`; see `botkit approvals list`.")
        return wait

    async def cancel(self, run_id: str, *, by: str, via: str) -> Run:
        """Stop a running run at its next safe point, or end a waiting one.

        Raises:
            NotFound, Conflict: no such run, or it has ended.
        """
        ctx = self.lanes.running(run_id)
        if ctx is not None:
            ctx.stop.set()
            return ctx.run
        opened = await self._journal.load_run(run_id)
        if opened is None:
            raise NotFound(f"No run `{run_id}`; see `botkit runs list`.")
        run = opened.run
        if run.state in _FINAL:
            raise Conflict(f"Run {run_id} has ended already: {run.state}.")
        now = self._clock.micros()
        error = {"code": "cancelled", "message": f"cancelled by {by} via {via}"}
        cancelled = SetRun(run_id=run_id, state="cancelled", at=now, error=error)
        called_off = await self._handler.turns.call_off(opened)
        await self._journal.commit(None, (cancelled, *called_off))
        for conversation in {run.conversation, *conversations_of(called_off)}:
            self.outbox.kick(conversation)
        await self.lanes.wake(run.lane)
        return msgspec.structs.replace(run, state="cancelled", ended_at=now)

    def status(self) -> dict[str, int]:
        """How busy this process is."""
        return {"lanes": self.lanes.active, "deliveries": self.outbox.busy}

    # ── background ───────────────────────────────────────────────────────────────────────────────────────

    async def _watch_timers(self) -> None:
        while True:
            lanes: Sequence[str] = ()
            next_at = 0
            try:
                lanes, next_at = await self._journal.fire_timers()
            except StoreError as error:
                _log.error("timers_unavailable", code=error.code, detail=str(error))
            for lane in lanes:
                await self.lanes.wake(lane)
            if lanes:
                continue
            pause_s = (next_at - self._clock.micros()) / 1_000_000 if next_at else _TIMER_MAX_S
            await self._sleep_until_timer(min(_TIMER_MAX_S, max(0.05, pause_s)))

    async def _sleep_until_timer(self, seconds: float) -> None:
        """Until the next timer is due, or a new one may be due earlier."""
        changed = asyncio.ensure_future(self._timer_changed.wait())
        elapsed = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((changed, elapsed), return_when=asyncio.FIRST_COMPLETED)
            self._timer_changed.clear()
        finally:
            changed.cancel()
            elapsed.cancel()

    async def _listen(self) -> None:
        """Take up at once what other processes leave to this one; recovery would find it a few seconds later."""
        async with aclosing(self._journal.signals()) as signals:
            async for signal in signals:
                try:
                    await self._hear(signal)
                except (StoreError, Fenced) as error:
                    _log.warning("signal_not_followed", kind=signal.kind, code=error.code, detail=str(error))

    async def _hear(self, signal: Signal) -> None:
        match signal.kind:
            case "lane":
                await self.lanes.told(signal.lane, signal.event_id)
            case "run":
                ctx = self.lanes.running(signal.run_id)
                if ctx is not None:
                    ctx.stop.set()
            case "people":
                self.people_changed()
            case "recover":
                self.people_changed()
                await self._recover()

    async def _keep_lease(self) -> None:
        while True:
            await self._clock.sleep(self._heartbeat_s)
            try:
                await self._journal.heartbeat()
                await self._recover()
            except Fenced:
                _log.error("lease_lost", detail="another process took over; stopping")
                if self._on_fenced is not None:
                    self._on_fenced()
                return
            except StoreError as error:
                _log.error("heartbeat_failed", code=error.code, detail=str(error))
