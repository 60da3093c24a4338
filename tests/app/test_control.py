"""The control socket carries operations, streams, errors and cancellation, and only for its own user."""

from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from botkit.app.control import connect, socket_path
from botkit.app.control.server import ControlServer
from botkit.core.data import Data
from botkit.core.errors import BotkitError, ConfigError, Conflict, NotFound, Problem


class Thing(Data):
    name: str
    size: int = 1


class Things:
    closed: ClassVar[asyncio.Event]
    """Set when the endless stream was closed."""

    async def make(self, *, name: str, size: int = 1) -> Thing:
        return Thing(name=name, size=size)

    async def all(self, *, like: Thing) -> Sequence[Thing]:
        return [like, like]

    async def nothing(self) -> None:
        return None

    async def count(self, *, to: int) -> AsyncGenerator[int]:
        for number in range(to):
            yield number

    async def forever(self) -> AsyncGenerator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            Things.closed.set()

    async def refuse(self) -> Thing:
        raise Conflict("somebody decided first", wait="w1")

    async def broken_config(self) -> Thing:
        raise ConfigError("bots.yaml is wrong", (Problem(message="unknown key", file="bots.yaml", line=3),))

    async def bug(self) -> Thing:
        raise ZeroDivisionError("secret detail")


@dataclass
class Operations:
    things: Things


@pytest.fixture
async def operations(tmp_path: Path) -> AsyncIterator[Operations]:
    Things.closed = asyncio.Event()
    async with (
        ControlServer(tmp_path / "c.sock", Operations(Things())).serving(),
        connect(tmp_path / "c.sock") as client,
    ):
        assert client is not None
        yield client.proxy(Operations)


async def test_arguments_defaults_and_records_arrive_as_they_left(operations: Operations) -> None:
    assert await operations.things.make(name="a") == Thing(name="a", size=1)
    assert await operations.things.all(like=Thing(name="b", size=9)) == [Thing(name="b", size=9)] * 2
    await operations.things.nothing()


async def test_items_of_a_stream_arrive_in_order_and_it_ends(operations: Operations) -> None:
    assert [item async for item in operations.things.count(to=100)] == list(range(100))


async def test_operations_overlap_on_one_connection(operations: Operations) -> None:
    stream = operations.things.forever()
    assert await anext(stream) == 1
    assert (await operations.things.make(name="meanwhile")).name == "meanwhile"


async def test_leaving_a_stream_stops_it_on_the_other_side(operations: Operations) -> None:
    stream = operations.things.forever()
    assert await anext(stream) == 1
    await stream.aclose()
    await Things.closed.wait()


async def test_errors_keep_their_kind_and_their_problems(operations: Operations) -> None:
    with pytest.raises(Conflict, match="somebody decided first") as conflict:
        await operations.things.refuse()
    assert conflict.value.facts == {"wait": "w1"}
    with pytest.raises(ConfigError) as wrong:
        await operations.things.broken_config()
    assert [str(problem) for problem in wrong.value.problems] == ["bots.yaml:3:0: unknown key"]


async def test_a_bug_is_reported_without_its_details(operations: Operations) -> None:
    with pytest.raises(BotkitError, match="ZeroDivisionError") as bug:
        await operations.things.bug()
    assert "secret detail" not in str(bug.value)


async def test_an_unknown_operation_speaks_of_versions(tmp_path: Path) -> None:
    @dataclass
    class Older:
        pass

    async with ControlServer(tmp_path / "c.sock", Older()).serving(), connect(tmp_path / "c.sock") as client:
        assert client is not None
        with pytest.raises(NotFound, match="another version"):
            await client.proxy(Operations).things.make(name="a")


async def test_whoever_waits_learns_that_the_owner_ended(tmp_path: Path) -> None:
    Things.closed = asyncio.Event()
    async with connect_after(tmp_path, Things()) as (server_stop, remote):
        stream = remote.things.forever()
        assert await anext(stream) == 1
        server_stop.set()
        with pytest.raises(BotkitError, match="ended before it answered"):
            await anext(stream)
        with pytest.raises(BotkitError, match="ended before it answered"):
            await remote.things.make(name="later")


async def test_only_its_user_can_open_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    async with ControlServer(path, Operations(Things())).serving():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_socket_left_by_a_dead_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    async with connect(path) as nobody:
        assert nobody is None
    async with ControlServer(path, Operations(Things())).serving(), connect(path) as client:
        assert client is not None
        assert (await client.proxy(Operations).things.make(name="a")).name == "a"


async def test_nobody_listening_is_not_an_error(tmp_path: Path) -> None:
    async with connect(tmp_path / "absent.sock") as client:
        assert client is None


def test_a_long_home_gets_a_short_socket_in_a_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    long_home = tmp_path / ("long-" * 40)
    path = socket_path(long_home)
    assert path.parent == tmp_path / "botkit"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path == socket_path(long_home) != socket_path(tmp_path / ("other" * 40))
    path.parent.chmod(0o755)
    with pytest.raises(BotkitError, match="shorter path"):
        socket_path(long_home)


def test_a_short_home_holds_its_socket() -> None:
    assert socket_path(Path("/tmp/h")) == Path("/tmp/h/control.sock")


@asynccontextmanager
async def connect_after(tmp_path: Path, things: Things) -> AsyncGenerator[tuple[asyncio.Event, Operations]]:
    stop, up = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        async with ControlServer(tmp_path / "c.sock", Operations(things)).serving():
            up.set()
            await stop.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(serve())
        await up.wait()
        async with connect(tmp_path / "c.sock") as client:
            assert client is not None
            yield stop, client.proxy(Operations)
        stop.set()


def test_asking_a_running_process_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from botkit.app.control import connect\n"
        "from botkit.app.control.wire import find_operation\n"
        "from botkit.app.operations import Operations\n"
        "find_operation(Operations, 'runs.show'), find_operation(Operations, 'config.apply')\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=150)
    assert not {"pydantic", "structlog", "sqlalchemy", "rich", "starlette", "litellm"} & set(done.stdout.split())
