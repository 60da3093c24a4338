"""A database with members, and a gate before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from botkit.core.members import Member, MemberToken
from botkit.gateway.access.gate import TokenGate
from botkit.gateway.access.tokens import make_token, token_digest
from botkit.store.open import Store, open_store
from botkit.testing.clock import ManualClock
from botkit.testing.stores.members import a_member, a_token, an_act


@dataclass
class Door:
    """Two workspaces, whoever is let in, and the gate."""

    store: Store
    clock: ManualClock
    workspaces: set[str] = field(default_factory=lambda: {"desk", "sales"})

    def __post_init__(self) -> None:
        self.gate = TokenGate(self.store.members, self.clock, workspaces=lambda: self.workspaces)

    async def member(self, name: str = "Ada", workspace: str = "desk", **fields: Any) -> Member:
        member = a_member(name, workspace, **fields)
        await self.store.members.add(member, audit=an_act())
        return member

    async def token(self, member: Member, **fields: Any) -> tuple[str, MemberToken]:
        text = make_token(member.name)
        token = a_token(member, **fields)
        await self.store.members.add_token(token, token_digest(text), audit=an_act())
        return text, token

    async def revoke(self, token: MemberToken) -> None:
        """As another process would: nobody here is told."""
        at = self.clock.micros()
        await self.store.members.revoke_token(token.id, by="operator", at=at, audit=an_act())


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    clock = ManualClock()
    async with open_store(tmp_path / "home", clock=clock, synchronous="normal") as store:
        yield Door(store, clock)
