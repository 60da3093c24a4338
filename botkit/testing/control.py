"""The control side of a fake over HTTP, and the fake as a process: for tests in other processes and languages.

`POST /_control/{verb}` takes a JSON object with the arguments of the fake's method of that name, `GET
/_control/{what}` shows something. The answer is `{"ok": true, "result": …}`, or `{"ok": false, "error": "…"}` with
status 400.
"""

from __future__ import annotations

__all__ = ["FAULTS", "Control", "serve_fake"]

import asyncio
import json
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast

from aiohttp import web

from botkit.testing.site import Loopback

FAULTS = frozenset(
    {
        *("rate_limit", "fail", "drop_before", "drop_after", "hold", "clear_faults"),
        *("redeliver", "duplicate", "reorder", "revoke_token", "restore_token"),
    }
)
"""Verbs of every fake."""

Fake = TypeVar("Fake", bound=Loopback)


class Control(ABC, Generic[Fake]):
    """One fake's control side. A subclass says which verbs there are, and how things are named in JSON."""

    verbs: ClassVar[frozenset[str]]

    def __init__(self, fake: Fake):
        self.fake = fake

    @abstractmethod
    def looks(self) -> Mapping[str, Callable[[], Any]]:
        """What may be looked at; `sent` is what the bot wrote."""

    @abstractmethod
    def arguments(self, args: dict[str, Any]) -> dict[str, Any]:
        """Replace ids by what they name. Raises `LookupError`."""

    @abstractmethod
    def view(self, value: Any) -> Any:
        """A result as JSON; None for what has no form of its own."""

    def mount(self) -> None:
        """Add the routes; before the server starts."""
        self.fake.application.router.add_post("/_control/{verb}", self._act)
        self.fake.application.router.add_get("/_control/{what}", self._look)

    async def _act(self, request: web.Request) -> web.Response:
        verb, verbs = request.match_info["verb"], self.verbs | FAULTS
        if verb not in verbs:
            return _refused(f"no verb {verb!r}: one of {sorted(verbs)}", 404)
        try:
            body = cast("dict[str, Any]", await request.json()) if request.can_read_body else {}
            if isinstance(body.get("data"), str):
                body["data"] = body["data"].encode()
            result = cast("Callable[..., Any]", getattr(self.fake, verb))(**self.arguments(body))
        except (LookupError, TypeError, ValueError) as error:
            return _refused(str(error), 400)
        self.fake.wake()
        return web.json_response({"ok": True, "result": self._shown(result)})

    async def _look(self, request: web.Request) -> web.Response:
        what, looks = request.match_info["what"], self.looks()
        if what not in looks:
            return _refused(f"nothing called {what!r}: one of {sorted(looks)}", 404)
        return web.json_response({"ok": True, "result": self._shown(looks[what]())})

    def _shown(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | str | dict):
            return cast("Any", value)
        if isinstance(value, list):
            return [self._shown(item) for item in cast("list[Any]", value)]
        return self.view(value)


def _refused(error: str, status: int) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)


def serve_fake(make: Callable[[], tuple[Loopback, Callable[[], dict[str, Any]]]]) -> None:
    """Serve a fake until SIGTERM; when it listens, print one JSON line with its address and `control`.

    Args:
        make: makes the fake, inside of the loop, and what to print beside the addresses.
    """
    asyncio.run(_serve(make))


async def _serve(make: Callable[[], tuple[Loopback, Callable[[], dict[str, Any]]]]) -> None:
    fake, more = make()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with fake:
        line = {"api_base": fake.api_base, "control": f"{fake.api_base}/_control", **more()}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await stop.wait()
