"""The process code runs in. Started by `pool` as `python -I -m botkit.workflows.sandbox.guest LANGUAGE`.

One JSON object a line, in turn:

    → {"code", "input", "tools": [name], "now_ms", "seed", "cpu_s", "memory_bytes", "output_bytes", "depth",
       "console_bytes", "calls"}
    ← {"calls": [[number, name, arguments]]}      the code waits for tools
    → {"results": [[number, ok, value or text]]}
    ← {"value": JSON text, "console": [line]}
    ← {"error": {"code", "message", "line", "column"}, "console": [line]}

Before code runs, the process gives up what it could be abused for: it can open no further file, start no process and
write no file, and the system ends it beyond its time or memory.
"""

from __future__ import annotations

__all__ = ["Asks", "Broken", "Limited", "Request", "main"]

import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

Request = dict[str, Any]
Asks = Callable[[list[list[Any]]], list[list[Any]]]
"""Has tools called: `[number, name, arguments]` of each → `[number, ok, value or text]` of each."""


class Broken(Exception):
    """The code is wrong, at a line and column of the code as it was written; 0: nobody knows where."""

    code = "code_error"

    def __init__(self, message: str, line: int = 0, column: int = 0):
        super().__init__(message)
        self.line = line
        self.column = column


class Limited(Broken):
    """The code wanted more than it may have."""

    code = "limit"


class Engine(Protocol):
    def run(self, request: Request, ask: Asks, console: Console) -> str:
        """The result as JSON. Raises `Broken`, `Limited`."""
        ...

    def lock(self) -> None:
        """Everything is loaded: give up what is not needed any more."""
        ...


class Console:
    """What the code prints, up to a limit."""

    def __init__(self, limit_bytes: int):
        self.lines: list[str] = []
        self._left = limit_bytes
        self._open = ""

    def write(self, text: str) -> None:
        if self._left <= 0:
            return
        text = text[: self._left]
        self._left -= len(text.encode("utf-8", "replace"))
        *lines, self._open = (self._open + text).split("\n")
        self.lines += lines
        if self._left <= 0:
            self.lines += [self._open, "… (there was more)"]
            self._open = ""

    def close(self) -> list[str]:
        if self._open:
            self.lines.append(self._open)
        return self.lines


def main(language: str) -> NoReturn:
    engine = _engine(language)
    reading, writing = sys.stdin.buffer, sys.stdout.buffer

    def send(message: dict[str, Any]) -> None:
        writing.write(json.dumps(message, ensure_ascii=True).encode() + b"\n")
        writing.flush()

    def ask(calls: list[list[Any]]) -> list[list[Any]]:
        send({"calls": calls})
        line = reading.readline()
        if not line:
            os._exit(0)
        return json.loads(line)["results"]

    engine.lock()
    while line := reading.readline():
        request: Request = json.loads(line)
        console = Console(int(request["console_bytes"]))
        answer: dict[str, Any]
        try:
            answer = {"value": engine.run(request, ask, console)}
        except Broken as error:
            answer = {"error": {"code": error.code, "message": str(error), "line": error.line, "column": error.column}}
        except MemoryError:
            answer = {"error": {"code": "limit", "message": "out of memory", "line": 0, "column": 0}}
        send({**answer, "console": console.close()})
    os._exit(0)


def _engine(language: str) -> Engine:
    if language == "python":
        from botkit.workflows.sandbox.engine_python import PythonEngine

        return PythonEngine()
    from botkit.workflows.sandbox.engine_javascript import JavaScriptEngine

    return JavaScriptEngine()


if __name__ == "__main__":
    sys.modules["botkit.workflows.sandbox.guest"] = sys.modules["__main__"]  # one `Broken`, not two
    main(sys.argv[1])
