"""People's own accounts: a private link to a form or a login, and who may use what came of it.

A link is sealed text: it names the server and the person, is good for a quarter of an hour, and once. What is entered
there is stored in the person's own scope (`person:ada`), which only calls on that person's behalf look into.
"""

from __future__ import annotations

__all__ = ["CONNECT_PATH", "Connections", "Invitation", "NotConnected", "personal_secrets"]

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import Conflict, InvalidArguments, NotFound, SecretError
from botkit.gateway.remote.oauth import OAuth, Seal
from botkit.gateway.secrets import Vault, normal_name
from botkit.gateway.settings import RemoteSettings, ServerSettings

CONNECT_PATH = "/connect"
_LINK_S = 900.0
_PURPOSE = ("connect", "link")


class NotConnected(SecretError):
    """The person has no account of their own there yet."""

    code = "not_connected"

    def __init__(self, message: str, *, link: str = "", **facts: Any):
        super().__init__(message, **facts)
        self.link = link
        """The private address that the message names; empty while this instance has none."""


class Invitation(Data):
    """What a link is good for."""

    server: str
    owner: str
    """Scope of the person, such as `person:ada`."""
    at: int
    """Microseconds, UTC."""


def personal_secrets(server: ServerSettings) -> tuple[str, ...]:
    """Names of the secrets each person has of their own at this server."""
    return tuple(dict.fromkeys(normal_name(rule.secret) for rule in server.inject if rule.person))


class Connections:
    """Links to connect accounts, and what people entered behind them.

    Args:
        base_url: where the outside reaches this instance; empty while it does not.
        find: a server by its name.
    """

    def __init__(
        self,
        vault: Vault,
        seal: Seal,
        oauth: OAuth,
        clock: Clock,
        base_url: Callable[[], str],
        find: Callable[[str], ServerSettings | None],
    ):
        self.oauth = oauth
        self._vault = vault
        self._seal = seal
        self._clock = clock
        self._base_url = base_url
        self._find = find
        self._using = asyncio.Lock()
        self.on_connected: Callable[[str, str], Awaitable[None]] = _unnoticed
        """Called with server and owner when an account was connected."""

    def link(self, server: str, owner: str) -> str:
        """A private address for this person; empty while this instance has none itself."""
        base = self._base_url().rstrip("/")
        if not base:
            return ""
        invitation = Invitation(server=server, owner=owner, at=self._clock.micros())
        sealed = self._seal.seal(msgspec.json.encode(invitation).decode(), _PURPOSE, _LINK_S)
        return f"{base}{CONNECT_PATH}/{quote(sealed, safe='')}"

    def not_connected(self, server: str, owner: str) -> NotConnected:
        """The refusal of a call, for the model to pass on."""
        link = self.link(server, owner)
        if not link:
            return NotConnected(f"{server} needs an account of the person's own, and none is connected.", server=server)
        return NotConnected(
            f"{server} needs the person's own account, which is not connected yet. Give them this private link, which "
            f"works once within 15 minutes, and call again when they say that it is done: {link}",
            server=server,
            link=link,
        )

    def read(self, sealed: str) -> tuple[Invitation, ServerSettings]:
        """What a link is good for.

        Raises:
            NotFound: it is damaged or too old, or its server is gone.
        """
        text = self._seal.unseal(sealed, _PURPOSE)
        invitation = msgspec.json.decode(text, type=Invitation) if text is not None else None
        server = self._find(invitation.server) if invitation is not None else None
        if invitation is None or server is None:
            raise NotFound("This link is not valid any more. Ask for a new one.")
        return invitation, server

    async def store(self, sealed: str, values: Mapping[str, str]) -> str:
        """Keep what the person entered. Returns the server's name.

        Raises:
            NotFound: as `read`.
            Conflict: the link was used already.
            InvalidArguments: a field is empty.
        """
        invitation, server = self.read(sealed)
        names = personal_secrets(server)
        if not names or any(not values.get(name, "").strip() for name in names):
            raise InvalidArguments("Please fill in every field.")
        async with self._using:
            await self._unused(invitation, names)
            for name in names:
                await self._vault.put(invitation.owner, name, values[name].strip())
        await self.on_connected(server.name, invitation.owner)
        return server.name

    async def login(self, sealed: str) -> str:
        """Where the person logs in, for a server with OAuth. Raises as `read`, and as `OAuth.begin`."""
        invitation, server = self.read(sealed)
        if not isinstance(server, RemoteSettings):
            raise NotFound("This link is not valid any more. Ask for a new one.")
        return await self.oauth.begin(server, invitation.owner)

    async def finish(self, parameters: Mapping[str, str]) -> str:
        """The browser came back from a login. Returns the server's name. Raises as `OAuth.finish`."""

        def remote(name: str) -> RemoteSettings | None:
            found = self._find(name)
            return found if isinstance(found, RemoteSettings) else None

        server, owner = await self.oauth.finish(parameters, remote)
        await self.on_connected(server, owner)
        return server

    async def _unused(self, invitation: Invitation, names: tuple[str, ...]) -> None:
        """A link is used up once something was stored after it was made: that survives a restart."""
        for row in await self._vault.list(invitation.owner):
            if row.name in names and row.updated_at >= invitation.at:
                raise Conflict("This link was used already. Ask for a new one.")


async def _unnoticed(server: str, owner: str) -> None:
    return None
