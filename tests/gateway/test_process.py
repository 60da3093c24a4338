"""Server processes: how they start, what they see, and that nothing of them remains."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from botkit.core.errors import ToolUnavailable
from botkit.gateway.process import Command, Limits, Process, spawn

PYTHON = sys.executable

TREE = """
import os, signal, subprocess, sys, time
# A child in our group, one in a session of its own, and one forked twice so that it lost its parent.
sleep = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]
plain = subprocess.Popen(sleep)
session = subprocess.Popen(sleep, start_new_session=True)
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    daemon = subprocess.Popen(sleep, start_new_session=True)
    os.write(writing, str(daemon.pid).encode())
    os._exit(0)
os.wait()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), plain.pid, session.pid, os.read(reading, 20).decode(), "all", flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody collected yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state not in (b"Z", b"X")


async def until_gone(*pids: int, patience_s: float = 45.0) -> None:
    """Wait for processes that are not our children, which cannot be awaited."""
    deadline = time.monotonic() + patience_s
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still alive: {[pid for pid in pids if is_alive(pid)]}"
        await asyncio.sleep(0.01)


def pids_in(line: bytes) -> list[int]:
    """What TREE says of itself: four processes, and a word that shows the line to be whole."""
    *pids, last = line.split()
    assert last == b"all", line
    assert len(pids) == 4, line
    return [int(pid) for pid in pids]


def collect(process: Process, on_closed: Callable[[], None] = lambda: None) -> asyncio.Queue[bytes]:
    """Whole lines of standard output, in however many pieces they come."""
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    rest = b""

    def feed(data: bytes) -> None:
        nonlocal rest
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            lines.put_nowait(line)

    process.listen(feed, on_closed)
    return lines


async def run(code: str, **options: Any) -> tuple[int, str, list[str]]:
    """Run some Python to its end: exit status, output, lines of standard error."""
    errors: list[str] = []
    process = await spawn(Command(argv=(PYTHON, "-c", code), **options), errors.append)
    closed = asyncio.Event()
    lines = collect(process, closed.set)
    status = await process.exited
    await closed.wait()
    return status, b"\n".join(lines.get_nowait() for _ in range(lines.qsize())).decode(), errors


async def test_arguments_reach_the_program_untouched() -> None:
    nasty = ["; touch /tmp/x", "$(id)", "`id`", "a b", "*", "", "--", "ü\n"]
    process = await spawn(
        Command(argv=(PYTHON, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *nasty), grace_s=5)
    )
    lines = collect(process)
    assert json.loads(await lines.get()) == nasty
    assert await process.exited == 0


async def test_the_environment_is_small_and_holds_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTKIT_MASTER_KEY", "canary")
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    _, output, _ = await run("import os, json; print(json.dumps(dict(os.environ)))", env={"MINE": "1"})
    env = json.loads(output)
    assert env["MINE"] == "1"
    assert env["PATH"] == os.environ["PATH"]
    assert "canary" not in output
    assert len(env) < 20


async def test_the_exit_status_is_told() -> None:
    assert (await run("raise SystemExit(7)"))[0] == 7
    assert (await run("import os; os.kill(os.getpid(), 9)"))[0] == 128 + 9


async def test_standard_error_becomes_bounded_lines() -> None:
    code = (
        "import sys; w = sys.stderr.buffer.write; w(b'one\\n\\ntw'); sys.stderr.flush();"
        " w(b'o\\xff\\n'); w(b'x' * 100_000 + b'\\nlast')"
    )
    _, _, errors = await run(code)
    assert errors[:2] == ["one", "two\N{REPLACEMENT CHARACTER}"]
    assert errors[-1] == "last"
    assert max(map(len, errors)) == 2000


@pytest.mark.parametrize("argv", [("no-such-program-here",), ("/no/such/program",)])
async def test_a_missing_program_is_named(argv: tuple[str, ...]) -> None:
    with pytest.raises(ToolUnavailable, match=r"no.such.program.* was not found"):
        await spawn(Command(argv=argv))


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolUnavailable, match="does not exist"):
        await spawn(Command(argv=(PYTHON,), cwd=str(tmp_path / "gone")))


async def test_a_file_that_is_no_program_explains_itself(tmp_path: Path) -> None:
    file = tmp_path / "tool"
    file.write_text("#!/no/such/interpreter\n")
    file.chmod(0o755)
    errors: list[str] = []
    process = await spawn(Command(argv=(str(file),)), errors.append)
    assert await process.exited == 127
    assert errors == [f"{file} cannot be run: No such file or directory"]


async def test_memory_is_limited() -> None:
    code = "try: bytearray(1 << 30)\nexcept MemoryError: print('refused')"
    assert (await run(code, limits=Limits(memory_bytes=256 << 20)))[1] == "refused"


async def test_stop_lets_a_server_end_by_itself_first() -> None:
    process = await spawn(Command(argv=(PYTHON, "-c", "import sys; sys.stdin.read(); print('bye')"), grace_s=10))
    lines = collect(process)
    assert await process.stop() == 0
    assert await lines.get() == b"bye"
    assert await process.stop() == 0
    with pytest.raises(ToolUnavailable, match="ended"):
        process.write(b"x")


async def test_stop_asks_before_it_kills() -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked', flush=True), sys.exit(3)))\n"
        "print('up', flush=True); time.sleep(600)"
    )
    process = await spawn(Command(argv=(PYTHON, "-c", code), grace_s=30))  # the launcher gives it time to answer
    lines = collect(process)
    await lines.get()
    process._grace_s = 0.1  # pyright: ignore[reportPrivateUsage]  # botkit does not wait long before it asks
    assert await process.stop() == 3
    assert await lines.get() == b"asked"


async def test_stop_ends_everything_a_stubborn_server_started() -> None:
    process = await spawn(Command(argv=(PYTHON, "-c", TREE), grace_s=0.1))
    pids = pids_in(await collect(process).get())
    assert all(is_alive(pid) for pid in pids)
    assert await process.stop() == 128 + signal.SIGKILL
    assert not any(is_alive(pid) for pid in pids)


async def test_what_a_server_leaves_behind_ends_with_it() -> None:
    code = TREE.replace("\ntime.sleep(600)", "")
    process = await spawn(Command(argv=(PYTHON, "-c", code), grace_s=0.1))
    pids = pids_in(await collect(process).get())
    assert await process.exited == 0
    assert not any(is_alive(pid) for pid in pids)


async def test_no_orphan_survives_when_botkit_is_killed() -> None:
    """A real parent, killed with SIGKILL while its server has children of every kind."""
    parent = (
        "import asyncio, sys\n"
        "from botkit.gateway.process import Command, spawn\n"
        "async def main():\n"
        "    process = await spawn(Command(argv=(sys.executable, '-c', sys.argv[1]), grace_s=0.1))\n"
        "    print(process.pid, flush=True)\n"
        "    process.listen(lambda data: print(data.decode(), end='', flush=True))  # in whatever pieces\n"
        "    await process.exited\n"
        "asyncio.run(main())"
    )
    child = await asyncio.create_subprocess_exec(PYTHON, "-c", parent, TREE, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    launcher = int(await child.stdout.readline())
    pids = [launcher, *pids_in(await child.stdout.readline())]
    assert all(is_alive(pid) for pid in pids)
    child.kill()
    await child.wait()
    await until_gone(*pids)


async def test_killing_the_launcher_kills_the_server() -> None:
    process = await spawn(Command(argv=(PYTHON, "-c", "import os, time; print(os.getpid()); time.sleep(600)")))
    pid = int(await collect(process).get())
    os.kill(process.pid, signal.SIGKILL)
    await process.exited
    await until_gone(pid)


async def test_a_server_that_speaks_and_ends_before_anybody_listens_is_heard() -> None:
    process = await spawn(Command(argv=(PYTHON, "-c", "print('early')")))
    await process.exited
    heard: list[bytes] = []
    closed = asyncio.Event()
    process.listen(heard.append, closed.set)
    await closed.wait()
    assert b"".join(heard) == b"early\n"


async def test_a_server_that_does_not_read_is_noticed() -> None:
    process = await spawn(Command(argv=(PYTHON, "-c", "import time; time.sleep(600)"), grace_s=0.1))
    process.write(b"x" * 60_000_000)
    with pytest.raises(ToolUnavailable, match="stopped reading"):
        process.write(b"x" * 10_000_000)
    await process.stop()
