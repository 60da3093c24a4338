"""The server `functions`: it speaks MCP with the gateway, and gives each call to a process that runs it.

Started like any file of the operator, so it is supervised, has no keys, and is replaced after draining when one of the
files changes. What it serves stands in `BOTKIT_FUNCTIONS`, see `listing.plan`. A process takes one call at a time:
a call that lasts too long or brings its process down harms no other. Runs by itself with the standard library.

Source: https://modelcontextprotocol.io/specification/2025-06-18
"""

from __future__ import annotations

__all__ = ["main"]

import asyncio
import contextlib
import json
import os
import sys
from collections import deque
from pathlib import Path
from typing import Any

_META = "io.botkit/"
_LINE_BYTES = 64 << 20
_START_S = 110.0
"""Packages may have to be fetched first."""
_IDLE = 2
"""Processes of a file that are kept for the next call."""


class _Process:
    def __init__(self, process: asyncio.subprocess.Process):
        self._process = process
        self.used = False

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """None: the process ended."""
        writer, reader = self._process.stdin, self._process.stdout
        assert writer is not None, "a pipe"
        assert reader is not None, "a pipe"
        try:
            writer.write(json.dumps(message).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        except (ConnectionError, ValueError):
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    async def end(self) -> int:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


class _File:
    """One file of functions and its processes."""

    def __init__(self, told: dict[str, Any], parallel: int):
        self.path = Path(told["path"])
        self.key: str = told["key"]
        self._told = told
        self._free: deque[_Process] = deque()
        self._places = asyncio.Semaphore(parallel)
        self.functions: dict[str, dict[str, Any]] = {}

    async def describe(self) -> None:
        if error := self._told.get("error"):
            return _log(f"{self.path.name}: {error}")
        process, answer = await self._start()
        if process is None:
            return _log(f"{self.path.name} offers nothing: {answer['error']['message']}")
        self._free.append(process)
        self.functions = {one["name"]: one for one in answer["functions"]}
        named = [one for one in answer["functions"] if one["name"] == self.key.replace("-", "_")]
        for one in named or answer["functions"][:1]:  # what bots.yaml says about the file, it says about this one
            one["description"] = self._told["description"] or one["description"]
            one["input"] = self._told["input_schema"] or one["input"]
        return None

    async def call(self, name: str, given: Any, meta: dict[str, Any]) -> dict[str, Any]:
        secrets: dict[str, str] = meta.get(f"{_META}secrets") or {}
        told = {
            "secrets": {key: value for key, value in secrets.items() if key in self._told["secrets"]},
            "idempotency_key": str(meta.get(f"{_META}idempotency-key") or ""),
            "workspace": str(meta.get(f"{_META}workspace") or ""),
            "person": str(meta.get(f"{_META}person") or ""),
            "trace_id": str(meta.get("traceparent") or ""),
        }
        memory = self._told["memory_bytes"]
        message = {"op": "call", "name": name, "input": given, "call": told, "memory_bytes": memory}
        async with self._places:
            process, answer = await self._process()
            if process is None:
                return answer
            reply: dict[str, Any] | None = None
            good, status = False, 0
            try:
                async with asyncio.timeout(float(self._told["timeout_s"])):
                    reply = await process.ask(message)
                good = reply is not None
            except TimeoutError:
                text = f"{name} did not end in {self._told['timeout_s']:g} seconds, and its process was ended"
                return {"error": {"code": "timeout", "message": text, "retryable": True}}
            finally:
                if good and len(self._free) < _IDLE:
                    self._free.append(process)
                else:
                    status = await asyncio.shield(process.end())
            if reply is None:
                text = f"the process of {name} ended in the middle of the call (status {status})"
                return {"error": {"code": "crashed", "message": text, "retryable": True}}
            return reply

    async def _process(self) -> tuple[_Process | None, dict[str, Any]]:
        while self._free:
            process = self._free.popleft()
            if process.alive:
                return process, {}
            await process.end()
        return await self._start()

    async def _start(self) -> tuple[_Process | None, dict[str, Any]]:
        """A process that has loaded the file, and what is in it; or none, and the error."""
        process = await self._spawn()
        try:
            async with asyncio.timeout(_START_S):
                answer = await process.ask({"op": "describe"})
        except TimeoutError:
            answer = None
        if answer is not None and "error" not in answer:
            return process, answer
        await process.end()
        lost = {"code": "crashed", "message": f"the process of {self.path.name} cannot start", "retryable": True}
        return None, answer or {"error": lost}

    async def _spawn(self) -> _Process:
        told = self._told
        kept = {name: value for name, value in os.environ.items() if name != "BOTKIT_FUNCTIONS" and "." not in name}
        fetcher = told.get("fetcher") or ()
        env = {name: value for name, value in kept.items() if not name.startswith("UV_") or name in fetcher}
        env |= told["env"]
        env |= {name: os.environ.get(f"{self.key}.{name}", "") for name in told["secret_env"]}
        process = await asyncio.create_subprocess_exec(
            *told["argv"],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=env,
            cwd=os.environ.get("BOTKIT_SERVER_DATA") or None,
            limit=_LINE_BYTES,
        )
        return _Process(process)


class _Server:
    def __init__(self, told: dict[str, Any]):
        self._files = [_File(one, int(told["parallel"])) for one in told["files"]]
        self._ready: asyncio.Future[Any] | None = None
        self._calls: dict[Any, asyncio.Task[None]] = {}

    async def run(self) -> None:
        reader = asyncio.StreamReader(limit=_LINE_BYTES)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self._ready = asyncio.gather(*(one.describe() for one in self._files))
        while line := await reader.readline():
            with contextlib.suppress(ValueError):
                self._take(json.loads(line))
        self._ready.cancel()

    def _take(self, message: dict[str, Any]) -> None:
        method, number = message.get("method"), message.get("id")
        if method == "notifications/cancelled":
            task = self._calls.get(message["params"].get("requestId"))
            if task is not None:
                task.cancel()
        elif number is not None and method:
            task = asyncio.create_task(self._reply(number, method, message.get("params") or {}))
            self._calls[number] = task
            task.add_done_callback(lambda _: self._calls.pop(number, None))

    async def _reply(self, number: Any, method: str, params: dict[str, Any]) -> None:
        answer: dict[str, Any]
        if method == "initialize":
            result: dict[str, Any] = {
                "protocolVersion": params.get("protocolVersion"),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "functions", "version": "1"},
            }
            answer = {"result": result}
        elif method == "ping":
            answer = {"result": {}}
        elif method == "tools/list":
            assert self._ready is not None, "it runs"
            await self._ready
            answer = {"result": {"tools": [_tool(one) for file in self._files for one in file.functions.values()]}}
        elif method == "tools/call":
            answer = {"result": await self._call(params)}
        else:
            answer = {"error": {"code": -32601, "message": f"there is no method {method}"}}
        _send({"jsonrpc": "2.0", "id": number, **answer})

    async def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        assert self._ready is not None, "it runs"
        await self._ready
        name = params.get("name")
        file = next((one for one in self._files if name in one.functions), None)
        if file is None:
            answer: dict[str, Any] = {"error": {"code": "not_found", "message": f"there is no function {name}"}}
        else:
            answer = await file.call(str(name), params.get("arguments") or {}, params.get("_meta") or {})
        if error := answer.get("error"):
            text = f"{error['code']}: {error['message']}"
            return {
                "content": [{"type": "text", "text": text}],
                "structuredContent": {"error": error},
                "isError": True,
            }
        value = answer["value"]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return {"content": [{"type": "text", "text": text}], "structuredContent": {"result": value}}


def _tool(one: dict[str, Any]) -> dict[str, Any]:
    hints = {"readOnlyHint": one["read_only"], "idempotentHint": one["idempotent"] or one["read_only"]}
    return {
        "name": one["name"],
        "description": one["description"],
        "inputSchema": one["input"],
        "outputSchema": one["output"],
        "annotations": hints,
    }


def _send(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    asyncio.run(_Server(json.loads(os.environ["BOTKIT_FUNCTIONS"])).run())


if __name__ == "__main__":
    main()
