"""The gateway over HTTP: `python -m benchmarks.gateway`.

What it adds to a call, how many calls a second it passes on beside FastMCP's proxy and ContextForge (installed in
environments of their own), what sessions cost that clients abandon, and what a list of tools costs when some servers
never answer. Every contender is a process of its own; they take turns.
"""

from __future__ import annotations

__all__ = ["figures"]

import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client

from benchmarks.contenders import Absent
from benchmarks.contenders.peers import CONTEXTFORGE, FASTMCP, peer_python
from benchmarks.figures import Figure
from benchmarks.gateway_load import Line, Target, calls_per_second, free_port

_CONTENDERS = Path(__file__).parent / "contenders"
_ROUNDS = 5
_CALLS = 40
"""Calls of one round of the latency."""
_LINES = 16
_SECONDS = 1.5
_SESSIONS = 5000
_SERVERS, _HANGING = 50, 5
_READY_S = 180.0
_FORGE_SECRETS = (
    "JWT_SECRET_KEY",
    "AUTH_ENCRYPTION_SECRET",
    "BASIC_AUTH_PASSWORD",
    "PLATFORM_ADMIN_PASSWORD",
    "DEFAULT_USER_PASSWORD",
)


def figures() -> Sequence[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        light = stack.enter_context(_python("mcp_upstream.py"))
        written = stack.enter_context(_python("mcp_sdk_server.py"))
        servers = {"light": f"{light}/mcp", "sdk": f"{written}/mcp"}
        ours = stack.enter_context(_botkit(folder / "a", servers))
        found = asyncio.run(_latency(f"{written}/mcp", ours))
        found += _throughput(stack, folder, f"{light}/mcp", ours)
        found += asyncio.run(_abandoned(ours))
        many = {f"s{n}": f"{light}/{'hang' if n < _HANGING else 'mcp'}/{n}" for n in range(_SERVERS)}
        crowd = stack.enter_context(_botkit(folder / "b", many))
        found += asyncio.run(_crowded(crowd))
    return found


class Botkit:
    """A gateway of ours, as `botkit run` starts it."""

    def __init__(self, url: str, token: str, process: subprocess.Popen[bytes]):
        self.url = url
        self.token = token
        self.process = process

    def target(self, tool: str) -> Target:
        return Target("botkit", f"{self.url}/ws/main", tool, self.token)

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


# ── what is measured ─────────────────────────────────────────────────────────────────────────────────────────


async def _latency(direct: str, ours: Botkit) -> list[Figure]:
    """One client of the official SDK, one call after another, directly and through us in turns."""
    found: list[Figure] = []
    for era in ("modern", "legacy"):
        async with _sdk_client(direct, "", era) as one, _sdk_client(f"{ours.url}/ws/main", ours.token, era) as two:
            added: list[float] = []
            direct_ms: list[float] = []
            for _ in range(_ROUNDS + 1):
                plain = await _median_ms(lambda: one.call_tool("echo", {"text": "hello"}))
                through = await _median_ms(lambda: two.call_tool("sdk__echo", {"text": "hello"}))
                direct_ms.append(plain)
                added.append(through - plain)
        extra, base = statistics.median(added[1:]), statistics.median(direct_ms[1:])
        spoken = "2026-07-28" if era == "modern" else "2025-11-25"
        found.append(
            Figure(
                what=f"gateway over HTTP: added to a direct call of the official SDK, {spoken}",
                must="≤ one direct round trip",
                aim="≤ 1 ms",
                measured=f"{extra:.1f} ms (direct {base:.1f} ms)",
                ok=extra <= base,
            )
        )
    return found


async def _median_ms(call: Callable[[], Any]) -> float:
    took: list[float] = []
    for _ in range(_CALLS):
        begun = time.perf_counter()
        await call()
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


def _throughput(stack: ExitStack, folder: Path, upstream: str, ours: Botkit) -> list[Figure]:
    """16 clients at once, as fast as they get answers, each contender in turn before the same upstream."""
    targets = [Target("direct", upstream, "echo", modern=False), ours.target("light__echo")]
    absent: list[Figure] = []
    for start, name in ((_fastmcp, "FastMCP's proxy"), (_contextforge, "ContextForge")):
        try:
            targets.append(stack.enter_context(start(folder, upstream)))
        except (Absent, RuntimeError, httpx.HTTPError) as error:
            absent.append(Figure(what=f"… against {name}", measured=f"not measured: {error}"))
    rounds: dict[str, list[float]] = {target.name: [] for target in targets}
    for _ in range(_ROUNDS):
        for target in targets:
            rounds[target.name].append(asyncio.run(calls_per_second(target, lines=_LINES, seconds=_SECONDS)))
    rate = {name: statistics.median(found) for name, found in rounds.items()}
    found = [
        Figure(
            what=f"gateway over HTTP: calls per second, {_LINES} clients, before an upstream that costs nothing",
            measured=f"{rate['botkit']:,.0f} calls/s (direct {rate['direct']:,.0f})",
        )
    ]
    for target in targets[2:]:
        ratio = statistics.median(
            mine / theirs for mine, theirs in zip(rounds["botkit"], rounds[target.name], strict=True)
        )
        found.append(
            Figure(
                what=f"… against {target.name}",
                must="≥ 5×",
                measured=f"{ratio:.1f}× ({rate[target.name]:,.0f} calls/s)",
                ok=ratio >= 5,
            )
        )
    return found + absent


async def _abandoned(ours: Botkit) -> list[Figure]:
    """Clients that say hello and never come back."""
    await _hello_often(ours, 200)  # what the first sessions cost is no cost of a session
    before = ours.resident_mb()
    begun = time.monotonic()
    await _hello_often(ours, _SESSIONS)
    took, after = time.monotonic() - begun, ours.resident_mb()
    return [
        Figure(
            what=f"memory after {_SESSIONS:,} sessions that clients abandoned",
            measured=f"+{after - before:.0f} MB ({before:.0f} → {after:.0f}; {_SESSIONS / took:,.0f} sessions/s)",
        )
    ]


async def _hello_often(ours: Botkit, times: int) -> None:
    line = Line(ours.target("light__echo"))
    for _ in range(times):
        line.session = ""
        await line.hello()
    await line.close()


async def _crowded(ours: Botkit) -> list[Figure]:
    """A list of tools when a tenth of the servers take requests and never answer."""
    expected = _SERVERS - _HANGING
    line = Line(ours.target("s9__echo"))
    end = time.monotonic() + _READY_S
    while (names := await _names(line)) < expected:
        if time.monotonic() > end:
            raise RuntimeError(f"only {names} of {expected} servers' tools were ever listed")
        await asyncio.sleep(0.2)
    lists: list[float] = []
    calls: list[float] = []
    for _ in range(200):
        begun = time.perf_counter()
        await _names(line)
        between = time.perf_counter()
        await line.call()
        lists.append((between - begun) * 1000)
        calls.append((time.perf_counter() - between) * 1000)
    await line.close()
    return [
        Figure(
            what=f"tools/list with {_SERVERS} servers of which {_HANGING} hang",
            measured=f"{statistics.median(lists):.1f} ms for {expected} tools; a call beside it "
            f"{statistics.median(calls):.1f} ms",
        )
    ]


async def _names(line: Line) -> int:
    raw = await line.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
    return len(json.loads(raw)["result"]["tools"])


# ── who is measured ──────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _process(
    argv: Sequence[str], url: str, *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """A process that serves, once something answers at `url`."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(list(argv), stdout=quiet, stderr=quiet, cwd=cwd, env=env)
    try:
        end = time.monotonic() + _READY_S
        while True:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{Path(argv[0]).name} did not start to serve")
            with suppress(httpx.HTTPError):
                if httpx.get(url, timeout=2).status_code < 500:
                    break
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _python(file: str) -> Generator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    with _process([sys.executable, str(_CONTENDERS / file), str(port)], f"{url}/mcp"):
        yield url


@contextmanager
def _botkit(folder: Path, servers: dict[str, str]) -> Generator[Botkit]:
    """`botkit run` with these servers, all in one workspace without limits, and a token for it."""
    folder.mkdir()
    listed = "".join(f"  {name}: {{url: {url}}}\n" for name, url in servers.items())
    (folder / "bots.yaml").write_text(
        f"version: 1\nservers:\n{listed}"
        'workspaces:\n  main: {servers: ["*"], rate_limits: {per_token_per_minute: null}}\n'
        "bots: {helper: {workspace: main}}\n"
    )
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOTKIT_")}
    environment |= {
        "BOTKIT_PORT": str(port),
        "BOTKIT_HOME": str(folder / "home"),
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    command = [sys.executable, "-m", "botkit.cli"]
    create = [*command, "token", "create", "main", "--name", "bench", "--role", "admin", "--json"]
    made = json.loads(
        subprocess.check_output(create, text=True, stderr=subprocess.DEVNULL, cwd=folder, env=environment)
    )
    url = f"http://127.0.0.1:{port}"
    with _process([*command, "run"], f"{url}/readyz", cwd=folder, env=environment) as process:
        yield Botkit(url, made["token"], process)


@contextmanager
def _fastmcp(folder: Path, upstream: str) -> Generator[Target]:
    port = free_port()
    argv = [str(peer_python(FASTMCP)), str(_CONTENDERS / "fastmcp_peer.py"), str(port), upstream, "legacy"]
    url = f"http://127.0.0.1:{port}/mcp"
    with _process(argv, url):
        yield Target("FastMCP's proxy", url, "echo", modern=False)


@contextmanager
def _contextforge(folder: Path, upstream: str) -> Generator[Target]:
    """As it comes, on SQLite, with a token of its administrator and without its limits."""
    python, port = peer_python(CONTEXTFORGE), free_port()
    keys = {name: secrets.token_urlsafe(48) for name in _FORGE_SECRETS}
    environment = {
        **os.environ,
        **keys,
        "DATABASE_URL": f"sqlite:///{folder / 'forge.db'}",
        "LOG_LEVEL": "ERROR",
        "RATE_LIMITING_ENABLED": "false",
        "REQUIRE_USER_IN_DB": "false",
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_PROTECTION_ENABLED": "false",
    }
    make = [str(python), "-m", "mcpgateway.utils.create_jwt_token", "-u", "admin@example.com", "--admin"]
    make += ["--secret", keys["JWT_SECRET_KEY"], "--exp", "600"]
    token = subprocess.check_output(make, text=True, stderr=subprocess.DEVNULL, cwd=folder, env=environment).split()[-1]
    url = f"http://127.0.0.1:{port}"
    serve = [str(python.with_name("mcpgateway")), "mcpgateway.main:app", "--host", "127.0.0.1", "--port", str(port)]
    with _process(serve, f"{url}/health", cwd=folder, env=environment):
        server = {"name": "up", "url": upstream, "transport": "STREAMABLEHTTP"}
        headers = {"authorization": f"Bearer {token}"}
        httpx.post(f"{url}/gateways", json=server, headers=headers, timeout=30).raise_for_status()
        yield Target("ContextForge", f"{url}/mcp/", "up-echo", token, modern=False)


@asynccontextmanager
async def _sdk_client(url: str, token: str, era: str) -> AsyncGenerator[mcp.Client]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        mode: Any = "2026-07-28" if era == "modern" else "legacy"
        async with mcp.Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            yield client


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.what}: {figure.measured}  {figure.must}", flush=True)
