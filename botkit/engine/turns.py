"""Turns from their first step to their end or their next pause."""

from __future__ import annotations

__all__ = ["Turns"]

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.agents.guarded import noted
from botkit.agents.policy import PolicyJudge
from botkit.core.agent import AgentOutcome
from botkit.core.errors import NotFound
from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import (
    CloseWait,
    Consume,
    DropTimer,
    InboxRow,
    LaneContext,
    MarkWelcomed,
    OpenRun,
    PutSession,
    Run,
    Say,
    SetRun,
    StartRun,
    TranscriptRow,
    Wait,
    Write,
)
from botkit.core.live import LiveEvent
from botkit.core.models import Usage
from botkit.core.screening import GuardFinding
from botkit.core.stores import Person
from botkit.engine.effective import Effective, effective
from botkit.engine.endings import CurrentTurn, Endings, released
from botkit.engine.guards import cleaned, guards_of, judged, kept_back
from botkit.engine.identity import Known
from botkit.engine.notices import Notices, conversations_of
from botkit.engine.receiving import Receiving, user_row
from botkit.engine.reply import Reply, TypingKeeper
from botkit.engine.services import Services
from botkit.engine.speaking import Speaking, Voiced
from botkit.engine.tainting import taint_of
from botkit.engine.teams import TeamTurns
from botkit.engine.turn import TurnInput, conversation_of, input_of, new_run, run_id_of, session_for, task_of
from botkit.engine.workflow_events import origin_of
from botkit.engine.workflow_runs import answer_of, begin, service_roles, service_setting, workflow_task
from botkit.runs.context import Paused, RunContext, Stopped
from botkit.runs.lanes import LaneScope

if TYPE_CHECKING:
    from botkit.core.config import Config


class Turns:
    """Starts, resumes and ends the runs of agents."""

    def __init__(self, services: Services, notices: Notices):
        self._s = services
        self._notices = notices
        self._receiving = Receiving(services)
        self._speaking = Speaking(services)
        self._teams = TeamTurns(services)
        self._endings = Endings(services)

    async def start(
        self,
        scope: LaneScope,
        rows: Sequence[InboxRow],
        live_rows: Sequence[InboxRow],
        known: Known,
        this: Effective,
        context: LaneContext,
        config: Config,
    ) -> None:
        event = live_rows[-1].event
        now = self._s.clock.micros()
        session, new_session = session_for(
            context, event, this.slug, known.person.id, scope.lane, ttl_s=this.session_ttl_s, now=now
        )
        run = new_run(
            live_rows,
            known=known,
            bot=this.slug,
            session=session,
            context=context,
            new_session=new_session,
            revision=config.revision,
            clock=self._s.clock,
            stale_after_s=config.settings.stale_after_s,
        )
        guards = guards_of(config, this.bot)
        turn = cleaned(input_of(run), guards.input, run)
        turn = msgspec.structs.replace(turn, unsaid=bool(turn.attachments))
        run = msgspec.structs.replace(run, input=msgspec.to_builtins(turn))
        if this.bot.workflow:
            run = await self._as_workflow(run, this.bot.workflow, _said(live_rows, turn))
            turn = input_of(run)
        writes: list[Write] = [
            PutSession(session=session),
            StartRun(run=run, event_ids=tuple(row.id for row in rows)),
        ]
        if not turn.unsaid and (not guards.input.policy or turn.withheld):  # else once it was judged
            writes.append(Say(row=user_row(run, turn, taint_of(run, turn, this, config))))
        if this.bot.welcome and this.slug not in known.person.welcomed:
            # Two first messages at once, in two places, make the same part: the outbox keeps one of them.
            ref = f"welcome/{this.slug}/{known.person.id}"
            writes.append(MarkWelcomed(person_id=known.person.id, bot=this.slug))
            writes.extend(self._notices.notice(event.conversation, ref, this.bot.welcome, run.id))
            self._s.identities.forget(known.person.id)
        history = () if new_session else context.history[-this.history_messages :] if this.history_messages else ()
        told: set[str] = set()
        ask = self._notices.asker(run, event.conversation, known, told)
        ctx = scope.open(OpenRun(run=run), first_writes=writes, ask=ask)
        ctx.invite = self._notices.inviter(run, event.conversation, known, turn.sender_id, told)
        await self._execute(scope, ctx, this, turn, config, known.roles, history, event.conversation, told)

    async def _as_workflow(self, run: Run, workflow: str, trigger: dict[str, Any]) -> Run:
        assert self._s.workflows is not None, "a revision with workflows runs where there is a runner"
        pinned = await self._s.workflows.plan_hash(run.revision, workflow)
        return begin(run, input_of(run), workflow, pinned, trigger)

    async def start_service(self, scope: LaneScope, row: InboxRow) -> None:
        """Begin the run of a webhook, a schedule or a program."""
        config, event, now = self._s.configs.current, row.event, self._s.clock.micros()
        trigger: dict[str, Any] = dict(event.signal or {})
        workflow = str(trigger.pop("workflow", ""))
        first, ignored = self._next_time(config, event)
        this: Effective | None = None
        try:
            this = service_setting(config, workflow, trigger)
        except NotFound as error:
            ignored = ignored or str(error)
        if ignored or this is None:
            gone = Consume(event_ids=(row.id,), outcome=f"ignored: {ignored}")
            await self._s.journal.commit(scope.claim, (*first, gone))
            self._s.timers_changed()
            return
        person = await self._origin_person(trigger)
        roles = person.roles if person is not None else service_roles(config, trigger)
        turn = _service_turn(trigger, roles, person, now)
        run = Run(
            id=run_id_of(row.id),
            lane=row.lane,
            conversation=event.conversation.key,
            conversation_kind=event.conversation.kind,
            channel=event.conversation.channel,
            bot="",
            person_id=person.person.id if person is not None else "",
            revision=config.revision,
            trace_id=new_id("trc"),
            input=msgspec.to_builtins(turn),
            started_at=now,
            updated_at=now,
        )
        run = await self._as_workflow(run, workflow, trigger)
        first.append(StartRun(run=run, event_ids=(row.id,)))
        await self._execute_opened(scope, OpenRun(run=run), first, this, config, roles, ())
        self._s.timers_changed()

    def next_time(self, event: Event) -> list[Write]:
        """What keeps a schedule going when the run of one of its times could not begin."""
        return self._next_time(self._s.configs.current, event)[0]

    def _next_time(self, config: Config, event: Event) -> tuple[list[Write], str]:
        """For a schedule, its next timer; and why this time is passed over, if it is."""
        if (event.signal or {}).get("kind") != "cron":
            return [], ""
        from botkit.engine.schedules import is_missed, next_timer

        now = self._s.clock.now()
        timer = next_timer(config, event, now)
        if timer is None:
            return [], "the schedule is not what it was"
        return [timer], "its time passed while nothing ran" if is_missed(config, event, now) else ""

    async def wake(self, scope: LaneScope, row: InboxRow) -> None:
        """An answer, a decision or a deadline for a paused run arrived."""
        signal: dict[str, Any] = row.event.signal or {}
        opened = await self._s.journal.load_run(str(signal.get("run_id", "")))
        if opened is None or opened.run.state not in ("waiting", "running"):
            over = Consume(event_ids=(row.id,), outcome="wake: the run is over")
            await self._s.journal.commit(scope.claim, (over,))
            return
        if signal.get("nudge"):
            await self._nudge(scope, row, opened, signal)
            return
        first: list[Write] = [Consume(event_ids=(row.id,), outcome="wake", run_id=opened.run.id)]
        wait_id, expired = str(signal.get("wait_id", "")), bool(signal.get("expired"))
        opened, closing = await self._expire(opened, wait_id, expired=expired)
        first.extend(closing)
        first.append(SetRun(run_id=opened.run.id, state="running", at=self._s.clock.micros()))
        await self._resume(scope, opened, first)

    async def _nudge(self, scope: LaneScope, row: InboxRow, opened: OpenRun, signal: dict[str, Any]) -> None:
        """Ask reviewers again; the run sleeps on."""
        wait = next((wait for wait in opened.waits if wait.id == signal.get("wait_id")), None)
        writes: list[Write] = [Consume(event_ids=(row.id,), outcome="reminder", run_id=opened.run.id)]
        if wait is not None and wait.state == "open":
            known = await self._person_of(opened.run)
            nudged = str(signal["nudge"])
            writes += self._notices.nudge(opened, wait, nudged, int(signal.get("number", 1)), known)
        await self._s.journal.commit(scope.claim, writes)
        self._s.timers_changed()
        for key in conversations_of(writes):
            self._s.outbox.kick(key)

    async def _expire(self, opened: OpenRun, wait_id: str, *, expired: bool) -> tuple[OpenRun, list[Write]]:
        """Close a wait whose deadline passed, and show what became of each decided question."""
        now = self._s.clock.micros()
        writes: list[Write] = []
        waits: list[Wait] = []
        for wait in opened.waits:
            if wait.id == wait_id:
                if wait.state == "open" and expired:
                    writes.append(CloseWait(wait_id=wait.id, state="expired", at=now, via="timer", wake=False))
                    wait = msgspec.structs.replace(wait, state="expired", decided_via="timer", decided_at=now)
                writes.append(DropTimer(id=wait.id))
                writes.extend(await self._notices.decided(opened.run, wait))
            waits.append(wait)
        return msgspec.structs.replace(opened, waits=tuple(waits)), writes

    async def call_off(self, opened: OpenRun) -> list[Write]:
        """What else to write when somebody cancels a waiting run."""
        writes: list[Write] = [released(opened.run)]
        for wait in opened.waits:
            if wait.state == "open":
                writes.append(DropTimer(id=wait.id))
                cancelled = msgspec.structs.replace(wait, state="cancelled")
                writes.extend(await self._notices.decided(opened.run, cancelled))
        return writes

    async def recover(self, scope: LaneScope, run: OpenRun) -> None:
        await self._resume(scope, run, [])

    async def _resume(self, scope: LaneScope, opened: OpenRun, first: Sequence[Write]) -> None:
        run = opened.run
        turn = input_of(run)
        config = await self._s.configs.get(run.revision)
        if turn.trigger.get("service"):
            this = service_setting(config, turn.workflow, turn.trigger)
            person = await self._origin_person(turn.trigger)
            roles = person.roles if person is not None else service_roles(self._s.configs.current, turn.trigger)
            await self._execute_opened(scope, opened, first, this, config, roles, ())
            return
        conversation = conversation_of(run, turn.title)
        try:
            this = effective(config, conversation, run.bot)
        except NotFound:
            config = self._s.configs.current
            this = effective(config, conversation, run.bot)
        known = await self._known(run, turn)
        history = await self._s.journal.history(
            run.session_id, before_seq=turn.history_seq, limit=this.history_messages
        )
        told = conversations_of(first)
        ctx = scope.open(opened, first_writes=first, ask=self._notices.asker(run, conversation, known, told))
        ctx.invite = self._notices.inviter(run, conversation, known, turn.sender_id, told)
        await self._execute(scope, ctx, this, turn, config, known.roles, history, conversation, told)

    async def _execute_opened(
        self,
        scope: LaneScope,
        opened: OpenRun,
        first: Sequence[Write],
        this: Effective,
        config: Config,
        roles: tuple[str, ...],
        history: Sequence[TranscriptRow],
    ) -> None:
        """Execute a run that nobody's message began."""
        run, turn = opened.run, input_of(opened.run)
        conversation = conversation_of(run)
        nobody = _nobody(roles)
        told = conversations_of(first)
        ctx = scope.open(opened, first_writes=first, ask=self._notices.asker(run, conversation, nobody, told))
        await self._execute(scope, ctx, this, turn, config, roles, history, conversation, told)

    async def _person_of(self, run: Run) -> Known:
        return _nobody(()) if input_of(run).trigger.get("service") else await self._known(run, input_of(run))

    async def _origin_person(self, trigger: Mapping[str, Any]) -> Known | None:
        """The person for whom a run acts that an event began, with the rights they have now."""
        origin = origin_of(trigger)
        if origin is None or not origin.person:
            return None
        sender = User(id=origin.sender_id, name=origin.sender_name)
        return await self._known_at(Conversation.from_key(origin.conversation, origin.conversation_kind), sender)

    async def _known(self, run: Run, turn: TurnInput) -> Known:
        """The person of a run with the rights they have now, not those they had when it started."""
        return await self._known_at(conversation_of(run), User(id=turn.sender_id, name=turn.sender_name))

    async def _known_at(self, place: Conversation, sender: User) -> Known:
        event = Event(
            channel=place.channel,
            dedupe_key="",
            kind="message",
            conversation=place,
            sender=sender,
            occurred_at=self._s.clock.now(),
            addressed="dm",
        )
        known = await self._s.identities.resolve(event, self._s.configs.current)
        if not known.ranked:
            access = await self._s.access.check(event, known, self._s.configs.current)
            if access.member:
                known = known.let_in()
        return known

    async def _execute(
        self,
        scope: LaneScope,
        ctx: RunContext,
        this: Effective,
        turn: TurnInput,
        config: Config,
        roles: tuple[str, ...],
        history: Sequence[TranscriptRow],
        conversation: Conversation,
        told: set[str],
    ) -> None:
        """Let the agent answer, and commit what comes of it.

        Args:
            told: conversations besides this one that get messages from it.
        """
        run = ctx.run
        reply = Reply(
            run_id=run.id,
            pauses=ctx.decided,
            conversation=conversation,
            renderer=self._s.channels.renderer(run.channel),
            adapter=lambda: self._s.channels.adapter(run.channel),
            journal=self._s.journal,
            outbox=self._s.outbox,
            stored=self._s.records.part,
            live=self._s.live,
            clock=self._s.clock,
            redactor=self._s.redactor,
            stream=this.stream,
            reply_to=turn.message_id if conversation.kind == "group" else "",
            asked_by=turn.sender_id,
        )
        current = CurrentTurn(scope, ctx, run, this, turn, config, conversation, reply)
        about = {"trace_id": run.trace_id, "message_id": turn.message_id}
        self._s.live.publish(LiveEvent(kind="status", conversation=run.conversation, run_id=run.id, data=about))
        try:
            async with TypingKeeper(
                conversation, lambda: self._s.channels.adapter(run.channel), self._s.clock, self._s.spawn
            ):
                received = await self._receiving.receive(ctx, turn, this, config, current.words)
                heard = await self._receiving.answers(ctx, turn, this, config)
                outcome = received.said or await self._answer(current, received.turn, roles, history)
                voiced = await self._voiced(current, outcome)
            await self._endings.finish(current, _with_sound(outcome, voiced, received.usage + heard), voiced)
        except Paused:
            await self._endings.pause(current)
        except Stopped:
            await self._endings.stopped(current)
        finally:
            reply.close()
            for key in told - {run.conversation}:
                self._s.outbox.kick(key)

    async def _answer(
        self, current: CurrentTurn, turn: TurnInput, roles: tuple[str, ...], history: Sequence[TranscriptRow]
    ) -> AgentOutcome:
        ctx, run, this, config = current.ctx, current.run, current.this, current.config
        turn = await self._judged(current, turn)
        if turn.withheld:
            return kept_back(turn, turn.findings[len(current.turn.findings) :])
        if this.team:
            return await self._teams.answer(
                ctx, this, turn, config, roles, history, current.conversation, current.reply
            )
        if not turn.workflow:
            return await self._s.agent.run(ctx, task_of(run, turn, this, config, roles, history), current.reply)
        assert self._s.workflows is not None, "a revision with workflows runs where there is a runner"
        task = workflow_task(run, turn, this, config, roles, history, current.conversation)
        outcome = await self._s.workflows.run(ctx, task)
        return answer_of(outcome, run, self._s.clock.micros())

    async def _voiced(self, current: CurrentTurn, outcome: AgentOutcome) -> Voiced:
        """The answer as a voice message, where the bot gives one."""
        if outcome.state != "completed" or not outcome.text:
            return Voiced()
        return await self._speaking.spoken(
            current.ctx, outcome.text, current.turn, current.this, current.config, current.conversation
        )

    async def _judged(self, current: CurrentTurn, turn: TurnInput) -> TurnInput:
        """The message with what a model found in it, where a policy asks one; only then it enters the transcript."""
        run, this, checks = current.run, current.this, guards_of(current.config, current.this.bot).input
        if not checks.policy or turn.withheld or not run.bot:
            return turn

        def kept(findings: Sequence[GuardFinding]) -> Sequence[Write]:
            row = user_row(run, judged(turn, findings), taint_of(run, turn, this, current.config))
            return (Say(row=row),)

        judge = self._s.judge or PolicyJudge()
        found = await judge.judge(
            current.ctx,
            "guard/input",
            turn.text,
            checks,
            model=this.model,
            workspace=this.bot.workspace,
            writes=kept,
        )
        noted("input", found, run_id=run.id, bot=run.bot)
        return judged(turn, found)


def _said(rows: Sequence[InboxRow], turn: TurnInput) -> dict[str, Any]:
    """The variable `trigger` of a run that a message began."""
    event = rows[-1].event
    text = turn.text if turn.findings else event.text
    trigger: dict[str, Any] = {"kind": "message", "name": event.channel, "text": text}
    if event.kind == "command":
        trigger["command"] = event.command
    return {**trigger, **(event.signal or {})}


def _service_turn(trigger: dict[str, Any], roles: tuple[str, ...], known: Known | None, now: int) -> TurnInput:
    """What a run begins with that no message began.

    Args:
        known: the person for whom it acts, where there is one.
    """
    turn = TurnInput(text="", roles=roles, now=now, trigger=trigger)
    if known is None:
        return turn
    person = known.person
    return msgspec.structs.replace(
        turn, sender_name=person.name, tags=person.tags, locale=person.locale, timezone=person.timezone
    )


def _nobody(roles: tuple[str, ...]) -> Known:
    """Who began what no person began."""
    return Known(person=Person(id=""), roles=roles, declared=False)


def _with_sound(outcome: AgentOutcome, voiced: Voiced, heard: Usage) -> AgentOutcome:
    """With what hearing people and speaking the answer cost, and why it was not spoken."""
    output = {**outcome.output, "unspoken": voiced.problem} if voiced.problem else outcome.output
    return msgspec.structs.replace(outcome, usage=outcome.usage + heard + voiced.usage, output=output)
