"""Who a visitor is, and what they may fetch: small signed records that nobody else can make.

* A *ticket* is ours: `base64url(HMAC-SHA256 ‖ JSON)`, with its purpose inside. A visitor without an account is a random
  number of 160 bits in one; whoever has the ticket is that visitor, and nobody can guess or make another's.
* An *identity* is the site's: a JWT (HS256) that its backend signed, naming who is logged in and until when.

Source: https://www.rfc-editor.org/rfc/rfc7519, https://www.rfc-editor.org/rfc/rfc8725 (algorithms, audiences)
"""

from __future__ import annotations

__all__ = ["ANONYMOUS", "FileTicket", "Identity", "Tickets", "Visitor", "new_visitor_id", "read_identity"]

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import msgspec

from botkit.sdk import BadSignature

ANONYMOUS = "anon-"
"""How the ids of visitors without an account begin; no account's id may."""
_ID_BYTES = 20
_MAC_BYTES = 32
_TOKEN_CHARS = 8192
_LEEWAY_S = 60
_SUBJECT_CHARS = 200

Purpose = Literal["visitor", "file"]
T = TypeVar("T")


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who may write."""

    id: str
    until: int
    """Unix seconds."""
    name: str = ""

    @property
    def is_anonymous(self) -> bool:
        return self.id.startswith(ANONYMOUS)


class FileTicket(msgspec.Struct, frozen=True):
    """A stored file, for one visitor."""

    file: str
    visitor: str
    until: int
    name: str = ""
    mime: str = ""
    size: int = 0


class Identity(msgspec.Struct, frozen=True):
    """What the site says of a visitor."""

    sub: str
    exp: int
    name: str = ""
    nbf: int = 0
    aud: str | list[str] = ""


class _Head(msgspec.Struct, frozen=True):
    alg: str


class Tickets:
    """Makes and reads tickets.

    Args:
        keys: current one first, 32 bytes each.
        now: Unix seconds.
    """

    def __init__(self, keys: Callable[[], Sequence[bytes]], now: Callable[[], float]):
        self._keys = keys
        self._now = now

    def make(self, purpose: Purpose, what: Visitor | FileTicket) -> str:
        body = purpose.encode() + b"\0" + msgspec.json.encode(what)
        return _encode(hmac.digest(self._keys()[0], body, "sha256") + body)

    def read(self, purpose: Purpose, ticket: str, kind: type[T]) -> T:
        """Raises `BadSignature` for what is not ours, is for something else, or has ended."""
        raw = _decode(ticket)
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not any(hmac.compare_digest(mac, hmac.digest(key, body, "sha256")) for key in self._keys()):
            raise BadSignature("the ticket is not one of ours")
        said, _, payload = body.partition(b"\0")
        if said != purpose.encode():
            raise BadSignature("the ticket is for something else")
        what = msgspec.json.decode(payload, type=kind)
        if getattr(what, "until", 0) < self._now():
            raise BadSignature("the ticket has ended", ended=True)
        return what


def new_visitor_id() -> str:
    """For somebody we know nothing about."""
    return ANONYMOUS + base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()


def read_identity(token: str, secret: bytes, *, channel: str, now: float) -> Identity:
    """Check what the site's backend signed: HS256 and nothing else, for this channel, and not for ever.

    Raises:
        BadSignature: forged, malformed, for another audience, or ended (`ended` is set then).
    """
    pieces = token.split(".") if len(token) <= _TOKEN_CHARS else []
    if len(pieces) != 3:
        raise BadSignature("the identity is not a JWT")
    head, body, signature = (_decode(piece) for piece in pieces)
    try:
        algorithm = msgspec.json.decode(head, type=_Head).alg
    except msgspec.MsgspecError as error:
        raise BadSignature("the identity is not a JWT") from error
    if algorithm != "HS256":  # never what the token asks for
        raise BadSignature("the identity must be signed with HS256")
    signed = f"{pieces[0]}.{pieces[1]}".encode()
    if not hmac.compare_digest(signature, hmac.new(secret, signed, hashlib.sha256).digest()):
        raise BadSignature("the identity's signature is wrong")
    try:
        identity = msgspec.json.decode(body, type=Identity)
    except msgspec.MsgspecError as error:
        raise BadSignature("the identity needs `sub` (a text) and `exp` (a whole number)") from error
    audiences = [identity.aud] if isinstance(identity.aud, str) else identity.aud
    if any(audiences) and channel not in audiences:
        raise BadSignature("the identity is for another audience")
    if identity.nbf > now + _LEEWAY_S:
        raise BadSignature("the identity is not valid yet")
    if identity.exp <= now:
        raise BadSignature("the identity has ended", ended=True)
    if not 1 <= len(identity.sub) <= _SUBJECT_CHARS or identity.sub.startswith(ANONYMOUS) or "\0" in identity.sub:
        raise BadSignature("the identity's `sub` cannot be used")
    return identity


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadSignature("this is not base64url") from error
