"""State that a client carries for us: unreadable, unforgeable, good for one purpose and for a while.

AES-256-GCM with a key derived from the master key, so that a restart changes nothing. The purpose (who, which request)
is additional data: it is not in the text and yet must be the same when it comes back.
"""

from __future__ import annotations

__all__ = ["Sealer"]

import base64
import binascii
import os
import time
from collections.abc import Callable, Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from botkit.gateway.keys import KeyProvider

_NONCE_BYTES = 12
_EXPIRY_BYTES = 8
_LIMIT_CHARS = 256 * 1024


class Sealer:
    """Seals with the current master key and opens with every known one.

    Args:
        now_s: wall time in seconds since 1970.
    """

    def __init__(self, keys: KeyProvider, now_s: Callable[[], float] = time.time):
        self._keys = keys
        self._now_s = now_s
        self._ciphers: dict[str, AESGCM] = {}

    def seal(self, text: str, purpose: Sequence[str], ttl_s: float) -> str:
        """A text that only `unseal` with the same purpose reads, for so long."""
        key = self._keys.known()[0]
        expiry = int(self._now_s() + ttl_s).to_bytes(_EXPIRY_BYTES, "big")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(key.id, key.key).encrypt(nonce, expiry + text.encode(), _data(purpose))
        return f"{key.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, purpose: Sequence[str]) -> str | None:
        """The text, or None when it is damaged, too old, or was sealed for something else."""
        key_id, _, payload = sealed.partition(".")
        if len(payload) > _LIMIT_CHARS:
            return None
        try:
            raw = base64.b64decode(payload.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        for key in self._keys.known():
            if key.id != key_id:
                continue
            try:
                plain = self._cipher(key.id, key.key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _data(purpose))
            except (InvalidTag, ValueError):
                return None
            if int.from_bytes(plain[:_EXPIRY_BYTES], "big") < self._now_s():
                return None
            return plain[_EXPIRY_BYTES:].decode()
        return None

    def _cipher(self, key_id: str, key: bytes) -> AESGCM:
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            derived = HKDF(SHA256(), 32, salt=None, info=b"botkit gateway state").derive(key)
            cipher = self._ciphers[key_id] = AESGCM(derived)
        return cipher


def _data(purpose: Sequence[str]) -> bytes:
    return msgspec.json.encode(purpose)
