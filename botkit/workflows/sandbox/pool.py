"""A few processes that run code, one run at a time each, and what becomes of those that misbehave."""

from __future__ import annotations

__all__ = ["CodeFailed", "CodeRequest", "CodeResult", "Language", "Sandbox", "Tools"]

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Literal, cast

import msgspec

from botkit.core.data import Data
from botkit.core.errors import BotkitError, ToolUnavailable
from botkit.core.guests import GuestProcess, SpawnGuest

Language = Literal["javascript", "python"]
Tools = Callable[[list[tuple[int, str, dict[str, Any]]]], Awaitable[list[tuple[int, bool, Any]]]]
"""Calls all of these tools, (number, name, arguments), and gives (number, whether it worked, value or text) of each."""

_RUNS = 500
"""After so many runs a process is replaced."""
_START_S = 60.0
_SLACK_S = 3.0
"""What a process may take longer than the code, before it is ended from outside."""


class CodeRequest(Data):
    """What to run."""

    language: Language
    code: str
    input: Any = None
    now_ms: int = 0
    """The time the code sees, Unix milliseconds."""
    seed: int = 0
    """Of its random numbers, below 2**32."""
    cpu_s: float = 5.0
    """Seconds of computing; waiting for tools does not count."""
    memory_bytes: int = 64 << 20
    output_bytes: int = 1 << 20
    """Of the result as JSON."""
    console_bytes: int = 16 << 10
    """What was printed beyond this is dropped."""
    depth: int = 64
    """How deeply the result may be nested."""
    calls: int = 50
    """How many tools it may call."""


class CodeResult(Data):
    """What came of it."""

    value: Any
    console: tuple[str, ...] = ()
    """What it printed, line by line."""


class CodeFailed(BotkitError):
    """The code is wrong (`code_error`) or wanted more than it may have (`limit`)."""

    def __init__(self, message: str, *, code: str, line: int = 0, column: int = 0, console: tuple[str, ...] = ()):
        super().__init__(message)
        self.code = code
        self.line = line
        self.column = column
        self.console = console


class Sandbox:
    """Runs code in child processes, which are started when they are first needed.

    Args:
        slots: of each language, how many run side by side.
    """

    def __init__(self, spawn: SpawnGuest, *, slots: int = 4):
        self._spawn = spawn
        self._free: dict[Language, deque[_Slot]] = {"javascript": deque(), "python": deque()}
        self._all: set[_Slot] = set()
        self._places = {language: asyncio.Semaphore(slots) for language in self._free}
        self._ending: set[asyncio.Task[int]] = set()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Of the processes there are now."""
        return [slot.process.pid for slot in self._all]

    async def run(self, request: CodeRequest, tools: Tools | None = None) -> CodeResult:
        """Run code to its end. Cancelling ends its process.

        Tools that were asked for side by side are called side by side, and the code goes on when all of them have
        answered: the same answers always lead the same way.

        Raises:
            CodeFailed: with line and column where the code has them.
            ToolUnavailable: no process can be started.
            Whatever `tools` raises.
        """
        async with self._places[request.language]:
            if self._closed:
                raise ToolUnavailable("botkit is stopping")
            slot = await self._slot(request.language)
            good = False
            try:
                result = await self._talk(slot, request, tools)
                good = True
                return result
            except CodeFailed as error:
                good = error.code != "limit" and slot.process.alive
                raise
            finally:
                slot.runs += 1
                if good and slot.runs < _RUNS and not self._closed:
                    self._free[request.language].append(slot)
                else:
                    self._end(slot)

    async def close(self) -> None:
        """End every process. Returns when all are gone."""
        self._closed = True
        for slot in list(self._all):
            self._end(slot)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _slot(self, language: Language) -> _Slot:
        free = self._free[language]
        while free:
            slot = free.pop()
            if slot.process.alive:
                return slot
            self._end(slot)
        argv = [sys.executable, "-I", "-m", "botkit.workflows.sandbox.guest", language]
        slot = _Slot(await self._spawn(argv, env={"TZ": "UTC"}))
        self._all.add(slot)
        return slot

    def _end(self, slot: _Slot) -> None:
        self._all.discard(slot)
        slot.process.kill()
        task = asyncio.create_task(slot.process.stop(), name="end of a code process")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _talk(self, slot: _Slot, request: CodeRequest, tools: Tools | None) -> CodeResult:
        sent = msgspec.structs.asdict(request)
        reply = await slot.exchange(sent, request, first=slot.runs == 0)
        called = 0
        while "calls" in reply:
            wanted = cast("list[tuple[int, str, dict[str, Any]]]", reply["calls"])
            called += len(wanted)
            if called > request.calls:
                raise CodeFailed(f"the code called more than {request.calls} tools", code="limit")
            results = await self._answers(wanted, tools)
            reply = await slot.exchange({"results": results}, request)
        console = tuple(str(line) for line in reply.get("console", ()))
        if (error := reply.get("error")) is not None:
            raise CodeFailed(
                str(error["message"]),
                code=str(error["code"]),
                line=int(error["line"]),
                column=int(error["column"]),
                console=console,
            )
        return CodeResult(value=_value(str(reply["value"]), request), console=console)

    async def _answers(self, wanted: list[tuple[int, str, Any]], tools: Tools | None) -> list[tuple[int, bool, Any]]:
        good: list[tuple[int, str, dict[str, Any]]] = []
        results: list[tuple[int, bool, Any]] = []
        for number, name, arguments in wanted:
            if tools is None:
                results.append((number, False, "this code may call no tools: name them in `tools`"))
            elif not isinstance(arguments, dict):
                results.append((number, False, f"the arguments of {name} must be an object"))
            else:
                good.append((number, name, cast("dict[str, Any]", arguments)))
        if good and tools is not None:
            results += await tools(good)
        return sorted(results, key=lambda result: result[0])


class _Slot:
    """One process and what it says."""

    def __init__(self, process: GuestProcess):
        self.process = process
        self.runs = 0
        self._line: asyncio.Future[bytes] | None = None
        self._received = bytearray()
        self._limit = 0
        process.listen(self._feed, self._closed)

    async def exchange(self, message: dict[str, Any], request: CodeRequest, *, first: bool = False) -> dict[str, Any]:
        """One line there and one back. Raises `CodeFailed` when the process does not last that long."""
        self._line = asyncio.get_running_loop().create_future()
        self._received.clear()
        self._limit = 8 * (request.output_bytes + request.console_bytes) + (1 << 20)
        within = request.cpu_s * 4 + _SLACK_S + (_START_S if first else 0.0)
        try:
            if not self.process.alive:
                raise CodeFailed(_gone(request), code="limit")
            self.process.write(msgspec.json.encode(message) + b"\n")
            async with asyncio.timeout(within):
                line = await self._line
            return cast("dict[str, Any]", msgspec.json.decode(line))
        except TimeoutError:
            raise CodeFailed(f"the code ran for more than {request.cpu_s:g} s", code="limit") from None
        except (ToolUnavailable, EOFError):
            raise CodeFailed(_gone(request), code="limit") from None
        except OverflowError:
            raise CodeFailed(f"the result is larger than {request.output_bytes} bytes", code="limit") from None
        finally:
            self._line = None

    def _feed(self, data: bytes) -> None:
        self._received += data
        if self._line is None or self._line.done():
            return
        end = self._received.find(b"\n")
        if end >= 0:
            self._line.set_result(bytes(self._received[:end]))
        elif len(self._received) > self._limit:
            self._line.set_exception(OverflowError())

    def _closed(self) -> None:
        if self._line is not None and not self._line.done():
            self._line.set_exception(EOFError())


def _gone(request: CodeRequest) -> str:
    most = request.memory_bytes >> 20
    return f"the code used more than {request.cpu_s:g} s or {most} MB, and its process was ended"


def _value(text: str, request: CodeRequest) -> Any:
    if len(text.encode("utf-8", "replace")) > request.output_bytes:
        raise CodeFailed(f"the result is larger than {request.output_bytes} bytes", code="limit")
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CodeFailed(f"the result is not plain JSON: {error}", code="code_error") from None
    except RecursionError:
        value = None
        depth = request.depth + 1
    else:
        depth = _depth(value, request.depth)
    if depth > request.depth:
        raise CodeFailed(f"the result is nested more than {request.depth} deep", code="limit")
    return value


def _depth(value: Any, limit: int) -> int:
    """How deeply a value is nested, as far as the limit."""
    level: list[Any] = [value]
    depth = 0
    while level and depth <= limit:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += cast("dict[str, Any]", each).values()
            elif isinstance(each, list):
                inner += cast("list[Any]", each)
        depth += 1
        level = [cast("Any", each) for each in inner if isinstance(each, dict | list)]
    return depth
