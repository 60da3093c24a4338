"""Requests to the world outside, as workflow nodes make them: the port between them and the guarded HTTP client.

Whoever fills it decides where requests may go, puts secrets in where they are named, and takes them out of what
comes back, so that the caller never holds one.
"""

from __future__ import annotations

__all__ = ["HttpPort", "HttpReply", "HttpRequest", "HttpUnanswered", "HttpUnsent", "SecretPart"]

from typing import Literal, Protocol

from botkit.core.data import Data
from botkit.core.errors import BotkitError


class SecretPart(Data):
    """Where a stored secret goes in a request."""

    secret: str
    """Its name."""
    place: Literal["header", "query"] = "header"
    name: str = "Authorization"
    """Of the header or the parameter."""
    before: str = ""
    """What stands before it, such as `Bearer `."""
    encode: Literal["", "basic"] = ""
    """`basic`: the secret is a password; it is sent as `Basic base64(user:secret)`."""
    user: str = ""
    """With `basic`."""


class HttpRequest(Data):
    """One request. Redirects within the same host are followed; to another host only by GET and HEAD that carry no
    secret, and without their headers."""

    method: str
    url: str
    headers: dict[str, str] = {}
    query: dict[str, str | list[str]] = {}
    """Added to those of the address."""
    body: bytes = b""
    secrets: tuple[SecretPart, ...] = ()
    timeout_s: float = 30.0
    limit_bytes: int = 4 << 20
    """Of the answer; a longer one is `HttpUnanswered`."""
    redirects: int = 3
    """How many are followed."""


class HttpReply(Data):
    """What came back, whatever its status, without the secrets that were sent."""

    status: int
    headers: dict[str, str] = {}
    """Names in small letters; of several with one name, joined by commas."""
    body: bytes = b""
    url: str = ""
    """Where it came from in the end, without secret parameters."""


class HttpUnsent(BotkitError):
    """The request never left: the address is blocked or unreachable, or a secret is missing."""

    code = "http_unsent"

    def __init__(self, message: str, *, code: str = "http_unsent", retryable: bool = False):
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class HttpUnanswered(BotkitError):
    """The request left and no whole answer came back: what it did is not known."""

    code = "http_unanswered"
    retryable = True


class HttpPort(Protocol):
    async def send(self, request: HttpRequest, *, workspace: str = "") -> HttpReply:
        """Send once.

        Args:
            workspace: whose secrets are meant.

        Raises:
            HttpUnsent, HttpUnanswered: see there. Neither names a secret's value.
        """
        ...
