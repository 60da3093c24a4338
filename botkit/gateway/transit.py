"""Master keys kept closed by HashiCorp Vault's Transit engine, or by OpenBao's, which speaks the same.

    BOTKIT_MASTER_KEY=transit+https://vault.example.com:8200/transit/botkit     mount and key name
    VAULT_TOKEN=…                                                               or VAULT_TOKEN_FILE
    VAULT_NAMESPACE=…                                                           where there is one

The key is made here and lies in the home as `master.key.sealed`, encrypted by the service; at start the service opens
it, once. So a copied disk or backup opens nothing, access is granted, logged and taken away at the service, and calls
need it no more than secrets need a network. A rotation of the service's own key needs nothing here.

Source: https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

from __future__ import annotations

__all__ = ["Transit", "TransitKeys"]

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from botkit.core.errors import SecretError
from botkit.gateway.keys import KEY_BYTES, FileKeys, MasterKey

_TIMEOUT_S = 10.0


class Transit:
    """One key of a Transit engine.

    Args:
        base: address up to the mount, such as `https://vault.example.com:8200/v1/transit`.
        name: of the key there.
    """

    def __init__(self, base: str, name: str, token: str, *, namespace: str = ""):
        self._base = base
        self._name = name
        self._headers = {"X-Vault-Token": token, **({"X-Vault-Namespace": namespace} if namespace else {})}

    @classmethod
    def at(cls, address: str, environment: Mapping[str, str]) -> Transit:
        """From `transit+https://host/mount/key` and the variables of the service's own tools.

        Raises:
            SecretError: the address is not of that form, or there is no token.
        """
        parts = urlsplit(address.removeprefix("transit+"))
        mount, _, name = parts.path.strip("/").rpartition("/")
        if parts.scheme not in ("https", "http") or not parts.netloc or not mount or not name or "@" in parts.netloc:
            raise SecretError("BOTKIT_MASTER_KEY names a service as transit+https://HOST:PORT/MOUNT/KEY.")
        token = environment.get("VAULT_TOKEN", "").strip()
        file = environment.get("VAULT_TOKEN_FILE")
        if not token and file:
            try:
                token = Path(file).read_text().strip()
            except OSError as error:
                raise SecretError(f"VAULT_TOKEN_FILE cannot be read: {error}.") from error
        if not token:
            raise SecretError("Set VAULT_TOKEN or VAULT_TOKEN_FILE, so that the service opens the master key.")
        base = f"{parts.scheme}://{parts.netloc}/v1/{mount}"
        return cls(base, name, token, namespace=environment.get("VAULT_NAMESPACE", ""))

    def encrypt(self, key: bytes) -> str:
        """The key as only the service can read it: `vault:v1:…`. Raises `SecretError`."""
        return self._ask("encrypt", {"plaintext": base64.b64encode(key).decode()}, "ciphertext")

    def decrypt(self, sealed: str) -> bytes:
        """The reverse of `encrypt`. Raises `SecretError`."""
        text = self._ask("decrypt", {"ciphertext": sealed}, "plaintext")
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            raise SecretError("The key service answered with something that is no key.") from None

    def _ask(self, act: str, body: dict[str, str], wanted: str) -> str:
        url = f"{self._base}/{act}/{self._name}"
        try:
            answer = httpx.post(url, json=body, headers=self._headers, timeout=_TIMEOUT_S, trust_env=False)
        except httpx.HTTPError as error:
            host = urlsplit(url).netloc
            raise SecretError(f"The key service at {host} did not answer ({type(error).__name__}).") from None
        if answer.status_code == 403:
            raise SecretError(f"The key service refuses to {act} with {self._name}: its token is wrong or has ended.")
        data: Any = None
        if answer.status_code == 200:
            try:
                data = answer.json()
            except ValueError:
                data = None
        inner: Any = cast("dict[str, Any]", data).get("data") if isinstance(data, dict) else None
        value: Any = cast("dict[str, Any]", inner).get(wanted) if isinstance(inner, dict) else None
        if not isinstance(value, str):
            raise SecretError(f"The key service could not {act} with {self._name} (HTTP {answer.status_code}).")
        return value


class TransitKeys(FileKeys):
    """Keys from a file whose lines only the service can read. Each is opened once in the life of a process."""

    def __init__(self, file: Path, service: Transit):
        super().__init__(file)
        self._service = service
        self._opened: dict[str, MasterKey] = {}

    def _read(self, line: str) -> MasterKey:
        if line not in self._opened:
            key = self._service.decrypt(line)
            if len(key) != KEY_BYTES:
                raise SecretError("The key service opened something that is no master key of botkit.")
            self._opened[line] = MasterKey.of(key)
        return self._opened[line]

    def _line(self, key: bytes) -> str:
        known = next((line for line, one in self._opened.items() if one.key == key), None)
        if known is None:
            known = self._service.encrypt(key)
            self._opened[known] = MasterKey.of(key)
        return known
