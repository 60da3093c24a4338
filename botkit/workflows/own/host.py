"""Runs the nodes of an operator: keeps their processes, and does for a node what it asks for.

A process that ends in the middle of a node is replaced, and the node begins again with the results of its finished
steps. An edit starts new processes for what begins then; those that run end what they began.
"""

from __future__ import annotations

__all__ = ["OwnNodes"]

import asyncio
import contextlib
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import structlog

from botkit.core.errors import BotkitError, ToolUnavailable
from botkit.core.guests import GuestProcess, SpawnGuest
from botkit.core.ids import new_id
from botkit.core.messages import OutMessage
from botkit.runs.context import EffectUnknown
from botkit.sdk.nodes import NodeContext, NodeFailed, Outcome, Signal, StepHandle, Wait
from botkit.workflows.own.describing import Version, files_of, version_of, versions_of
from botkit.workflows.registry import builtin_registry

_log = structlog.get_logger("botkit.workflows")
_LIVES = 3
"""How often a node begins within one attempt when its process ends under it."""
_MEMORY_BYTES = 2 << 30
"""Address space of a process."""
_MOST = 4
"""Processes of one version of the files."""
_CROWDED = 4
"""Nodes in a process at which another one is started."""
_SILENCE_S = 30.0
"""A process that says nothing for so long, though asked, is ended: something in it never lets go."""
_START_S = 120.0
"""So long a process may load what its nodes need."""
_CANCEL_S = 2.0
_LINE_BYTES = 256 << 20


class _Lost(Exception):
    """The process is gone."""


class OwnNodes:
    """Implements `RunsOwnNodes` for the nodes of a folder."""

    def __init__(self, spawn: SpawnGuest, folder: Path, *, silence_s: float = _SILENCE_S):
        self._spawn = spawn
        self._folder = folder
        self._silence_s = silence_s
        self._version: Version = ()
        self._processes: list[_Process] = []
        self._starting = asyncio.Lock()
        self._ending: set[asyncio.Task[Any]] = set()

    @property
    def pids(self) -> list[int]:
        """Of the processes there are now, those that only end what they began left out."""
        return [one.guest.pid for one in self._processes]

    async def run(self, ctx: NodeContext, kind: str, data: Mapping[str, Any], signal: Signal | None) -> Outcome | Wait:
        start = {
            "type": kind,
            "data": dict(data),
            "signal": msgspec.to_builtins(signal) if signal is not None else None,
            "facts": msgspec.to_builtins(ctx.run),
            "node_id": ctx.node_id,
            "attempt": ctx.attempt,
            "variables": dict(ctx.variables),
            "now": msgspec.to_builtins(ctx.now()),
        }
        for life in range(_LIVES):
            process = await self._process()
            try:
                return await process.execute(ctx, start)
            except _Lost:
                _log.warning("node_process_lost", type=kind, node=ctx.node_id, life=life)
            finally:
                self._tidy(process)
        raise NodeFailed(f"the process of `{kind}` ended {_LIVES} times in the middle", code="crashed", retryable=True)

    async def versions(self, types: Collection[str]) -> Mapping[str, str]:
        """As `RunsOwnNodes` says."""
        if not set(types) - set(builtin_registry()):
            return {}
        return await asyncio.to_thread(versions_of, self._folder, types)

    async def close(self) -> None:
        """End every process. Returns when all are gone."""
        for process in self._processes:
            self._end(process)
        self._processes = []
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _process(self) -> _Process:
        async with self._starting:
            version = await asyncio.to_thread(version_of, self._folder)
            if version != self._version:
                old, self._processes, self._version = self._processes, [], version
                for process in old:
                    process.retired = True
                    self._tidy(process)
            for process in [one for one in self._processes if not one.guest.alive]:
                self._processes.remove(process)
                self._end(process)
            free = min(self._processes, key=lambda one: one.busy, default=None)
            if free is None or (free.busy >= _CROWDED and len(self._processes) < _MOST):
                free = await self._start()
            free.busy += 1
            return free

    async def _start(self) -> _Process:
        files = [str(file) for file in files_of(self._folder)]
        argv = [sys.executable, "-I", "-B", "-m", "botkit.workflows.own.worker", "serve", *files]

        def heard(line: str) -> None:
            _log.info("node_output", line=line)

        try:
            guest = await self._spawn(argv, env={}, memory_bytes=_MEMORY_BYTES, on_line=heard)
        except ToolUnavailable as error:
            raise NodeFailed(str(error), code="unavailable", retryable=True) from error
        process = _Process(guest, self._silence_s)
        self._processes.append(process)
        return process

    def _tidy(self, process: _Process) -> None:
        """After a node left it, or it became old."""
        if process.retired and not process.busy:
            self._end(process)

    def _end(self, process: _Process) -> None:
        process.kill()
        task = asyncio.create_task(process.guest.stop(), name="end of a node process")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Process:
    """One process and the nodes in it."""

    def __init__(self, guest: GuestProcess, silence_s: float):
        self.guest = guest
        self.busy = 0
        """Nodes that run in it."""
        self.retired = False
        """Nothing new begins in it."""
        self._inboxes: dict[str, asyncio.Queue[dict[str, Any] | None]] = {}
        self._received = bytearray()
        self._silence_s = silence_s
        self._ready = False
        self._heard_at = 0.0
        self._watch: asyncio.Task[None] | None = None
        guest.listen(self._feed, self._closed)

    def kill(self) -> None:
        self.guest.kill()
        if self._watch is not None:
            self._watch.cancel()

    def send(self, message: dict[str, Any]) -> None:
        try:
            self.guest.write(msgspec.json.encode(message) + b"\n")
        except ToolUnavailable as error:
            raise _Lost from error

    async def execute(self, ctx: NodeContext, start: dict[str, Any]) -> Outcome | Wait:
        """One execution, from its start to its end. Raises `_Lost`, or what the node or its effects raised."""
        number = new_id("node")
        inbox = self._inboxes[number] = asyncio.Queue()
        talk = _Talk(ctx, lambda message: self.send({"id": number, **message}))
        try:
            self.send({"id": number, "start": start})
            self._heard_at = asyncio.get_running_loop().time()
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._watching(), name="watch a node process")
            return await talk.until_end(inbox)
        finally:
            await talk.stop()
            if not talk.ended and self.guest.alive:
                await self._call_off(number, inbox)
            del self._inboxes[number]
            self.busy -= 1

    async def _call_off(self, number: str, inbox: asyncio.Queue[dict[str, Any] | None]) -> None:
        """Cancel a node; a process in which that does not work is ended, whatever else is in it."""
        try:
            self.send({"id": number, "cancel": True})
            async with asyncio.timeout(_CANCEL_S):
                while (message := await inbox.get()) is not None:
                    if _is_end(message):
                        return
        except (TimeoutError, asyncio.CancelledError, _Lost):
            self.kill()

    async def _watching(self) -> None:
        """While nodes are in it: ask whether it still answers."""
        loop = asyncio.get_running_loop()
        while self._inboxes:
            with contextlib.suppress(_Lost):
                self.send({"ping": 1})
            await asyncio.sleep(self._silence_s / 3)
            patience_s = self._silence_s if self._ready else max(_START_S, self._silence_s)
            if self._inboxes and loop.time() - self._heard_at > patience_s:
                _log.warning("node_process_hung", silence_s=self._silence_s)
                self.guest.kill()
                return

    def _feed(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._ready = True
        self._received += data
        if len(self._received) > _LINE_BYTES:
            self.guest.kill()
            self._received.clear()
        while (end := self._received.find(b"\n")) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + 1]
            message = cast("dict[str, Any]", msgspec.json.decode(line))
            inbox = self._inboxes.get(str(message.get("id", "")))
            if inbox is not None:
                inbox.put_nowait(message)

    def _closed(self) -> None:
        for inbox in self._inboxes.values():
            inbox.put_nowait(None)


class _Talk:
    """What one node asks for, and gets."""

    def __init__(self, ctx: NodeContext, send: Callable[[dict[str, Any]], None]):
        self._ctx = ctx
        self._send = send
        self._asks: set[asyncio.Task[None]] = set()
        self._doing: dict[int, asyncio.Future[Any]] = {}
        self._broken: BaseException | None = None
        """What an effect raised that is not for the node, such as a pause."""
        self._getting: asyncio.Task[dict[str, Any] | None] | None = None
        self.ended = False
        """The node itself ended, well or not."""

    async def until_end(self, inbox: asyncio.Queue[dict[str, Any] | None]) -> Outcome | Wait:
        while True:
            if self._broken is not None and not self._asks:  # what went on beside it has ended too
                raise self._broken
            self._getting = self._getting or asyncio.ensure_future(inbox.get())
            await asyncio.wait((self._getting, *self._asks), return_when=asyncio.FIRST_COMPLETED)
            if not self._getting.done():
                continue
            message, self._getting = self._getting.result(), None
            if message is None:
                await self._lost()
            elif "ask" in message:
                if self._broken is None:
                    task = asyncio.create_task(self._answer(int(message["ask"]), message))
                    self._asks.add(task)
                    task.add_done_callback(self._asks.discard)
            elif "did" in message:
                self._done(int(message["did"]), message)
            elif "note" in message:
                self._ctx.note(str(message["note"]), **message.get("facts", {}))
            else:
                self.ended = True
                return _result(message)

    async def stop(self) -> None:
        """Nothing more is answered."""
        if self._getting is not None:
            self._getting.cancel()
        for task in tuple(self._asks):
            task.cancel()
        await asyncio.gather(*self._asks, return_exceptions=True)

    async def _lost(self) -> None:
        """The process is gone: calls that botkit makes for it end and are written down."""
        for future in self._doing.values():
            if not future.done():
                future.set_exception(_Lost())
        await asyncio.gather(*self._asks, return_exceptions=True)
        raise self._broken or _Lost

    async def _answer(self, number: int, message: Mapping[str, Any]) -> None:
        try:
            value = msgspec.to_builtins(await self._effect(number, message))
            self._send({"answer": number, "value": value})
        except BotkitError as error:
            failed = {"code": error.code, "message": str(error), "retryable": error.retryable}
            with contextlib.suppress(_Lost):
                self._send({"answer": number, "error": failed})
        except _Lost:
            return
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # the run pauses or stops, or the store is gone: the node is left where it is
            self._broken = self._broken or error

    async def _effect(self, number: int, message: Mapping[str, Any]) -> Any:
        ctx, name = self._ctx, str(message["name"])
        match message["op"]:
            case "step":
                return await self._step(number, name, once=bool(message["once"]))
            case "call_tool":
                limit = float(message["timeout_s"])
                return await ctx.call_tool(name, str(message["tool"]), message["arguments"], timeout_s=limit)
            case "ask_model":
                return await ctx.ask_model(name, str(message["prompt"]), **message["options"])
            case "say":
                return await ctx.say(name, msgspec.convert(message["message"], OutMessage), to=str(message["to"]))
            case other:
                raise NodeFailed(f"a node cannot ask for {other}", code="internal")

    async def _step(self, number: int, name: str, *, once: bool) -> Any:
        async def do(handle: StepHandle) -> Any:
            future = self._doing[number] = asyncio.get_running_loop().create_future()
            self._send({"do": number, "key": handle.idempotency_key})
            try:
                return await future
            except _Lost:
                if once:
                    raise EffectUnknown(f"the process of the node ended in the middle of `{name}`") from None
                raise

        return await self._ctx.step(name, do, once=once)

    def _done(self, number: int, message: Mapping[str, Any]) -> None:
        future = self._doing.get(number)
        if future is None or future.done():
            return
        if error := message.get("error"):
            future.set_exception(NodeFailed(error["message"], code=error["code"], retryable=error["retryable"]))
        else:
            future.set_result(message.get("value"))


def _is_end(message: Mapping[str, Any]) -> bool:
    """Whether it ends an execution; errors of steps and calls do not."""
    return "did" not in message and not {"cancelled", "outcome", "wait", "error"}.isdisjoint(message)


def _result(message: Mapping[str, Any]) -> Outcome | Wait:
    if (error := message.get("error")) is not None:
        raise NodeFailed(error["message"], code=error["code"], retryable=error["retryable"])
    if "wait" in message:
        return msgspec.convert(message["wait"], Wait)
    if "outcome" in message:
        return msgspec.convert(message["outcome"], Outcome)
    raise _Lost
