"""Python, on monty: a subset interpreted by a process of its own, which this one keeps and replaces.

The value of the last expression is the result; `await` may stand at the top. The clock stands still at the moment that
was handed in and `random` is a sequence of the seed, so that the same code with the same input does the same again.
"""

from __future__ import annotations

__all__ = ["PythonEngine"]

import json
import math
import resource
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

import pydantic_monty as monty

from botkit.workflows.sandbox.guest import Asks, Broken, Console, Limited, Request

_RECURSION = 200
_SPARE_BYTES = 192 << 20
"""Address space for the interpreter itself, beside what the code may use."""
_WRAPPERS = 8
"""Suspensions that are no tool calls: name look-ups, waits."""
_SAFE_INT = 1 << 63


class _Tools:
    """What code sees as `tools`: every attribute is a tool."""


class PythonEngine:
    def __init__(self) -> None:
        self._pool: Any = None

    def lock(self) -> None:
        self._open()

    def _open(self) -> Any:
        if self._pool is None:
            self._pool = monty.Monty(min_processes=1, max_processes=1, request_timeout=120.0).__enter__()
        return self._pool

    def run(self, request: Request, ask: Asks, console: Console) -> str:
        limits = monty.ResourceLimits(
            max_feed_duration_secs=float(request["cpu_s"]),
            max_memory=int(request["memory_bytes"]),
            max_recursion_depth=_RECURSION,
            max_suspensions=int(request["calls"]) * _WRAPPERS + 100,
        )
        policy = monty.OSPolicy(
            datetime=datetime.fromtimestamp(request["now_ms"] / 1000, UTC),
            sleep="zero",
            process_time="zero",
            random_start={"seed": int(request["seed"])},
        )
        try:
            with self._open().checkout(
                script_name="code.py", limits=limits, os_policy=policy, assert_message_annotations=False
            ) as session:
                _bound(session.worker_pid, int(request["memory_bytes"]))
                output = self._drive(session, request, ask, console)
        except monty.MontyCrashedError as error:
            what = f"ran for more than {request['cpu_s']:g} s" if error.timed_out else "used more than it may"
            raise Limited(f"the code {what}") from None
        except monty.MontyConversionError as error:
            raise Broken(str(error)) from None
        return _encoded(output, int(request["output_bytes"]), int(request["depth"]))

    def _drive(self, session: Any, request: Request, ask: Asks, console: Console) -> Any:
        inputs = {"input": request["input"], "tools": monty.ClassInstance(_Tools())}
        pending: dict[int, list[Any]] = {}
        asked = 0

        def printed(_: str, text: str) -> None:
            console.write(text)

        try:
            state: Any = session.feed_start(request["code"], inputs=inputs, print_callback=printed)
            while not isinstance(state, monty.MontyComplete):
                if isinstance(state, monty.NameLookupSnapshot):
                    state = state.resume()
                elif isinstance(state, monty.FutureSnapshot):
                    ready = [pending.pop(call_id) for call_id in list(state.pending_call_ids) if call_id in pending]
                    ids = {each[0]: each[3] for each in ready}
                    answers = ask([each[:3] for each in sorted(ready, key=lambda each: each[0])])
                    state = state.resume({ids[number]: _answer(ok, value) for number, ok, value in answers})
                elif state.is_os_function or state.object_id is None:
                    state = state.resume(_refusal(state))
                else:
                    name, arguments = _call_of(state)
                    if name is None:
                        state = state.resume({"exc_type": "TypeError", "message": arguments})
                        continue
                    pending[state.call_id] = [asked, name, arguments, state.call_id]
                    asked += 1
                    state = state.resume({"future": ...})
            return state.output
        except monty.MontySyntaxError as error:
            raise Broken(f"SyntaxError: {error.display('msg')}", *_place(error)) from None
        except monty.MontyRuntimeError as error:
            text = error.display("type-msg")
            limited = text.startswith(("MemoryError", "TimeoutError: feed time limit", "RecursionError"))
            raise (Limited if limited else Broken)(text[:2000], *_place(error)) from None


def _call_of(state: Any) -> tuple[str | None, Any]:
    """Tool and arguments of `tools.name({…})`, `tools.name(a=1)` and `tools.call("name", {…})`."""
    name, args, named = str(state.function_name), list(state.args), dict(state.kwargs)
    if name == "call":
        if not args or not isinstance(args[0], str):
            return None, 'write tools.call("server__tool", {…})'
        name = args.pop(0)
    if len(args) > 1 or (args and not isinstance(args[0], Mapping)):
        return None, f"{name} takes one dict of arguments, or arguments by name"
    arguments = {**cast("Mapping[str, Any]", args[0] if args else {}), **named}
    try:
        return name, json.loads(json.dumps(_plain(arguments, 64), allow_nan=False))
    except (ValueError, Broken) as error:
        return None, f"the arguments of {name} are not plain JSON: {error}"


def _refusal(state: Any) -> Any:
    if state.is_os_function:
        return {"exc_type": "PermissionError", "message": f"{state.function_name} is not there in a code block"}
    return {"exc_type": "NameError", "message": f"name '{state.function_name}' is not defined"}


def _answer(ok: bool, value: Any) -> Any:
    return {"return_value": value} if ok else {"exc_type": "RuntimeError", "message": str(value)}


def _bound(pid: int | None, memory_bytes: int) -> None:
    """Have the system refuse memory should the interpreter not count it."""
    if pid is not None and hasattr(resource, "prlimit"):
        size = _size_bytes(pid)
        if size:
            most = size + memory_bytes + _SPARE_BYTES
            resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _size_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - nothing is imported for this
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 0


def _place(error: Any) -> tuple[int, int]:
    frames = error.traceback()
    return (frames[-1].line, frames[-1].column) if frames else (0, 0)


def _encoded(output: Any, limit_bytes: int, depth: int) -> str:
    try:
        text = json.dumps(_plain(output, depth), ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise Broken(f"the result is not plain JSON: {error}") from None
    if len(text.encode("utf-8", "replace")) > limit_bytes:
        raise Limited(f"the result is larger than {limit_bytes} bytes")
    return text


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON has it: dates as ISO text, decimals as text, sets as lists."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if not -_SAFE_INT <= value < _SAFE_INT:
            raise Broken("the result has a whole number of more than 64 bits; make it a text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Broken(f"the result has the number {value}, which JSON does not have")
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if depth <= 0:
        raise Limited("the result is nested too deeply")
    if isinstance(value, Mapping):
        found = cast("Mapping[Any, Any]", value)
        for key in found:
            if not isinstance(key, str):
                raise Broken(f"the result has a key that is no text: {str(key)[:60]}")
        return {key: _plain(inner, depth - 1) for key, inner in found.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner, depth - 1) for inner in cast("list[Any]", value)]
    raise Broken(f"the result has a {type(cast('object', value)).__name__}, which is no plain JSON")
