"""Secrets in a file that a passphrase opens: for another machine, or a safe.

    {"botkit": "secrets/1", "salt": …, "n": 32768, "nonce": …, "sealed": …}

The key comes from the passphrase by scrypt; the rest of the header is authenticated with the values, so neither can be
exchanged. What is inside is not bound to this instance's master key.

Source: https://datatracker.ietf.org/doc/html/rfc7914 (scrypt)
"""

from __future__ import annotations

__all__ = ["Entry", "open_bundle", "seal_bundle"]

import os
from collections.abc import Sequence

import msgspec

from botkit.core.data import Data
from botkit.core.errors import SecretError

_FORMAT = "secrets/1"
_COST = 2**15
_COSTS = (2**14, 2**20)
"""Cheaper is unsafe, dearer would need gigabytes."""
_SALT_BYTES = 16
_NONCE_BYTES = 12
_SHORTEST = 8


class Entry(Data):
    """One secret, open."""

    scope: str
    name: str
    value: str


class _Bundle(Data):
    botkit: str
    salt: bytes
    n: int
    nonce: bytes
    sealed: bytes


def seal_bundle(entries: Sequence[Entry], passphrase: str) -> bytes:
    """The file's content. Raises `SecretError` for a passphrase that is too short."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase) < _SHORTEST:
        raise SecretError(f"Choose a passphrase of at least {_SHORTEST} characters.")
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    plain = msgspec.json.encode(list(entries))
    sealed = AESGCM(_key(passphrase, salt, _COST)).encrypt(nonce, plain, _bound(salt, _COST))
    bundle = _Bundle(botkit=_FORMAT, salt=salt, n=_COST, nonce=nonce, sealed=sealed)
    return msgspec.json.encode(bundle) + b"\n"


def open_bundle(content: bytes, passphrase: str) -> list[Entry]:
    """What was sealed.

    Raises:
        SecretError: no such file, another passphrase, or it was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        bundle = msgspec.json.decode(content, type=_Bundle)
    except msgspec.MsgspecError:
        raise SecretError("This is no file of `botkit secrets export`.") from None
    if bundle.botkit != _FORMAT or not _COSTS[0] <= bundle.n <= _COSTS[1] or bundle.n & (bundle.n - 1):
        raise SecretError("This file was written by a version of botkit that is not known here.")
    try:
        cipher = AESGCM(_key(passphrase, bundle.salt, bundle.n))
        plain = cipher.decrypt(bundle.nonce, bundle.sealed, _bound(bundle.salt, bundle.n))
    except (InvalidTag, ValueError):
        raise SecretError("The passphrase is not the one of this file, or the file was changed.") from None
    return msgspec.json.decode(plain, type=list[Entry])


def _key(passphrase: str, salt: bytes, cost: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(passphrase.encode())


def _bound(salt: bytes, cost: int) -> bytes:
    return msgspec.json.encode([_FORMAT, salt, cost])
