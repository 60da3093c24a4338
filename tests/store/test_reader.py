"""Reads whose asker goes away."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self, cast

import pytest
from sqlalchemy import delete, literal, select

from botkit.core.errors import StoreError
from botkit.core.journal import AddUsage, ModelCall
from botkit.store.open import open_store
from botkit.store.reader import Reader
from botkit.store.schema import model_calls


class Engine:
    """Connects when told to; remembers what happened to its connection."""

    def __init__(self) -> None:
        self.connecting = asyncio.Event()
        self.gate = asyncio.Event()
        self.happened: list[str] = []

    def connect(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        self.connecting.set()
        await self.gate.wait()
        self.happened.append("connected")
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.happened.append("given back")

    async def execute(self, statement: object) -> Self:
        return self

    def all(self) -> list[tuple[int]]:
        return [(1,)]

    async def dispose(self) -> None:
        self.happened.append("disposed")


async def test_a_read_that_nobody_waits_for_gives_its_connection_back_before_the_store_closes() -> None:
    engine = Engine()
    reader = Reader(lambda: cast("Any", engine), lambda error: error)
    asking = asyncio.create_task(reader.all(select(literal(1))))
    await engine.connecting.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    closing = asyncio.create_task(reader.close())
    await asyncio.sleep(0)
    engine.gate.set()
    await closing
    assert engine.happened == ["connected", "given back", "disposed"]


async def test_streams_that_nobody_reads_to_the_end_give_their_connections_back(home: Path) -> None:
    async with open_store(home) as store:
        number = 2000  # more than come at once
        calls = [AddUsage(call=ModelCall(id=f"m{at}", at=at, model="m")) for at in range(number)]
        await store.journal.commit(None, calls)
        for _ in range(3):  # there are two connections
            async with aclosing(store.reader.stream(select(model_calls.c.at).order_by(model_calls.c.at))) as rows:
                assert await anext(rows) == (0,)
        found = await store.reader.all(select(model_calls.c.at).where(model_calls.c.at.in_([3, 1])).limit(5))
        assert {row[0] for row in found} == {1, 3}
        whole = [row async for row in store.reader.stream(select(model_calls.c.at))]
        assert len(whole) == number


async def test_what_is_read_cannot_be_changed(home: Path) -> None:
    async with open_store(home) as store:
        with pytest.raises(StoreError, match="readonly"):
            await store.reader.all(cast("Any", delete(model_calls)))
