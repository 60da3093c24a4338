"""JavaScript, on quickjs-ng: a new runtime for each run.

The code is the body of an async function of `input`, `tools` and `console`. Time stands still at the moment that was
handed in, `Math.random` is a sequence of the seed, and what tells of the machine (clocks, collected garbage, shared
memory) is taken away, so that the same code with the same input does the same again.
"""

from __future__ import annotations

__all__ = ["JavaScriptEngine"]

import importlib
import json
import re
import resource
import time
from typing import Any, cast

from botkit.workflows.sandbox.guest import Asks, Broken, Console, Limited, Request

_quickjs: Any = importlib.import_module("_quickjs")
"""The engine below `quickjs`, which would start a thread; it has no types."""
_Thrown: type[Exception] = _quickjs.JSException
_Overflow: type[Exception] = _quickjs.StackOverflow
_STACK_BYTES = 512 * 1024
_SPARE_BYTES = 96 << 20
"""Address space for the engine itself, beside what the code may use."""
_FRAME = re.compile(r"<input>:(\d+):(\d+)")
_HEAD = "(async function (input, tools, console) {\n"
_TAIL = "\n})"

_PRELUDE = r"""
((say) => {
"use strict";
const {stringify, parse} = JSON, RealDate = Date, G = globalThis, text = String;
const now = say.now;
let seed = say.seed >>> 0, asked = 0;
const queue = [], waiting = new Map();
let outcome = null;
function FixedDate(...parts) {
  if (!new.target) return new RealDate(now).toString();
  return Reflect.construct(RealDate, parts.length ? parts : [now], new.target);
}
Object.defineProperty(FixedDate, "name", {value: "Date"});
FixedDate.prototype = RealDate.prototype;
Object.defineProperty(RealDate.prototype, "constructor", {value: FixedDate, writable: false, configurable: false});
FixedDate.now = () => now; FixedDate.parse = RealDate.parse; FixedDate.UTC = RealDate.UTC;
G.Date = FixedDate;
Math.random = () => {
  seed = (seed + 0x6D2B79F5) >>> 0;
  let t = seed;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
for (const name of ["performance", "WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics"]) delete G[name];
const call = (name, args = {}) => new Promise((resolve, reject) => {
  const number = asked++;
  waiting.set(number, [resolve, reject]);
  queue.push([number, text(name), args]);
});
const tools = new Proxy(Object.freeze({call}), {
  get: (own, name) => typeof name !== "string" || name === "then" ? undefined
    : name === "call" ? call : (args) => call(name, args),
  has: () => true,
});
const shown = (value) => {
  if (typeof value === "string") return value;
  try { const made = stringify(value); return made === undefined ? text(value) : made; } catch { return text(value); }
};
let printed = "";
const print = (...values) => { if (printed.length < say.console) printed += values.map(shown).join(" ") + "\n"; };
const console = Object.freeze({log: print, info: print, warn: print, error: print, debug: print});
const told = (error) => {
  try {
    if (error instanceof Error || (error && typeof error === "object" && "stack" in error))
      return {message: `${text(error.name)}: ${text(error.message)}`, stack: text(error.stack)};
    return {message: shown(error), stack: ""};
  } catch { return {message: "an error that cannot be shown", stack: ""}; }
};
return (what, given) => {
  if (what === "start") {
    given(parse(say.input), tools, console).then(
      (value) => { try { outcome = {value: stringify(value === undefined ? null : value) ?? "null"}; }
                   catch (error) { outcome = {error: told(error)}; } },
      (error) => { outcome = {error: told(error)}; });
    return "";
  }
  if (what === "settle") {
    for (const [number, ok, value] of parse(given)) {
      const [resolve, reject] = waiting.get(number);
      waiting.delete(number);
      ok ? resolve(value) : reject(new Error(value));
    }
    return "";
  }
  if (what === "printed") { const told = printed; printed = ""; return stringify(told); }
  return stringify(outcome ?? {calls: queue.splice(0)});
};
})
"""
_PRELUDE_LINE = " ".join(line.strip() for line in _PRELUDE.strip().splitlines())


class JavaScriptEngine:
    def lock(self) -> None:
        _quickjs.Context().eval("1")
        for which, most in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 3), (resource.RLIMIT_CORE, 0)):
            resource.setrlimit(which, (most, most))
        if hasattr(resource, "RLIMIT_NPROC"):
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))

    def run(self, request: Request, ask: Asks, console: Console) -> str:
        _bound(float(request["cpu_s"]), int(request["memory_bytes"]))
        context = _quickjs.Context()
        context.set_max_stack_size(_STACK_BYTES)
        context.set_memory_limit(int(request["memory_bytes"]))
        run = _Run(context, request, console)
        try:
            return run.to_end(ask)
        finally:
            run.collect()


class _Run:
    def __init__(self, context: Any, request: Request, console: Console):
        self._context = context
        self._request = request
        self._console = console
        self._left_s = float(request["cpu_s"])
        self._drive: Any = None

    def to_end(self, ask: Asks) -> str:
        request = self._request
        say = {
            "now": request["now_ms"],
            "seed": request["seed"],
            "console": request["console_bytes"],
            "input": json.dumps(request["input"]),
        }
        self._drive = self._guarded(
            lambda: self._context.eval(_PRELUDE_LINE)(self._context.parse_json(json.dumps(say)))
        )
        body = self._guarded(lambda: self._context.eval(f"{_HEAD}{request['code']}{_TAIL}"))
        self._guarded(lambda: self._drive("start", body))
        while True:
            self._guarded(self._jobs)
            state = self._read(self._guarded(lambda: self._drive("state", "")))
            if isinstance(value := state.get("value"), str):
                if len(value) > request["output_bytes"]:
                    raise Limited(f"the result is larger than {request['output_bytes']} bytes")
                return value
            if error := state.get("error"):
                raise _located(str(error.get("message")), str(error.get("stack")))
            if not state.get("calls"):
                raise Broken("the code waits for something that never comes")
            results = json.dumps(ask(state["calls"]))
            self.collect()
            self._guarded(lambda results=results: self._drive("settle", results))

    def collect(self) -> None:
        """What was printed so far. Code that broke the engine has nothing more to say."""
        if self._drive is not None:
            try:
                self._context.set_time_limit(0.1)
                self._console.write(json.loads(self._drive("printed", "")))
            except (_Thrown, TypeError, ValueError):
                return

    def _read(self, text: Any) -> dict[str, Any]:
        """What the code left; it may have changed the prototypes that our own lines use."""
        try:
            found = json.loads(text)
        except (TypeError, ValueError):
            found = None
        if not isinstance(found, dict):
            raise Broken("the code broke its own engine")
        return cast("dict[str, Any]", found)

    def _jobs(self) -> None:
        started = time.process_time()
        while self._context.execute_pending_job():
            if time.process_time() - started > self._left_s:
                raise Limited(f"the code ran for more than {self._request['cpu_s']:g} s")

    def _guarded(self, work: Any) -> Any:
        """Run a piece of it with the time that is left."""
        if self._left_s <= 0:
            raise Limited(f"the code ran for more than {self._request['cpu_s']:g} s")
        self._context.set_time_limit(self._left_s)
        started = time.process_time()
        try:
            return work()
        except (TypeError, UnicodeError, RecursionError):  # what the engine holds cannot be told in Python
            raise Broken("the code broke its own engine") from None
        except _Overflow as error:
            raise Limited("RangeError: Maximum call stack size exceeded", *_place(str(error))) from None
        except _Thrown as error:
            text = str(error)
            first = text.split("\n", 1)[0]
            if "InternalError: interrupted" in first:
                raise Limited(f"the code ran for more than {self._request['cpu_s']:g} s", *_place(text)) from None
            if (
                "out of memory" in first
                or "BigInt is too large" in first
                or "string too long" in first
                or first in ("null", "undefined", "")
            ):
                most = int(self._request["memory_bytes"]) >> 20
                raise Limited(f"the code used more than {most} MB of memory", *_place(text)) from None
            raise _located(first, text) from None
        finally:
            self._left_s -= time.process_time() - started


def _bound(cpu_s: float, memory_bytes: int) -> None:
    """Have the system end this process should the engine not notice: it is replaced then."""
    used = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + cpu_s) + 2, hard))
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - nothing is imported for this
            size = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + memory_bytes + _SPARE_BYTES, hard))


def _located(message: str, stack: str) -> Broken:
    if "Maximum call stack" in message:
        return Limited(message, *_place(stack))
    if _is_memory(message):
        return Limited("the code used more memory than it may", *_place(stack))
    return Broken(message, *_place(stack))


def _is_memory(message: str) -> bool:
    return any(sign in message for sign in ("out of memory", "BigInt is too large", "string too long"))


def _place(stack: str) -> tuple[int, int]:
    """Line and column in the code as it was written: ours begins at line 2."""
    for match in _FRAME.finditer(stack):
        if int(match[1]) > 1:
            return int(match[1]) - 1, int(match[2])
    return 0, 0
