"""The master key is replaced while everything runs: nobody waits for it and nothing fails to open."""

from __future__ import annotations

import asyncio
from pathlib import Path

from botkit.app.control import connect, socket_path
from botkit.app.instance import Instance
from botkit.app.operations import Operations
from tests.app.conftest import OpenInstance
from tests.app.test_runtime import say

_ROTATIONS = 6


async def read_until(instance: Instance, over: asyncio.Event) -> int:
    """Open a secret again and again, as calls do; how often."""
    times = 0
    while not over.is_set():
        assert await instance.vault.instance("TOKEN") == "a value"
        times += 1
    return times


async def write_until(instance: Instance, over: asyncio.Event) -> int:
    """Store new secrets meanwhile; how many."""
    number = 0
    while not over.is_set():
        number += 1
        await Operations.of(instance).secrets.set(name=f"N{number}", value=f"value {number}", by="ada")
    return number


async def test_the_master_key_is_replaced_under_way(opened: OpenInstance, folder: Path) -> None:
    key_file = folder / ".botkit" / "master.key"
    keys: set[str] = set()
    async with opened() as instance:
        await Operations.of(instance).secrets.set(name="TOKEN", value="a value", by="ada")
        over = asyncio.Event()
        async with asyncio.TaskGroup() as busy, connect(socket_path(instance.home.path)) as client:
            assert client is not None
            readers = [busy.create_task(read_until(instance, over)) for _ in range(3)]
            writer = busy.create_task(write_until(instance, over))
            for number in range(_ROTATIONS):
                rotated = await client.proxy(Operations).secrets.rotate_master_key(by="ada")
                assert rotated.rewrapped >= 1
                keys.add(key_file.read_text())
                assert (await say(instance, f"hello {number}")).data["state"] == "completed"
            over.set()
        assert all(reader.result() > _ROTATIONS for reader in readers)
        acts = [act for act in await instance.store.records.audits(limit=1000) if "master_key" in act.action]
        assert [act.actor for act in acts] == ["ada"] * _ROTATIONS
    assert len(keys) == _ROTATIONS
    assert all(len(text.split()) == 1 for text in keys), "the former key is forgotten"
    async with opened() as instance:
        assert await instance.vault.learn() == writer.result() + 1
        assert await instance.vault.instance(f"N{writer.result()}") == f"value {writer.result()}"


async def test_two_rotations_at_once_lose_no_key(opened: OpenInstance) -> None:
    async with opened() as instance:
        secrets = Operations.of(instance).secrets
        await secrets.set(name="TOKEN", value="a value", by="ada")
        await asyncio.gather(*(secrets.rotate_master_key(by="ada") for _ in range(4)))
        assert await instance.vault.instance("TOKEN") == "a value"
    async with opened("command") as instance:
        assert await instance.vault.learn() == 1
