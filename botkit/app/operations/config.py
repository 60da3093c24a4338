"""The configuration: what runs, what is on disk, and moving between them."""

from __future__ import annotations

__all__ = ["ConfigOperations"]

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from botkit.app.revisions import Applied, ConfigState
from botkit.core.stores import Revision

if TYPE_CHECKING:
    from botkit.app.instance import Instance


class ConfigOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def state(self) -> ConfigState:
        return await self._i.configs.state()

    async def tools(self) -> Mapping[str, Sequence[str]]:
        """Tools by server, as the servers told them last."""
        from botkit.app.workflows import tools_of

        return tools_of(await self._i.store.catalog.load())

    async def active(self) -> Revision | None:
        """The revision that runs, with its files."""
        return await self._i.store.revisions.active()

    async def revisions(self, *, limit: int = 20) -> Sequence[Revision]:
        """Newest activation first, without files."""
        return await self._i.store.revisions.list(limit)

    async def revision(self, *, revision: str) -> Revision | None:
        """By id or unambiguous beginning, with its files."""
        return await self._i.store.revisions.get(revision)

    async def apply(self, *, by: str, via: str = "cli") -> Applied:
        """Make the file on disk what runs. Raises `ConfigError` with every mistake; then nothing changed."""
        return await self._i.configs.apply(actor=by, via=via)

    async def rollback(self, *, by: str, revision: str = "", via: str = "cli") -> Applied:
        """Go back to an older revision: rewrite the files and apply them."""
        return await self._i.configs.rollback(revision, actor=by, via=via)
