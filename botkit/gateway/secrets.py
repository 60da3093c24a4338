"""Secrets at rest: sealed values, opened only for the request that needs them.

Each value has a data key of its own, wrapped by the master key (AES-256-GCM both). What is authenticated beside the
ciphertext names scope, name and version, so a row moved to another place, or an older one put back under a newer
version, does not open. Changing the master key rewraps the small data keys and never touches the values.

Scopes, the nearest first: `person:{id}`, `workspace:{slug}`, `server:{name}`, `instance`.

The envelopes themselves are in `botkit.gateway.envelope`.
"""

from __future__ import annotations

__all__ = ["INSTANCE", "MemorySecrets", "Vault", "normal_name", "scopes_for"]

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from botkit.core.clock import Clock
from botkit.core.errors import NotFound, SecretError
from botkit.core.stores import SecretRow, SecretStore
from botkit.gateway.envelope import Damaged, bound, new_data_key, seal, unseal, unwrap, wrap
from botkit.gateway.keys import KeyProvider, MasterKey
from botkit.gateway.redact import SecretRedactor

INSTANCE = "instance"
_VALUE_LIMIT_BYTES = 32 * 1024


def normal_name(name: str) -> str:
    """The name under which a secret is stored: `my.api.key` → `MY_API_KEY`.

    Raises:
        SecretError: nothing is left of it.
    """
    normal = re.sub(r"[^A-Z0-9]", "_", name.strip().upper())
    if not normal.strip("_") or len(normal) > 100:
        raise SecretError("A secret's name has letters, digits and underscores, such as GITHUB_TOKEN.")
    return normal


def scopes_for(*, workspace: str = "", server: str = "", person: str = "") -> tuple[str, ...]:
    """Where a secret is looked for, the nearest scope first."""
    found = [("person", person), ("workspace", workspace), ("server", server)]
    return (*(f"{kind}:{name}" for kind, name in found if name), INSTANCE)


class Vault:
    """Seals, opens and rotates. Values it opens are known to the redactor from then on."""

    def __init__(self, store: SecretStore, keys: KeyProvider, redactor: SecretRedactor, clock: Clock):
        self._store = store
        self._keys = keys
        self._redactor = redactor
        self._clock = clock
        self._writing = asyncio.Lock()
        self.on_change: Callable[[str], None] = lambda _: None
        """Called with the name of a secret that was set or deleted."""

    async def put(self, scope: str, name: str, value: str) -> int:
        """Store a value, or replace it: that is how a value is rotated. Takes effect with the next call.

        Returns its version. Raises `SecretError` for an empty or huge value.
        """
        if not value:
            raise SecretError("The value is empty; delete the secret instead.")
        if len(value.encode()) > _VALUE_LIMIT_BYTES:
            raise SecretError(f"The value is larger than {_VALUE_LIMIT_BYTES // 1024} KiB.")
        name = normal_name(name)
        now = self._clock.micros()
        async with self._writing:
            earlier = await self._store.get(scope, name)
            row = self._seal(
                value,
                scope=scope,
                name=name,
                version=earlier.version + 1 if earlier else 1,
                created_at=earlier.created_at if earlier else now,
                updated_at=now,
            )
            await self._store.put(row)
        self._redactor.add(value)
        self.on_change(name)
        return row.version

    async def reveal(self, scope: str, name: str) -> str:
        """Open one value.

        Raises:
            NotFound: there is none.
            SecretError: this master key does not open it, or the row was changed.
        """
        row = await self._store.get(scope, normal_name(name))
        if row is None:
            raise NotFound(f"There is no secret {normal_name(name)} in {scope}.")
        return await self._open_fresh(row)

    async def find(self, name: str, scopes: Sequence[str]) -> str | None:
        """The value from the nearest scope that has one, or None. Raises `SecretError` as `reveal`."""
        found = await self.locate(name, scopes)
        return found[1] if found is not None else None

    async def locate(self, name: str, scopes: Sequence[str]) -> tuple[str, str] | None:
        """The nearest scope that has the secret, and its value there. Raises `SecretError` as `reveal`."""
        name = normal_name(name)
        for scope in scopes:
            if (row := await self._store.get(scope, name)) is not None:
                return scope, await self._open_fresh(row)
        return None

    async def _open_fresh(self, row: SecretRow) -> str:
        """Open a row that was just read. A rotation may have ended since, and its key be gone: then it is read anew."""
        try:
            return self._open(row)
        except SecretError:
            fresh = await self._store.get(row.scope, row.name)
            if fresh is None or fresh.key_id == row.key_id:
                raise
            return self._open(fresh)

    async def resolve(self, names: Iterable[str], scopes: Sequence[str]) -> dict[str, str]:
        """The values a call needs, by name.

        Raises:
            SecretError: one is missing or does not open. Nothing is sent without a secret it needs.
        """
        values: dict[str, str] = {}
        for name in names:
            value = await self.find(name, scopes)
            if value is None:
                places = " or ".join(scopes)
                raise SecretError(
                    f"The secret {normal_name(name)} is not set in {places}. "
                    f"Store it with `botkit secrets set {normal_name(name)}`.",
                    secret=normal_name(name),
                )
            values[name] = value
        return values

    async def list(self, scope: str = "") -> Sequence[SecretRow]:
        """Sealed rows: names and dates, never values."""
        return await self._store.list(scope)

    async def delete(self, scope: str, name: str) -> bool:
        deleted = await self._store.delete(scope, normal_name(name))
        self.on_change(normal_name(name))
        return deleted

    async def learn(self) -> int:
        """Open everything once, so that the redactor knows it and a wrong master key shows at start.

        Returns how many values were opened. Raises `SecretError` at the first that does not open.
        """
        rows = await self._store.list("")
        for row in rows:
            await self._open_fresh(row)
        return len(rows)

    async def rewrap(self) -> int:
        """Wrap every data key with the current master key. Repeating is safe; reading goes on meanwhile.

        Returns how many rows changed. When it returns, the former keys are needed no more.
        """
        current = self._keys.known()[0]
        changed = 0
        async with self._writing:  # a value sealed with the former key a moment ago is stored when we look
            everything = await self._store.list("")
        for listed in everything:
            async with self._writing:  # or a value set meanwhile would be overwritten by its predecessor
                row = await self._store.get(listed.scope, listed.name)
                if row is not None and row.key_id != current.id:
                    await self._store.put(_with_key(row, current, self._unwrap(row)))
                    changed += 1
        return changed

    def _seal(self, value: str, *, scope: str, name: str, version: int, created_at: int, updated_at: int) -> SecretRow:
        data_key = new_data_key()
        nonce, ciphertext = seal(data_key, value.encode(), _bound("value", scope, name, version))
        row = SecretRow(
            scope=scope,
            name=name,
            version=version,
            key_id="",
            wrapped_key=b"",
            nonce=nonce,
            ciphertext=ciphertext,
            created_at=created_at,
            updated_at=updated_at,
        )
        return _with_key(row, self._keys.known()[0], data_key)

    def _open(self, row: SecretRow) -> str:
        context = _bound("value", row.scope, row.name, row.version)
        try:
            raw = unseal(self._unwrap(row), row.nonce, row.ciphertext, context)
        except Damaged as error:
            raise _damaged(row) from error
        value = raw.decode()
        self._redactor.add(value)
        return value

    def _unwrap(self, row: SecretRow) -> bytes:
        key = next((key for key in self._keys.known() if key.id == row.key_id), None)
        if key is None:
            raise SecretError(
                f"The secret {row.name} was sealed with master key {row.key_id}, which is not here. Restore that key "
                "as BOTKIT_MASTER_KEY (or the master.key file of the home), or set the secret again.",
                secret=row.name,
                key_id=row.key_id,
            )
        try:
            return unwrap(key, row.wrapped_key, _bound("key", row.scope, row.name, row.version))
        except Damaged as error:
            raise _damaged(row) from error


class MemorySecrets:
    """A `SecretStore` without a database."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], SecretRow] = {}

    async def put(self, row: SecretRow) -> None:
        self._rows[row.scope, row.name] = row

    async def get(self, scope: str, name: str) -> SecretRow | None:
        return self._rows.get((scope, name))

    async def list(self, scope: str = "") -> Sequence[SecretRow]:
        rows = sorted(self._rows.values(), key=lambda row: (row.scope, row.name))
        return [row for row in rows if scope in ("", row.scope)]

    async def delete(self, scope: str, name: str) -> bool:
        return self._rows.pop((scope, name), None) is not None


def _bound(layer: str, scope: str, name: str, version: int) -> bytes:
    return bound("botkit.secret.1", layer, scope, name, version)


def _with_key(row: SecretRow, master: MasterKey, data_key: bytes) -> SecretRow:
    wrapped = wrap(master, data_key, _bound("key", row.scope, row.name, row.version))
    return msgspec.structs.replace(row, key_id=master.id, wrapped_key=wrapped)


def _damaged(row: SecretRow) -> SecretError:
    return SecretError(
        f"The stored secret {row.name} ({row.scope}) was changed or damaged and is not used. Set it again.",
        secret=row.name,
    )
