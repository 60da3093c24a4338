"""The process a function runs in: one file, one call at a time.

    python -I worker.py FILE

    → {"op": "describe"}                                    ← {"functions": [{name, description, input, output, …}]}
    → {"op": "call", "name", "input", "call", "memory_bytes"}  ← {"value"} or {"error": {"code", "message", …}}

What is printed goes to standard error, whatever prints it. Runs in the file's own environment, where only pydantic is
sure to be there: names of `botkit.sdk` that functions need are put in its place where botkit is not installed.
"""

from __future__ import annotations

__all__ = ["main"]

import asyncio
import contextlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

_SDK = Path(__file__).parents[2] / "sdk" / "functions.py"
_SHOWN = 2000


class _Worker:
    def __init__(self, path: Path):
        self._path = path
        self._functions: dict[str, _Function] = {}
        self._call: type[Any] = object
        self._failed: type[BaseException] = Exception

    def load(self) -> None:
        sdk = _sdk()
        self._call, self._failed = sdk.Call, sdk.FunctionFailed
        sys.path.insert(0, str(self._path.parent))
        spec = importlib.util.spec_from_file_location(f"functions_{self._path.stem}", self._path)
        assert spec is not None, "a path of a Python file"
        assert spec.loader is not None, "as above"
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found = [one for one in vars(module).values() if callable(one) and hasattr(one, "__botkit_function__")]
        plain = getattr(module, self._path.stem.replace("-", "_"), None)
        if not found and inspect.isfunction(plain):
            found = [sdk.function(plain)]
        for work in found:
            one = _Function(work, self._call)
            self._functions[one.name] = one

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "describe":
            return {"functions": [one.described() for one in self._functions.values()]}
        one = self._functions.get(request["name"])
        if one is None:
            return _error("not_found", f"there is no function {request['name']} in {self._path.name}")
        _limit(int(request["memory_bytes"]))
        try:
            return {"value": one.run(request["input"], self._call(**request["call"]))}
        except _BadInput as error:
            return _error("invalid_input", str(error))
        except MemoryError:
            return _error("limit", f"{one.name} used more memory than it may")
        except self._failed as error:
            failed: Any = error
            return _error(str(failed.code), str(error), retryable=bool(failed.retryable))
        except (Exception, SystemExit) as error:
            return _error("function_error", f"{type(error).__name__}: {error}", **self._where(error))

    def _where(self, error: BaseException) -> dict[str, Any]:
        traceback.print_exception(error)
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(self._path)
        ]
        return {"line": lines[-1]} if lines else {}


class _BadInput(Exception):
    pass


class _Function:
    def __init__(self, work: Any, call: type[Any]):
        import pydantic

        flags = work.__botkit_function__
        self.name: str = flags["name"]
        self._flags = flags
        self._work = work
        hints = typing.get_type_hints(work, include_extras=True)
        fields: dict[str, Any] = {}
        self._told: list[str] = []
        self._rest = False
        for name, parameter in inspect.signature(work).parameters.items():
            if hints.get(name) is call:
                self._told.append(name)
            elif parameter.kind is parameter.VAR_KEYWORD:
                self._rest = True
            elif parameter.kind is parameter.VAR_POSITIONAL:
                continue
            else:
                default = ... if parameter.default is parameter.empty else parameter.default
                fields[name] = (hints.get(name, Any), default)
        config = pydantic.ConfigDict(extra="allow" if self._rest else "forbid", arbitrary_types_allowed=False)
        self._input = pydantic.create_model(self.name, __config__=config, **fields)
        returned = hints.get("return", Any)
        self._output = pydantic.TypeAdapter(type(None) if returned is None else returned)
        self._typed = "return" in hints

    def described(self) -> dict[str, Any]:
        schema = self._input.model_json_schema()
        schema.pop("title", None)
        output = self._output.json_schema(mode="serialization") if self._typed else {}
        definitions = output.pop("$defs", None)
        wrapped: dict[str, Any] = {"type": "object", "properties": {"result": output}, "required": ["result"]}
        if definitions:
            wrapped["$defs"] = definitions
        return {
            **self._flags,
            "description": inspect.cleandoc(self._work.__doc__ or ""),
            "input": schema,
            "output": wrapped,
        }

    def run(self, given: dict[str, Any], call: Any) -> Any:
        import pydantic

        try:
            checked = self._input.model_validate(given)
        except pydantic.ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)
            told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in first[:5])
            raise _BadInput(told) from None
        values = {name: getattr(checked, name) for name in type(checked).model_fields}
        values |= checked.model_extra or {}
        values |= dict.fromkeys(self._told, call)
        result = self._work(**values)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        return self._output.dump_python(result, mode="json", warnings=False)


def _error(code: str, message: str, **facts: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message[:_SHOWN], **facts}}


def _sdk() -> ModuleType:
    """`botkit.sdk.functions`; where botkit is not installed, that file alone."""
    try:
        import botkit.sdk.functions as found
    except ImportError:
        spec = importlib.util.spec_from_file_location("botkit.sdk", _SDK)
        assert spec is not None, "a path of a Python file"
        assert spec.loader is not None, "as above"
        found = importlib.util.module_from_spec(spec)
        sys.modules.update({"botkit": ModuleType("botkit"), "botkit.sdk": found, "botkit.sdk.functions": found})
        spec.loader.exec_module(found)
    return found


def _limit(memory_bytes: int) -> None:
    """The call may take so much beside what the process has already."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size + memory_bytes, hard))


def main(path: str) -> None:
    writing = os.fdopen(os.dup(1), "wb")
    reading = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # what is printed must not be taken for an answer
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    worker = _Worker(Path(path))
    broken: dict[str, Any] | None = None
    try:
        worker.load()
    except BaseException as error:
        traceback.print_exception(error)
        broken = _error("broken", f"{Path(path).name} cannot be loaded: {type(error).__name__}: {error}")
    while line := reading.readline():
        answer = broken or worker.answer(json.loads(line))
        try:
            text = json.dumps(answer)
        except (TypeError, ValueError) as error:
            text = json.dumps(_error("function_error", f"the result is not plain JSON: {error}"))
        sys.stdout.flush()
        writing.write(text.encode() + b"\n")
        writing.flush()


if __name__ == "__main__":
    main(sys.argv[1])
