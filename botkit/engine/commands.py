"""Commands every bot understands on every platform."""

from __future__ import annotations

__all__ = ["COMMANDS", "CommandContext", "command_of", "run_command"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from botkit.core.events import Event
from botkit.core.journal import CloseWait, EndSession, LaneContext, Requeue, Run, SetRun, Wait, Write
from botkit.engine.identity import Known


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a command may look at. It changes things only through the writes it returns."""

    event: Event
    known: Known
    lane: LaneContext
    bot_name: str
    bot_description: str
    model: str
    now: int
    running: Run | None = None
    history_limit: int = 20


@dataclass(frozen=True, slots=True)
class Answered:
    text: str
    writes: tuple[Write, ...] = field(default=())


def start(ctx: CommandContext) -> Answered:
    """Say hello and what this bot is for."""
    about = f" {ctx.bot_description}" if ctx.bot_description else ""
    return Answered(
        f"Hello, I am **{ctx.bot_name}**.{about}\n\nWrite me what you need, or /help for what I understand."
    )


def help_(ctx: CommandContext) -> Answered:
    """List these commands."""
    lines = [f"/{name} – {text}" for name, text in COMMANDS]
    return Answered("\n".join([f"I am **{ctx.bot_name}**. Just write to me, or use a command:", "", *lines]))


def new(ctx: CommandContext) -> Answered:
    """Begin a new conversation; what was said before is not taken into account any more."""
    writes: list[Write] = []
    if ctx.lane.session is not None:
        writes.append(EndSession(session_id=ctx.lane.session.id, at=ctx.now))
    writes.extend(_give_up_questions(ctx))
    approvals = sum(wait.kind == "approval" for wait in ctx.lane.waits)
    kept = f" {_count(approvals, 'approval is', 'approvals are')} still waiting." if approvals else ""
    return Answered(f"Done: this is a new conversation.{kept}", tuple(writes))


def _give_up_questions(ctx: CommandContext) -> list[Write]:
    """End what waits for an answer of the person; a run that also waits for an approval goes on without it."""
    deciding = {wait.run_id for wait in ctx.lane.waits if wait.kind != "reply"}
    writes: list[Write] = []
    for wait in ctx.lane.waits:
        if wait.kind == "reply" and wait.run_id in deciding:
            writes.append(CloseWait(wait_id=wait.id, state="cancelled", at=ctx.now, by=ctx.known.person.id))
        elif wait.kind == "reply":
            writes.append(SetRun(run_id=wait.run_id, state="cancelled", at=ctx.now))
            writes.append(Requeue(lane=wait.lane, outcome=f"queued: {wait.run_id}"))
    return writes


def stop(ctx: CommandContext) -> Answered:
    """Stop the answer being written."""
    return Answered("Nothing is running right now.")


def status(ctx: CommandContext) -> Answered:
    """Show what is going on in this conversation."""
    lines = [f"Bot: {ctx.bot_name} · model: {ctx.model}"]
    lines.append("Working on an answer." if ctx.running else "Ready.")
    lines.extend(_wait_line(wait) for wait in ctx.lane.waits)
    if ctx.lane.session is not None:
        remembered = min(len(ctx.lane.history), ctx.history_limit)
        lines.append(f"I remember {_count(remembered, 'message', 'messages')} of this conversation.")
    return Answered("\n".join(lines))


def whoami(ctx: CommandContext) -> Answered:
    """Show who I think you are."""
    person = ctx.known.person
    name = person.name or ctx.event.sender.name or "unknown"
    return Answered(
        f"You are **{name}** (`{person.id}`), {', '.join(ctx.known.roles)}.\n"
        f"Here you are `{ctx.event.sender.id}` on `{ctx.event.channel}`."
    )


def _wait_line(wait: Wait) -> str:
    what = wait.payload.get("tool") or wait.payload.get("name") or wait.payload.get("message") or "an answer"
    kinds = {"approval": "approval of", "reply": "your answer to", "reconcile": "a colleague's look at"}
    return f"Waiting for {kinds.get(wait.kind, wait.kind)} `{what}`."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


_HANDLERS: dict[str, Callable[[CommandContext], Answered]] = {
    "start": start,
    "help": help_,
    "new": new,
    "reset": new,
    "stop": stop,
    "status": status,
    "whoami": whoami,
}

COMMANDS: Sequence[tuple[str, str]] = tuple(
    (name, (handler.__doc__ or "").split(";")[0].rstrip(".")) for name, handler in _HANDLERS.items()
)
"""(name, description) for help texts and for platforms that list commands."""


def command_of(event: Event) -> str:
    """The command an event is, or empty: `/reset@desk_bot now` and Slack's `!reset` are `reset`."""
    if event.command:
        return event.command if event.command in _HANDLERS else ""
    text = event.text.strip()
    if event.kind != "message" or text[:1] not in ("/", "!"):
        return ""
    name = text[1:].split(maxsplit=1)[0].partition("@")[0].casefold() if len(text) > 1 else ""
    return name if name in _HANDLERS else ""


def run_command(name: str, ctx: CommandContext) -> Answered:
    """Answer a command that `command_of` recognised."""
    return _HANDLERS[name](ctx)
