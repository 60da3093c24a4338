"""A contender in a process of its own, and how to ask it for turns."""

from __future__ import annotations

__all__ = ["Worker", "ratio"]

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any


class Worker:
    """`benchmarks.worker` as a child.

    Args:
        name: of `CONTENDERS`.
        folder: where it keeps its data; what is there already is used.
    """

    def __init__(self, name: str, folder: Path):
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "worker.log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.absent = str(self._read().get("absent", ""))

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise SystemExit(f"the contender {self.name} ended:\n{self._log.read()[-2000:]}")
        return json.loads(line)

    def run(self, concurrency: int, turns: int) -> dict[str, float]:
        """So many conversations side by side, each with so many turns. Raises `SystemExit` when the child died."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"concurrency": concurrency, "turns": turns}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        self._process.communicate()
        self._log.close()


def ratio(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]], key: str) -> float:
    """Median of the ratios round by round, so that a machine whose speed drifts changes figures and not ratios."""
    return median(mine[key] / other[key] for mine, other in zip(ours, theirs, strict=True))
