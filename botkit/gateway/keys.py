"""Master keys: where they come from, and how a lost or wrong one is told.

A provider gives the current key and, while a rotation lasts, the former ones. Each key has an id derived from it, so a
row says which key opens it without revealing anything.

    BOTKIT_MASTER_KEY=BASE64             one key
    BOTKIT_MASTER_KEY=NEW,OLD            during a rotation; the first one seals

    BOTKIT_MASTER_KEY=transit+https://…  one key that a service keeps closed (`transit.py`)

Without the variable a key is generated into `master.key` in the home (mode 0600, one key a line, current first).
"""

from __future__ import annotations

__all__ = ["KEY_BYTES", "EnvironmentKeys", "FileKeys", "KeyProvider", "MasterKey", "find_keys", "parse_key"]

import base64
import binascii
import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from botkit.core.errors import SecretError

KEY_BYTES = 32
_VARIABLE = "BOTKIT_MASTER_KEY"
_log = structlog.get_logger("botkit.secrets")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps data keys."""

    id: str
    """16 hex digits, from the key by SHA-256; safe to show."""
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> MasterKey:
        return cls(hashlib.sha256(b"botkit master key id\0" + key).hexdigest()[:16], key)


class KeyProvider(Protocol):
    """A source of master keys: environment, file, keyring, or a service that never lets them out."""

    def known(self) -> Sequence[MasterKey]:
        """All usable keys, the current one first; never empty.

        Raises:
            SecretError: there is none, or it cannot be read; the message says what to do.
        """
        ...


class EnvironmentKeys:
    """Keys from `BOTKIT_MASTER_KEY`."""

    def __init__(self, value: str):
        self._keys = [parse_key(part, _VARIABLE) for part in value.split(",") if part.strip()]
        if not self._keys:
            raise SecretError(f"{_VARIABLE} is empty. {_how()}")

    def known(self) -> Sequence[MasterKey]:
        return self._keys


class FileKeys:
    """Keys from a file only its owner can read; made when there is none."""

    def __init__(self, file: Path):
        self._file = file

    def known(self) -> Sequence[MasterKey]:
        if not self._file.exists():
            self._create()
        try:
            mode = self._file.stat().st_mode
            lines = self._file.read_text("ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"The master key in {self._file} cannot be read: {error}.") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SecretError(
                f"Others on this machine may read the master key. Run `chmod 600 {self._file}`, and rotate it if "
                "somebody may have seen it."
            )
        if not lines:
            raise SecretError(f"{self._file} is empty: restore it from your backup. {_how()}")
        return [self._read(line) for line in lines]

    def add(self, key: bytes) -> None:
        """Make a key the current one; the former stay until `keep_only`."""
        self._write([key, *(one.key for one in self.known())])

    def keep_only(self, key_id: str) -> None:
        """Forget every key but one, at the end of a rotation."""
        self._write([one.key for one in self.known() if one.id == key_id])

    def _read(self, line: str) -> MasterKey:
        """A line of the file as a key. Raises `SecretError`."""
        return parse_key(line, str(self._file))

    def _line(self, key: bytes) -> str:
        """The reverse of `_read`."""
        return _encode(key)

    def _create(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        line = self._line(secrets.token_bytes(KEY_BYTES))
        try:
            # Two processes at a first start: the second finds the first one's key.
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        except OSError as error:
            raise SecretError(f"No master key could be written to {self._file}: {error}.") from error
        with os.fdopen(handle, "w") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(handle)
        _log.warning(
            "master_key_generated",
            file=str(self._file),
            advice=f"Keep a copy apart from the database backup, or set {_VARIABLE}. Without it no secret opens.",
        )

    def _write(self, keys: Sequence[bytes]) -> None:
        lines = [self._line(key) for key in keys]
        fresh = self._file.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.writelines(line + "\n" for line in lines)
            file.flush()
            os.fsync(handle)
        fresh.replace(self._file)


def find_keys(home: Path, environment: Mapping[str, str]) -> KeyProvider:
    """The environment's keys if it has any, else those of the file in the home; sealed ones where a service opens them.

    Raises:
        SecretError: the variable is set but holds no key and names no service.
    """
    value = environment.get(_VARIABLE)
    if value is not None and value.strip().startswith("transit+"):
        from botkit.gateway.transit import Transit, TransitKeys

        service = Transit.at(value.strip(), environment)
        return TransitKeys(home / "master.key.sealed", service)
    return EnvironmentKeys(value) if value is not None else FileKeys(home / "master.key")


def parse_key(text: str, source: str) -> MasterKey:
    """Read 32 bytes written as hex or base64, standard or URL-safe.

    Raises:
        SecretError: it is neither; the message never repeats it.
    """
    text = text.strip()
    with contextlib.suppress(ValueError):
        if len(key := bytes.fromhex(text)) == KEY_BYTES:
            return MasterKey.of(key)
    with contextlib.suppress(ValueError, binascii.Error):
        padded = text.replace("-", "+").replace("_", "/").rstrip("=")
        if len(key := base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)) == KEY_BYTES:
            return MasterKey.of(key)
    raise SecretError(f"{source} does not hold 32 bytes in base64 or hex. {_how()}")


def _how() -> str:
    return "Make one with `openssl rand -base64 32`."


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode()
