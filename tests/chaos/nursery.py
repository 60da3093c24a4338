"""Starts real botkit processes quickly, with a switch that kills them at an exact point.

    python -m tests.chaos.nursery      # one JSON request a line: {"config", "log", "env", …}

The nursery imports everything once and forks; each child is a whole botkit of its own (store, engine, agent
loop, gateway, adapter) and dies by a real SIGKILL: from outside, or by itself when it passes the boundary
`kill_at`, such as `after write 7`. With `freeze_at` it stops there by SIGSTOP instead, and lives on when somebody
sends SIGCONT. Boundaries are counted from the first accepted event: before and after each write to the journal, each
tool call, each message sent or edited and each streamed piece. The hooks are put in here; the product has none.

`lease_s` shortens lease and heartbeat, for PostgreSQL. With CHAOS_AT_ONCE in `env` the model answers in one piece.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from adapters.telegram import Telegram
from botkit.agents.demo import DemoModel
from botkit.app import runtime
from botkit.app.environment import load_environment
from botkit.app.logs import set_up_logging
from botkit.core.data import encode
from botkit.core.models import ModelDelta, ModelReply, ModelRequest, RequestedCall, Usage
from botkit.engine import Engine
from botkit.engine.reply import Reply
from botkit.runs.calling import ToolCalls
from botkit.runs.lanes import LaneRuntime
from botkit.runs.process import run_serving
from botkit.store.open import open_store
from botkit.store.writer import Writer
from tests.chaos.board_adapter import BoardAdapter
from tests.forking import serve, tell_modules


class Boundaries:
    """Counts, and kills or freezes at the one asked for."""

    def __init__(self, kill_at: str, freeze_at: str, log: Path, modules: Path):
        self.modules = modules
        self.kill_at = kill_at
        self.freeze_at = freeze_at
        self.log = log
        self.passed: Counter[str] = Counter()
        self.counting = False

    def cross(self, name: str) -> None:
        if not self.counting:
            return
        if name == "after send":
            tell_modules(self.modules)
        here = f"{name} {self.passed[name]}"
        self.passed[name] += 1
        with self.log.with_suffix(".trace").open("a") as trace:
            trace.write(f"{here}\n")
        if here in (self.kill_at, self.freeze_at):
            self.log.write_text(here)
            os.kill(os.getpid(), signal.SIGKILL if here == self.kill_at else signal.SIGSTOP)

    def around(self, owner: type[Any], method: str, name: str) -> None:
        inner: Callable[..., Awaitable[Any]] = getattr(owner, method)

        async def outer(this: Any, *args: Any, **kwargs: Any) -> Any:
            self.cross(f"before {name}")
            result = await inner(this, *args, **kwargs)
            self.cross(f"after {name}")
            return result

        setattr(owner, method, outer)

    def begin_with(self, method: str) -> None:
        """Count from the first call of this method of the lanes."""
        inner: Callable[..., Awaitable[Any]] = getattr(LaneRuntime, method)

        async def outer(this: LaneRuntime, *args: Any, **kwargs: Any) -> Any:
            self.counting = True
            self.cross(f"before {method}")
            result = await inner(this, *args, **kwargs)
            self.cross(f"after {method}")
            return result

        setattr(LaneRuntime, method, outer)


async def _scripted(this: DemoModel, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply]:
    """Look and record at once, then say what was done; by the conversation alone, so a replay is the same."""
    said = [m for m in request.messages if m["role"] == "user"][-1]["content"]
    after = request.messages[max(i for i, m in enumerate(request.messages) if m["role"] == "user") :]
    usage = Usage(input_tokens=10, output_tokens=5)
    if not any(m["role"] == "tool" for m in after):
        arguments = encode({"text": said}).decode()
        wanted = tuple(
            RequestedCall(id=f"c{n}", name=f"ledger__{tool}", arguments=arguments)
            for n, tool in enumerate(("look", "record"))
        )
        yield ModelReply(calls=wanted, usage=usage, finish="tool_calls", model="demo/offline")
        return
    answer = f"done: {said}"
    if said.startswith("at length"):
        answer = f"{answer}: {' '.join(f'piece {number}' for number in range(8))}"
    for piece in () if os.environ.get("CHAOS_AT_ONCE") else re.findall(r"\S+\s*", answer):
        yield ModelDelta(text=piece)
        await asyncio.sleep(0.01)  # time for what was shown to arrive, as any model leaves
    yield ModelReply(text=answer, usage=usage, model="demo/offline")


async def _live() -> None:
    async with runtime.open_instance(load_environment(), mode="run") as instance:
        await instance.stopping.wait()


def _child(request: dict[str, Any]) -> None:
    log = Path(request["log"])
    os.chdir(Path(request["config"]).parent)
    os.environ.update(request["env"])
    boundaries = Boundaries(request.get("kill_at", ""), request.get("freeze_at", ""), log, Path(request["modules"]))
    boundaries.begin_with("accept")
    boundaries.begin_with("wake")
    boundaries.around(Writer, "run", "write")
    for adapter in (Telegram, BoardAdapter):
        boundaries.around(adapter, "send", "send")
        boundaries.around(adapter, "update", "edit")
    boundaries.around(Reply, "write", "piece")
    boundaries.around(ToolCalls, "_last_event", "tool call")
    DemoModel.stream = _scripted  # type: ignore[method-assign]
    if lease_s := request.get("lease_s"):
        runtime.open_store = partial(open_store, lease_s=lease_s)
        defaults = Engine.__init__.__kwdefaults__
        assert defaults is not None
        assert "heartbeat_s" in defaults
        defaults["heartbeat_s"] = lease_s / 4
    set_up_logging("json", level="warning")
    run_serving(_live())


if __name__ == "__main__":
    serve(_child)
