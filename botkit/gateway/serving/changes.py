"""Who is told that a list changed, or a resource, and when: at once, and only those of that workspace."""

from __future__ import annotations

__all__ = ["Change", "Changes", "Listener"]

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from botkit.gateway.face import marks_of
from botkit.gateway.pipeline import Gateway

ChangeKind = Literal["tools", "prompts", "resources", "resource", "asked"]
_LISTS: tuple[Literal["tools", "prompts", "resources"], ...] = ("tools", "prompts", "resources")
_METHODS: dict[ChangeKind, str] = {
    "tools": "notifications/tools/list_changed",
    "prompts": "notifications/prompts/list_changed",
    "resources": "notifications/resources/list_changed",
    "resource": "notifications/resources/updated",
    "asked": "notifications/elicitation/complete",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What changed: a list, a resource of a server, or a question that a person answered elsewhere."""

    kind: ChangeKind
    server: str = ""
    name: str = ""
    """The server's own URI of the resource, or the id of the question."""

    @property
    def method(self) -> str:
        """The notification that says so."""
        return _METHODS[self.kind]


Listener = Callable[[Change], None]


class Changes:
    """Watches the gateway for as long as somebody listens. Listeners must not raise."""

    def __init__(self, gateway: Gateway):
        self._gateway = gateway
        self._listeners: dict[str, dict[object, Listener]] = {}
        self._seen: dict[str, tuple[Any, ...]] = {}
        """By workspace: what its lists were when somebody was last told."""
        self._planned = False
        gateway.fleet.catalogue.on_change = self._plan
        gateway.fleet.on_news = self._news

    def listen(self, workspace: str, listener: Listener) -> Callable[[], None]:
        """Hear of every change in a workspace from now on. Returns how to stop."""
        token = object()
        here = self._listeners.setdefault(workspace, {})
        if not here:
            self._seen[workspace] = self._marks(workspace)
        here[token] = listener

        def stop() -> None:
            here.pop(token, None)
            if not here and self._listeners.get(workspace) is here:
                del self._listeners[workspace]
                self._seen.pop(workspace, None)

        return stop

    def __len__(self) -> int:
        return sum(len(here) for here in self._listeners.values())

    def _plan(self) -> None:
        """Several changes of one moment are one."""
        if not self._planned and self._listeners:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._planned = False
        for workspace in list(self._listeners):
            before, now = self._seen.get(workspace), self._marks(workspace)
            self._seen[workspace] = now
            for kind, old, new in zip(_LISTS, before or (), now, strict=False):
                if old != new:
                    self._tell(workspace, Change(kind))

    def _news(self, kind: Literal["resource", "asked"], server: str, name: str) -> None:
        for workspace in list(self._listeners):
            self._tell(workspace, Change(kind, server, name))

    def _tell(self, workspace: str, change: Change) -> None:
        for listener in list(self._listeners.get(workspace, {}).values()):
            listener(change)

    def _marks(self, workspace: str) -> tuple[Any, ...]:
        return marks_of(self._gateway.fleet.settings, self._gateway.fleet.catalogue, workspace)
