"""What becomes of each event of a lane: a command, a decision, a turn, or a recorded silence."""

from __future__ import annotations

__all__ = ["Handler"]

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from botkit.core.errors import BotkitError, NotFound
from botkit.core.events import Conversation, Event
from botkit.core.ids import new_id
from botkit.core.journal import (
    CloseWait,
    Consume,
    DropTimer,
    InboxRow,
    LaneContext,
    OpenRun,
    Run,
    SetRun,
    Wait,
    Write,
)
from botkit.core.live import LiveEvent
from botkit.engine import forms
from botkit.engine.access import Access
from botkit.engine.albums import merged, whole_albums
from botkit.engine.command_desk import CommandDesk
from botkit.engine.commands import about_messages, command_of
from botkit.engine.decisions import Decisions
from botkit.engine.deliveries import note_report
from botkit.engine.effective import Effective, EffectiveCache
from botkit.engine.endings import released
from botkit.engine.feedback import note_reaction
from botkit.engine.guards import cleaned_answer, guards_of
from botkit.engine.identity import SANDBOX, Known
from botkit.engine.languages import Language, language_of
from botkit.engine.member_calls import MemberCalls, approval_of
from botkit.engine.notices import Notices
from botkit.engine.ports import CallApprover
from botkit.engine.pressed import said_by
from botkit.engine.rooms import follow_room
from botkit.engine.sealing import is_sealed
from botkit.engine.services import Services
from botkit.engine.takeover import Takeovers, taken_over
from botkit.engine.turn import TurnInput, conversation_of, input_of
from botkit.engine.turns import Turns
from botkit.runs.context import RunContext
from botkit.runs.lanes import LaneScope

_log = structlog.get_logger("botkit.engine")


class Handler:
    """Implements `LaneHandler`."""

    def __init__(self, services: Services, calls: CallApprover | None = None):
        self._s = services
        self._notices = Notices(services)
        self._calls = MemberCalls(services, self._notices, calls) if calls is not None else None
        self.decisions = Decisions(services, self._calls)
        self.turns = Turns(services, self._notices)
        self.takeovers = Takeovers(services, self._notices)
        self._effective = EffectiveCache()
        self._desk = CommandDesk(services, self._effective)
        self._done_early: set[tuple[str, str]] = set()
        self._acknowledged: set[tuple[str, str]] = set()
        self._pressing: dict[tuple[str, str], asyncio.Future[bool]] = {}
        self._running_since = services.clock.micros()

    # ── control: what does not wait for its place in the lane ────────────────────────────────────────────

    def control(self, event: Event) -> bool:
        if event.kind in ("stop_generation", "action", "delete"):
            return True
        if command_of(event) in ("stop", "status") and not about_messages(event):
            return True
        return event.kind == "message" and self._busy(event) == "interrupt"

    def _busy(self, event: Event) -> str:
        try:
            return self._effective.of(self._s.configs.current, event.conversation, event.route).busy
        except NotFound:
            return "queue"

    async def interrupted(self, scope: LaneScope, row: InboxRow) -> None:
        event = row.event
        ctx = scope.current
        config = self._s.configs.current
        if event.kind == "action":
            if (said := said_by(event)) is None:
                await self._pressed(event, early=True)
                return
            await self._acknowledge(event)
            self._acknowledged.add((event.channel, event.dedupe_key))
            if self._busy(said) != "interrupt":
                return
            event = said
        if event.kind == "delete":
            self._stop_if(ctx, lambda turn: turn.message_id == event.target_id)
        elif event.kind == "stop_generation" or command_of(event) == "stop":
            known = await self._s.identities.resolve(event, config)
            self._stop_if(ctx, lambda turn: turn.sender_id == event.sender.id or known.is_admin)
        elif command_of(event) == "status":
            await self._status_now(scope, event)
        else:
            self._stop_if(ctx, lambda turn: turn.sender_id == event.sender.id)
            return  # the message itself is the next turn
        self._done_early.add((event.channel, event.dedupe_key))

    async def _pressed(self, event: Event, *, early: bool = False) -> None:
        """What a press, a choice or a form means; once, though its place in the lane may come meanwhile: a dialog
        opens once only.

        Args:
            early: its place in the lane is still to come.
        """
        key = (event.channel, event.dedupe_key)
        while (other := self._pressing.get(key)) is not None:
            if await other:
                return
        mine = self._pressing[key] = asyncio.get_running_loop().create_future()
        done = False
        try:
            await self.decisions.by_button(event)
            done = True
            if early:
                self._done_early.add(key)
        finally:
            del self._pressing[key]
            mine.set_result(done)

    async def _acknowledge(self, event: Event) -> None:
        """Let the button be pressed no longer on the person's screen."""
        adapter = self._s.channels.adapter(event.channel)
        if adapter is not None:
            await adapter.acknowledge(event, "")

    def _stop_if(self, ctx: RunContext | None, applies: Callable[[TurnInput], bool]) -> None:
        if ctx is not None and applies(input_of(ctx.run)):
            ctx.stop.set()

    async def _status_now(self, scope: LaneScope, event: Event) -> None:
        known = await self._s.identities.resolve(event, self._s.configs.current)
        context = await self._s.journal.context(scope.lane)
        text, _ = await self._desk.answer("status", event, known, context, running=scope.current)
        writes = self._notices.notice(event.conversation, f"{event.channel}/{event.dedupe_key}", text, to=event)
        await self._s.journal.commit(None, writes)
        self._s.outbox.kick(event.conversation.key)

    # ── batches ──────────────────────────────────────────────────────────────────────────────────────────

    def batch(self, lane: str, events: Sequence[InboxRow]) -> int:
        """Consecutive messages of one person become one turn when the bot merges, or when they are late."""
        first = events[0].event
        if len(events) == 1 or first.kind != "message" or command_of(first):
            return 1
        merges = self._busy(first) in ("merge", "interrupt")
        stale_before = self._s.clock.now().timestamp() - self._s.configs.current.settings.stale_after_s
        count = 1
        for row in list(events)[1:]:
            event = row.event
            same = event.kind == "message" and event.sender.id == first.sender.id and event.route == first.route
            stale = event.occurred_at.timestamp() < stale_before
            if not same or command_of(event) or not (merges or stale):
                break
            count += 1
        return count

    async def handle(self, scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        event = rows[0].event
        if self._calls is not None and approval_of(event):
            await self._calls.look(scope, rows[0])
        elif event.kind == "wake":
            await self.turns.wake(scope, rows[0])
        elif (event.channel, event.dedupe_key) in self._done_early:
            await self._consume(scope, rows, "control")
            self._done_early.discard((event.channel, event.dedupe_key))
        elif event.kind == "trigger":
            await self.turns.start_service(scope, rows[0])
        elif event.kind in ("message", "command"):
            rows = await whole_albums(scope, rows, self._s.clock, running_since=self._running_since)
            await self._message(scope, rows)
        elif event.kind == "unsupported" and event.addressed != "none":
            await self._unreadable(scope, rows[0])
        elif (said := said_by(event)) is not None:
            if (event.channel, event.dedupe_key) not in self._acknowledged:
                await self._acknowledge(event)
            await self._message(scope, [msgspec.structs.replace(rows[0], event=said)])
            self._acknowledged.discard((event.channel, event.dedupe_key))
        elif event.kind == "action":
            await self._pressed(event)
            await self._consume(scope, rows, "control")
            self._done_early.discard((event.channel, event.dedupe_key))
        elif event.kind == "member" and event.status == "migrated":
            await follow_room(self._s, scope, rows[0])
        elif event.kind == "delivery_status":
            writes, outcome = await note_report(self._s, event)
            await self._consume(scope, rows, outcome, *writes)
        elif event.kind == "reaction":
            outcome, run_id = await note_reaction(self._s, event)
            done = Consume(event_ids=(rows[0].id,), outcome=outcome, run_id=run_id)
            await self._s.journal.commit(scope.claim, (done,))
        elif event.kind == "edit":
            await self._consume(scope, rows, "edit: after the turn began")
        elif event.kind in ("stop_generation", "delete"):
            await self._consume(scope, rows, "control: nothing was running")
        else:
            await self._consume(scope, rows, f"ignored: {event.kind}{': ' + event.detail if event.detail else ''}")

    async def recover(self, scope: LaneScope, run: OpenRun) -> None:
        await self.turns.recover(scope, run)

    async def _consume(self, scope: LaneScope, rows: Sequence[InboxRow], outcome: str, *writes: Write) -> None:
        consume = Consume(event_ids=tuple(row.id for row in rows), outcome=outcome)
        await self._s.journal.commit(scope.claim, (*writes, consume))
        self._s.outbox.kick(rows[0].event.conversation.key)

    def _with_edits(self, scope: LaneScope, rows: Sequence[InboxRow]) -> tuple[list[InboxRow], list[InboxRow]]:
        """Messages as last edited and without those deleted, where that arrived before the turn began; and the
        events that did it, which are dealt with by this."""
        kept = {row.event.message_id or row.id: row for row in rows}
        applied: list[InboxRow] = []
        for change in scope.pending:
            target = change.event.target_id or change.event.message_id
            if change.event.kind not in ("edit", "delete") or target not in kept:
                continue
            applied.append(change)
            if change.event.kind == "delete":
                del kept[target]
            else:
                edited = msgspec.structs.replace(kept[target].event, text=change.event.text, signal=change.event.signal)
                kept[target] = msgspec.structs.replace(kept[target], event=edited)
        return list(kept.values()), applied

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────

    async def _message(self, scope: LaneScope, rows: Sequence[InboxRow]) -> None:
        config = self._s.configs.current
        live_rows, changes = self._with_edits(scope, rows)
        rows = [*rows, *changes]
        live_rows = merged(live_rows)
        if not live_rows:
            return await self._consume(scope, rows, "deleted before the turn")
        event = live_rows[-1].event
        if event.channel not in config.channels and not event.route and event.channel != SANDBOX:
            return await self._consume(scope, rows, "ignored: the channel is not in bots.yaml any more")
        known = await self._s.identities.resolve(event, config)
        access = await self._s.access.check(event, known, config)
        if access.verdict == "silent":
            return await self._consume(scope, rows, access.reason)
        if access.verdict == "pair":
            return await self._pair(scope, rows, event, known, access)
        if access.member:
            known = known.let_in()
        if name := command_of(event):
            return await self._command(scope, rows, name, event, known)
        this = self._effective.of(config, event.conversation, event.route)
        live_rows = [_with_bot_command(row, this) for row in live_rows]
        context = await scope.context()
        if (wait := taken_over(context)) is not None:
            return await self.takeovers.pass_on(scope, rows, wait, known)
        if await self.takeovers.reply_of(scope, rows[-1], known):
            return None
        if (wait := await self._answers(context, event, known)) is not None:
            return await self._answer_wait(scope, rows, wait, event, known, this)
        if is_sealed(event) and _answer_on_its_way(scope):
            return await self._consume(scope, rows, "ignored: the answer before it is being looked at")
        live_rows = [self._s.sealing.opened(row) for row in live_rows]
        mine = [wait for wait in context.waits if wait.person_id == known.person.id]
        if mine and this.while_waiting != "new_turn":
            return await self._while_waiting(scope, rows, this, mine[0], known)
        await self.turns.start(scope, rows, live_rows, known, this, context, config)
        return None

    async def _unreadable(self, scope: LaneScope, row: InboxRow) -> None:
        """Somebody sent the bot what it cannot read: say so, once for several in a row."""
        event, config = row.event, self._s.configs.current
        outcome = f"unreadable: {event.detail}"
        if event.channel not in config.channels:
            return await self._consume(scope, [row], outcome)
        known = await self._s.identities.resolve(event, config)
        access = await self._s.access.check(event, known, config)
        if access.verdict == "silent":
            return await self._consume(scope, [row], access.reason)
        if access.verdict == "pair":
            return await self._pair(scope, [row], event, known, access)
        later = [other.event for other in scope.pending if other.id != row.id]
        if any(other.kind == "unsupported" and other.sender.id == event.sender.id for other in later):
            return await self._consume(scope, [row], outcome)
        kind = event.detail.replace("_", " ")
        text = self._words(event, known).unreadable.format(kind=kind)
        writes = self._notices.notice(event.conversation, row.id, text, to=event)
        return await self._consume(scope, [row], f"{outcome} (said so)", *writes)

    async def _pair(
        self, scope: LaneScope, rows: Sequence[InboxRow], event: Event, known: Known, access: Access
    ) -> None:
        if not access.new_code or access.code is None:
            return await self._consume(scope, rows, "ignored: not paired yet, the code was sent before")
        code = access.code.code
        text = self._words(event, known).pairing.format(code=code, command=f"botkit pairing approve {code}")
        return await self._consume(
            scope, rows, "pairing code sent", *self._notices.notice(event.conversation, rows[0].id, text)
        )

    async def _answers(self, context: LaneContext, event: Event, known: Known) -> Wait | None:
        """The reply wait this message answers: the one it replies to, else the newest of this person."""
        waits = [w for w in context.waits if w.kind in ("reply", "identity") and w.person_id == known.person.id]
        if event.reply_to is not None and len(waits) > 1:
            for wait in waits:
                trace = await self._s.records.trace(wait.run_id)
                asked = [part for part in trace.parts if part.id == wait.part_id] if trace is not None else []
                if asked and asked[0].message_id == event.reply_to.message_id:
                    return wait
        return waits[-1] if waits else None

    async def _answer_wait(
        self, scope: LaneScope, rows: Sequence[InboxRow], wait: Wait, event: Event, known: Known, this: Effective
    ) -> None:
        text = "\n\n".join(self._s.sealing.opened(row).event.text for row in rows)
        if wait.kind == "reply":
            checks = guards_of(self._s.configs.current, this.bot).input
            text = cleaned_answer(text, checks, run_id=wait.run_id, bot=this.slug)
        close = CloseWait(
            wait_id=wait.id,
            state="answered",
            at=self._s.clock.micros(),
            answer={"sealed": self._s.sealing.seal(text)} if wait.kind == "identity" else _heard(wait, text, rows),
            by=known.person.id,
            via=f"chat:{event.channel}",
        )
        await self._consume(scope, rows, f"answer: {wait.id}", close, DropTimer(id=wait.id))

    async def _while_waiting(
        self, scope: LaneScope, rows: Sequence[InboxRow], this: Effective, wait: Wait, known: Known
    ) -> None:
        if this.while_waiting == "queue":
            return await self._consume(scope, rows, f"queued: {wait.run_id}")
        event = rows[-1].event
        words = self._words(event, known)
        what = wait.payload.get("tool") or wait.payload.get("name") or words.an_answer
        text = words.still_waiting.format(what=what)
        return await self._consume(
            scope, rows, f"notice: {wait.run_id}", *self._notices.notice(event.conversation, rows[0].id, text)
        )

    async def _command(self, scope: LaneScope, rows: Sequence[InboxRow], name: str, event: Event, known: Known) -> None:
        text, writes = await self._desk.answer(name, event, known, await scope.context())
        notice = self._notices.notice(event.conversation, rows[0].id, text, to=event)
        await self._consume(scope, rows, f"command: {name}", *writes, *notice)

    def _words(self, event: Event, known: Known) -> Language:
        return language_of(self._s.configs.current, event.conversation, known.person.locale, bot=event.route)

    # ── failures ─────────────────────────────────────────────────────────────────────────────────────────

    async def failed(self, scope: LaneScope, rows: Sequence[InboxRow], run: OpenRun | None, error: Exception) -> None:
        code = error.code if isinstance(error, BotkitError) else "internal"
        row = rows[0] if rows else None
        trace_id = new_id("trc")
        now = self._s.clock.micros()
        ctx = scope.current
        failing = run.run if run is not None else ctx.run if ctx is not None else await self._woken(row)
        conversation = row.event.conversation if row is not None else None
        locale = row.event.sender.locale if row is not None else ""
        writes: list[Write] = []
        if failing is not None:
            trace_id = failing.trace_id
            locale = input_of(failing).locale or locale
            if conversation is None or conversation.channel.startswith("@"):
                conversation = conversation_of(failing)
            if run is not None or await self._s.journal.load_run(failing.id) is not None:
                writes.append(
                    SetRun(
                        run_id=failing.id,
                        state="failed",
                        at=now,
                        error={
                            "code": code,
                            "message": str(error) if isinstance(error, BotkitError) else type(error).__name__,
                        },
                    )
                )
                writes.append(released(failing))
        _log.error(
            "turn_error", trace_id=trace_id, code=code, detail=str(error) if isinstance(error, BotkitError) else ""
        )
        if row is not None and row.event.kind == "trigger":
            writes.extend(self.turns.next_time(row.event))
        if rows:
            writes.append(Consume(event_ids=tuple(r.id for r in rows), outcome=f"failed: {code} ({trace_id})"))
        if conversation is not None and not conversation.channel.startswith("@"):
            words = language_of(self._s.configs.current, conversation, locale)
            text = words.went_wrong.format(trace=trace_id)
            writes.extend(self._notice_or_nothing(conversation, f"{trace_id}/failed", text))
        await self._s.journal.commit(scope.claim, writes)
        self._s.timers_changed()
        if conversation is not None:
            self._s.outbox.kick(conversation.key)
            run_id = failing.id if failing is not None else ""
            data = {
                "state": "failed",
                "status": "failed",
                "run_id": run_id,
                "trace_id": trace_id,
                "error": {"code": code},
            }
            self._s.live.publish(LiveEvent(kind="done", conversation=conversation.key, run_id=run_id, data=data))

    async def _woken(self, row: InboxRow | None) -> Run | None:
        """The run that a wake-up could not even begin to resume: nothing else would ever wake it again."""
        if row is None or row.event.kind != "wake":
            return None
        opened = await self._s.journal.load_run(str((row.event.signal or {}).get("run_id", "")))
        return opened.run if opened is not None and opened.run.state in ("waiting", "running") else None

    def _notice_or_nothing(self, conversation: Conversation, ref: str, text: str) -> list[Write]:
        try:
            return self._notices.notice(conversation, ref, text)
        except Exception:
            _log.exception("notice_failed", conversation=conversation.key)
            return []


def _with_bot_command(row: InboxRow, this: Effective) -> InboxRow:
    """A command of the bot's own (`commands:` in bots.yaml) tells the model what it stands for."""
    event = row.event
    text = event.text.strip()
    name, rest = event.command, text
    if not name and text[:1] in ("/", "!") and len(text) > 1:
        first, _, rest = text[1:].partition(" ")
        name = first.partition("@")[0].casefold()
    meaning = this.bot.commands.get(name) if name else None
    if meaning is None:
        return row
    return msgspec.structs.replace(row, event=msgspec.structs.replace(event, text=f"{meaning}\n\n{rest}".strip()))


def _answer_on_its_way(scope: LaneScope) -> bool:
    """Whether a code was entered that nobody has looked at yet."""
    return any(row.event.kind == "wake" and (row.event.signal or {}).get("kind") == "identity" for row in scope.pending)


def _heard(wait: Wait, text: str, rows: Sequence[InboxRow]) -> dict[str, Any]:
    """A message as the answer to a question."""
    attachments = [item for row in rows for item in row.event.attachments]
    more = {"attachments": msgspec.to_builtins(attachments)} if attachments else {}
    return {**forms.said(wait, text), **more}
