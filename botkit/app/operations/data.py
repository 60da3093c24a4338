"""What is stored about people, and copies of everything."""

from __future__ import annotations

__all__ = ["DataOperations"]

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from botkit.app.operations.calls import shown_payload
from botkit.core.errors import Conflict, NotFound, SecretError
from botkit.core.stores import Erased, Person

if TYPE_CHECKING:
    from botkit.app.instance import Instance


_PAYLOADS = "call_payloads"


class DataOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def export(self, *, person: str) -> AsyncGenerator[dict[str, Any]]:
        """Everything stored about a person, one record at a time, each with its `table`.

        What their calls carried is opened (`arguments`, `result` …); an `error` says where that is not possible.
        """
        found = await self._find(person)
        async for record in self._i.store.lifecycle.export_person(found.id):
            if record["table"] == _PAYLOADS:
                yield {**record, **await self._carried(record["call_id"])}
            else:
                yield record

    async def person(self, *, person: str) -> Person:
        """Who is meant: by id, name, or `channel:user`. Raises `NotFound`, `Conflict`."""
        return await self._find(person)

    async def erase(self, *, person: str, by: str) -> Erased:
        """Really delete a person's messages, runs, files and secrets; the call log keeps rows without them."""
        found = await self._find(person)
        erased = await self._i.store.lifecycle.erase_person(found.id, actor=by)
        self._i.engine.people_changed()
        return erased

    async def _carried(self, call_id: str) -> dict[str, Any]:
        try:
            row = await self._i.payloads.find(call_id)
            opened = shown_payload(row, await self._i.payloads.reveal(row))
        except (NotFound, SecretError) as error:  # deleted meanwhile, or its key is gone
            return {"error": str(error)}
        return {name: value for name, value in to_builtins(opened).items() if value not in (None, {})}

    async def _find(self, reference: str) -> Person:
        direct = await self._i.store.people.get(reference)
        if direct is not None:
            return direct
        wanted = reference.casefold()
        found = [
            person
            for person in await self._i.store.people.list()
            if wanted == person.name.casefold()
            or person.id.startswith(reference)
            or any(reference == f"{channel}:{user}" for channel, user in person.identities)
        ]
        if not found:
            raise NotFound(f"nobody is known as `{reference}`: give a person's id, name, or CHANNEL:USER")
        if len(found) > 1:
            ids = ", ".join(person.id for person in found)
            raise Conflict(f"`{reference}` could be any of {ids}; give the id")
        return found[0]
