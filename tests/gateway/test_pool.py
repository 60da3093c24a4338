"""Credential sets: who shares a process, what a rotation ends, and how many there may be."""

from __future__ import annotations

import asyncio

import pytest

from botkit.core.tools import Principal
from botkit.gateway import pool as pools
from botkit.gateway.settings import HostedSettings, Inject, SecretName
from tests.gateway.support import SERVERS, Bench, until


def person(name: str) -> Principal:
    return Principal(id=name, roles=("admin",))


async def test_a_rotation_ends_the_process_with_the_old_value(bench: Bench) -> None:
    await bench.vault.put("instance", "TOKEN", "first-value")
    await bench.start(bench.raw(env={"TOKEN": SecretName(name="TOKEN")}))
    old = bench.fleet.pool.peek("raw")
    assert old is not None
    await bench.vault.put("instance", "TOKEN", "second-value")
    await bench.call("raw__echo", text="x")
    await bench.fleet.refresh("raw")
    await until(lambda: old.state == "stopped")
    assert bench.processes() == 1


async def test_a_rotation_lets_the_calls_of_the_old_process_finish(bench: Bench) -> None:
    await bench.vault.put("instance", "TOKEN", "first-value")
    await bench.start(bench.raw(env={"TOKEN": SecretName(name="TOKEN")}))
    asked = await bench.call("raw__ask")
    await bench.vault.put("instance", "TOKEN", "second-value")
    await bench.call("raw__echo", text="x")
    result = await bench.call("raw__ask", state=asked.state, answers={"size": "L"})
    assert result.record.status == "ok"


async def test_the_longest_unused_process_makes_room(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_SETS_LIMIT", 2)
    for name in ("ada", "bob", "cy"):
        await bench.vault.put(f"person:{name}", "TOKEN", f"value-of-{name}")
    await bench.start(bench.raw(inject=(Inject(secret="TOKEN"),)))
    # Without a value of its own the workspace cannot list, so the tools are those of an earlier day.
    await bench.vault.put("instance", "TOKEN", "value-of-all")
    await bench.fleet.refresh()
    seen: list[object] = []
    for name in ("ada", "bob", "cy", "ada"):
        assert (await bench.call("raw__echo", person(name), text="x")).record.status == "ok"
        assert bench.processes() <= 2
        seen.append(bench.fleet.pool.peek("raw"))
    assert len(set(map(id, seen))) == 4


async def test_with_all_processes_busy_a_new_credential_set_is_told_to_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_SETS_LIMIT", 1)
    await bench.vault.put("instance", "TOKEN", "value-of-all")
    await bench.vault.put("person:bob", "TOKEN", "value-of-bob")
    await bench.start(bench.raw(inject=(Inject(secret="TOKEN"),)))
    slow = asyncio.ensure_future(bench.call("raw__slow", timeout_s=30))
    upstream = bench.fleet.pool.peek("raw")
    assert upstream is not None
    await until(lambda: upstream.busy)
    result = await bench.call("raw__echo", person("bob"), text="x")
    assert result.record.status == "unavailable"
    assert "Too many different credentials" in result.content["content"][0]["text"]
    slow.cancel()


async def test_no_process_of_a_server_is_shared_with_another_server(bench: Bench) -> None:
    await bench.start(bench.raw(), bench.raw(name="other"))
    assert bench.processes() == 2
    assert len({one.pid for one in bench.gateway.status()}) == 2


async def test_hosted_processes_never_hold_the_secrets_of_a_person(bench: Bench) -> None:
    """One process serves everybody, so only what belongs to the server or the instance enters its environment."""
    file = bench.folder / "mine.py"
    file.write_text((SERVERS / "raw.py").read_text())
    await bench.vault.put("person:ada", "TOKEN", "value-of-ada")
    await bench.start(HostedSettings(name="mine", path=str(file), inject=(Inject(secret="TOKEN", env="TOKEN"),)))
    assert "is not set in server:mine or instance" in bench.gateway.status()[0].error
