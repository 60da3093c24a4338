"""The real engine: accept, lane, session, five steps, outbox, and an adapter that delivers into memory."""

from __future__ import annotations

__all__ = ["EngineBench", "StubAgent", "engine", "engine_normal", "engine_postgres", "open_bench"]

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from benchmarks.contenders import STEPS, Turn, payload
from benchmarks.contenders.server import postgres
from botkit.core.agent import AgentOutcome, AgentTask, ReplySink
from botkit.core.clock import SystemClock
from botkit.core.config import Config
from botkit.core.events import Conversation, Event, User
from botkit.core.ids import new_id
from botkit.core.journal import TranscriptRow
from botkit.core.live import LiveHub
from botkit.core.messages import Capabilities, OutMessage, Part, Receipt, Rendered
from botkit.core.models import Usage
from botkit.engine import Engine
from botkit.engine.ports import Agent, Router, Workflows
from botkit.runs.context import RunContext, StepScope
from botkit.sdk import Adapter
from botkit.store.open import Store, open_store


class StubAgent:
    """As many steps as an agent takes for two tool calls, without a model or a tool behind them."""

    async def step(self, ctx: RunContext, number: int) -> dict[str, str]:
        """The work of one step."""
        return payload(ctx.run.conversation, number)

    async def run(self, ctx: RunContext, task: AgentTask, sink: ReplySink) -> AgentOutcome:
        for number in range(STEPS):

            async def work(scope: StepScope, number: int = number) -> dict[str, str]:
                return await self.step(ctx, number)

            await ctx.step(f"turn/{number}", work, name="step")
        said = TranscriptRow(session_id=ctx.run.session_id, role="assistant", text="done", at=ctx.clock.micros())
        return AgentOutcome(text="done", rows=(said,), usage=Usage(input_tokens=10, output_tokens=5))


class _Platform(Adapter):
    """Delivers at once and tells whoever waits for the reply."""

    platform: ClassVar[str] = "bench"
    _CAN = Capabilities(text_limit=4096)

    def __init__(self) -> None:
        super().__init__("bench", None, cast("Any", None))
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return ()

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return self._CAN

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return (Rendered(payload={"text": message.text}, text=message.text),)

    async def send(self, part: Part) -> Receipt:
        waiting = self.waiting.pop(part.conversation.room, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        return Receipt(message_id="1")


class EngineBench:
    """An engine on a store. Implements the ports the app would fill."""

    def __init__(
        self,
        store: Store,
        *,
        parallel: int = 500,
        agent: Agent | None = None,
        workflows: Workflows | None = None,
        config: Mapping[str, Any] | None = None,
        router: Router | None = None,
    ):
        settings = {"max_parallel_turns": parallel}
        declared: dict[str, Any] = {
            "bots": {"desk": {"model": "stub/model", "prompt": "Be brief."}},
            "channels": {"bench": {"platform": "bench", "bot": "desk", "dm_policy": "open"}},
            "settings": settings,
        }
        self.current = Config.model_validate({**declared, **(config or {})})
        self.platform = _Platform()
        self.clock = SystemClock()
        self.tasks: set[asyncio.Task[None]] = set()
        self.engine = Engine(
            store=store,
            configs=self,
            channels=self,
            agent=agent or StubAgent(),
            workflows=workflows,
            router=router,
            live=LiveHub(),
            clock=self.clock,
            spawn=self._spawn,
        )

    async def get(self, revision: str) -> Config:
        return self.current

    def adapter(self, channel: str) -> Adapter | None:
        return self.platform

    def renderer(self, channel: str) -> Adapter:
        return self.platform

    def policy(self, channel: str) -> Literal["hold", "resend"]:
        return "hold"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def event(self, room: str, text: str = "hello " * 20) -> Event:
        return Event(
            channel="bench",
            dedupe_key=new_id("u"),
            kind="message",
            conversation=Conversation(channel="bench", room=room),
            sender=User(id=room, name="Ada"),
            occurred_at=self.clock.now(),
            text=text,
            addressed="dm",
            message_id="1",
        )

    async def turn(self, room: str, number: int, **event: str) -> None:
        """From the event's arrival to the moment its reply is at the platform."""
        delivered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.platform.waiting[room] = delivered
        await self.engine.accept(self.event(room, **event))
        await delivered

    async def close(self) -> None:
        await self.engine.drain(5)
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def open_bench(
    home: Path, url: str = "", *, synchronous: Literal["full", "normal"] = "full"
) -> AsyncGenerator[EngineBench]:
    async with open_store(home, url, synchronous=synchronous) as store:
        bench = EngineBench(store)
        await bench.engine.start()
        yield bench
        await bench.close()


@asynccontextmanager
async def engine(folder: Path) -> AsyncGenerator[Turn]:
    async with open_bench(folder / "home") as bench:
        yield bench.turn


@asynccontextmanager
async def engine_postgres(folder: Path) -> AsyncGenerator[Turn]:
    with postgres(folder) as url:
        async with open_bench(folder / "home", url) as bench:
            yield bench.turn


@asynccontextmanager
async def engine_normal(folder: Path) -> AsyncGenerator[Turn]:
    """Without a flush at each commit: survives a kill, not a power cut."""
    async with open_bench(folder / "home", synchronous="normal") as bench:
        yield bench.turn
