"""A conversation in the terminal: streaming, live tool calls, approvals answered in place."""

from __future__ import annotations

__all__ = ["Conversation", "converse"]

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.chat.files import attached, typed_path
from botkit.cli.chat.forms import fill_in
from botkit.cli.chat.lines import read_lines
from botkit.cli.chat.printer import LivePrinter
from botkit.cli.chat.seen import Seen
from botkit.cli.output import Output
from botkit.cli.session import whoami
from botkit.core.errors import BotkitError
from botkit.core.events import Attachment
from botkit.core.live import LiveEvent

if TYPE_CHECKING:
    from botkit.app.operations import Operations

_LEAVE = ("/quit", "/exit", "/q")
_HELP = """Here: /bot NAME, /as PERSON, /file PATH, /trace, /quit. Ctrl-C stops an answer, Ctrl-D leaves.
The bot understands: /help, /new, /status, /whoami and its own commands."""


class Conversation:
    """One person, one bot, one terminal.

    Args:
        descriptor: where lines come from.
        terminal: a person is looking: prompts are shown and approvals asked; found out when absent.
    """

    def __init__(
        self,
        out: Output,
        ops: Operations,
        *,
        bot: str,
        person: str,
        room: str,
        descriptor: int = 0,
        terminal: bool | None = None,
    ):
        self._out = out
        self._ops = ops
        self._bot = bot
        self._person = person
        self._room = room
        self._printer = LivePrinter()
        self._seen = Seen()
        self._last_run = ""
        self._files: list[Attachment] = []
        """Of the next message."""
        self._form: dict[str, Any] = {}
        """Of the question the bot waits with."""
        self._busy = False
        self._descriptor = descriptor
        self._terminal = sys.stdin.isatty() and sys.stdout.isatty() if terminal is None else terminal

    async def run(self) -> None:
        """Talk until the input ends or the person leaves."""
        watching = asyncio.create_task(self._watch())
        try:
            async with aclosing(read_lines(self._descriptor)) as lines:
                self._prompt()
                async for line in lines:
                    text = line.strip()
                    if text in _LEAVE:
                        return
                    if text:
                        await self._guarded(self._take(text, lines))
                    self._prompt()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def interrupt(self) -> bool:
        """Stop the answer being written; False when there is none."""
        if not self._busy:
            return False
        await self._ops.chat.stop(room=self._room, bot=self._bot, person=self._person)
        return True

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except BotkitError as error:
            self._out.failure(error)

    async def _take(self, text: str, lines: AsyncGenerator[str]) -> None:
        name, _, rest = text.partition(" ")
        match name:
            case "/bot" if rest:
                self._bot = rest.strip()
                self._room = f"terminal-{self._bot}-{self._person}"
            case "/as" if rest:
                self._person = rest.strip()
                self._room = f"terminal-{self._bot}-{self._person}"
            case "/file" if rest:
                self._files += await attached(self._ops, [typed_path(rest)])
                click.echo(click.style(f"Goes with your next message: {self._files[-1].name}", dim=True))
            case "/trace" if self._last_run:
                from botkit.cli.trace import describe_trace

                for block in describe_trace(await self._ops.runs.show(run=self._last_run)):
                    self._out.show(block)
            case _:
                if name == "/help" and self._terminal:
                    click.echo(_HELP)
                await self._say(text, lines)

    async def _say(self, text: str, lines: AsyncGenerator[str]) -> None:
        files, self._files = self._files, []
        waits = await self._show(
            self._ops.chat.say(room=self._room, bot=self._bot, person=self._person, text=text, files=files)
        )
        while waits and self._terminal:
            wait = waits.pop(0)
            verdict = await self._ask(wait, lines)
            if verdict is None:
                return
            waits += await self._show(self._ops.chat.decide(room=self._room, wait=wait, approved=verdict, by=whoami()))
        while self._form and self._terminal:
            form, self._form = self._form, {}
            answer = await fill_in(form, lines)
            if not answer:
                return
            say = self._ops.chat.say(room=self._room, bot=self._bot, person=self._person, text=answer)
            await self._show(say)

    async def _show(self, events: AsyncGenerator[LiveEvent]) -> list[str]:
        """Print a turn; the approvals it waits for."""
        waits: list[str] = []
        self._busy = True
        try:
            async with aclosing(events) as turn:
                async for event in turn:
                    self._printer.event(event)
                    self._seen.follow(event)
                    self._last_run = event.run_id or self._last_run
                    if event.kind == "wait" and event.data.get("kind") == "approval":
                        waits.append(str(event.data.get("wait_id")))
                    elif event.kind == "wait":
                        form: dict[str, Any] = event.data.get("form") or {}
                        self._form = form if len(form.get("fields", ())) > 1 else {}
        finally:
            self._busy = False
        return waits

    async def _ask(self, wait: str, lines: AsyncGenerator[str]) -> bool | None:
        """Yes, no, or None to leave it for later."""
        click.echo(click.style("Approve? [y/n, Enter: later] ", fg="yellow", bold=True), nl=False)
        answer = (await anext(lines, "")).strip().lower()
        if answer in ("y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
        click.echo(f"It waits: botkit approvals approve {wait}")
        return None

    async def _watch(self) -> None:
        """Show what comes by itself: answers after a decision elsewhere, messages of timers."""
        try:
            async with aclosing(self._ops.chat.watch(room=self._room)) as events:
                async for event in events:
                    if self._seen.is_news(event) and not self._busy:
                        self._printer.event(event)
        except BotkitError:
            return  # the process ends; whoever asks next is told

    def _prompt(self) -> None:
        if self._terminal:
            click.echo(click.style(f"{self._person} › {self._bot}: ", fg="blue", bold=True), nl=False)


async def converse(out: Output, ops: Operations, *, bot: str, person: str, room: str) -> None:
    """A conversation of its own process. Ctrl-C stops an answer, twice in a row leaves."""
    conversation = Conversation(out, ops, bot=bot, person=person, room=room)
    click.echo(f"Talking to {bot} as {person}. {_HELP}")
    talking = asyncio.create_task(conversation.run())
    with _interrupts(conversation, talking):
        await asyncio.wait((talking,))
    if not talking.cancelled():
        talking.result()


@contextmanager
def _interrupts(conversation: Conversation, talking: asyncio.Task[None]) -> Generator[None]:
    loop = asyncio.get_running_loop()
    stopping: set[asyncio.Task[bool]] = set()

    def pressed() -> None:
        task = asyncio.ensure_future(conversation.interrupt())
        stopping.add(task)
        task.add_done_callback(stopped)

    def stopped(task: asyncio.Task[bool]) -> None:
        stopping.discard(task)
        if task.cancelled() or task.exception() is not None or not task.result():
            talking.cancel()

    loop.add_signal_handler(signal.SIGINT, pressed)
    loop.add_signal_handler(signal.SIGTERM, talking.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
