"""The page's port, filled with the operations every command uses."""

from __future__ import annotations

__all__ = ["PageApi"]

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal

from botkit.app.operations import Operations
from botkit.core.console import ChatEntry, Overview, Sent, TraceView, WaitView
from botkit.core.events import Attachment
from botkit.core.live import LiveEvent
from botkit.core.stores import RunSummary

_ACTOR = "operator"
_VIA = "page"


class PageApi:
    """Implements `botkit.core.console.ConsoleApi`."""

    def __init__(self, operations: Operations):
        self._ops = operations

    async def overview(self) -> Overview:
        return await self._ops.process.overview()

    async def attach(self, name: str, data: bytes) -> Attachment:
        return await self._ops.chat.attach(name=name, data=data)

    async def send(
        self,
        room: str,
        *,
        bot: str,
        person: str,
        text: str,
        message_id: str = "",
        files: Sequence[Attachment] = (),
    ) -> Sent:
        return await self._ops.chat.send(
            room=room, bot=bot, person=person, text=text, message_id=message_id, files=files
        )

    async def press(self, room: str, *, bot: str, person: str, value: str, message_id: str = "") -> Sent:
        return await self._ops.chat.press(room=room, bot=bot, person=person, value=value, message_id=message_id)

    @asynccontextmanager
    async def watch(self, room: str) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        async with self._ops.chat.watching(room) as events, aclosing(events):
            yield events

    async def history(self, room: str, *, limit: int = 100) -> Sequence[ChatEntry]:
        return await self._ops.chat.history(room=room, limit=limit)

    async def stop(self, room: str, *, bot: str, person: str) -> None:
        await self._ops.chat.stop(room=room, bot=bot, person=person)

    async def runs(
        self, *, bot: str = "", state: str = "", conversation: str = "", limit: int = 50, before: str = ""
    ) -> Sequence[RunSummary]:
        return await self._ops.runs.list(bot=bot, state=state, conversation=conversation, limit=limit, before=before)

    async def trace(self, run_id: str) -> TraceView:
        return await self._ops.runs.show(run=run_id)

    async def waits(self) -> Sequence[WaitView]:
        return await self._ops.approvals.list()

    async def decide(self, wait_id: str, *, approved: bool, comment: str = "") -> WaitView:
        return await self._ops.approvals.decide(wait=wait_id, approved=approved, comment=comment, by=_ACTOR, via=_VIA)

    async def answer(self, wait_id: str, *, fields: Mapping[str, Any]) -> WaitView:
        return await self._ops.approvals.answer(wait=wait_id, fields=fields, by=_ACTOR, via=_VIA)

    async def resolve(self, wait_id: str, *, action: Literal["retry", "result", "fail"], text: str = "") -> WaitView:
        return await self._ops.approvals.resolve(wait=wait_id, action=action, text=text, by=_ACTOR, via=_VIA)

    async def cancel(self, run_id: str) -> None:
        await self._ops.runs.cancel(run=run_id, by=_ACTOR, via=_VIA)
