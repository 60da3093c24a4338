"""`/files/{ticket}/{name}`: a stored file, for a platform that fetches what it delivers instead of taking bytes.

The ticket names one file, ends after an hour, and is signed with a key derived from the master key; nothing else about
an address has to be secret or remembered. Files go out as downloads, whatever they claim to be.
"""

from __future__ import annotations

__all__ = ["FILES_PATH", "FileLinks", "files_endpoint"]

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from botkit.core.clock import Clock
from botkit.core.errors import NotFound
from botkit.core.events import Attachment
from botkit.gateway.keys import MasterKey

FILES_PATH = "/files"
_VALID_S = 3600
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_MAC_BYTES = 16
_SHOWN = ("image/", "audio/", "video/")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
}


class FileLinks:
    """Makes and reads addresses of files.

    Args:
        keys: the master keys, current one first; a rotation does not break addresses that are under way.
        public_url: BOTKIT_PUBLIC_URL.
    """

    def __init__(self, keys: Callable[[], Sequence[MasterKey]], public_url: str, clock: Clock):
        self._keys = keys
        self._public_url = public_url
        self._clock = clock

    def make(self, attachment: Attachment) -> str:
        """The address. Raises `NotFound` when nobody outside can reach this instance."""
        if not self._public_url:
            raise NotFound("files can be fetched from here only with a public address: set BOTKIT_PUBLIC_URL")
        ends_at = self._clock.micros() // 1_000_000 + _VALID_S
        body = msgspec.json.encode([attachment.file_id, attachment.mime, ends_at])
        ticket = base64.urlsafe_b64encode(_mac(self._keys()[0], body) + body).rstrip(b"=").decode()
        name = _UNSAFE.sub("_", attachment.name)[-80:] or "file"
        return f"{self._public_url}{FILES_PATH}/{ticket}/{name}"

    def read(self, ticket: str) -> tuple[str, str]:
        """(file id, MIME type). Raises `NotFound` for a ticket that is not ours or has ended."""
        try:
            raw = base64.urlsafe_b64decode(ticket + "=" * (-len(ticket) % 4))
            mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._keys()):
                raise NotFound("no such file")
            file_id, mime, ends_at = msgspec.json.decode(body, type=tuple[str, str, int])
        except (ValueError, msgspec.MsgspecError) as error:
            raise NotFound("no such file") from error
        if ends_at * 1_000_000 < self._clock.micros():
            raise NotFound("no such file")
        return file_id, mime


def files_endpoint(
    links: FileLinks, read: Callable[[str], Awaitable[bytes]]
) -> Callable[[Request], Awaitable[Response]]:
    """The route's handler; 404 for everything that is not a valid ticket."""

    async def send(request: Request) -> Response:
        try:
            file_id, mime = links.read(request.path_params["ticket"])
            data = await read(file_id)
        except NotFound:
            return Response("no such file", 404, media_type="text/plain")
        kind = mime if mime.startswith(_SHOWN) or mime == "application/pdf" else "application/octet-stream"
        return Response(data, headers={**_HEADERS, "content-disposition": "attachment"}, media_type=kind)

    return send


def _mac(key: MasterKey, body: bytes) -> bytes:
    derived = hmac.new(key.key, b"botkit file address", hashlib.sha256).digest()
    return hmac.new(derived, body, hashlib.sha256).digest()[:_MAC_BYTES]
