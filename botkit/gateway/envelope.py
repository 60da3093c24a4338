"""Envelopes: a value sealed with a data key of its own, and that key wrapped by a master key, AES-256-GCM both.

What is authenticated beside each says which row it belongs to, so a ciphertext moved to another row does not open.
Changing the master key touches the small wrapped keys and no value.

Source: https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf
"""

from __future__ import annotations

__all__ = ["Damaged", "bound", "new_data_key", "seal", "unseal", "unwrap", "wrap"]

import os
from typing import TYPE_CHECKING

import msgspec

from botkit.gateway.keys import KEY_BYTES, MasterKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Damaged(Exception):
    """It was changed, or is no ciphertext of this key and this row."""


def new_data_key() -> bytes:
    return os.urandom(KEY_BYTES)


def bound(*facts: str | int) -> bytes:
    """What a ciphertext is bound to. JSON keeps the facts apart whatever they hold."""
    return msgspec.json.encode(facts)


def seal(data_key: bytes, value: bytes, context: bytes) -> tuple[bytes, bytes]:
    """Nonce and ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce, _cipher(data_key).encrypt(nonce, value, context)


def unseal(data_key: bytes, nonce: bytes, ciphertext: bytes, context: bytes) -> bytes:
    """The reverse of `seal`. Raises `Damaged`."""
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(data_key).decrypt(nonce, ciphertext, context)
    except (InvalidTag, ValueError) as error:
        raise Damaged from error


def wrap(master: MasterKey, data_key: bytes, context: bytes) -> bytes:
    """The data key as only the master key opens it, with its nonce before it."""
    nonce, wrapped = seal(master.key, data_key, context)
    return nonce + wrapped


def unwrap(master: MasterKey, wrapped: bytes, context: bytes) -> bytes:
    """The reverse of `wrap`. Raises `Damaged`."""
    return unseal(master.key, wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
