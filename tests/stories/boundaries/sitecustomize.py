"""Loaded by the process under test: dies at the commit that records a node, before it or after it.

`STORY_KILL` names a file with `before 3` or `after 3`: at the third such commit of the story, counted over all lives
of the process. `STORY_LOG` gets a line for each, with the nodes it records.
"""

from __future__ import annotations

import os
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

KILL, LOG = os.environ.get("STORY_KILL", ""), os.environ.get("STORY_LOG", "")


def _watch() -> None:
    import_module("botkit.store.open")  # the way in: its modules know each other
    from botkit.core.journal import StepDone
    from botkit.store.journal import SqlJournal

    commit = SqlJournal.commit

    async def watched(self: Any, claim: Any, writes: Any, **more: Any) -> Any:
        nodes = [write.key for write in writes if isinstance(write, StepDone) and write.name.startswith("node:")]
        if not nodes:
            return await commit(self, claim, writes, **more)
        number = len(Path(LOG).read_text().splitlines()) + 1 if Path(LOG).exists() else 1
        with Path(LOG).open("a") as log:
            log.write(f"{','.join(nodes)}\n")
        _die(f"before {number}")
        done = await commit(self, claim, writes, **more)
        _die(f"after {number}")
        return done

    SqlJournal.commit = watched  # pyright: ignore[reportAttributeAccessIssue] - what this file is for


def _die(here: str) -> None:
    if Path(KILL).exists() and Path(KILL).read_text() == here:
        Path(KILL).unlink()
        os.kill(os.getpid(), signal.SIGKILL)


if KILL and LOG:
    _watch()
