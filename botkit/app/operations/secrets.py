"""Secrets: stored, replaced, listed without their values."""

from __future__ import annotations

__all__ = ["KeyRotation", "SealedSecrets", "SecretInfo", "SecretOperations", "TakenSecrets"]

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from botkit.app.names import INSTANCE
from botkit.core.data import Data
from botkit.core.errors import NotFound
from botkit.core.stores import SecretRow
from botkit.gateway.bundle import Entry, open_bundle, seal_bundle

if TYPE_CHECKING:
    from botkit.app.instance import Instance
    from botkit.core.config import Config


class SecretInfo(Data, omit_defaults=False):
    name: str
    scope: str
    version: int = 0
    """0: bots.yaml asks for it and it is not stored."""
    updated_at: int = 0
    used_by: tuple[str, ...] = ()
    """Places in bots.yaml that ask for it."""
    in_environment: bool = False
    """Not stored, but a variable of that name is set."""


class KeyRotation(Data, omit_defaults=False):
    rewrapped: int
    key_id: str
    payloads: int = 0
    """Records of calls that were wrapped anew too."""


class SealedSecrets(Data, omit_defaults=False):
    """A file for `botkit secrets import`."""

    content: str
    secrets: int


class TakenSecrets(Data, omit_defaults=False):
    stored: int
    kept: int
    """Were stored already and stay as they are."""


class SecretOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def set(self, *, name: str, value: str, by: str, scope: str = INSTANCE, via: str = "cli") -> SecretInfo:
        """Store a value, or replace it. What uses it takes it up at once. Raises `SecretError`."""
        version = await self._i.vault.put(scope, name, value)
        name = self._i.vault.normal_name(name)
        act = "secrets.set" if version == 1 else "secrets.rotate"
        await self._i.audit(by=by, via=via, action=act, target=f"{scope}/{name}", version=version)
        await self._changed(name)
        return SecretInfo(name=name, scope=scope, version=version, updated_at=self._i.clock.micros())

    async def list(self, *, scope: str = "") -> Sequence[SecretInfo]:
        """What is stored and what bots.yaml asks for, never a value."""
        stored = await self._i.vault.list(scope)
        wanted = wanted_secrets(self._i.configs.current)
        found = [_info(row, wanted) for row in stored]
        have = {info.name for info in found if info.scope == INSTANCE}
        missing = [
            SecretInfo(name=name, scope=INSTANCE, used_by=places, in_environment=name in os.environ)
            for name, places in sorted(wanted.items())
            if name not in have and scope in ("", INSTANCE)
        ]
        return [*found, *missing]

    async def delete(self, *, name: str, by: str, scope: str = INSTANCE, via: str = "cli") -> bool:
        """Raises `NotFound`."""
        stored = self._i.vault.normal_name(name)
        if not await self._i.vault.delete(scope, stored):
            raise NotFound(f"there is no secret {stored} in {scope}; see `botkit secrets list`")
        await self._i.audit(by=by, via=via, action="secrets.delete", target=f"{scope}/{stored}")
        await self._changed(stored)
        return True

    async def export(self, *, passphrase: str, by: str, scope: str = "", via: str = "cli") -> SealedSecrets:
        """Every stored secret, or those of one scope, sealed with a passphrase.

        Raises:
            SecretError: one does not open, or the passphrase is too short.
        """
        entries = [
            Entry(scope=row.scope, name=row.name, value=await self._i.vault.reveal(row.scope, row.name))
            for row in await self._i.vault.list(scope)
        ]
        content = await asyncio.to_thread(seal_bundle, entries, passphrase)
        await self._i.audit(by=by, via=via, action="secrets.export", target=scope, secrets=len(entries))
        return SealedSecrets(content=content.decode(), secrets=len(entries))

    async def take(
        self, *, content: str, passphrase: str, by: str, replace: bool = False, via: str = "cli"
    ) -> TakenSecrets:
        """Store what a file of `export` holds. Raises `SecretError` when it does not open; nothing was stored."""
        entries = await asyncio.to_thread(open_bundle, content.encode(), passphrase)
        have = {(row.scope, row.name) for row in await self._i.vault.list("")}
        fresh = [one for one in entries if replace or (one.scope, one.name) not in have]
        for one in fresh:
            await self._i.vault.put(one.scope, one.name, one.value)
        kept = len(entries) - len(fresh)
        await self._i.audit(by=by, via=via, action="secrets.import", stored=len(fresh), kept=kept)
        for name in {one.name for one in fresh}:
            await self._changed(name)
        return TakenSecrets(stored=len(fresh), kept=kept)

    async def rotate_master_key(self, *, by: str, via: str = "cli") -> KeyRotation:
        """Wrap every data key with a new master key; values and their versions stay as they are."""
        rewrapped, payloads, key = await self._i.vault.rotate_master_key()
        counted = {"rewrapped": rewrapped, **({"payloads": payloads} if payloads else {})}
        await self._i.audit(by=by, via=via, action="secrets.rotate_master_key", target=key, **counted)
        return KeyRotation(rewrapped=rewrapped, key_id=key, payloads=payloads)

    async def _changed(self, name: str) -> None:
        await self._i.channels.secrets_changed(name)


def wanted_secrets(config: Config) -> Mapping[str, tuple[str, ...]]:
    """Every `{secret: NAME}` of a configuration: name → the places that ask for it."""
    found: dict[str, list[str]] = {}
    _collect(config.model_dump(mode="json", by_alias=True), "", found)
    return {name: tuple(places) for name, places in found.items()}


def _collect(value: object, path: str, found: dict[str, list[str]]) -> None:
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        name = entries.get("secret")
        if len(entries) == 1 and isinstance(name, str):
            found.setdefault(name, []).append(path)
        for key, item in entries.items():
            _collect(item, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            _collect(item, f"{path}.{index}", found)


def _info(row: SecretRow, wanted: Mapping[str, tuple[str, ...]]) -> SecretInfo:
    return SecretInfo(
        name=row.name,
        scope=row.scope,
        version=row.version,
        updated_at=row.updated_at,
        used_by=wanted.get(row.name, ()),
    )
