"""The engine between a fake platform, fake tools and a scripted model, on the real SQLite store."""

from __future__ import annotations

__all__ = ["Answer", "World", "a_config", "said"]

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from botkit.agents.loop import AgentLoop
from botkit.agents.policy import PolicyJudge
from botkit.agents.team_router import TeamRouter
from botkit.core.budgets import Spending
from botkit.core.clock import Clock
from botkit.core.config import Config
from botkit.core.documents import DocumentTexts
from botkit.core.events import Attachment, Event
from botkit.core.journal import Journal, Run, Wait
from botkit.core.live import LiveHub
from botkit.core.messages import Part
from botkit.core.models import ModelReply, ModelRequest
from botkit.core.notebook import Notebook
from botkit.core.redact import NoRedaction
from botkit.core.speech import Speech
from botkit.core.stores import FileStore, PairingStore, People, Records
from botkit.engine import COMMANDS, Agent, Engine
from botkit.engine.ports import Workflows
from botkit.gateway.approvals import CallDesk
from botkit.sdk import Adapter, Health
from botkit.store.open import Store, open_store
from botkit.testing.clock import ManualClock
from botkit.testing.faulty_journal import FaultyJournal
from botkit.testing.models import ScriptedModel
from botkit.testing.platform import PLAIN, FakeAdapter, FakePlatform
from botkit.testing.tools import FakeTools

_BACKGROUND = ("_watch", "_keep", "_listen")

Edit = dict[str, Any]
Answer = str | ModelReply | Exception


def a_config(
    *,
    bot: Edit | None = None,
    channel: Edit | None = None,
    settings: Edit | None = None,
    people: Edit | None = None,
    **more: Any,
) -> Config:
    """A bot `desk` on the channel `fake`, open to everybody, with what a test changes."""
    return Config.model_validate(
        {
            "bots": {"desk": {"model": "scripted/model", "prompt": "Be brief.", "name": "Desk", **(bot or {})}},
            "channels": {"fake": {"platform": "fake", "bot": "desk", "dm_policy": "open", **(channel or {})}},
            "settings": settings or {},
            "people": people or {},
            **more,
        }
    )


@dataclass
class Host:
    """What the adapter sees of the engine."""

    world: World
    clock: Clock
    public_url: str = ""
    commands: Sequence[tuple[str, str]] = COMMANDS
    translated_commands: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict[str, Any])
    health: list[Health] = field(default_factory=list[Health])

    async def accept(self, event: Any) -> bool:
        return await self.world.engine.accept(event)

    async def converse(self, event: Any, timeout_s: float) -> dict[str, Any]:
        await self.accept(event)
        return {"status": "running"}

    async def secret(self, name: str) -> str:
        return ""

    def report(self, health: Health) -> None:
        self.health.append(health)

    async def share_file(self, attachment: Attachment) -> str:
        return ""

    async def heard(self, limit: int = 500) -> list[Event]:
        rows = await self.world.ports.records.inbox(channel="fake", limit=limit)
        return [msgspec.convert(row["event"], Event) for row in rows]

    async def load_file(self, attachment: Attachment) -> bytes:
        return b""


class World:
    """One bot with one account, as a test sees it. `crash` and `restart` are what happens to its process.

    Everything but the engine, its store and its adapter survives them: people's messages, tools' effects,
    and the clock, which only the test moves.
    """

    def __init__(self, home: Path, database_url: str = ""):
        self.home = home
        self.database_url = database_url
        """PostgreSQL, for worlds that share one."""
        self.clock = ManualClock()
        self.platform = FakePlatform(PLAIN)
        self.tools = FakeTools()
        self.gate = asyncio.Event()
        """Clear it to hold the model back after the first word of each answer."""
        self.gate.set()
        self.script: deque[Answer] = deque()
        """What the model answers, in order; afterwards it repeats what the person said."""
        self.model = ScriptedModel(respond=self._respond, gate=self.gate)
        self.make_spending: Callable[[World], Spending] | None = None
        """Makes what calls are reserved on, where there are budgets."""
        self.agent: Agent | None = None
        """Instead of the agent loop over that model."""
        self.workflows: Callable[[World], Workflows] | None = None
        """Makes the runner, where bots have workflows."""
        self.make_codes: Callable[[World], Any] | None = None
        """Makes the desk of `auth_gate`, where a workflow has one."""
        self.codes: Any = None
        self.speech: Speech | None = None
        """What listens and speaks."""
        self.documents: DocumentTexts | None = None
        """What reads documents."""
        self.make_mail: Callable[[World], Adapter] | None = None
        """Makes what delivers mail to approvers."""
        self.config = a_config()
        self.policy_: Literal["hold", "resend"] = "hold"
        self.heartbeat_s = 1e9
        self.started = True
        """Whether the channel's adapter runs."""
        self.make_adapter: Callable[[], Adapter] = lambda: FakeAdapter(
            "fake", None, Host(self, self.clock), platform=self.platform
        )
        """The channel's adapter of each process; another one puts another platform around the engine."""
        self.live = LiveHub()
        self.fenced = False
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self.members: dict[str, str] = {}
        """Names of members of workspaces, by id."""

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Boot: open the store, recover, connect."""
        self.store: Store = await self._stack.enter_async_context(
            open_store(self.home, self.database_url, clock=self.clock)
        )
        self.journal = FaultyJournal(self.store.journal)
        self.ports = _Ports.of(self.store, cast("Journal", self.journal))
        self.calls = CallDesk(
            self.store.call_approvals,
            self.clock,
            ttl_s=lambda: self.config.settings.approvals.timeout_s,
            wake=self._work,
            name_of=self._name_of,
        )
        self.codes = self.make_codes(self) if self.make_codes is not None else None
        self.notebook = Notebook(self.store.notes, self.clock, NoRedaction())
        agent = self.agent or AgentLoop(self.model, self.tools, notebook=self.notebook)
        self.engine = Engine(
            store=self.ports,
            configs=self,
            channels=self,
            agent=agent,
            live=self.live,
            clock=self.clock,
            spawn=self._spawn,
            heartbeat_s=self.heartbeat_s,
            calls=self.calls,
            router=TeamRouter(self.model),
            notebook=self.notebook,
            workflows=self.workflows(self) if self.workflows is not None else None,
            judge=PolicyJudge(self.model),
            on_fenced=self._on_fenced,
            codes=self.codes,
            speech=self.speech,
            documents=self.documents,
            spending=self.make_spending(self) if self.make_spending is not None else None,
            mail=self.make_mail(self) if self.make_mail is not None else None,
        )
        self._adapter: Adapter = self.make_adapter()
        await self._adapter.start()
        before = set(self._tasks)
        await self.engine.start()
        self._background = {task for task in self._tasks - before if any(name in repr(task) for name in _BACKGROUND)}
        if self.started:
            await self.engine.channel_started("fake")

    def _respond(self, request: ModelRequest) -> Answer:
        self.journal.changed()
        return self.script.popleft() if self.script else f"You said: {said(request)}"

    async def _work(self, lane: str) -> None:
        await self.engine.lanes.wake(lane)

    async def _name_of(self, member_id: str) -> str:
        return self.members.get(member_id, "")

    def _on_fenced(self) -> None:
        self.fenced = True

    async def crash(self) -> None:
        """The process dies where it stands; nothing more is written or sent."""
        self.store.writer.abandon()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        await self.store.abandon()
        await self._stack.aclose()

    async def close(self) -> None:
        """SIGTERM with nothing to wait for."""
        if self._tasks:
            await self.engine.drain(0)
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def restart(self) -> None:
        """End cleanly and boot again."""
        await self.close()
        await self.start()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.journal.changed()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def settle(self) -> None:
        """Return once every turn has ended or paused and every reply has left."""
        while tasks := {task for task in self._tasks if task not in self._background and not task.done()}:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and let what was due happen."""
        await self.clock.advance(seconds)
        async with asyncio.timeout(45):
            while True:
                await self.clock.sleeping(2)  # the watch of timers (besides it, the keeper of the lease sleeps)
                await self.settle()
                if not self._due():
                    break
                await self.clock.advance(0.1)
                await asyncio.sleep(0.005)  # the database is another thread's business
        await self.settle()

    def _due(self) -> int:
        """Timers that should have fired, and wake-ups that nobody has taken."""
        with closing(sqlite3.connect(f"file:{self.home / 'botkit.db'}?mode=ro", uri=True)) as db:
            (timers,) = db.execute("SELECT count(*) FROM timers WHERE at <= ?", (self.clock.micros(),)).fetchone()
            (wakes,) = db.execute("SELECT count(*) FROM inbox WHERE done_at = 0 AND kind = 'wake'").fetchone()
        return timers + wakes

    async def until(self, condition: Callable[[], Any]) -> None:
        """Return once a condition holds; it may be asynchronous, and is looked at after each journal call."""
        await self.journal.until(condition)

    # ── ports of the engine ──────────────────────────────────────────────────────────────────────────────

    @property
    def current(self) -> Config:
        return self.config

    async def get(self, revision: str) -> Config:
        return self.config

    def adapter(self, channel: str) -> Adapter | None:
        return self._adapter if self.started else None

    def renderer(self, channel: str) -> Adapter:
        return self._adapter

    def policy(self, channel: str) -> Literal["hold", "resend"]:
        return self.policy_

    # ── what a test asks ─────────────────────────────────────────────────────────────────────────────────

    async def asked(self, times: int = 1) -> None:
        """Return once the model was asked that often."""
        await self.until(lambda: len(self.model.requests) >= times)

    async def ask(self, text: str, **more: Any) -> None:
        """Say something and see what comes of it."""
        await self.platform.say(text, **more)
        await self.settle()

    @property
    def heard(self) -> list[str]:
        """What persons said, as the model was told, one per call."""
        return [said(request) for request in self.model.requests]

    @property
    def texts(self) -> list[str]:
        return self.platform.texts()

    async def runs(self) -> list[Run]:
        """Oldest first."""
        return [summary.run for summary in reversed(await self.ports.records.runs(limit=1000))]

    async def waits(self) -> Sequence[Wait]:
        return await self.ports.records.waits()

    async def parts(self, state: Any = "") -> Sequence[Part]:
        return await self.ports.records.parts(state=state)

    async def outcomes(self) -> list[str]:
        """What became of each event, in the order they arrived."""
        rows = await self.ports.records.inbox(limit=1000)
        return [row["outcome"] for row in sorted(rows, key=lambda row: row["seq"])]


@dataclass(frozen=True)
class _Ports:
    journal: Journal
    people: People
    pairing: PairingStore
    records: Records
    files: FileStore

    @classmethod
    def of(cls, store: Store, journal: Journal) -> _Ports:
        return cls(journal, store.people, store.pairing, store.records, store.files)


def said(request: ModelRequest) -> str:
    """The words the model was last told by a person."""
    return next(str(message["content"]) for message in reversed(request.messages) if message["role"] == "user")
