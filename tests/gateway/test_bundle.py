"""Secrets in a file that a passphrase opens."""

from __future__ import annotations

import msgspec
import pytest

from botkit.core.errors import SecretError
from botkit.gateway.bundle import Entry, open_bundle, seal_bundle

ENTRIES = [Entry(scope="instance", name="A", value="välue"), Entry(scope="person:ada", name="B", value="x" * 5000)]


def test_what_was_sealed_opens_with_its_passphrase_alone() -> None:
    sealed = seal_bundle(ENTRIES, "correct horse")
    assert open_bundle(sealed, "correct horse") == ENTRIES
    assert seal_bundle(ENTRIES, "correct horse") != sealed
    for part in (b"v\\u00e4lue", "välue".encode(), b"person:ada", b"correct horse"):  # none is base64 by chance
        assert part not in sealed
    with pytest.raises(SecretError, match="passphrase is not the one"):
        open_bundle(sealed, "correct horsf")


@pytest.mark.parametrize("field", ["salt", "nonce", "sealed", "n"])
def test_a_changed_file_opens_nothing(field: str) -> None:
    bundle = msgspec.json.decode(seal_bundle(ENTRIES, "correct horse"))
    bundle[field] = bundle[field] * 2 if field == "n" else "AAAA" + bundle[field][4:]
    with pytest.raises(SecretError, match="was changed"):
        open_bundle(msgspec.json.encode(bundle), "correct horse")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"not json", b'{"botkit":"secrets/9","salt":"","n":32768,"nonce":"","sealed":""}',
     b'{"botkit":"secrets/1","salt":"","n":2,"nonce":"","sealed":""}',
     b'{"botkit":"secrets/1","salt":"","n":99999999999,"nonce":"","sealed":""}'],
)  # fmt: skip
def test_other_files_are_refused_without_much_work(content: bytes) -> None:
    with pytest.raises(SecretError):
        open_bundle(content, "correct horse")


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(SecretError, match="at least 8"):
        seal_bundle(ENTRIES, "short")
