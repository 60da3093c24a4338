"""Reads whose asker goes away."""

from __future__ import annotations

import asyncio
from typing import Any, Self, cast

import pytest
from sqlalchemy import literal, select

from botkit.store.reader import Reader


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
