"""Calls of one model wait for a place, in order; other models and other conversations do not wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from botkit.agents.models import Models
from botkit.app.model_gate import ModelGate
from botkit.core.config import ModelSpec
from botkit.core.models import ModelDelta, ModelReply, ModelRequest


class Slow:
    """Models that answer when the test lets them."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.release = asyncio.Event()
        self.most = 0

    def spec(self, name: str) -> ModelSpec:
        return ModelSpec(model="demo/offline" if name == "alias" else name)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelDelta | ModelReply]:
        self.running.append(request.trace_id)
        self.most = max(self.most, len(self.running))
        try:
            await self.release.wait()
            yield ModelReply(text=request.trace_id)
        finally:
            self.running.remove(request.trace_id)


class Desk:
    def __init__(self) -> None:
        self.slow = Slow()
        self.limit = 2
        self.gate = ModelGate(cast("Models", self.slow), lambda: self.limit)

    def ask(self, name: str, model: str = "demo/offline") -> asyncio.Task[str]:
        async def answer() -> str:
            request = ModelRequest(model=model, messages=(), trace_id=name)
            return "".join([item.text async for item in self.gate.stream(request)])

        return asyncio.create_task(answer())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_no_more_than_the_limit_run_and_the_others_follow_in_order(desk: Desk) -> None:
    tasks = [desk.ask(name) for name in "abcd"]
    await settle()
    assert (desk.slow.running, desk.gate.waiting) == (["a", "b"], 2)
    desk.slow.release.set()
    assert await asyncio.gather(*tasks) == list("abcd")
    assert desk.slow.most == 2
    assert desk.gate.waiting == 0


async def test_an_alias_and_its_model_share_places_and_other_models_do_not(desk: Desk) -> None:
    tasks = [desk.ask("a", "alias"), desk.ask("b"), desk.ask("c", "alias"), desk.ask("x", "openai/other")]
    await settle()
    assert desk.slow.running == ["a", "b", "x"]
    desk.slow.release.set()
    await asyncio.gather(*tasks)


async def test_whoever_gives_up_waiting_takes_no_place(desk: Desk) -> None:
    first, second, third, fourth = (desk.ask(name) for name in "abcd")
    await settle()
    third.cancel()
    first.cancel()
    await settle()
    assert desk.slow.running == ["b", "d"]
    desk.slow.release.set()
    assert await asyncio.gather(second, fourth) == ["b", "d"]
    again = desk.ask("e")
    assert await again == "e"


async def test_being_let_in_and_cut_off_at_once_leaves_the_place_to_the_next(desk: Desk) -> None:
    desk.limit = 1
    first, second, third = (desk.ask(name) for name in "abc")
    await settle()
    first.cancel()
    while desk.gate.waiting == 2:
        await asyncio.sleep(0)
    second.cancel()  # it has the place and has not run yet
    await settle()
    desk.slow.release.set()
    assert await third == "c"


async def test_a_higher_limit_of_a_reload_is_used(desk: Desk) -> None:
    tasks = [desk.ask(name) for name in "abcd"]
    await settle()
    desk.limit = 4
    tasks[0].cancel()
    await settle()
    assert desk.slow.running == ["b", "c", "d"]
    desk.slow.release.set()
    await asyncio.gather(*tasks, return_exceptions=True)
