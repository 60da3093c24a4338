"""Stores in memory for tests of the app."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from botkit.core.errors import Conflict
from botkit.core.stores import Revision


class MemoryRevisions:
    """`Revisions` without a database; `acts` are the activations in order."""

    def __init__(self) -> None:
        self._saved: dict[str, Revision] = {}
        self.acts: list[tuple[str, str, str]] = []

    async def save(self, revision: Revision) -> None:
        self._saved.setdefault(revision.id, revision)

    async def activate(self, revision_id: str, *, actor: str, via: str) -> None:
        self.acts.append((revision_id, actor, via))

    async def active(self) -> Revision | None:
        return self._saved[self.acts[-1][0]] if self.acts else None

    async def get(self, revision_id: str) -> Revision | None:
        found = [revision for key, revision in self._saved.items() if key.startswith(revision_id)]
        if len(found) > 1:
            raise Conflict(f"`{revision_id}` names {len(found)} revisions; give more of it")
        return found[0] if found else None

    async def list(self, limit: int = 50) -> Sequence[Revision]:
        activated = list(dict.fromkeys(reversed([act[0] for act in self.acts])))
        ids = [*activated, *(key for key in self._saved if key not in activated)]
        return [msgspec.structs.replace(self._saved[key], files={}) for key in ids][:limit]
