"""Memory of an idle instance: `python -m benchmarks.memory`.

A child serves the repository's own bots.yaml in a fresh home, exactly as `botkit run` does, and says how much of it is
resident: as it is, with every adapter's module and client library imported, and with a real model's library loaded.
Tool servers are processes of their own and not counted. Two engines after the same turns, one on an empty database, one
beside 10,000 runs of workflows that wait, say what these cost.

Source: proc_pid_status(5), VmRSS
"""

from __future__ import annotations

__all__ = ["figures", "measure"]

import asyncio
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure

_REPOSITORY = Path(__file__).parent.parent

ADAPTERS = {
    "telegram": ("adapters.telegram.lean:import_aiogram", "adapters.telegram.adapter"),
    "discord": ("adapters.discord.library:import_discord", "adapters.discord.adapter"),
    "slack": ("adapters.slack.adapter",),
    "whatsapp": ("twilio.rest", "adapters.whatsapp.adapter"),
}
"""Platform → what its adapter imports when its channel starts."""

LIBRARIES = {"slack": "slack_bolt.async_app"}
"""What counts instead of an adapter that is not there."""

_IDLE_S = 2.0
"""Until what start-up scheduled has run."""


def resident_mb() -> float:
    """Of this process; Linux."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell how much memory a process has")


async def _serve(stages: list[str]) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.logs import set_up_logging
    from botkit.app.serve import serve
    from botkit.runs.process import settle_memory

    set_up_logging("json")
    found: dict[str, object] = {}
    async with serve(load_environment().listening_on("127.0.0.1", 0), mode="run", actor="bench", tell=lambda _: None):
        settle_memory()
        await asyncio.sleep(_IDLE_S)
        found["base"] = resident_mb()
        if "adapters" in stages:
            found["imported"] = _import_adapters()
            found["adapters"] = resident_mb()
        if "model" in stages:
            from botkit.agents.litellm_model import LiteLLMProvider

            await LiteLLMProvider().load()
            found["model"] = resident_mb()
    os.write(1, b"\n" + json.dumps(found).encode() + b"\n")


def _import_adapters() -> list[str]:
    """Import what is there; a platform without an adapter counts with its library. Names what was imported."""
    imported: list[str] = []
    for platform, names in ADAPTERS.items():
        try:
            for name in names:
                _import(name)
            imported.append(platform)
        except ModuleNotFoundError as missing:
            if platform not in LIBRARIES or not str(missing.name).startswith("adapters."):
                raise
            _import(LIBRARIES[platform])
            imported.append(LIBRARIES[platform])
    return imported


def _import(name: str) -> None:
    module, _, function = name.partition(":")
    loaded = importlib.import_module(module)
    if function:
        getattr(loaded, function)()


def measure(*stages: str) -> dict[str, float | list[str]]:
    """Megabytes after each stage, and what was imported."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "BOTKIT_HOME": home, "BOTKIT_CONFIG": str(_REPOSITORY / "bots.yaml")}
        command = [sys.executable, "-m", "benchmarks.memory", "serve", *stages]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def figures() -> list[Figure]:
    found = measure("adapters", "model")
    names = found["imported"]
    assert isinstance(names, list)
    what = f"… with the adapters and libraries of {', '.join(names)} imported"
    rows = (
        ("base", "memory of `botkit run`, idle, sample configuration", 120),
        ("adapters", what, 300),
        ("model", "… and with a real model's library loaded", 450),
    )
    return [
        *(
            Figure(what=what, must=f"≤ {limit} MB", measured=f"{found[key]:.0f} MB", ok=_number(found[key]) <= limit)
            for key, what, limit in rows
        ),
        _paused(),
    ]


def _paused() -> Figure:
    from benchmarks.scale import measure as beside_a_past  # its workers import this module for `resident_mb`
    from benchmarks.seed import Past

    waiting = Past(sessions=0, finished=0, paused=10_000, workflows=True)
    found = beside_a_past(waiting, 3, "workflow")
    return Figure(
        what=f"memory and tasks more with {waiting.paused:,} paused runs of workflows",
        must="≤ 5 MB, 0 tasks",
        aim="0",
        measured=f"{max(0.0, found['memory_mb']):.1f} MB, {found['tasks']:.0f} tasks",
        ok=found["memory_mb"] <= 5 and found["tasks"] == 0,
    )


def _number(value: float | list[str]) -> float:
    assert not isinstance(value, list)
    return value


def main() -> None:
    match sys.argv[1:]:
        case ["serve", *stages]:
            from botkit.runs.process import run_serving

            run_serving(_serve(stages))
        case _:
            for figure in figures():
                print(f"{figure.what}: {figure.measured}")


if __name__ == "__main__":
    main()
