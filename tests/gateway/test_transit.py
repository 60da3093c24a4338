"""Master keys that a key service keeps closed, against a small stand-in for Vault's Transit engine."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from botkit.core.clock import SystemClock
from botkit.core.errors import SecretError
from botkit.gateway.keys import FileKeys, find_keys
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.secrets import MemorySecrets, Vault


class Service(ThreadingHTTPServer):
    """Answers `/v1/transit/{encrypt,decrypt}/botkit` for one token, and remembers what it was asked."""

    daemon_threads = True
    asked: list[str]
    sealed: dict[str, str]
    status = 200
    body: bytes | None = None


class _Handler(BaseHTTPRequestHandler):
    server: Service  # pyright: ignore[reportIncompatibleVariableOverride]  # ours

    def do_POST(self) -> None:
        act, _, name = self.path.removeprefix("/v1/transit/").partition("/")
        given: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(act)
        status, data = self.server.status, dict[str, str]()
        if self.headers["X-Vault-Token"] != "token" or name != "botkit":
            status = 403
        elif act == "encrypt":
            text = f"vault:v1:{base64.b64encode(os.urandom(24)).decode()}"
            self.server.sealed[text] = given["plaintext"]
            data = {"ciphertext": text}
        elif given["ciphertext"] in self.server.sealed:
            data = {"plaintext": self.server.sealed[given["ciphertext"]]}
        else:
            status = 400
        body = self.server.body or json.dumps({"data": data}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Quiet."""


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(("127.0.0.1", 0), _Handler)
    service.asked, service.sealed = [], {}
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    yield service
    service.shutdown()
    thread.join()
    service.server_close()


def environment(service: Service, **other: str) -> dict[str, str]:
    address = f"transit+http://127.0.0.1:{service.server_address[1]}/transit/botkit"
    return {"BOTKIT_MASTER_KEY": address, "VAULT_TOKEN": "token", **other}


def test_the_key_lies_in_the_home_and_only_the_service_opens_it(service: Service, tmp_path: Path) -> None:
    keys = find_keys(tmp_path, environment(service))
    (first,) = keys.known()
    assert keys.known() == [first]
    assert service.asked == ["encrypt"]
    file = tmp_path / "master.key.sealed"
    assert file.read_text().startswith("vault:v1:")
    assert base64.b64encode(first.key).decode() not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    again = find_keys(tmp_path, environment(service))
    assert (again.known(), again.known()) == ([first], [first])
    assert service.asked == ["encrypt", "decrypt"]
    assert not (tmp_path / "master.key").exists()


async def test_a_rotation_goes_on_while_secrets_are_read(service: Service, tmp_path: Path) -> None:
    keys = find_keys(tmp_path, environment(service))
    vault = Vault(MemorySecrets(), keys, SecretRedactor(), SystemClock())
    await vault.put("instance", "A", "value of a")
    assert isinstance(keys, FileKeys)
    keys.add(b"n" * 32)
    assert await vault.reveal("instance", "A") == "value of a"
    assert await vault.rewrap() == 1
    keys.keep_only(keys.known()[0].id)
    fresh = Vault(vault._store, find_keys(tmp_path, environment(service)), SecretRedactor(), SystemClock())  # pyright: ignore[reportPrivateUsage]  # as after a restart
    assert await fresh.reveal("instance", "A") == "value of a"


def test_what_can_go_wrong_is_said_without_the_token(service: Service, tmp_path: Path) -> None:
    find_keys(tmp_path, environment(service)).known()
    for other, words in (
        ({"VAULT_TOKEN": "wrong-token"}, "token is wrong"),
        ({"VAULT_TOKEN": ""}, "Set VAULT_TOKEN"),
        ({"VAULT_TOKEN": "", "VAULT_TOKEN_FILE": str(tmp_path / "none")}, "cannot be read"),
        ({"BOTKIT_MASTER_KEY": "transit+https://vault.example.com"}, "HOST:PORT/MOUNT/KEY"),
        ({"BOTKIT_MASTER_KEY": "transit+https://me:pw@vault.example.com/transit/k"}, "HOST:PORT/MOUNT/KEY"),
        ({"BOTKIT_MASTER_KEY": "transit+http://127.0.0.1:9/transit/botkit"}, "did not answer"),
    ):
        with pytest.raises(SecretError, match=words) as caught:
            find_keys(tmp_path, environment(service, **other)).known()
        assert "wrong-token" not in str(caught.value)
    service.sealed.clear()
    with pytest.raises(SecretError, match="could not decrypt"):
        find_keys(tmp_path, environment(service)).known()
    for body in (b"[]", b"<html>", b'{"data": {"plaintext": "AAAA"}}', b'{"data": {"plaintext": "?"}}'):
        service.body = body
        service.sealed["x"] = "x"
        (tmp_path / "master.key.sealed").write_text("x\n")
        with pytest.raises(SecretError):
            find_keys(tmp_path, environment(service)).known()


def test_the_token_may_lie_in_a_file(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token\n")
    assert find_keys(tmp_path, environment(service, VAULT_TOKEN="", VAULT_TOKEN_FILE=str(file))).known()
