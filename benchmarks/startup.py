"""Start-up: `python -m benchmarks.startup [--uv PATH]`.

How long `botkit --help` takes against a bare interpreter, and how long a fresh clone takes to its first answer when
the packages are in uv's cache already.
"""

from __future__ import annotations

__all__ = ["figures", "fresh_clone", "help_ratio"]

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure

_REPOSITORY = Path(__file__).parent.parent
_ROUNDS = 15


def help_ratio(rounds: int = _ROUNDS) -> tuple[float, float]:
    """`botkit --help` against the interpreter that does nothing, in turns; and its median in seconds."""
    script = Path(sys.executable).with_name("botkit")
    times: dict[str, list[float]] = {"help": [], "bare": []}
    for _ in range(rounds):
        times["bare"].append(_timed([sys.executable, "-c", "pass"]))
        times["help"].append(_timed([str(script), "--help"]))
    ratios = [ours / bare for ours, bare in zip(times["help"], times["bare"], strict=True)]
    return median(ratios), median(times["help"])


def fresh_clone(uv: str) -> dict[str, float]:
    """Seconds of each step from `git clone` to an answer, without the network."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "botkit"
        # Not this environment, and nothing of this instance.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BOTKIT_", "VIRTUAL_ENV"))}
        environment = {**kept, "UV_PROJECT_ENVIRONMENT": str(clone / ".venv")}
        run = [uv, "run", "--offline", "--frozen", "botkit", "chat", "-m", "hello"]
        return {
            "clone": _timed(["git", "clone", "--quiet", str(_REPOSITORY), str(clone)]),
            "install": _timed([uv, "sync", "--offline", "--frozen", "--quiet"], clone, environment),
            "answer": _timed(run, clone, environment),
        }


def _timed(command: Sequence[str], folder: Path | None = None, environment: dict[str, str] | None = None) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr.decode()[-2000:]}")
    return took


def figures(uv: str = "") -> list[Figure]:
    """The clone is left out where there is no uv."""
    ratio, seconds = help_ratio()
    found = [
        Figure(
            what="`botkit --help` against a bare interpreter",
            must="≤ 8×",
            aim="4×",
            measured=f"{ratio:.1f}× ({seconds:.2f} s)",
            ok=ratio <= 8,
        )
    ]
    uv = uv or os.environ.get("UV") or shutil.which("uv") or ""
    if uv:
        steps = fresh_clone(uv)
        total = sum(steps.values())
        parts = ", ".join(f"{name} {took:.1f}" for name, took in steps.items())
        found.append(
            Figure(
                what="fresh clone to first answer, warm package cache",
                must="≤ 30 s",
                aim="10 s",
                measured=f"{total:.0f} s ({parts})",
                ok=total <= 30,
            )
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--uv", default="", help="where uv is; $UV, or what is on the path")
    for figure in figures(parser.parse_args().uv):
        print(f"{figure.what}: {figure.measured}")


if __name__ == "__main__":
    main()
