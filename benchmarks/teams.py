"""What a team adds to a conversation: `python -m benchmarks.teams`.

How long the choice of a member takes by a rule, by words and by a model that answers at once, and what botkit adds to a
message beyond the time of the model: for one conversation after another, and for a thousand that begin within ten
seconds. The model is scripted; the team has five members, a sample of whose conversations ask a colleague.
"""

from __future__ import annotations

__all__ = ["figures"]

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.contenders.engine import EngineBench
from benchmarks.figures import Figure
from benchmarks.journal import bare_turn
from botkit.agents.loop import AgentLoop
from botkit.agents.team_router import TeamRouter
from botkit.core.clock import SystemClock
from botkit.core.config import Config
from botkit.core.events import Conversation
from botkit.core.models import Escalation, ModelDelta, ModelReply, ModelRequest, Usage
from botkit.core.teams import RouteRequest
from botkit.engine.teams import request_of
from botkit.runs.process import run_serving, settle_memory
from botkit.store.open import Store, open_store
from botkit.testing.models import calls
from botkit.testing.tools import FakeTools

_MEMBERS = {
    "greeter": ("Anything nobody else knows.", "hello there"),
    "billing": ("Invoices, payments and refunds.", "I was charged twice for my invoice"),
    "wifi": ("Wireless networks and routers.", "my router has lost its network"),
    "printer": ("Printers, paper and toner.", "the printer wants more toner"),
    "travel": ("Flights, hotels and trains.", "a hotel near the station"),
}
_SAID = [said for _, said in _MEMBERS.values()]
_CONVERSATIONS = 1000
_SPREAD_S = 10.0
_MODEL_S = 0.1
"""Each call of the model."""
_CHOICES = 3000
_ROUNDS, _TURNS = 9, 50
_BARE = "the bare journal"
_USAGE = Usage(input_tokens=200, output_tokens=40)

Turn = Callable[[int], Awaitable[None]]


class Model:
    """Answers after a set time; every fifth answer to a message is a question to a colleague."""

    def __init__(self, seconds: float = 0.0):
        self._seconds = seconds
        self._answered = 0

    def window_tokens(self, model: str) -> int:
        return 128_000

    def escalation(self, model: str) -> Escalation | None:
        return None

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        if self._seconds:
            await asyncio.sleep(self._seconds)
        yield self._answer(request)

    def _answer(self, request: ModelRequest) -> ModelReply:
        if request.response_schema is not None:
            return ModelReply(text='{"member": "billing", "confidence": 0.9}', usage=_USAGE)
        self._answered += 1
        last = request.messages[-1]
        if request.tools and last["role"] == "user" and self._answered % 5 == 0 and "greeter" not in str(last):
            return calls(("team__ask", {"colleague": "greeter", "question": "Do you know this person, greeter?"}))
        return ModelReply(text="It is on its way.", usage=_USAGE)


def _config(**router: Any) -> dict[str, Any]:
    bots = {
        name: {"model": "scripted/model", "prompt": "Be brief.", "description": described}
        for name, (described, _) in _MEMBERS.items()
    }
    team = {"members": [{"bot": name} for name in _MEMBERS], "default": "greeter", "router": router}
    channel = {"platform": "bench", "bot": "office", "dm_policy": "open"}
    return {"bots": bots, "teams": {"office": team}, "channels": {"bench": channel}}


_RULES = {"rules": [{"member": name, "contains": [said]} for name, (_, said) in _MEMBERS.items()]}
_WAYS: dict[str, dict[str, Any]] = {"a rule": _RULES, "words": {}, "a model": {"model": "scripted/model"}}


async def _choices() -> dict[str, list[float]]:
    """Milliseconds of each choice, sorted."""
    found: dict[str, list[float]] = {}
    for way, router in _WAYS.items():
        config = Config.model_validate(_config(**router))
        found[way] = await _timed(partial(_choose, TeamRouter(Model()), request_of(config, "office")), _CHOICES)
    return found


async def _choose(router: TeamRouter, request: RouteRequest, number: int) -> None:
    await router.choose(msgspec.structs.replace(request, text=f"{_SAID[number % 5]} {number}"), SystemClock())


async def _timed(work: Turn, times: int) -> list[float]:
    """Milliseconds of each, sorted."""
    return sorted([await _took(work, number) for number in range(times)])


async def _took(work: Turn, number: int) -> float:
    began = time.perf_counter()
    await work(number)
    return (time.perf_counter() - began) * 1000


def _bench(store: Store, config: dict[str, Any], model: Model) -> EngineBench:
    return EngineBench(
        store,
        agent=AgentLoop(model, FakeTools()),
        router=TeamRouter(model),
        config=config,
    )


@asynccontextmanager
async def _running(config: dict[str, Any], model: Model) -> AsyncGenerator[tuple[EngineBench, Store]]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder)) as store:
            bench = _bench(store, config, model)
            await bench.engine.start()
            try:
                yield bench, store
            finally:
                await bench.close()


async def _idle(configs: Mapping[str, dict[str, Any]]) -> dict[str, list[float]]:
    """Milliseconds from a message to its answer, one after another, with a model that takes no time; and those of the
    bare journal, all of them taking turns."""
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journal = (await stack.enter_async_context(open_store(folder))).journal
        work: dict[str, Turn] = {_BARE: partial(bare_turn, journal)}
        for name, config in configs.items():
            bench, _ = await stack.enter_async_context(_running(config, Model()))
            work[name] = partial(_say, bench)
        for round_ in range(_ROUNDS):
            for name, turn in work.items():
                for number in range(_TURNS):
                    took = await _took(turn, round_ * _TURNS + number)
                    if round_:  # the first warms up
                        found.setdefault(name, []).append(took)
    return {name: sorted(took) for name, took in found.items()}


async def _say(bench: EngineBench, number: int) -> None:
    await bench.turn(f"room-{number}", 0, text=_SAID[number % 5])


async def _arriving(turn: Turn) -> list[float]:
    """Milliseconds of each of a thousand that begin within some seconds."""
    dice = random.Random(7)

    async def one(number: int, after_s: float) -> float:
        await asyncio.sleep(after_s)
        return await _took(turn, number)

    begins = sorted(dice.uniform(0, _SPREAD_S) for _ in range(_CONVERSATIONS))
    return await asyncio.gather(*(one(number, after_s) for number, after_s in enumerate(begins)))


async def _loaded() -> dict[str, list[float]]:
    """Milliseconds that botkit added to the first message of each of a thousand conversations; and the bare journal's
    for as many that begin at the same times."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder)) as store:
            bare = sorted(await _arriving(partial(bare_turn, store.journal)))
    async with _running(_config(), Model(_MODEL_S)) as (bench, store):
        await asyncio.gather(*(bench.turn(f"warm-{number}", 0) for number in range(50)))
        settle_memory()
        took = await _arriving(partial(_say, bench))
        await bench.engine.drain(5)
        runs = await store.records.runs(limit=2 * _CONVERSATIONS)
        calls = Counter(call.run_id for call in await store.records.model_calls(limit=10 * _CONVERSATIONS))
    asked = {one.run.conversation: calls[one.run.id] for one in runs}
    models = [asked[Conversation(channel="bench", room=f"room-{n}").key] for n in range(_CONVERSATIONS)]
    return {_BARE: bare, "team": sorted(ms - n * _MODEL_S * 1000 for ms, n in zip(took, models, strict=True))}


def _percentile(ordered: Sequence[float], percent: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _both(ordered: Sequence[float], digits: int = 2) -> str:
    return f"{_percentile(ordered, 50):.{digits}f}, {_percentile(ordered, 99):.{digits}f} ms"


def figures() -> list[Figure]:
    """All of them, in one process."""
    found = [
        Figure(what=f"choice of a member of five by {way}: p50, p99", measured=_both(took, 3))
        for way, took in run_serving(_choices()).items()
    ]
    alone = {"bots": {"greeter": _config()["bots"]["greeter"]}}
    configs: dict[str, dict[str, Any]] = {
        "a bot alone": {**alone, "channels": {"bench": {"platform": "bench", "bot": "greeter", "dm_policy": "open"}}},
        "a team, by words": _config(),
        "a team, by a model": _config(**_WAYS["a model"]),
    }
    idle = run_serving(_idle(configs))
    found += [
        Figure(
            what=f"message to answer by the agent loop of {name}, a model that takes no time: p50, p99, against the "
            "bare journal",
            measured=f"{_both(took)} ({_percentile(took, 50) / _percentile(idle[_BARE], 50):.1f}×)",
        )
        for name, took in idle.items()
        if name != _BARE
    ]
    loaded = run_serving(_loaded())
    found.append(
        Figure(
            what=f"added to the time of the model, {_CONVERSATIONS:,} conversations with a team of five begun within "
            f"{_SPREAD_S:.0f} s, a fifth of them asking a colleague: p50, p99",
            measured=f"{_both(loaded['team'], 1)} (turns of the bare journal: {_both(loaded[_BARE], 1)})",
        )
    )
    return found


def main() -> None:
    for figure in figures():
        print(f"{figure.what}: {figure.measured}")


if __name__ == "__main__":
    main()
