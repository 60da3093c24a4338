"""Requests to delivery services: signed, guarded, and with what happened told apart: refused, unreached, unknown."""

from __future__ import annotations

__all__ = ["Caller", "ReadSecret", "host_of", "signature"]

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from botkit.core.delivery import NotDelivered, Undelivered
from botkit.core.outbound import HttpPort, HttpReply, HttpRequest, HttpUnanswered, HttpUnsent, SecretPart

ReadSecret = Callable[[str], Awaitable[str]]
"""A secret of the instance by its name. Raises `SecretError`."""
_REPLY_LIMIT_BYTES = 256 * 1024


class Caller:
    """Sends requests to one service.

    Args:
        service: its name, for errors.
        http: decides where requests may go and puts secrets in.
    """

    def __init__(self, service: str, http: HttpPort, timeout_s: float):
        self._service = service
        self._http = http
        self._timeout_s = timeout_s

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        secrets: tuple[SecretPart, ...] = (),
        accepted: tuple[int, ...] = (),
    ) -> tuple[int, dict[str, Any]]:
        """(status, JSON object) of the answer.

        Args:
            accepted: statuses besides 2xx that are answers too.

        Raises:
            NotDelivered: it refused, or was not reached.
            Undelivered: nobody knows.
        """
        request = HttpRequest(
            method="POST",
            url=url,
            headers=dict(headers or {}),
            query=dict(query or {}),
            body=body,
            secrets=secrets,
            timeout_s=self._timeout_s,
            limit_bytes=_REPLY_LIMIT_BYTES,
            redirects=0,
        )
        try:
            reply = await self._http.send(request)
        except HttpUnsent as error:
            raise NotDelivered(f"{self._service}: {error}", retryable=error.retryable) from error
        except HttpUnanswered as error:
            raise Undelivered(f"{self._service}: {error}") from error
        return reply.status, self._read(reply, accepted)

    def _read(self, reply: HttpReply, accepted: tuple[int, ...]) -> dict[str, Any]:
        found: Any = None
        try:
            found = msgspec.json.decode(reply.body) if reply.body else {}
        except msgspec.DecodeError:
            found = None
        if 200 <= reply.status < 300 or reply.status in accepted:
            return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType] - plain JSON
        if reply.status >= 500 and reply.status != 503:  # it may have been taken before it failed
            raise Undelivered(f"{self._service} failed with status {reply.status}", status=reply.status)
        raise NotDelivered(
            f"{self._service} refused with status {reply.status}",
            retryable=reply.status in (408, 425, 429, 503),
            status=reply.status,
        )


def signature(key: str, body: bytes, at_s: int) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY`, so that an old request cannot be sent again much later."""
    digest = hmac.new(key.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def host_of(url: str) -> str:
    """`host` or `host:port`, as it stands in an address."""
    return urlsplit(url).netloc.lower()
