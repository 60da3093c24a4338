"""The journal port: everything that must survive a crash goes through it.

A *lane* is the unit of order: one conversation (or one person in it, by `settings.sessions.scope`). One
process at a time owns a lane; its claim carries an *epoch*, and every commit under a claim is conditional
on that epoch, so a process that froze past its lease cannot write. All writes are small records; a commit
applies its list in one transaction or not at all.

A turn, in commits: `accept` (the inbox row, and the lane claimed with it) · one commit per completed step
(the first also starts the run) · one that ends the run with transcript and outbox parts · one before and
one after each part is sent.
"""

from __future__ import annotations

__all__ = [
    "Accepted",
    "AddAudit",
    "AddUsage",
    "Audit",
    "Claim",
    "Claimed",
    "CloseWait",
    "Committed",
    "Consume",
    "DropTimer",
    "Emit",
    "EndSession",
    "InboxRow",
    "Intent",
    "Journal",
    "LaneContext",
    "LogCall",
    "MarkWelcomed",
    "ModelCall",
    "MoveRoom",
    "OpenRun",
    "OpenWait",
    "PutFile",
    "PutSession",
    "PutTimer",
    "Recovered",
    "RenamedStep",
    "RenamedWait",
    "Repin",
    "Requeue",
    "Run",
    "RunState",
    "Say",
    "Session",
    "SetOptOut",
    "SetPart",
    "SetRun",
    "SettleBudget",
    "Signal",
    "StartRun",
    "Step",
    "StepDone",
    "TranscriptRow",
    "Wait",
    "WaitKind",
    "WaitState",
    "WaitingFor",
    "Wake",
    "WidenWait",
    "Write",
]

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from botkit.core.budgets import Charge
from botkit.core.data import Data
from botkit.core.events import Event
from botkit.core.messages import Part, PartState
from botkit.core.models import Usage
from botkit.core.notes import DropNotes, PutNote
from botkit.core.tags import SetTags
from botkit.core.tools import CallRecord

RunState = Literal["running", "waiting", "completed", "failed", "cancelled", "limit_reached"]
WaitingFor = Literal[
    "",
    "approval",
    "reply",
    "identity",
    "timer",
    "schedule",
    "retry",
    "webhook",
    "child",
    "takeover",
    "reconcile",
]
WaitKind = Literal[
    "approval", "reply", "identity", "timer", "schedule", "retry", "webhook", "child", "takeover", "reconcile"
]
WaitState = Literal["open", "answered", "expired", "cancelled"]


class Run(Data):
    """One turn of an agent, or one execution of a workflow."""

    id: str
    lane: str
    conversation: str
    """Conversation key."""
    conversation_kind: str = "dm"
    channel: str
    bot: str
    person_id: str
    kind: Literal["turn", "workflow"] = "turn"
    revision: str = ""
    """Of bots.yaml at the start; a resumed run keeps it."""
    session_id: str = ""
    trace_id: str
    state: RunState = "running"
    waiting_for: WaitingFor = ""
    input: dict[str, Any] = {}
    """What the run needs to start again from its steps: message text, reply handles, time, context cut."""
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    """`{"code", "message"}`; the message is safe to show to an operator."""
    parent_id: str = ""
    usage: Usage = Usage()
    started_at: int = 0
    """Microseconds, UTC, as all times here."""
    updated_at: int = 0
    ended_at: int = 0


class Step(Data):
    """One journaled step. `state` `intent`: the effect may have been sent and its result is not known."""

    run_id: str
    key: str
    """Path, such as `turn/0/tool/1`."""
    name: str = ""
    """What it does, for people: `orders__refund`, `model`."""
    state: Literal["intent", "done"] = "done"
    idempotency_key: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")
    """JSON."""
    started_at: int = 0
    ended_at: int = 0


class Wait(Data):
    """A paused run is this row. It costs no task and no memory."""

    id: str
    run_id: str
    lane: str
    key: str
    """Step path; the answer becomes that step's result."""
    kind: WaitKind
    conversation: str = ""
    person_id: str = ""
    """Who was asked. In groups only this person can answer a `reply` wait."""
    approvers: tuple[str, ...] = ()
    """Roles or person ids that may decide an `approval`; empty: admins."""
    payload: dict[str, Any] = {}
    """What is asked: `{"tool", "server", "arguments", "reason"}` or `{"message", "schema"}`."""
    token: str = ""
    """Carried by chat buttons and links; unguessable."""
    part_id: str = ""
    """The outbox part that shows the question, edited when it is decided."""
    state: WaitState = "open"
    answer: dict[str, Any] | None = None
    decided_by: str = ""
    decided_via: str = ""
    """`chat:{channel}`, `cli`, `page`, `api`, `timer`."""
    created_at: int = 0
    expires_at: int = 0
    """0: never."""
    decided_at: int = 0


class Session(Data):
    """One stretch of conversation that the model remembers."""

    id: str
    lane: str
    bot: str
    channel: str = ""
    conversation: str = ""
    person_id: str = ""
    started_at: int
    last_at: int
    ended_at: int = 0
    summary: str = ""
    """Facts and gist of what came before `summary_seq`."""
    summary_seq: int = 0


class TranscriptRow(Data):
    """One entry of a session, as it is fed to the model again."""

    session_id: str
    run_id: str = ""
    role: Literal["user", "assistant", "tool", "note"]
    text: str = ""
    data: dict[str, Any] = {}
    """For `assistant`: `{"calls": [...]}`; for `tool`: `{"call_id", "name"}`; attachments, who was speaking."""
    person_id: str = ""
    name: str = ""
    at: int
    seq: int = 0
    """Assigned by the store; ascending."""
    message_id: str = ""
    """Platform id, where it has one."""


class ModelCall(Data):
    """One row of model usage."""

    id: str
    at: int
    run_id: str = ""
    step: str = ""
    trace_id: str = ""
    bot: str = ""
    channel: str = ""
    workspace: str = ""
    person_id: str = ""
    model: str = ""
    usage: Usage = Usage()
    latency_ms: float = 0.0
    attempts: int = 1
    finish: str = "stop"
    code: str = ""
    """Error code when it failed."""
    reused: bool = False
    """No model was asked: a kept answer was given again."""


class Audit(Data):
    """One administrative act."""

    at: int
    actor: str
    via: str
    """`cli`, `page`, `chat:{channel}`, `api`, `file`."""
    action: str
    """Such as `secrets.set`, `approvals.approve`, `config.apply`, `data.erase`."""
    target: str = ""
    detail: dict[str, Any] = {}
    """Never a secret value."""


class InboxRow(Data):
    """An accepted event."""

    id: str
    seq: int
    lane: str
    event: Event
    received_at: int


class OpenRun(Data):
    """A run with all its steps and waits, ready to be replayed."""

    run: Run
    steps: dict[str, Step] = {}
    waits: tuple[Wait, ...] = ()


class LaneContext(Data):
    """What a turn needs to know about its lane."""

    session: Session | None = None
    history: tuple[TranscriptRow, ...] = ()
    """Oldest first; at most the limit asked for, from the current session, after `session.summary_seq`."""
    waits: tuple[Wait, ...] = ()
    """Open ones of this lane, oldest first."""


class Claim(Data):
    lane: str
    owner: str
    epoch: int


class Claimed(Data):
    """The lane is ours. `events` are undone, in order of arrival; `runs` were running when their owner died."""

    claim: Claim
    events: tuple[InboxRow, ...] = ()
    runs: tuple[OpenRun, ...] = ()
    context: LaneContext = LaneContext()


class Accepted(Data):
    id: str
    new: bool
    """False: this event was accepted before; acknowledge the platform and do nothing."""
    claimed: Claimed | None = None


class Committed(Data):
    more: bool = False
    """After a release: new events had arrived, so the lane was kept and must be worked on."""
    part: Part | None = None
    """With `send`: the part that is now being sent."""


class Signal(Data):
    """What another process on the same database did, for one that should not wait until it looks for itself."""

    kind: Literal["lane", "run", "people", "recover"]
    """`lane`: an event waits in a lane. `run`: somebody ended a run. `people`: somebody was paired, joined, parted,
    erased or given a role. `recover`: see what waits to be worked on, words may have been missed."""
    lane: str = ""
    event_id: str = ""
    run_id: str = ""


class Recovered(Data):
    lanes: tuple[str, ...] = ()
    """Lanes with undone events or running runs that nobody alive owns."""
    conversations: tuple[str, ...] = ()
    """Conversation keys with parts to deliver that nobody alive is delivering."""
    unknown_parts: tuple[Part, ...] = ()
    """Parts that were being sent when their process died; now `unknown`."""


# ── writes ───────────────────────────────────────────────────────────────────────────────────────────────


class StartRun(Data, tag=True):
    run: Run
    event_ids: tuple[str, ...] = ()
    """Inbox rows this run answers; they are done by it."""


class Consume(Data, tag=True):
    """These inbox rows are done without a run of their own."""

    event_ids: tuple[str, ...]
    outcome: str
    """Why: `command`, `ignored: not addressed`, `answer`, `merged`, `stale`, `control`, `unsupported` …: the
    recorded intended silence."""
    run_id: str = ""


class Requeue(Data, tag=True):
    """Rows consumed with this outcome are undone again (messages kept back until a paused run ended)."""

    lane: str
    outcome: str


class MarkWelcomed(Data, tag=True):
    """This person got the bot's welcome message."""

    person_id: str
    bot: str


class Intent(Data, tag=True):
    """An effect that must not happen twice is about to be sent."""

    run_id: str
    key: str
    name: str
    idempotency_key: str
    at: int


class StepDone(Data, tag=True):
    """A step's result. Raises `Conflict` when this step already has one."""

    run_id: str
    key: str
    name: str
    result: msgspec.Raw
    started_at: int
    ended_at: int


class SetRun(Data, tag=True):
    """Change a run's state. A run in a final state never changes again (`Conflict`)."""

    run_id: str
    state: RunState
    at: int
    waiting_for: WaitingFor = ""
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    usage: Usage | None = None


class RenamedStep(Data):
    key: str
    to: str
    result: msgspec.Raw
    """As it reads under the new name."""


class RenamedWait(Data):
    id: str
    """Stays as it is: buttons, links and timers carry it."""
    key: str
    """The new one."""
    payload: dict[str, Any]


class Repin(Data, tag=True):
    """Let a run that waits go on with another definition of what it runs.

    Raises `Conflict`, and changes nothing, unless the run waits, was not changed since `was` was read, and nobody
    works on its lane right now.
    """

    run_id: str
    lane: str
    was: str
    """The revision it had."""
    revision: str
    input: dict[str, Any]
    at: int
    steps: tuple[RenamedStep, ...] = ()
    waits: tuple[RenamedWait, ...] = ()


class OpenWait(Data, tag=True):
    """Idempotent: a wait of the same run and key that exists is left as it is."""

    wait: Wait


class WidenWait(Data, tag=True):
    """Others may decide an open wait too; nothing happens to one that was decided."""

    wait_id: str
    approvers: tuple[str, ...]


class CloseWait(Data, tag=True):
    """Decide an open wait and wake its run, in one act. Raises `Conflict` when somebody decided first.

    The wake-up is an inbox row with dedupe key = wait id, so it arrives once whoever sends it.
    """

    wait_id: str
    state: WaitState
    at: int
    answer: dict[str, Any] | None = None
    by: str = ""
    via: str = ""
    wake: bool = True


class Wake(Data, tag=True):
    """Put an event of ours into a lane's inbox; a repeat of its dedupe key is ignored."""

    lane: str
    event: Event


class PutTimer(Data, tag=True):
    """Put `event` into the lane's inbox at that time. Replaces a timer of the same id."""

    id: str
    at: int
    lane: str
    event: Event
    keep: bool = False
    """A timer of the same id is left as it is."""


class DropTimer(Data, tag=True):
    id: str


class Emit(Data, tag=True):
    """Put a part into the outbox. Idempotent by part id."""

    part: Part


class SetPart(Data, tag=True):
    """Change a part. `message_id` and `error` are recorded in any case."""

    part_id: str
    state: PartState
    at: int
    message_id: str = ""
    """Kept as it was when empty."""
    error: str = ""
    payload: dict[str, Any] | None = None
    """The new content (a finished stream); kept as it was when None."""
    text: str | None = None
    if_state: tuple[PartState, ...] = ()
    """Change `state` only from one of these. A delivery reports with `("sending",)`, so that a final text
    committed while the first message of its stream was on its way stays pending."""


class Say(Data, tag=True):
    row: TranscriptRow


class PutSession(Data, tag=True):
    """Insert or update by id."""

    session: Session


class EndSession(Data, tag=True):
    session_id: str
    at: int


class LogCall(Data, tag=True):
    record: CallRecord


class AddUsage(Data, tag=True):
    call: ModelCall


class SettleBudget(Data, tag=True):
    """Book what a call really used, and free what was reserved for it beyond that."""

    charge: Charge


class AddAudit(Data, tag=True):
    audit: Audit


class MoveRoom(Data, tag=True):
    """A room has another id now (a Telegram group that became a supergroup). Safe to repeat.

    Sessions, files, undone events, open waits with their timers, waiting runs and parts to deliver go on in the new
    room. A message of the old one can not be edited from there: whatever would have edited it becomes a message of its
    own.
    """

    channel: str
    room: str
    to: str
    """The new id."""
    lane: str
    """The lane this is committed under; others that are being worked on stay until the next word about the move."""


class SetOptOut(Data, tag=True):
    """Whether a person wants messages of a bot that they did not ask for."""

    person_id: str
    bot: str = ""
    """Empty: of any bot."""
    out: bool
    at: int
    via: str = ""
    """Where they said so: `chat:{channel}`, `cli`."""


class PutFile(Data, tag=True):
    """Record a stored file, so that retention and erasure find it."""

    file_id: str
    lane: str
    person_id: str
    name: str
    mime: str
    size_bytes: int
    sha256: str
    at: int


Write = (
    StartRun
    | Consume
    | Requeue
    | MarkWelcomed
    | Intent
    | StepDone
    | SetRun
    | Repin
    | OpenWait
    | CloseWait
    | WidenWait
    | Wake
    | PutTimer
    | DropTimer
    | Emit
    | SetPart
    | Say
    | PutSession
    | EndSession
    | LogCall
    | AddUsage
    | SettleBudget
    | AddAudit
    | PutFile
    | MoveRoom
    | PutNote
    | DropNotes
    | SetOptOut
    | SetTags
)


class Journal(Protocol):
    """Ports free of any database's assumptions; the contract suite runs on every implementation."""

    @property
    def owner(self) -> str:
        """This process, this boot."""
        ...

    async def accept(self, event: Event, lane: str, *, claim: bool = True, history_limit: int = 20) -> Accepted:
        """Store an event; durable when this returns. Unique by (channel, dedupe key).

        With `claim`, the lane is claimed in the same transaction when nobody alive owns it.
        """
        ...

    async def claim(self, lane: str, *, history_limit: int = 20) -> Claimed | None:
        """Own a lane, or None when a living process (this one too) owns it already."""
        ...

    async def pending(self, claim: Claim) -> Sequence[InboxRow]:
        """Undone events of an owned lane, in order of arrival. Raises `Fenced`."""
        ...

    async def context(self, lane: str, *, history_limit: int = 20) -> LaneContext: ...

    async def history(self, session_id: str, *, before_seq: int, limit: int) -> Sequence[TranscriptRow]:
        """The newest `limit` rows of a session with `seq < before_seq`, oldest first (a resumed run's context)."""
        ...

    async def commit(
        self, claim: Claim | None, writes: Sequence[Write], *, release: bool = False, send: str = ""
    ) -> Committed:
        """Apply all writes or none; durable when this returns.

        With `release`, the lane is given up unless undone events wait in it (`Committed.more`).
        Without a claim (decisions, administration, deliveries) the epoch is not checked.

        Args:
            send: a conversation nobody delivers to: what `send_next` would do for it next is done in the same
                transaction (`Committed.part`).

        Raises:
            Fenced: the claim is no longer ours.
            Conflict: a wait was decided, a step done or a run ended before; nothing was written.
            StoreFull, StoreBusy, StoreCorrupt: nothing was written.
        """
        ...

    async def load_run(self, run_id: str) -> OpenRun | None: ...

    async def send_next(self, conversation: str, *, done: SetPart | None = None) -> Part | None:
        """Mark the first pending part of a conversation `sending` by this process, or None when there is none.

        Only parts this process emitted or adopted (`recover`). The `message_id` of a part with `edit_of` is
        that of the part to edit; empty when that was never sent.

        Args:
            done: what became of the part before, recorded in the same transaction.

        Raises:
            StoreFull, StoreBusy, StoreCorrupt: nothing was written, `done` neither.
        """
        ...

    async def find_wait(self, *, wait_id: str = "", token: str = "") -> Wait | None: ...

    async def fire_timers(self, *, limit: int = 500) -> tuple[Sequence[str], int]:
        """Move due timers into their inboxes; returns the lanes woken and when the next is due (0: none)."""
        ...

    async def heartbeat(self) -> None:
        """Extend this process's lease. Raises `Fenced` when it was declared dead meanwhile."""
        ...

    async def recover(self) -> Recovered:
        """Take nothing, but free what dead owners held and tell what waits to be worked on."""
        ...

    async def has_lease(self) -> bool: ...

    def signals(self) -> AsyncGenerator[Signal]:
        """What other processes do, as it happens; ends at once on a database of one process. Close it to end it.

        A signal may come late, twice or never: it makes nothing true, it only saves waiting for `recover`.
        """
        ...
