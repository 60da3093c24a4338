"""Letting unknown people in."""

from __future__ import annotations

__all__ = ["PairingOperations"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botkit.core.stores import PairingCode

if TYPE_CHECKING:
    from botkit.app.instance import Instance


class PairingOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self) -> Sequence[PairingCode]:
        """Codes that were given out, newest first."""
        return sorted(await self._i.store.pairing.list(), key=lambda code: code.created_at, reverse=True)

    async def approve(self, *, code: str, by: str, via: str = "cli") -> PairingCode:
        """Let the account in that showed this code. Raises `NotFound` for unknown or expired ones."""
        approved = await self._i.store.pairing.approve(code.strip().upper(), by=by)
        self._i.engine.people_changed()
        await self._i.audit(by=by, via=via, action="pairing.approve", target=f"{approved.channel}:{approved.user_id}")
        return approved
