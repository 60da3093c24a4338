"""A workflow tried for real: what it says, which nodes finish, and the questions it asks on the way."""

from __future__ import annotations

__all__ = ["WorkflowRun", "try_workflow"]

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.chat.lines import read_lines
from botkit.cli.command import EXIT_FAILED
from botkit.cli.output import Output
from botkit.cli.session import whoami
from botkit.core.data import Data
from botkit.core.errors import BotkitError
from botkit.core.live import LiveEvent

if TYPE_CHECKING:
    from botkit.app.operations import Operations

EXIT_WAITS = 3
"""The run waits for somebody, and nobody here answered."""


class WorkflowRun(Data, omit_defaults=False):
    """What came of it."""

    run_id: str = ""
    state: str = ""
    """`completed`, `waiting`, `failed`, `limit_reached`, `cancelled`, or `ignored` when no trigger fitted."""
    path: tuple[str, ...] = ()
    """Visits in the order in which they finished."""
    messages: tuple[str, ...] = ()
    output: Any = None
    error: dict[str, Any] | None = None
    waits: tuple[dict[str, Any], ...] = ()
    """What it waits for: `{"wait_id", "kind", "payload"}`."""


class _Trial:
    """One run, as it is followed.

    Args:
        lines: answers to its questions.
        asks: a person is looking: questions are marked as such.
    """

    def __init__(
        self, out: Output, ops: Operations, *, bot: str, person: str, room: str, lines: AsyncGenerator[str], asks: bool
    ):
        self._out = out
        self._ops = ops
        self._bot = bot
        self._person = person
        self._room = room
        self._lines = lines
        self._asks = asks
        self._said: list[str] = []
        self._parts = {""}
        self._waits: list[dict[str, Any]] = []
        self._done: dict[str, Any] = {}
        self._nodes = 0

    async def run(self, text: str, trigger: Mapping[str, Any] | None) -> WorkflowRun:
        say = self._ops.chat.say(
            room=self._room, bot=self._bot, person=self._person, text=text, trigger=dict(trigger) if trigger else None
        )
        await self._follow(say)
        while self._waits and self._waits[0]["kind"] in ("approval", "reply", "identity"):
            answer = await self._answer(self._waits[0])
            if not answer:
                break
            await self._go_on(self._waits[0], answer)
        return await self._result()

    async def _follow(self, events: AsyncGenerator[LiveEvent]) -> None:
        self._waits = []
        async with aclosing(events) as turn:
            async for event in turn:
                self._show(event)

    def _show(self, event: LiveEvent) -> None:
        if event.kind == "node":
            self._nodes += 1
            self._note(f"  {self._nodes:>3}  {event.data['path']} → {event.data['handle'] or 'failed'}", event)
        elif event.kind == "tool_call":
            self._note(f"       → {event.data.get('tool', '')}", event)
        elif event.kind == "part":
            self._say(str(event.data.get("part_id") or ""), event.text)
        elif event.kind == "wait":
            self._waits.append({name: event.data.get(name) for name in ("wait_id", "kind", "payload")})
        elif event.kind == "done":
            self._done = event.data

    def _say(self, part_id: str, text: str, to: str = "") -> None:
        """A message, once: it is on its way when the run ends, or was delivered while it ran."""
        if text.strip() and part_id not in self._parts:
            self._parts.add(part_id)
            self._said.append(text)
            if not self._out.json:
                click.echo(f"[to {to}] {text}" if to else text)

    def _note(self, text: str, event: LiveEvent) -> None:
        error = event.data.get("error")
        told = f"  {error.get('code')}: {error.get('message')}" if error else ""
        if not self._out.json:
            self._out.note(click.style(text, dim=True) + click.style(told, fg="red"))

    async def _answer(self, wait: Mapping[str, Any]) -> str:
        if self._asks:
            asked = "Approve? [y/n, Enter: later] " if wait["kind"] == "approval" else "Answer [Enter: later]: "
            click.echo(click.style(asked, fg="yellow", bold=True), nl=False, err=True)
        return (await anext(self._lines, "")).strip()

    async def _go_on(self, wait: Mapping[str, Any], answer: str) -> None:
        if wait["kind"] != "approval":
            await self._follow(self._ops.chat.say(room=self._room, bot=self._bot, person=self._person, text=answer))
            return
        if answer.lower() not in ("y", "yes", "n", "no"):
            raise BotkitError(f"`{answer}` is no answer to an approval: y or n")
        approved = answer.lower() in ("y", "yes")
        decide = self._ops.chat.decide(room=self._room, wait=str(wait["wait_id"]), approved=approved, by=whoami())
        await self._follow(decide)

    async def _result(self) -> WorkflowRun:
        from botkit.workflows.trail import visits_of

        run_id, path, output = str(self._done.get("run_id") or ""), (), None
        state = str(self._done.get("state") or "")
        if run_id:
            trace = (await self._ops.runs.show(run=run_id)).trace
            opened = trace.run
            for part in trace.parts:
                here = part.conversation.key == opened.run.conversation
                self._say("" if part.edit_of else part.id, part.text, "" if here else part.conversation.key)
            path = tuple(path for path, _ in visits_of(opened))
            ended = opened.run.output or {}
            output = ended.get("output")
            state = "ignored" if "ignored" in ended else state
        said = [self._done["text"]] if not self._said and self._done.get("text") else self._said
        return WorkflowRun(
            run_id=run_id,
            state=state,
            path=path,
            messages=tuple(said),
            output=output,
            error=self._done.get("error"),
            waits=tuple(self._waits),
        )


async def try_workflow(
    out: Output,
    ops: Operations,
    *,
    name: str,
    person: str,
    room: str,
    text: str,
    trigger: Mapping[str, Any] | None,
    descriptor: int = 0,
) -> int:
    """Run it and print what happens; 0 completed, 1 failed, 3 it waits."""
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    async with aclosing(read_lines(descriptor)) as lines:
        trial = _Trial(out, ops, bot=f"@{name}", person=person, room=room, lines=lines, asks=asks)
        result = await trial.run(text, trigger)
    human = [f"\n{result.state}: {' → '.join(result.path) or 'no node'}"]
    human += [f"Waits for {wait['kind']}: {_remedy(wait, room, name)}" for wait in result.waits]
    human += ["No trigger of the workflow fits what it was started with."] if result.state == "ignored" else []
    if result.run_id:
        human.append(f"botkit workflows trace {result.run_id}")
    if out.json:
        out.emit(result)
    else:
        for line in human:
            out.note(line)
    if result.state == "waiting":
        return EXIT_WAITS
    return 0 if result.state in ("completed", "answered") else EXIT_FAILED


def _remedy(wait: Mapping[str, Any], room: str, name: str) -> str:
    if wait["kind"] == "approval":
        return f"botkit approvals approve {wait['wait_id']}"
    if wait["kind"] in ("reply", "identity"):
        return f'botkit chat @{name} --room {room} -m "…"'
    return "it goes on by itself while botkit runs"
