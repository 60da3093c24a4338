"""Secrets: sealed at rest, bound to their place, rotated without downtime, honest about a wrong key."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.clock import SystemClock
from botkit.core.errors import NotFound, SecretError
from botkit.core.stores import SecretRow
from botkit.gateway.keys import EnvironmentKeys, FileKeys, MasterKey, find_keys, parse_key
from botkit.gateway.redact import MARK, SecretRedactor
from botkit.gateway.secrets import INSTANCE, MemorySecrets, Vault, normal_name, scopes_for

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def vault(store: MemorySecrets, keys: str = OLD, redactor: SecretRedactor | None = None) -> Vault:
    return Vault(store, EnvironmentKeys(keys), redactor or SecretRedactor(), SystemClock())


@given(
    scope=st.text(min_size=1),
    name=st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,30}", fullmatch=True),
    value=st.text(min_size=1),
)
async def test_what_is_put_is_revealed(scope: str, name: str, value: str) -> None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        return
    one = vault(MemorySecrets())
    await one.put(scope, name, value)
    assert await one.reveal(scope, name) == value


async def test_nothing_stored_shows_the_value_and_equal_values_look_different() -> None:
    store = MemorySecrets()
    one = vault(store)
    await one.put(INSTANCE, "A", "canary-value")
    await one.put(INSTANCE, "B", "canary-value")
    a, b = await store.list()
    assert b"canary" not in msgspec.json.encode([a, b])
    assert (a.ciphertext, a.nonce, a.wrapped_key) != (b.ciphertext, b.nonce, b.wrapped_key)
    assert a.ciphertext != b.ciphertext


@pytest.mark.parametrize(
    "change",
    [
        {"name": "B"},
        {"scope": "workspace:sales"},
        {"version": 2},
        {"ciphertext": b"x" * 40},
        {"nonce": b"x" * 12},
        {"wrapped_key": b"x" * 60},
        {"wrapped_key": b""},
    ],
)
async def test_a_changed_row_does_not_open(change: dict[str, Any]) -> None:
    store = MemorySecrets()
    one = vault(store)
    await one.put(INSTANCE, "A", "value")
    (row,) = await store.list()
    moved = msgspec.structs.replace(row, **change)
    await store.put(moved)
    with pytest.raises(SecretError, match="changed or damaged"):
        await one.reveal(moved.scope, moved.name)


async def test_an_old_value_put_back_does_not_open_under_the_new_version() -> None:
    store = MemorySecrets()
    one = vault(store)
    await one.put(INSTANCE, "A", "old")
    (old,) = await store.list()
    assert await one.put(INSTANCE, "A", "new") == 2
    await store.put(msgspec.structs.replace(old, version=2))
    with pytest.raises(SecretError):
        await one.reveal(INSTANCE, "A")


async def test_the_nearest_scope_wins() -> None:
    one = vault(MemorySecrets())
    scopes = scopes_for(workspace="sales", server="crm", person="ada")
    assert scopes == ("person:ada", "workspace:sales", "server:crm", "instance")
    for scope in reversed(scopes):
        await one.put(scope, "token", f"of {scope}")
        assert await one.resolve(["token"], scopes) == {"token": f"of {scope}"}
    assert await one.resolve(["token"], scopes_for(workspace="support")) == {"token": "of instance"}


async def test_a_missing_secret_is_named_with_the_way_to_set_it() -> None:
    with pytest.raises(SecretError, match=r"GITHUB_TOKEN is not set .* `botkit secrets set GITHUB_TOKEN`"):
        await vault(MemorySecrets()).resolve(["github.token"], scopes_for(workspace="sales"))
    with pytest.raises(NotFound):
        await vault(MemorySecrets()).reveal(INSTANCE, "x")


async def test_the_master_key_is_rotated_without_downtime() -> None:
    store = MemorySecrets()
    before = vault(store)
    await before.put(INSTANCE, "A", "value a")
    ciphertext = (await store.list())[0].ciphertext
    during = vault(store, f"{NEW},{OLD}")
    assert await during.reveal(INSTANCE, "A") == "value a"
    assert await during.rewrap() == 1
    assert await during.rewrap() == 0
    assert (await store.list())[0].ciphertext == ciphertext
    assert await vault(store, NEW).reveal(INSTANCE, "A") == "value a"
    with pytest.raises(SecretError, match="sealed with master key"):
        await before.reveal(INSTANCE, "A")


async def test_a_value_read_before_the_rotation_and_opened_after_it_is_read_anew() -> None:
    """Between reading a row and opening it the rotation may end, and the former key be forgotten."""
    store = MemorySecrets()
    await vault(store).put(INSTANCE, "A", "value a")
    (stale,) = await store.list()
    await vault(store, f"{NEW},{OLD}").rewrap()

    class ReadsTheOldRowFirst(MemorySecrets):
        reads = 0

        async def get(self, scope: str, name: str) -> SecretRow | None:
            self.reads += 1
            return stale if self.reads == 1 else await store.get(scope, name)

    for read in ("reveal", "find"):
        after = vault(ReadsTheOldRowFirst(), NEW)
        value = await (after.reveal(INSTANCE, "A") if read == "reveal" else after.find("A", (INSTANCE,)))
        assert value == "value a"


async def test_a_value_sealed_while_the_rotation_begins_is_wrapped_anew_too() -> None:
    """It was sealed with the former key and is stored only after the rotation has asked what there is."""
    entered, gate = asyncio.Event(), asyncio.Event()

    class Slow(MemorySecrets):
        async def put(self, row: SecretRow) -> None:
            if row.key_id == parse_key(OLD, "test").id:
                entered.set()
                await gate.wait()
            await super().put(row)

    class Keys:
        keys = f"{OLD}"

        def known(self) -> Sequence[MasterKey]:
            return EnvironmentKeys(self.keys).known()

    store, keys = Slow(), Keys()
    one = Vault(store, keys, SecretRedactor(), SystemClock())
    setting = asyncio.create_task(one.put(INSTANCE, "A", "value"))
    await entered.wait()
    keys.keys = f"{NEW},{OLD}"
    rotating = asyncio.create_task(one.rewrap())
    await asyncio.sleep(0)
    gate.set()
    await setting
    assert await rotating == 1
    assert await vault(store, NEW).reveal(INSTANCE, "A") == "value"


async def test_a_wrong_master_key_says_which_one_is_missing() -> None:
    store = MemorySecrets()
    await vault(store).put(INSTANCE, "A", "value")
    key_id = (await store.list())[0].key_id
    with pytest.raises(SecretError, match=f"{key_id}, which is not here. Restore that key"):
        await vault(store, NEW).learn()


async def test_opened_values_are_known_to_the_redactor() -> None:
    store = MemorySecrets()
    await vault(store).put(INSTANCE, "A", "canary-value")
    redactor = SecretRedactor()
    assert await vault(store, OLD, redactor).learn() == 1
    assert redactor.text("canary-value") == MARK


async def test_deleted_is_gone() -> None:
    one = vault(MemorySecrets())
    await one.put(INSTANCE, "my.key", "v")
    assert await one.delete(INSTANCE, "my.key")
    assert not await one.delete(INSTANCE, "my.key")
    assert await one.find("my.key", [INSTANCE]) is None


@pytest.mark.parametrize("value", ["", "x" * 40_000])
async def test_an_empty_or_huge_value_is_refused(value: str) -> None:
    with pytest.raises(SecretError):
        await vault(MemorySecrets()).put(INSTANCE, "A", value)


@pytest.mark.parametrize(("name", "normal"), [("my.api.key", "MY_API_KEY"), (" gh-token ", "GH_TOKEN"), ("A1", "A1")])
def test_names_are_normal(name: str, normal: str) -> None:
    assert normal_name(name) == normal


@pytest.mark.parametrize("name", ["", "...", "x" * 101])
def test_a_name_without_substance_is_refused(name: str) -> None:
    with pytest.raises(SecretError):
        normal_name(name)


def test_keys_are_read_in_every_usual_notation() -> None:
    key = os.urandom(32)
    texts = [key.hex(), key.hex().upper(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()]
    texts += [texts[2].rstrip("="), f" {texts[0]}\n"]
    assert {parse_key(text, "test").id for text in texts} == {MasterKey.of(key).id}


@pytest.mark.parametrize("text", ["short", "ab" * 31, "not base64!!"])
def test_a_bad_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(SecretError, match="BOTKIT_MASTER_KEY") as caught:
        EnvironmentKeys(text)
    assert text not in str(caught.value)


def test_a_key_never_shows_in_a_repr() -> None:
    assert repr(parse_key(OLD, "test")) == f"MasterKey(id='{parse_key(OLD, 'test').id}')"


def test_a_generated_key_is_private_kept_and_announced(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        keys = find_keys(tmp_path / "home", {}).known()
    file = tmp_path / "home" / "master.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [log["event"] for log in logs] == ["master_key_generated"]
    assert file.read_text().strip() not in str(logs)
    assert find_keys(tmp_path / "home", {}).known() == keys


def test_a_readable_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text(OLD)
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        FileKeys(tmp_path / "master.key").known()


def test_an_empty_key_file_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.touch(0o600)
    with pytest.raises(SecretError, match="restore it from your backup"):
        FileKeys(file).known()
    assert file.read_text() == ""


def test_the_environment_beats_the_file_and_an_empty_variable_is_a_mistake(tmp_path: Path) -> None:
    assert find_keys(tmp_path, {"BOTKIT_MASTER_KEY": OLD}).known()[0] == parse_key(OLD, "test")
    with pytest.raises(SecretError, match="is empty"):
        find_keys(tmp_path, {"BOTKIT_MASTER_KEY": " "})


async def test_a_file_key_is_rotated_in_place(tmp_path: Path) -> None:
    store = MemorySecrets()
    file = FileKeys(tmp_path / "master.key")
    one = Vault(store, file, SecretRedactor(), SystemClock())
    await one.put(INSTANCE, "A", "value")
    file.add(os.urandom(32))
    current = file.known()[0].id
    await one.rewrap()
    file.keep_only(current)
    assert [key.id for key in file.known()] == [current]
    assert await one.reveal(INSTANCE, "A") == "value"
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
