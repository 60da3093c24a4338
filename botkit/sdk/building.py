"""The process that runs one Python file of a workflow: text in, one line of JSON out.

    {"graph": {"nodes": […], "edges": […]}}   or   {"error": "NameError: name 'x' is not defined", "line": 7}

Started by whoever reads the configuration; nobody else needs it.
"""

from __future__ import annotations

__all__ = ["main"]

import os
import sys
import traceback
from types import ModuleType

import msgspec

from botkit.sdk.workflow import Workflow

_CPU_S = 10
_MEMORY_BYTES = 1 << 30
_FILE_BYTES = 0
"""Nothing is written to disk."""


def main() -> None:
    """Run the text on standard input, called by the name of its file."""
    name = sys.argv[1] if len(sys.argv) > 1 else "workflow.py"
    text = sys.stdin.buffer.read()
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the file prints is no answer
    _limit()
    result = _described(name, text)
    answer.write(msgspec.json.encode(result))
    answer.flush()


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on this system; the reader's patience ends it
        return
    for what, most in (
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _described(name: str, text: bytes) -> dict[str, object]:
    module = ModuleType("workflow")
    module.__file__ = name
    try:
        exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - this is what the process is for
        found = {id(value): value for value in vars(module).values() if isinstance(value, Workflow)}
        if len(found) != 1:
            return {"error": f"the file must hold one Workflow, it holds {len(found)}", "line": 1}
        return {"graph": next(iter(found.values())).to_json()}
    except SyntaxError as error:
        return {"error": f"SyntaxError: {error.msg}", "line": error.lineno or 1}
    except BaseException as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
        said = str(error).split("\n", 1)[0][:300]
        return {"error": f"{type(error).__name__}: {said}", "line": (lines or [1])[-1] or 1}


if __name__ == "__main__":
    main()
