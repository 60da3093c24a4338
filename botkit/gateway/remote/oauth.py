"""Tokens for remote servers by OAuth 2.1: got by a person's login or by botkit's own, kept sealed, renewed in time.

    begin(server, owner) → an address for the person's browser → … → finish(parameters of the callback)
    header(server, owner) → "Bearer …" for each request

What travels through the browser is a sealed state: it names server, owner and issuer, carries the PKCE verifier, is
good for a few minutes, and once. Tokens are secrets named after the resource, which hold their issuer, in the scope of
their owner, so nobody else's calls find them. Renewals of one token happen one at a time.

Sources: https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1, RFC 7636 (PKCE), RFC 8707 (resource indicators),
RFC 9207 (issuer identification)
"""

from __future__ import annotations

__all__ = ["CALLBACK_PATH", "CLIENT_PATH", "LoginNeeded", "OAuth", "Seal", "client_document"]

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode, urlsplit

import msgspec

from botkit.core.clock import Clock
from botkit.core.data import Data
from botkit.core.errors import InvalidArguments, NotFound, SecretError, ToolUnavailable
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.remote.authority import Authority, Client, Tokens
from botkit.gateway.remote.guard import Resolver, resolve
from botkit.gateway.secrets import INSTANCE, Vault
from botkit.gateway.settings import OAuthSettings, RemoteSettings

if TYPE_CHECKING:
    from botkit.gateway.remote.discovery import Discovery

Find = Callable[[str], RemoteSettings | None]
"""A server by its name."""

CALLBACK_PATH = "/oauth/callback"
CLIENT_PATH = "/oauth/client.json"
_STATE_S = 600.0
_EARLY_S = 60.0
"""A token is renewed so long before it expires."""
_PURPOSE = ("oauth", "state")


class LoginNeeded(SecretError):
    """There is no token, or it can be renewed no more: somebody has to log in."""

    code = "login_needed"


class Seal(Protocol):
    """Text that only we can read when it comes back, for one purpose and for a while."""

    def seal(self, text: str, purpose: Sequence[str], ttl_s: float) -> str: ...

    def unseal(self, sealed: str, purpose: Sequence[str]) -> str | None: ...


class _State(Data):
    server: str
    owner: str
    authority: Authority
    client: Client
    redirect_uri: str
    verifier: str
    at: int
    """Microseconds, UTC: when the login began."""


class OAuth:
    """Everything about upstream tokens of one instance.

    Args:
        base_url: where the outside reaches this instance; empty while it does not.
    """

    def __init__(
        self,
        vault: Vault,
        seal: Seal,
        redactor: SecretRedactor,
        clock: Clock,
        base_url: Callable[[], str],
        *,
        resolver: Resolver = resolve,
    ):
        self._vault = vault
        self._seal = seal
        self._redactor = redactor
        self._clock = clock
        self._base_url = base_url
        self._resolver = resolver
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._held: dict[tuple[str, str], Tokens] = {}
        """Tokens in use, so that a request does not open a secret each time."""

    # Logging in

    async def begin(self, server: RemoteSettings, owner: str) -> str:
        """The address at which a person lets botkit use their account.

        Args:
            owner: scope the token will belong to, such as `person:ada` or `server:crm`.

        Raises:
            ToolUnavailable: the server's authorization server cannot be used.
            InvalidArguments: this server needs no login, or this instance has no address to come back to.
        """
        settings = _settings(server)
        if settings.grant != "authorization_code":
            raise InvalidArguments(f"Nobody logs in to {server.name}: botkit has credentials of its own there.")
        base = self._base_url().rstrip("/")
        if not base:
            raise InvalidArguments("A login comes back to this instance: start botkit, or set BOTKIT_PUBLIC_URL.")
        discovery = self._discovery(server)
        authority = await discovery.authority()
        redirect_uri = f"{base}{CALLBACK_PATH}"
        client = await self._client(server, authority, discovery, base)
        verifier = secrets.token_urlsafe(64)
        state = _State(
            server=server.name,
            owner=owner,
            authority=authority,
            client=client,
            redirect_uri=redirect_uri,
            verifier=verifier,
            at=self._clock.micros(),
        )
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": redirect_uri,
            "state": self._seal.seal(msgspec.json.encode(state).decode(), _PURPOSE, _STATE_S),
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "resource": authority.resource,
            **({"scope": authority.scopes} if authority.scopes else {}),
        }
        endpoint = authority.authorization_endpoint
        if urlsplit(endpoint).scheme not in ("https", "http"):
            raise ToolUnavailable("The authorization server names a login page that is no web address.")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def finish(self, parameters: Mapping[str, str], find: Find) -> tuple[str, str]:
        """Take the code that the person's browser brought and trade it for tokens. Returns server and owner.

        Raises:
            InvalidArguments: forged, used, too old, from another issuer, or the person declined.
            ToolUnavailable: the authorization server gave no token.
        """
        text = self._seal.unseal(parameters.get("state", ""), _PURPOSE)
        if text is None:
            raise InvalidArguments("This login is not one that began here, or it took too long. Begin again.")
        state = msgspec.json.decode(text, type=_State)
        iss = parameters.get("iss")
        if (iss is not None and iss != state.authority.issuer) or (iss is None and state.authority.names_itself):
            raise InvalidArguments("The answer comes from another authorization server than the one that was asked.")
        if parameters.get("error"):
            raise InvalidArguments(f"The login was refused ({parameters['error'][:100]}). Begin again.")
        server = find(state.server)
        if server is None or server.oauth is None or not parameters.get("code"):
            raise InvalidArguments("This login is for a server that is no longer there. Begin again.")
        name = _name(server)
        async with self._lock(state.owner, name):
            row = next((row for row in await self._vault.list(state.owner) if row.name == name), None)
            if row is not None and row.updated_at >= state.at:
                raise InvalidArguments("This login was used already. Begin again.")
            form = {
                "grant_type": "authorization_code",
                "code": parameters["code"],
                "redirect_uri": state.redirect_uri,
                "code_verifier": state.verifier,
                "resource": state.authority.resource,
            }
            tokens = await self._asked(server, state.authority, state.client, form)
            await self._keep(state.owner, name, tokens)
        return server.name, state.owner

    # Using tokens

    async def owner_of(self, server: RemoteSettings, scopes: Sequence[str]) -> str:
        """Whose token a call uses: the nearest of these scopes that has one.

        Raises:
            LoginNeeded: none has.
        """
        if _settings(server).grant == "client_credentials":
            return f"server:{server.name}"
        name = _name(server)
        for scope in scopes:
            if (scope, name) in self._held or any(row.name == name for row in await self._vault.list(scope)):
                return scope
        raise LoginNeeded(f"Nobody has logged in to {server.name}: run `botkit mcp login {server.name}`.")

    async def header(self, server: RemoteSettings, owner: str, *, refused: bool = False) -> str:
        """The value of `Authorization`.

        Args:
            refused: the server did not take the last one, so it is renewed whatever its time.

        Raises:
            LoginNeeded: it cannot be renewed.
            ToolUnavailable: the authorization server did not answer.
        """
        name = _name(server)
        tokens = await self._held_tokens(owner, name)
        if tokens is None or refused or self._stale(tokens):
            async with self._lock(owner, name):
                now = await self._held_tokens(owner, name)
                if now is None or now == tokens or self._stale(now):  # nobody else did it while we waited
                    now = await self._renew(server, owner, name, now)
                tokens = now
        return f"Bearer {tokens.access_token}"

    async def forget(self, server: RemoteSettings, owner: str) -> bool:
        """Log out. Returns whether there was a token."""
        name = _name(server)
        self._held.pop((owner, name), None)
        return await self._vault.delete(owner, name)

    def changed(self, name: str) -> None:
        """A stored secret changed: what is held of it may be out of date."""
        for key in [key for key in self._held if key[1] == name]:
            del self._held[key]

    async def _renew(self, server: RemoteSettings, owner: str, name: str, tokens: Tokens | None) -> Tokens:
        if _settings(server).grant == "client_credentials":
            discovery = self._discovery(server)
            authority = tokens.authority if tokens is not None else await discovery.authority()
            client = await self._client(server, authority, discovery, "")
            form = {"grant_type": "client_credentials", "resource": authority.resource}
            fresh = await self._asked(server, authority, client, form | _scope(authority))
        elif tokens is None or not tokens.refresh_token:
            raise LoginNeeded(f"The login to {server.name} has ended: run `botkit mcp login {server.name}`.")
        else:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": tokens.refresh_token,
                "resource": tokens.authority.resource,
            }
            try:
                fresh = await self._asked(server, tokens.authority, tokens.client, form)
            except InvalidArguments as error:
                if error.facts.get("error") != "invalid_grant":
                    raise ToolUnavailable(str(error)) from error
                self._held.pop((owner, name), None)
                await self._vault.delete(owner, name)
                raise LoginNeeded(
                    f"The login to {server.name} was ended: run `botkit mcp login {server.name}`."
                ) from None
            if not fresh.refresh_token:
                fresh = msgspec.structs.replace(fresh, refresh_token=tokens.refresh_token)
        await self._keep(owner, name, fresh)
        return fresh

    async def _asked(
        self, server: RemoteSettings, authority: Authority, client: Client, form: dict[str, str]
    ) -> Tokens:
        from botkit.gateway.remote.tokens import ask_token

        return await ask_token(server, authority, client, form, clock=self._clock, resolver=self._resolver)

    def _discovery(self, server: RemoteSettings) -> Discovery:
        from botkit.gateway.remote.discovery import Discovery  # with the HTTP client, where somebody logs in

        return Discovery(server, self._resolver)

    async def _client(self, server: RemoteSettings, authority: Authority, discovery: Discovery, base: str) -> Client:
        """Who we are at this issuer: as configured, else by our document, else as registered there once."""
        settings = _settings(server)
        if settings.client_id:
            secret = ""
            if settings.client_secret:
                values = await self._vault.resolve([settings.client_secret], (f"server:{server.name}", INSTANCE))
                secret = values[settings.client_secret]
            posts = (
                "client_secret_post" in authority.auth_methods and "client_secret_basic" not in authority.auth_methods
            )
            method = "none" if not secret else "client_secret_post" if posts else "client_secret_basic"
            return Client(id=settings.client_id, secret=secret, method=method)
        if authority.takes_documents and base.startswith("https://"):
            return Client(id=f"{base}{CLIENT_PATH}")
        name = f"OAUTH_CLIENT_{_digest(authority.issuer, base)}"
        try:
            return msgspec.json.decode(await self._vault.reveal(INSTANCE, name), type=Client)
        except NotFound:
            client = await discovery.register(authority, f"{base}{CALLBACK_PATH}")
        await self._vault.put(INSTANCE, name, msgspec.json.encode(client).decode())
        return client

    async def _keep(self, owner: str, name: str, tokens: Tokens) -> None:
        for value in (tokens.access_token, tokens.refresh_token, tokens.client.secret):
            if value:
                self._redactor.add(value)
        await self._vault.put(owner, name, msgspec.json.encode(tokens).decode())
        self._held[owner, name] = tokens

    async def _held_tokens(self, owner: str, name: str) -> Tokens | None:
        held = self._held.get((owner, name))
        if held is None:
            try:
                held = msgspec.json.decode(await self._vault.reveal(owner, name), type=Tokens)
            except (NotFound, msgspec.MsgspecError):
                return None
            self._held[owner, name] = held
            for value in (held.access_token, held.refresh_token):
                if value:
                    self._redactor.add(value)
        return held

    def _stale(self, tokens: Tokens) -> bool:
        return bool(tokens.expires_at) and tokens.expires_at - _EARLY_S * 1_000_000 <= self._clock.micros()

    def _lock(self, owner: str, name: str) -> asyncio.Lock:
        return self._locks.setdefault((owner, name), asyncio.Lock())


def client_document(base_url: str) -> dict[str, Any]:
    """What we say of ourselves at `CLIENT_PATH` (Client ID Metadata Document)."""
    base = base_url.rstrip("/")
    return {
        "client_id": f"{base}{CLIENT_PATH}",
        "client_name": "botkit",
        "client_uri": base,
        "redirect_uris": [f"{base}{CALLBACK_PATH}"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    }


def _settings(server: RemoteSettings) -> OAuthSettings:
    if server.oauth is None:
        raise InvalidArguments(f"{server.name} has no `oauth` in bots.yaml, so there is nothing to log in to.")
    return server.oauth


def _name(server: RemoteSettings) -> str:
    """Under which the server's tokens are stored: another address is another resource."""
    parts = urlsplit(server.url)
    return f"OAUTH_{_digest(parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip('/'))}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16].upper()


def _scope(authority: Authority) -> dict[str, str]:
    return {"scope": authority.scopes} if authority.scopes else {}
