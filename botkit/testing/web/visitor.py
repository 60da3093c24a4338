"""One visitor with one browser tab, as the server sees them: a client of the protocol, not of the adapter."""

from __future__ import annotations

__all__ = ["Shown", "Visitor"]

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote
from uuid import uuid4

import httpx

_REAL_PATIENCE_S = 60.0  # only ends what never comes: a busy machine may need long


@dataclass
class Shown:
    """A message on the visitor's screen."""

    id: str
    by: str
    data: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def text(self) -> str:
        """What is read, without its formatting."""
        return str(self.data["text"]) if "text" in self.data else "\n".join(words(self.data.get("body", []))).strip()

    @property
    def code(self) -> tuple[str, ...]:
        return tuple(str(node["v"]).rstrip("\n") for node in self.data.get("body", ()) if node.get("t") == "pre")

    @property
    def buttons(self) -> dict[str, str]:
        """Label → what pressing it sends."""
        return {one["label"]: one.get("value", "") for row in self.data.get("buttons", ()) for one in row}

    @property
    def options(self) -> dict[str, str]:
        """Label → value of everything its menus offer."""
        return {one["label"]: one["value"] for select in self.data.get("selects", ()) for one in select["options"]}


def words(nodes: list[Any]) -> list[str]:
    """The text of a tree, one string for each block."""
    return [_inline(node) for node in nodes]


def _inline(node: Any) -> str:
    if isinstance(node, str):
        return node
    fields = cast("dict[str, Any]", node)
    if fields["t"] == "br":
        return "\n"
    if fields["t"] == "pre":
        return str(fields["v"]).rstrip("\n")
    between = "\n" if fields["t"] in ("ul", "ol", "blockquote", "table") else ""
    return between.join(_inline(child) for child in fields.get("c", ()))


class Visitor:
    """Writes and listens. Everything it sees is in `screen`, oldest first by the times it was told.

    Args:
        base: address of the channel, ending in a slash.
        origin: of the site it looks at.
        identity: what the site's backend says of it.
    """

    def __init__(self, base: str, *, origin: str, identity: str = ""):
        self.base = base
        self.origin = origin
        self.identity = identity
        self.id = ""
        self.token = ""
        self.config: dict[str, Any] = {}
        self.screen: dict[str, Shown] = {}
        self.last_id = ""
        self.resets = 0
        self.told: Counter[str] = Counter()
        """How often it was told of each message and each press, by their ids."""
        self.ended = False
        """Its ticket ended while it listened."""
        self.typed = 0
        self.farewells = 0
        """How often the server ended a stream."""
        self.acknowledged: list[str] = []
        self.forms: list[dict[str, Any]] = []
        """Forms that were opened: `{"id", "press", "form"}` each."""
        self.sent: list[dict[str, Any]] = []
        """Bodies of what it did, to do it again."""
        self.cut_after_next = False
        """The connection breaks right after the next message."""
        self._client = httpx.AsyncClient(base_url=base, timeout=_REAL_PATIENCE_S, trust_env=False)
        self._listening: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.begin()
        self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self.leave()
        await self._client.aclose()

    # --- deeds ----------------------------------------------------------------------------------------------

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request as the browser makes it; `body` bytes go as they are."""
        sent = {"origin": self.origin, **({"authorization": f"Bearer {self.token}"} if self.token else {})}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        return await self._client.post(path, content=content, headers={k: v for k, v in sent.items() if v})

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(path)

    async def begin(self, *, begin: bool = True) -> None:
        """Become somebody, or the same as before."""
        answer = await self.post("session", {"token": self.token, "identity": self.identity, "begin": begin})
        answer.raise_for_status()
        told = answer.json()
        self.config = told["config"]
        self.id, self.token = told.get("visitor", ""), told.get("token", "")

    async def do(self, kind: str, *, id: str = "", **more: Any) -> httpx.Response:  # noqa: A002 - as on the wire
        body = {"kind": kind, "id": id or uuid4().hex, "locale": "en", **more}
        self.sent.append(body)
        return await self.post("send", body)

    async def say(self, text: str, **more: Any) -> str:
        """Write a message; durable when this returns."""
        answer = await self.do("message", text=text, **more)
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def press(self, label: str) -> str:
        """Press the newest button of that label."""
        shown = next(one for one in reversed(self.messages("bot")) if label in one.buttons)
        answer = await self.do("press", target=shown.id, value=shown.buttons[label])
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def again(self) -> httpx.Response:
        """Do the last thing once more, as after a lost answer."""
        return await self.post("send", self.sent[-1])

    async def upload(self, data: bytes, *, name: str = "a.txt", mime: str = "text/plain") -> str:
        """Its ticket."""
        answer = await self.post("upload", data, content_type=mime, x_file_name=quote(name))
        answer.raise_for_status()
        return str(answer.json()["file"])

    # --- sight ----------------------------------------------------------------------------------------------

    def messages(self, by: str = "") -> list[Shown]:
        found = [one for one in self.screen.values() if not by or one.by == by]
        return sorted(found, key=lambda one: one.data["at"])

    def texts(self) -> list[str]:
        """What the bot said, as it stands."""
        return [one.text for one in self.messages("bot")]

    async def until(self, found: Callable[[], Any]) -> Any:
        """Wait for a sight; returns it."""
        async with asyncio.timeout(_REAL_PATIENCE_S):
            while not (value := found()):
                self._changed.clear()
                await self._changed.wait()
        return value

    @property
    def listening(self) -> bool:
        return self._listening is not None

    def listen(self, *, forget: bool = False) -> None:
        """Connect, going on after the last frame seen; `forget`: as after a reload of the page."""
        if forget:
            self.last_id = ""
            self.screen.clear()
        self._listening = asyncio.create_task(self._listen())

    async def leave(self) -> None:
        """The network breaks, or the tab is closed."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait((self._listening,))
            self._listening = None

    async def _listen(self) -> None:
        """One connection after the other."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                await self._follow()
            await asyncio.sleep(0.02)

    async def _follow(self) -> None:
        headers = {"origin": self.origin, "authorization": f"Bearer {self.token}"}
        if self.last_id:
            headers["last-event-id"] = self.last_id
        async with self._client.stream("POST", "events", headers=headers) as answer:
            if answer.status_code != 200:
                return
            rest = ""
            async for text in answer.aiter_text():
                *blocks, rest = (rest + text).split("\n\n")
                for block in blocks:
                    self._frame(dict(line.split(": ", 1) for line in block.split("\n") if ": " in line))
                    if self.cut_after_next and "\nevent: message" in f"\n{block}":
                        self.cut_after_next = False
                        return

    def _frame(self, fields: dict[str, str]) -> None:
        data = json.loads(fields.get("data", "{}"))
        self.last_id = fields.get("id", self.last_id)
        match fields.get("event", ""):
            case "reset":
                self.resets += 1
                self.screen = {one["id"]: Shown(one["id"], one["by"], one) for one in data["messages"]}
            case "message":
                self._message(data)
            case "live":
                if data["id"] in self.screen:
                    self.screen[data["id"]].data |= data
            case "typing":
                self.typed += 1
            case "ended":
                self.ended = True
            case "bye":
                self.farewells += 1
            case "ack":
                self.acknowledged.append(data["id"])
            case "form":
                self.forms.append(data)
            case _:
                pass
        for one in data.get("messages", [data]):
            self.told[str(one.get("id", ""))] += 1
        self._changed.set()

    def _message(self, data: dict[str, Any]) -> None:
        known = self.screen.get(data["id"])
        if "by" not in data:
            if known is not None:
                known.data |= data
            return
        if known is not None and known.by == "bot" and data.get("live"):
            return  # a stored beginning; more of it has been seen
        self.screen[data["id"]] = Shown(data["id"], data["by"], data)
