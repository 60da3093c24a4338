"""The vault of a running process: stored secrets, and beneath them the process's own variables.

An operator who keeps secrets in the environment (a container platform, `.env` on a laptop) needs no second
place: `{secret: TELEGRAM_TOKEN}` finds the variable of that name when nothing is stored.
"""

from __future__ import annotations

__all__ = ["ENVIRONMENT", "ProcessVault"]

import asyncio
import os
from collections.abc import Mapping, Sequence

from botkit.core.clock import Clock
from botkit.core.errors import SecretError
from botkit.core.stores import SecretStore
from botkit.gateway.keys import KEY_BYTES, FileKeys, KeyProvider
from botkit.gateway.payloads import PayloadBook
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.secrets import INSTANCE, Vault, normal_name, scopes_for

ENVIRONMENT = "environment"
"""Where a secret comes from that is a variable of the process."""


class ProcessVault(Vault):
    """A `Vault` whose last resort for secrets of the instance is the environment."""

    def __init__(
        self,
        store: SecretStore,
        keys: KeyProvider,
        redactor: SecretRedactor,
        clock: Clock,
        *,
        variables: Mapping[str, str] = os.environ,
        payloads: PayloadBook | None = None,
    ):
        """Args: payloads: wrapped anew together with the secrets."""
        super().__init__(store, keys, redactor, clock)
        self._master = keys
        self._variables = variables
        self._payloads = payloads
        self._rotating = asyncio.Lock()
        self._learn = redactor.add

    async def locate(self, name: str, scopes: Sequence[str]) -> tuple[str, str] | None:
        """As `Vault.locate`; the last scope is called `environment`."""
        found = await super().locate(name, scopes)
        if found is None and INSTANCE in scopes and (value := self._variables.get(normal_name(name))):
            self._learn(value)
            return ENVIRONMENT, value
        return found

    async def has(self, name: str) -> bool:
        """Whether the instance has this secret and can open it."""
        try:
            return await self.find(name, (INSTANCE,)) is not None
        except SecretError:
            return False

    async def instance(self, name: str) -> str:
        """A secret of the instance. Raises `SecretError` when it is missing or does not open."""
        return (await self.resolve([name], (INSTANCE,)))[name]

    async def for_workspace(self, name: str, workspace: str) -> str | None:
        """A secret as a workspace has it: its own, else that of the instance. Raises `SecretError` as `find`."""
        return await self.find(name, scopes_for(workspace=workspace))

    async def scope_for(self, name: str, workspace: str) -> str:
        """Where that secret comes from: `workspace:{slug}`, `instance` or `environment`; empty: it is nowhere."""
        found = await self.locate(name, scopes_for(workspace=workspace))
        return found[0] if found is not None else ""

    @staticmethod
    def normal_name(name: str) -> str:
        """The name as it is stored. Raises `SecretError`."""
        return normal_name(name)

    async def rotate_master_key(self) -> tuple[int, int, str]:
        """Wrap every data key with a new master key; (how many secrets, and how many records of calls, were wrapped
        anew, the new key's id).

        With the generated key file a new key is made. With BOTKIT_MASTER_KEY set the new key first (`NEW,OLD`)
        and start again; this then finishes the rotation, and OLD can be dropped.

        Raises:
            SecretError: there is no new key to rotate to.
        """
        async with self._rotating:  # of two at once, one would forget the key of the other
            return await self._rotate(self._master)

    async def _rotate(self, keys: KeyProvider) -> tuple[int, int, str]:
        if isinstance(keys, FileKeys):
            keys.add(os.urandom(KEY_BYTES))
        elif len(keys.known()) < 2:
            raise SecretError(
                "Set BOTKIT_MASTER_KEY to `NEW,OLD`, start botkit again, then repeat this command; "
                "afterwards OLD can be dropped. Make a key with `openssl rand -base64 32`."
            )
        rewrapped = await self.rewrap()
        payloads = await self._payloads.rewrap() if self._payloads is not None else 0
        current = keys.known()[0].id
        if isinstance(keys, FileKeys):
            keys.keep_only(current)
        return rewrapped, payloads, current
