"""Finding out which authorization server gives tokens for a remote server, and being known there.

The documents are read with the official SDK's models and rules; the requests pass the guard like all others, and go to
this machine only when the server itself is on it.

Sources: RFC 9728 (protected resource metadata), RFC 8414 (authorization server metadata), RFC 7591 (registration),
https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
"""

from __future__ import annotations

__all__ = ["Discovery"]

import asyncio
import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from botkit.core.errors import ToolUnavailable
from botkit.gateway.remote.authority import Authority, Client
from botkit.gateway.remote.guard import Blocked, Guard, Resolver, is_loopback_host, resolve
from botkit.gateway.remote.http import open_client, read_capped, send_following
from botkit.gateway.remote.peer import describe
from botkit.gateway.settings import RemoteSettings

_LIMIT_BYTES = 256 * 1024
_TIMEOUT_S = 15.0


class Discovery:
    """Reads the documents of one remote server's authorization server."""

    def __init__(self, server: RemoteSettings, resolver: Resolver = resolve):
        self._server = server
        self._resolver = resolver

    async def authority(self) -> Authority:
        """Raises `ToolUnavailable` when there is none, or it is not as one should be."""
        await asyncio.to_thread(importlib.import_module, "mcp.client.auth")  # half a second, once
        from mcp.client.auth import OAuthFlowError

        try:
            return await self._authority()
        except OAuthFlowError as error:
            raise ToolUnavailable(
                f"The authorization server of {self._server.name} is not as it says: {error}"
            ) from None

    async def register(self, authority: Authority, redirect_uri: str) -> Client:
        """Register as a client (RFC 7591). Raises `ToolUnavailable`."""
        from mcp.client.auth import OAuthRegistrationError
        from mcp.client.auth.oauth2 import check_registration_usable
        from mcp.client.auth.utils import handle_registration_response

        if not authority.registration_endpoint:
            raise ToolUnavailable(
                f"The authorization server of {self._server.name} takes only clients it knows: register one there by "
                "hand and write its client_id under oauth."
            )
        wanted = {
            "client_name": "botkit",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native" if is_loopback_host(urlsplit(redirect_uri).hostname or "") else "web",
            **({"scope": authority.scopes} if authority.scopes else {}),
        }
        async with self.request("POST", authority.registration_endpoint, json=wanted) as response:
            body = await read_capped(response, _LIMIT_BYTES) or b""
            plain = httpx2.Response(response.status_code, content=body, request=response.request)
        try:
            information = await handle_registration_response(plain)
            check_registration_usable(information)
        except OAuthRegistrationError:
            raise ToolUnavailable(
                f"The authorization server of {self._server.name} did not register us (HTTP {plain.status_code})."
            ) from None
        method = information.token_endpoint_auth_method or (
            "client_secret_basic" if information.client_secret else "none"
        )
        return Client(id=information.client_id, secret=information.client_secret or "", method=method)

    @asynccontextmanager
    async def request(self, method: str, url: str, **fields: Any) -> AsyncGenerator[httpx2.Response]:
        """One guarded request. Raises `ToolUnavailable` when it fails or may not be made."""
        self._check(url)
        guard = Guard.of(
            urlsplit(url).hostname or "", allow_private=self._server.allow_private, resolver=self._resolver
        )
        try:
            async with asyncio.timeout(_TIMEOUT_S), open_client(guard, connections=2) as client:
                response = await send_following(client, client.build_request(method, url, **fields))
                try:
                    yield response
                finally:
                    await response.aclose()
        except TimeoutError:
            raise ToolUnavailable(f"{urlsplit(url).hostname} did not answer in time.") from None
        except httpx2.HTTPError as error:
            raise ToolUnavailable(f"{urlsplit(url).hostname} cannot be reached: {describe(error)}.") from error

    def _check(self, url: str) -> None:
        parts, ours = urlsplit(url), urlsplit(self._server.url)
        local = is_loopback_host(parts.hostname or "")
        if local and not is_loopback_host(ours.hostname or ""):
            raise Blocked(f"{self._server.name} names an address on this machine, which is not contacted.")
        if parts.scheme != "https" and not local and ours.scheme == "https":
            raise Blocked(f"{self._server.name} names an address without https, which is not used for logins.")

    async def _authority(self) -> Authority:
        from mcp.client.auth.utils import (
            build_oauth_authorization_server_metadata_discovery_urls,
            get_client_metadata_scopes,
            issuers_match,
        )
        from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
        from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url

        named, wanted_scope = await self._challenge()
        resource = resource_url_from_server_url(self._server.url)
        found = await self._protected_resource(named)
        issuer = ""
        if found is not None:
            assert isinstance(found, ProtectedResourceMetadata)
            if not check_resource_allowed(requested_resource=resource, configured_resource=str(found.resource)):
                raise ToolUnavailable(f"{self._server.name} describes itself as another resource, {found.resource}.")
            resource, issuer = str(found.resource), str(found.authorization_servers[0])
        urls = build_oauth_authorization_server_metadata_discovery_urls(issuer or None, self._server.url)
        metadata: OAuthMetadata | None = None
        for url in urls:
            raw = await self._document(url)
            if raw is not None and (metadata := _parsed(OAuthMetadata, raw)) is not None:
                break
        if metadata is None:
            raise ToolUnavailable(f"{self._server.name} names no authorization server that describes itself.")
        expected = issuer or f"{urlsplit(self._server.url).scheme}://{urlsplit(self._server.url).netloc}"
        if not issuers_match(str(metadata.issuer), expected):
            raise ToolUnavailable(f"The authorization server calls itself {metadata.issuer}, not {expected}.")
        if "S256" not in (metadata.code_challenge_methods_supported or ()) and self._grant == "authorization_code":
            raise ToolUnavailable(f"The authorization server {metadata.issuer} does not say that it supports PKCE.")
        scopes = get_client_metadata_scopes(wanted_scope, found, metadata, ["authorization_code", "refresh_token"])
        configured = self._server.oauth.scopes if self._server.oauth is not None else ()
        return Authority(
            issuer=str(metadata.issuer),
            token_endpoint=str(metadata.token_endpoint),
            resource=resource,
            authorization_endpoint=str(metadata.authorization_endpoint),
            registration_endpoint=str(metadata.registration_endpoint or ""),
            scopes=" ".join(configured) or scopes or "",
            takes_documents=bool(metadata.client_id_metadata_document_supported),
            names_itself=bool(metadata.authorization_response_iss_parameter_supported),
            auth_methods=tuple(metadata.token_endpoint_auth_methods_supported or ()),
        )

    @property
    def _grant(self) -> str:
        return self._server.oauth.grant if self._server.oauth is not None else ""

    async def _challenge(self) -> tuple[str | None, str | None]:
        """What the server says when asked without a token: where it describes itself, and which scopes it wants."""
        from mcp.client.auth.utils import extract_resource_metadata_from_www_auth, extract_scope_from_www_auth

        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        async with self.request("POST", self._server.url, content=body, headers=headers) as response:
            if response.status_code not in (401, 403):
                return None, None
            return extract_resource_metadata_from_www_auth(response), extract_scope_from_www_auth(response)

    async def _protected_resource(self, named: str | None) -> Any:
        from mcp.client.auth.utils import build_protected_resource_metadata_discovery_urls
        from mcp.shared.auth import ProtectedResourceMetadata

        for url in build_protected_resource_metadata_discovery_urls(named, self._server.url):
            raw = await self._document(url)
            if raw is not None and (found := _parsed(ProtectedResourceMetadata, raw)) is not None:
                return found
        return None

    async def _document(self, url: str) -> bytes | None:
        async with self.request("GET", url, headers={"Accept": "application/json"}) as response:
            return await read_capped(response, _LIMIT_BYTES) if response.status_code == 200 else None


def _parsed(model: Any, raw: bytes) -> Any:
    try:
        return model.model_validate_json(raw)
    except ValueError:
        return None
