"""What bots keep in mind, and what they say later."""

from __future__ import annotations

__all__ = ["MemoryOperations", "PlannedView", "ScheduleOperations"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botkit.core.data import Data
from botkit.core.errors import NotFound
from botkit.core.journal import DropTimer
from botkit.core.notes import Note, NoteKey, NoteScope
from botkit.core.outreach import SCHEDULED

if TYPE_CHECKING:
    from botkit.app.instance import Instance


class PlannedView(Data, omit_defaults=False):
    """A message for later."""

    key: str
    """`BOT/KEY`."""
    at: int
    """Microseconds, UTC."""
    to: str = ""
    text: str = ""
    cron: str = ""


class MemoryOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self, *, owner: str, scope: NoteScope = "person") -> Sequence[Note]:
        """What is remembered of a person (id, name or CHANNEL:USER), a conversation or a team."""
        return await self._i.notebook.list(await self._key(owner, scope))

    async def forget(self, *, owner: str, by: str, scope: NoteScope = "person", name: str = "") -> int:
        """Forget one note, or all; how many that were. Raises `NotFound`."""
        key = await self._key(owner, scope)
        gone = await self._i.notebook.drop(key, name)
        if name and not gone:
            raise NotFound(f"there is no note `{name}`")
        await self._i.audit(by=by, via="cli", action="memory.forget", target=f"{scope}:{key.owner}", notes=gone)
        return gone

    async def _key(self, owner: str, scope: NoteScope) -> NoteKey:
        if scope != "person":
            return NoteKey(scope=scope, owner=owner)
        from botkit.app.operations.data import DataOperations

        return NoteKey(owner=(await DataOperations(self._i).person(person=owner)).id)


class ScheduleOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self, *, bot: str = "", limit: int = 50) -> Sequence[PlannedView]:
        """Messages for later, the next first."""
        found: list[PlannedView] = []
        for one in await self._i.store.outreach.planned(bot=bot, limit=limit):
            given: dict[str, Any] = (one.event.signal or {}).get("input") or {}
            said: dict[str, Any] = given.get("message") or {}
            found.append(
                PlannedView(
                    key=one.id.removeprefix(SCHEDULED),
                    at=one.at,
                    to=str(said.get("to") or said.get("person") or ""),
                    text=str(said.get("text") or "")[:200],
                    cron=str(given.get("cron") or ""),
                )
            )
        return found

    async def cancel(self, *, key: str, by: str) -> PlannedView:
        """Take a message back. Raises `NotFound`."""
        id_ = f"{SCHEDULED}{key}"
        planned = await self._i.store.outreach.find_planned(id_)
        if planned is None:
            raise NotFound(f"no message `{key}` waits; see `botkit schedules list`")
        await self._i.store.journal.commit(None, [DropTimer(id=id_)])
        await self._i.audit(by=by, via="cli", action="schedules.cancel", target=key)
        return PlannedView(key=key, at=planned.at)
