"""A project whose process is forked from a nursery: the same command, started in no time."""

from __future__ import annotations

__all__ = ["ForkedProject", "Nest"]

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from botkit.testing.project.project import LINE_LIMIT_BYTES, Project
from botkit.testing.project.settings import ProjectSettings
from tests.forking import Child, Nursery

ROOT = Path(__file__).resolve().parents[2]


class Nest:
    """The nursery of all stories of a test, and what it has loaded."""

    def __init__(self, folder: Path):
        self.modules = folder / "modules"
        self.nursery = Nursery("tests.stories.nursery", root=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

    def close(self) -> None:
        self.nursery.close()


@dataclass
class _Life:
    """A forked process, as `asyncio` shows one that it started."""

    child: Child
    stderr: asyncio.StreamReader

    @property
    def returncode(self) -> int | None:
        """Nobody knows how it ended; that it did is enough."""
        return None if self.child.alive else -signal.SIGKILL

    def kill(self) -> None:
        self.child.send(signal.SIGKILL)

    def terminate(self) -> None:
        self.child.send(signal.SIGTERM)

    async def wait(self) -> int:
        while (code := self.returncode) is None:
            await asyncio.sleep(0.005)
        return code


class ForkedProject(Project):
    """`Project`, from a nest; keeps everything it ever said.

    Args:
        story: the folder with `kill` and `log`; see `nursery`.
    """

    def __init__(self, settings: ProjectSettings, nest: Nest, story: Path):
        super().__init__(settings)
        self.said: list[str] = []
        self._nest = nest
        self._story = story

    async def _launch(self, work: Path, variables: dict[str, str]) -> _Life:
        said = self._story / "said"
        if not said.exists():
            os.mkfifo(said)
        reader = asyncio.StreamReader(limit=LINE_LIMIT_BYTES)
        ours = os.fdopen(os.open(said, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        child = self._nest.nursery.start(
            folder=str(work),
            env=variables,
            story=str(self._story),
            said=str(said),
            log=str(self._story / "life"),
            modules=str(self._nest.modules),
        )
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), ours)
        return _Life(child, reader)

    def _heard(self, line: str) -> None:
        super()._heard(line)
        self.said.append(line)
