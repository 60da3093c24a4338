"""Requests of workflows to the world outside: guarded, capped, with secrets put in and taken out again.

The address of a request may hold what a stranger wrote, so it never reaches this machine or a private network,
by whatever name, unless the operator named the host.
"""

from __future__ import annotations

__all__ = ["GuardedHttp"]

import asyncio
import base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

from botkit.core.config.models.outbound import network_of
from botkit.core.errors import SecretError, ToolUnavailable
from botkit.core.outbound import HttpReply, HttpRequest, HttpUnanswered, HttpUnsent, SecretPart
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.remote.guard import Blocked, Guard, Resolver, resolve
from botkit.gateway.remote.http import open_client, read_capped
from botkit.gateway.secrets import scopes_for

_GOES_ELSEWHERE = frozenset({"accept", "accept-language", "user-agent"})
"""What a redirect to another host still gets of the headers."""


class Secrets(Protocol):
    """As of `Vault`."""

    async def resolve(self, names: Iterable[str], scopes: Sequence[str]) -> dict[str, str]: ...


class GuardedHttp:
    """Implements `HttpPort`.

    Args:
        hosts: `host` or `host:port` of private networks or this machine that may be contacted all the same.
        private: further ones, and networks in CIDR notation, asked for at each request.
    """

    def __init__(
        self,
        secrets: Secrets,
        *,
        hosts: Collection[str] = (),
        private: Callable[[], Sequence[str]] = tuple,
        resolver: Resolver = resolve,
    ):
        self._secrets = secrets
        self._hosts = tuple(host.lower() for host in hosts)
        self._private = private
        self._resolver = resolver

    async def send(self, request: HttpRequest, *, workspace: str = "") -> HttpReply:
        try:
            values = await self._secrets.resolve(
                {part.secret for part in request.secrets}, scopes_for(workspace=workspace)
            )
        except SecretError as error:
            raise HttpUnsent(str(error), code=error.code) from error
        try:
            async with asyncio.timeout(request.timeout_s):
                reply = await self._followed(request, values)
        except TimeoutError:
            raise HttpUnanswered(f"{_place(request.url)} did not answer in {request.timeout_s:g} seconds") from None
        return _without(reply, values.values())

    async def _followed(self, request: HttpRequest, values: Mapping[str, str]) -> HttpReply:
        for _ in range(request.redirects):
            reply = await self._once(request, values)
            following = _redirected(request, reply)
            if following is None:
                return reply
            request = following
        return await self._once(request, values)

    async def _once(self, request: HttpRequest, values: Mapping[str, str]) -> HttpReply:
        parts = urlsplit(request.url)
        allowed = (*self._hosts, *self._private())
        host, named = (parts.hostname or "").lower(), _named(request.url, allowed)
        if request.secrets and parts.scheme != "https" and not named:
            raise HttpUnsent(f"{_place(request.url)}: a secret is not sent without https", code="insecure")
        if named:
            guard = Guard.of(host, allow_private=True, resolver=self._resolver)
        else:
            networks = [network for one in allowed if (network := network_of(one)) is not None]
            guard = Guard("public", self._resolver, networks)
        headers = dict(request.headers) | _placed(request.secrets, values, "header")
        async with open_client(guard, query=_placed(request.secrets, values, "query"), connections=1) as client:
            try:
                built = client.build_request(request.method, request.url, headers=headers, content=request.body or None)
                if request.query:
                    built.url = built.url.copy_merge_params(request.query)
                response = await client.send(built, stream=True)
            except Blocked as error:
                raise HttpUnsent(
                    f"{host[:200]} is this machine or in a private network, where workflows send nothing; an operator "
                    "may allow it under `settings.http.allow_private`",
                    code=error.code,
                ) from error
            except (httpx2.ConnectError, httpx2.ConnectTimeout, ToolUnavailable) as error:
                raise HttpUnsent(f"{_place(request.url)} cannot be reached", retryable=True) from error
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError) as error:
                raise HttpUnsent("this is no address that requests can be sent to", code="invalid_config") from error
            except httpx2.HTTPError as error:
                raise HttpUnanswered(f"{_place(request.url)} gave no answer ({type(error).__name__})") from error
            try:
                body = await read_capped(response, request.limit_bytes)
            except httpx2.HTTPError as error:
                raise HttpUnanswered(f"{_place(request.url)} broke off its answer") from error
            finally:
                await response.aclose()
        if body is None:
            limit = request.limit_bytes
            raise HttpUnanswered(f"{_place(request.url)} answered with more than {limit:,} bytes, or packed")
        given = {name.lower(): value for name, value in response.headers.items() if name.lower() != "set-cookie"}
        return HttpReply(status=response.status_code, headers=given, body=body, url=request.url)


def _named(url: str, allowed: Collection[str]) -> bool:
    """Whether the operator allows this host wherever it is."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return not {host, shown, f"{shown}:{port}"}.isdisjoint(allowed)


def _placed(parts: Iterable[SecretPart], values: Mapping[str, str], place: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        if part.place == place:
            value = values[part.secret]
            if part.encode == "basic":
                value = f"Basic {base64.b64encode(f'{part.user}:{value}'.encode()).decode()}"
            found[part.name] = part.before + value
    return found


def _redirected(request: HttpRequest, reply: HttpReply) -> HttpRequest | None:
    """The request that a redirect asks for; None when it is not followed.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.4
    """
    target = reply.headers.get("location")
    if reply.status not in (301, 302, 303, 307, 308) or not target:
        return None
    try:
        url = str(httpx2.URL(request.url).join(target))
        old, new = urlsplit(request.url), urlsplit(url)
        same = (old.scheme, old.hostname, old.port) == (new.scheme, new.hostname, new.port)
    except (httpx2.InvalidURL, ValueError):
        return None
    reads = request.method in ("GET", "HEAD")
    if new.scheme not in ("http", "https") or (not same and (request.secrets or not reads)):
        return None
    if not reads and reply.status in (301, 302):
        return None
    headers = request.headers
    if not same:
        headers = {name: value for name, value in headers.items() if name.lower() in _GOES_ELSEWHERE}
    method, body = (request.method, request.body) if reads or reply.status != 303 else ("GET", b"")
    return HttpRequest(
        method=method,
        url=url,
        headers=headers,
        body=body,
        secrets=request.secrets,
        timeout_s=request.timeout_s,
        limit_bytes=request.limit_bytes,
    )


def _without(reply: HttpReply, values: Iterable[str]) -> HttpReply:
    """The answer, with what was sent as a secret taken out: some services repeat it."""
    redactor = SecretRedactor(values)
    if redactor.empty:
        return reply
    body = redactor.text(reply.body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    headers = {name: redactor.text(value) for name, value in reply.headers.items()}
    return HttpReply(status=reply.status, headers=headers, body=body, url=redactor.text(reply.url))


def _place(url: str) -> str:
    """Without parameters, which may hold what nobody should read in an error."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"[:200]
