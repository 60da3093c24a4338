"""Forks `botkit run` from a process that has everything loaded, with a switch that kills it at a node.

    python -m tests.stories.nursery      # one JSON request a line: {"folder", "env", "story", "said", "modules", …}

In the folder `story`, the file `kill` says `before 3` or `after 3`: at the third commit that records a node, counted
over all lives of the process. The file `log` gets a line for each, with the nodes it records. The hook is put in
here; the product has none.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import botkit.store.open  # noqa: F401 # pyright: ignore[reportUnusedImport] - the way in: its modules know each other
from botkit.cli import main
from botkit.core.journal import StepDone
from botkit.store.journal import SqlJournal
from tests.forking import serve, tell_modules


class Nodes:
    """Counts the commits that record a node, and dies at the one asked for."""

    def __init__(self, story: Path, modules: Path):
        self.modules = modules
        self.kill = story / "kill"
        self.log = story / "log"

    def watch(self) -> None:
        commit = SqlJournal.commit

        async def watched(this: Any, claim: Any, writes: Any, **more: Any) -> Any:
            nodes = [one.key for one in writes if isinstance(one, StepDone) and one.name.startswith("node:")]
            if not nodes:
                return await commit(this, claim, writes, **more)
            with self.log.open("a+") as log:
                log.seek(0)
                number = len(log.read().splitlines()) + 1
                log.write(f"{','.join(nodes)}\n")
            tell_modules(self.modules)
            self.pass_by(f"before {number}")
            done = await commit(this, claim, writes, **more)
            self.pass_by(f"after {number}")
            return done

        SqlJournal.commit = watched  # pyright: ignore[reportAttributeAccessIssue] - what this file is for

    def pass_by(self, here: str) -> None:
        if self.kill.exists() and self.kill.read_text() == here:
            self.kill.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def _life(request: dict[str, Any]) -> None:
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    Nodes(Path(request["story"]), Path(request["modules"])).watch()
    sys.argv = ["botkit", "run"]
    main()


if __name__ == "__main__":
    serve(_life)
