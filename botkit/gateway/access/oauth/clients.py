"""OAuth clients: known by a document they publish about themselves, or registered without leaving anything here.

A client id that is an `https` address names the client's metadata document, which is fetched past the SSRF guard and
must name that very address. A client that cannot publish one registers and is given an id that *is* its registration,
sealed: nothing is stored, so nobody can fill the database by registering.

Sources: https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization,
draft-ietf-oauth-client-id-metadata-document, RFC 7591 (registration), RFC 8252 section 7.3 (loopback redirects)
"""

from __future__ import annotations

__all__ = ["ClientBook", "ClientInfo", "Fetch", "UnknownClient", "fetch_document", "redirects_to"]

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from botkit.core.clock import Clock
from botkit.core.data import Data, decode, encode_text
from botkit.core.errors import BotkitError, InvalidArguments, ToolUnavailable
from botkit.gateway.remote.guard import Guard, is_loopback_host
from botkit.gateway.serving.sealing import Sealer

_DOCUMENT_LIMIT_BYTES = 32 * 1024
_FETCH_S = 5.0
_FETCHES = 4
"""At once: whoever asks for consent makes us fetch, so strangers must not make us fetch much."""
_FRESH_S = 600.0
_REMEMBERED = 256
_YEARS_S = 10 * 365 * 86_400.0
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,63}")
_FORBIDDEN_SCHEMES = frozenset(
    ["javascript", "data", "file", "vbscript", "blob", "about", "ftp", "ws", "wss", "mailto"]
)
REGISTERED_PREFIX = "reg."

Fetch = Callable[[str], Awaitable[bytes]]
"""Reads a client's document. Raises `ToolUnavailable`."""


class UnknownClient(BotkitError):
    """There is no such client, or its document is wrong."""

    code = "invalid_client"


class ClientInfo(Data):
    """What is known of a client."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]

    @property
    def host(self) -> str:
        """Who vouches for it: the host of its document; empty for one that registered itself."""
        return (urlsplit(self.id).hostname or "") if self.id.startswith("https://") else ""


class _Document(Data):
    """The parts of client metadata (RFC 7591) that matter here."""

    redirect_uris: Annotated[tuple[Annotated[str, Meta(max_length=1000)], ...], Meta(min_length=1, max_length=10)]
    client_id: str = ""
    client_name: Annotated[str, Meta(max_length=200)] = ""
    token_endpoint_auth_method: str = "none"  # noqa: S105 - OAuth's word for clients without a secret


class ClientBook:
    """Finds clients by their id."""

    def __init__(self, sealer: Sealer, clock: Clock, *, fetch: Fetch | None = None):
        self._sealer = sealer
        self._clock = clock
        self._fetch = fetch or fetch_document
        self._fetching = asyncio.Semaphore(_FETCHES)
        self._known: OrderedDict[str, tuple[ClientInfo, float]] = OrderedDict()

    async def find(self, client_id: str) -> ClientInfo:
        """Raises `UnknownClient`."""
        if client_id.startswith(REGISTERED_PREFIX):
            return self._registered(client_id)
        known = self._known.get(client_id)
        now = self._clock.monotonic()
        if known is not None and now - known[1] < _FRESH_S:
            return known[0]
        found = await self._published(client_id)
        self._known[client_id] = (found, now)
        self._known.move_to_end(client_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def register(self, body: bytes) -> dict[str, Any]:
        """Answer a registration (RFC 7591). Raises `InvalidArguments`."""
        try:
            given = decode(body, _Document)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InvalidArguments(f"That is no client metadata: {error}.") from error
        client = ClientInfo(id="", name=_name(given.client_name), redirect_uris=_checked(given.redirect_uris))
        client_id = REGISTERED_PREFIX + self._sealer.seal(encode_text(client), _PURPOSE, _YEARS_S)
        return {
            "client_id": client_id,
            "client_name": client.name,
            "redirect_uris": list(client.redirect_uris),
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        }

    def _registered(self, client_id: str) -> ClientInfo:
        text = self._sealer.unseal(client_id.removeprefix(REGISTERED_PREFIX), _PURPOSE)
        if text is None:
            raise UnknownClient("This client is not registered here; let it register again.")
        return msgspec.structs.replace(decode(text, ClientInfo), id=client_id)

    async def _published(self, client_id: str) -> ClientInfo:
        parts = _split(client_id)
        if parts is None or parts.scheme != "https" or parts.path in ("", "/") or parts.fragment or parts.username:
            raise UnknownClient("The client's id is no https address of a document, and it is not registered here.")
        try:
            async with self._fetching:
                document = decode(await self._fetch(client_id), _Document)
            uris = _checked(document.redirect_uris)
        except (msgspec.MsgspecError, UnicodeDecodeError, InvalidArguments, ToolUnavailable) as error:
            raise UnknownClient(f"The client's document cannot be used: {error}.") from error
        if document.client_id != client_id:
            raise UnknownClient("The client's document names another client.")
        if document.token_endpoint_auth_method != "none":  # noqa: S105 - as above
            raise UnknownClient("Only public clients with PKCE are served; this one wants to show a secret.")
        return ClientInfo(id=client_id, name=_name(document.client_name), redirect_uris=uris)


_PURPOSE = ("oauth", "client")


def redirects_to(client: ClientInfo, redirect_uri: str) -> bool:
    """Whether the client named this address: exactly, but for the port where it is on the person's own machine."""
    if redirect_uri in client.redirect_uris:
        return True
    wanted = _split(redirect_uri)
    if wanted is None or wanted.scheme != "http" or not is_loopback_host(wanted.hostname or ""):
        return False
    for named in client.redirect_uris:
        parts = _split(named)
        if parts is None or (parts.scheme, parts.hostname) != (wanted.scheme, wanted.hostname):
            continue
        if (parts.path, parts.query, parts.username) == (wanted.path, wanted.query, wanted.username):
            return True
    return False


async def fetch_document(url: str) -> bytes:
    """Read a client's document: public addresses only, no redirects, a few kilobytes, a few seconds."""
    import httpx2  # where clients come with documents

    from botkit.gateway.remote.http import open_client, read_capped

    async with open_client(Guard("public")) as client:
        try:
            async with asyncio.timeout(_FETCH_S):
                response = await client.send(
                    client.build_request("GET", url, headers={"accept": "application/json"}), stream=True
                )
                try:
                    body = await read_capped(response, _DOCUMENT_LIMIT_BYTES)
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
            raise ToolUnavailable(f"it cannot be read ({type(error).__name__})") from error
    if response.status_code != 200:
        raise ToolUnavailable(f"its server answers {response.status_code}")
    if body is None:
        raise ToolUnavailable("it is too large")
    return body


def _checked(uris: Sequence[str]) -> tuple[str, ...]:
    for uri in uris:
        parts = _split(uri)
        if parts is None or parts.fragment or "#" in uri or not _SCHEME.fullmatch(parts.scheme):
            raise InvalidArguments(f"{uri[:100]!r} is no redirect address")
        plain = parts.scheme == "http" and not is_loopback_host(parts.hostname or "")
        if plain or parts.scheme in _FORBIDDEN_SCHEMES or (parts.scheme in ("http", "https") and not parts.hostname):
            raise InvalidArguments(f"{uri[:100]!r} cannot be redirected to: use https, or http on the same machine")
    return tuple(uris)


def _split(uri: str) -> Any:
    """The parts of an address, or None when it is none."""
    if not uri.isprintable() or any(character in uri for character in " \\\"'<>"):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _name(name: str) -> str:
    shown = "".join(character for character in name if character.isprintable()).strip()
    return shown[:100] or "An unnamed client"
