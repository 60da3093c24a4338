"""Commands every bot understands on every platform."""

from __future__ import annotations

__all__ = ["COMMANDS", "TRANSLATED_COMMANDS", "CommandContext", "about_messages", "command_of", "run_command"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from botkit.core.events import Event
from botkit.core.journal import CloseWait, EndSession, LaneContext, Requeue, Run, SetOptOut, SetRun, Wait, Write
from botkit.engine.identity import Known
from botkit.engine.languages import LANGUAGES, Language, speak

_ASKED = ("reply", "identity")
"""Waits that a message of the person answers."""


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
    words: Language
    running: Run | None = None
    history_limit: int = 20
    link: Answered | None = None
    """What is said to /link."""
    memory: Answered | None = None
    """What is said to /memory and /forget."""
    budgets: tuple[str, ...] = ()
    """What is left of budgets, a line for each."""


@dataclass(frozen=True, slots=True)
class Answered:
    text: str
    writes: tuple[Write, ...] = field(default=())


def start(ctx: CommandContext) -> Answered:
    """Say hello and what this bot is for. `/start messages` allows messages nobody asked for again."""
    if about_messages(ctx.event):
        return _opt(ctx, out=False)
    about = f" {ctx.bot_description}" if ctx.bot_description else ""
    return Answered(ctx.words.hello.format(bot=ctx.bot_name, about=about))


def help_(ctx: CommandContext) -> Answered:
    """List the commands."""
    lines = [f"/{name} – {text}" for name, text in commands_in(ctx.words)]
    return Answered("\n".join([ctx.words.help.format(bot=ctx.bot_name), "", *lines]))


def new(ctx: CommandContext) -> Answered:
    """Begin a new conversation; what was said before is not taken into account any more."""
    writes: list[Write] = []
    if ctx.lane.session is not None:
        writes.append(EndSession(session_id=ctx.lane.session.id, at=ctx.now))
    writes.extend(_give_up_questions(ctx))
    said = [ctx.words.new_conversation]
    if approvals := sum(wait.kind == "approval" for wait in ctx.lane.waits):
        said.append(_count(approvals, ctx.words.one_approval_waits, ctx.words.approvals_wait))
    return Answered(" ".join(said), tuple(writes))


def _give_up_questions(ctx: CommandContext) -> list[Write]:
    """End what waits for an answer of the person; a run that also waits for an approval goes on without it."""
    asked = [wait for wait in ctx.lane.waits if wait.kind in _ASKED]
    deciding = {wait.run_id for wait in ctx.lane.waits if wait.kind not in _ASKED}
    writes: list[Write] = []
    for run_id, lane in {wait.run_id: wait.lane for wait in asked if wait.run_id not in deciding}.items():
        writes.append(SetRun(run_id=run_id, state="cancelled", at=ctx.now))
        writes.append(Requeue(lane=lane, outcome=f"queued: {run_id}"))
    by = ctx.known.person.id
    writes.extend(
        CloseWait(wait_id=wait.id, state="cancelled", at=ctx.now, by=by) for wait in asked if wait.run_id in deciding
    )
    return writes


def stop(ctx: CommandContext) -> Answered:
    """Said when there is nothing to stop: a running turn is stopped before this is asked. `/stop messages` ends
    messages nobody asked for."""
    if about_messages(ctx.event):
        return _opt(ctx, out=True)
    return Answered(ctx.words.nothing_runs)


def status(ctx: CommandContext) -> Answered:
    """Show what is going on in this conversation."""
    lines = [ctx.words.bot_and_model.format(bot=ctx.bot_name, model=ctx.model)]
    lines.append(ctx.words.working if ctx.running else ctx.words.ready)
    lines.extend(_wait_line(wait, ctx.words) for wait in ctx.lane.waits)
    if ctx.lane.session is not None:
        remembered = min(len(ctx.lane.history), ctx.history_limit)
        lines.append(_count(remembered, ctx.words.remembers_one, ctx.words.remembers))
    lines.extend(ctx.budgets)
    return Answered("\n".join(lines))


def whoami(ctx: CommandContext) -> Answered:
    """Show who I think you are."""
    person = ctx.known.person
    name = person.name or ctx.event.sender.name or ctx.words.unknown
    who = ctx.words.you_are.format(name=name, person=person.id, roles=", ".join(ctx.known.roles))
    here = ctx.words.you_are_here.format(account=ctx.event.sender.id, channel=ctx.event.channel)
    return Answered(f"{who}\n{here}")


def link(ctx: CommandContext) -> Answered:
    """Join the accounts a person has on several platforms."""
    return ctx.link or Answered(ctx.words.link_in_private)


def memory(ctx: CommandContext) -> Answered:
    """Show what is kept in mind of the person, and forget it."""
    return ctx.memory or Answered(ctx.words.memory_none)


def about_messages(event: Event) -> bool:
    """`/stop messages`, `/start messages`."""
    words = event.text.casefold().split()
    return bool(words) and words[-1] == "messages" and len(words) <= 2


def _opt(ctx: CommandContext, *, out: bool) -> Answered:
    """Of every bot of this installation, until they say otherwise."""
    wish = SetOptOut(person_id=ctx.known.person.id, out=out, at=ctx.now, via=f"chat:{ctx.event.channel}")
    return Answered(ctx.words.messages_stopped if out else ctx.words.messages_allowed, (wish,))


def _wait_line(wait: Wait, words: Language) -> str:
    what = wait.payload.get("tool") or wait.payload.get("name") or wait.payload.get("message") or words.an_answer
    sentences = {
        "approval": words.waiting_for_approval,
        "reply": words.waiting_for_answer,
        "reconcile": words.waiting_for_colleague,
    }
    return sentences.get(wait.kind, words.waiting_for_other).format(kind=wait.kind, what=what)


def _count(number: int, one: str, many: str) -> str:
    return one if number == 1 else many.format(count=number)


_HANDLERS: dict[str, Callable[[CommandContext], Answered]] = {
    "start": start,
    "help": help_,
    "new": new,
    "reset": new,
    "stop": stop,
    "status": status,
    "whoami": whoami,
    "link": link,
    "memory": memory,
    "forget": memory,
}


def commands_in(words: Language) -> Sequence[tuple[str, str]]:
    """(name, description) of every command."""
    return (
        ("start", words.about_start),
        ("help", words.about_help),
        ("new", words.about_new),
        ("reset", words.about_new),
        ("stop", words.about_stop),
        ("status", words.about_status),
        ("whoami", words.about_whoami),
        ("link", words.about_link),
        ("memory", words.about_memory),
        ("forget", words.about_forget),
    )


COMMANDS: Sequence[tuple[str, str]] = commands_in(speak("en"))
"""For platforms that list commands."""
TRANSLATED_COMMANDS: Mapping[str, Sequence[tuple[str, str]]] = {
    code: commands_in(words) for code, words in LANGUAGES.items() if words is not speak("en")
}
"""The same in other languages, by their codes."""


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
