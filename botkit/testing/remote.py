"""The control side of a fake that runs in a process of its own, for blocking tests."""

from __future__ import annotations

__all__ = ["Remote"]

import time
from collections.abc import Callable
from typing import Any, cast

import httpx

from botkit.core.data import encode


class Remote:
    """Asks a fake to do things, and what it shows.

    Args:
        base: the fake's address; its control side is below `/_control`.
    """

    def __init__(self, base: str):
        self.base = base
        self.http = httpx.Client(base_url=f"{base}/_control", timeout=10.0, trust_env=False)

    def do(self, verb: str, **args: Any) -> Any:
        """Call a verb. Raises ValueError with the server's sentence when it is refused."""
        headers = {"Content-Type": "application/json"}
        return self._result(self.http.post(f"/{verb}", content=encode(args), headers=headers))

    def look(self, what: str) -> Any:
        """What the fake shows under a name; `sent` is what the bot wrote."""
        return self._result(self.http.get(f"/{what}"))

    def wait_for(self, found: Callable[[list[dict[str, Any]]], Any], *, timeout_s: float = 45.0) -> Any:
        """Ask for `sent` until `found(sent)` is true; returns its value. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            sent = cast("list[dict[str, Any]]", self.look("sent"))
            value = found(sent)
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing matched in {timeout_s} s; sent: {[m['text'] for m in sent]}")
            time.sleep(0.02)

    def close(self) -> None:
        self.http.close()

    @staticmethod
    def _result(answer: httpx.Response) -> Any:
        body = cast("dict[str, Any]", answer.json())
        if not body["ok"]:
            raise ValueError(str(body["error"]))
        return body["result"]
