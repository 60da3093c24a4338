"""The door: who is let in, what they may, and how soon a token that ended is known."""

from __future__ import annotations

import asyncio
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.errors import StoreError
from botkit.core.members import Holder
from botkit.gateway.access.gate import FRESH_S
from botkit.gateway.access.tokens import make_token, token_digest
from botkit.testing.stores.members import an_act
from tests.gateway.access.conftest import Door


async def test_a_token_opens_its_workspace_as_its_member(door: Door) -> None:
    ada = await door.member(role="read-only")
    text, token = await door.token(
        ada,
        allow=("orders__*",),
        deny=("orders__refund",),
        per_minute=60,
        per_month=7,
        expires_at=door.clock.micros() + 9,
    )
    grant = await door.gate.authenticate("desk", text)
    assert grant is not None
    assert (grant.workspace, grant.credential, grant.expires_at) == ("desk", token.id, token.expires_at)
    principal = grant.principal
    assert (principal.kind, principal.id, principal.roles, principal.token_id) == (
        "member",
        ada.id,
        ("read-only",),
        token.id,
    )
    assert (principal.allow, principal.deny, principal.per_minute, principal.per_month) == (
        ("orders__*",),
        ("orders__refund",),
        60,
        7,
    )


async def test_revoked_expired_foreign_unknown_and_orphaned_tokens_answer_alike(door: Door) -> None:
    ada, bo, cy = await door.member(), await door.member("Bo", "sales"), await door.member("Cy")
    revoked, row = await door.token(ada)
    await door.revoke(row)
    expired, _ = await door.token(ada, expires_at=door.clock.micros())
    foreign, _ = await door.token(bo)
    orphaned, _ = await door.token(cy)
    await door.store.members.remove(cy.id, by="operator", at=1, audit=an_act())
    for text in (revoked, expired, foreign, orphaned, make_token("ada"), "", "mwt_", "x" * 100_000, "\ud800\x00"):
        assert await door.gate.authenticate("desk", text) is None


async def test_a_workspace_that_is_gone_lets_nobody_in(door: Door) -> None:
    text, _ = await door.token(await door.member())
    assert await door.gate.exists("desk")
    door.workspaces.discard("desk")
    assert await door.gate.authenticate("desk", text) is None
    assert not await door.gate.exists("desk")


async def test_nothing_but_the_digest_of_a_token_is_stored(door: Door) -> None:
    text, _ = await door.token(await door.member())
    assert re.fullmatch(r"mwt_ada_[0-9a-f]{64}", text)
    assert token_digest(text) == hashlib.sha256(text.encode()).hexdigest()
    await door.store.close()
    stored = b"".join(path.read_bytes() for path in door.store.home.rglob("*") if path.is_file())
    assert token_digest(text).encode() in stored
    assert text.encode() not in stored
    assert text.rpartition("_")[2].encode() not in stored


@given(st.text())
def test_every_name_gives_a_token_of_three_parts(name: str) -> None:
    assert re.fullmatch(r"mwt_[a-z0-9][a-z0-9-]{0,31}_[0-9a-f]{64}", make_token(name))


async def test_a_busy_client_costs_one_look_a_second(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = await door.token(await door.member())
    looks = 0
    look = door.store.members.holder

    async def counted(digest: str) -> Holder | None:
        nonlocal looks
        looks += 1
        return await look(digest)

    monkeypatch.setattr(door.store.members, "holder", counted)
    for _ in range(100):
        assert await door.gate.authenticate("desk", text) is not None
    assert looks == 1
    await door.clock.advance(FRESH_S)
    assert await door.gate.authenticate("desk", text) is not None
    assert looks == 2


async def test_what_another_process_revoked_is_refused_within_a_second(door: Door) -> None:
    text, token = await door.token(await door.member())
    assert await door.gate.authenticate("desk", text) is not None
    await door.revoke(token)
    await door.clock.advance(0.99)
    assert await door.gate.authenticate("desk", text) is None


async def test_what_is_pushed_is_refused_at_once(door: Door) -> None:
    text, token = await door.token(await door.member())
    assert await door.gate.authenticate("desk", text) is not None
    await door.revoke(token)
    door.gate.ended([token.id])
    assert await door.gate.authenticate("desk", text) is None


async def test_a_look_that_was_under_way_when_a_token_ended_does_not_bring_it_back(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, token = await door.token(await door.member())
    look = door.store.members.holder
    looked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(digest: str) -> Holder | None:
        found = await look(digest)
        looked.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(door.store.members, "holder", slow)
    asking = asyncio.create_task(door.gate.authenticate("desk", text))
    await looked.wait()
    await door.revoke(token)
    door.gate.ended([token.id])
    go_on.set()
    assert await asking is None


async def test_a_changed_role_counts_at_once_when_pushed(door: Door) -> None:
    ada = await door.member(role="admin")
    text, token = await door.token(ada)
    assert await door.gate.authenticate("desk", text) is not None
    await door.store.members.set_role(ada.id, "read-only", audit=an_act())
    door.gate.changed([token.id])
    grant = await door.gate.authenticate("desk", text)
    assert grant is not None
    assert grant.principal.roles == ("read-only",)


async def test_without_a_database_nobody_is_let_in(door: Door) -> None:
    text, _ = await door.token(await door.member())
    await door.store.close()
    with pytest.raises(StoreError):
        await door.gate.authenticate("desk", text)


async def test_watchers_of_a_token_are_told_once_and_others_not(door: Door) -> None:
    ada = await door.member()
    (_, one), (_, two) = await door.token(ada), await door.token(ada)
    told: list[str] = []
    door.gate.watch(one.id, lambda: told.append("first"))
    door.gate.watch(one.id, lambda: told.append("second"))
    door.gate.watch(two.id, lambda: told.append("other"))
    stop = door.gate.watch(one.id, lambda: told.append("left"))
    stop()
    stop()
    for _ in range(2):
        door.gate.ended([one.id])
    assert told == ["first", "second"]


async def test_one_failing_watcher_keeps_nothing_from_the_next(door: Door) -> None:
    _, token = await door.token(await door.member())
    told: list[str] = []

    def fail() -> None:
        raise RuntimeError("a stream that broke")

    door.gate.watch(token.id, fail)
    door.gate.watch(token.id, lambda: told.append("told"))
    door.gate.ended([token.id])
    assert told == ["told"]


async def test_streams_end_within_a_second_of_expiry_and_of_revocation_elsewhere(door: Door) -> None:
    ada = await door.member()
    _, revoked = await door.token(ada)
    _, expiring = await door.token(ada, expires_at=door.clock.micros() + 60_000_000)
    _, lasting = await door.token(ada)
    ended: dict[str, asyncio.Event] = {token.id: asyncio.Event() for token in (revoked, expiring, lasting)}
    for token_id, event in ended.items():
        door.gate.watch(token_id, event.set)
    keeping = asyncio.create_task(door.gate.keep_watch())
    await door.clock.sleeping()
    await door.revoke(revoked)
    await door.clock.advance(1)
    await ended[revoked.id].wait()
    assert not ended[expiring.id].is_set()
    for _ in range(60):
        await door.clock.sleeping()
        await door.clock.advance(1)
    await ended[expiring.id].wait()
    assert not ended[lasting.id].is_set()
    keeping.cancel()


async def test_nothing_is_read_while_nobody_watches(door: Door) -> None:
    keeping = asyncio.create_task(door.gate.keep_watch())
    stop = door.gate.watch("tok_none", lambda: None)
    await door.clock.sleeping()
    stop()
    await door.clock.advance(1)
    assert door.clock.sleepers == 0
    keeping.cancel()


async def test_a_database_that_does_not_answer_ends_no_stream(door: Door) -> None:
    _, token = await door.token(await door.member())
    told: list[str] = []
    door.gate.watch(token.id, lambda: told.append("told"))
    await door.store.close()
    await door.gate.look()
    assert told == []


async def test_use_is_written_in_batches(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    text, token = await door.token(await door.member())
    written: list[dict[str, int]] = []
    note = door.store.members.note_use

    async def counted(used: dict[str, int]) -> None:
        written.append(used)
        await note(used)

    monkeypatch.setattr(door.store.members, "note_use", counted)
    for _ in range(50):
        await door.gate.authenticate("desk", text)
    assert written == []
    await door.gate.note_uses()
    assert written == [{token.id: door.clock.micros()}]
    (listed,) = await door.store.members.tokens()
    assert listed.last_used_at == door.clock.micros()


async def test_a_use_that_could_not_be_written_is_written_later(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = await door.token(await door.member())
    await door.gate.authenticate("desk", text)

    async def broken(used: dict[str, int]) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(door.store.members, "note_use", broken)
        await door.gate.note_uses()
    await door.gate.note_uses()
    (listed,) = await door.store.members.tokens()
    assert listed.last_used_at > 0


async def test_a_token_that_ended_is_told_from_one_that_never_was(door: Door) -> None:
    text, token = await door.token(await door.member())
    await door.revoke(token)
    assert await door.gate.authenticate("desk", text) is None
    assert await door.gate.was_one(text)
    assert not await door.gate.was_one("mwt_nobody_" + "0" * 64)


async def test_a_bad_token_is_looked_up_once_in_a_while(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    holder = door.store.members.holder

    async def counted(digest: str) -> Holder | None:
        looked.append(digest)
        return await holder(digest)

    monkeypatch.setattr(door.store.members, "holder", counted)
    for _ in range(3):
        assert await door.gate.authenticate("desk", "mwt_guess") is None
        assert not await door.gate.was_one("mwt_guess")
    assert len(looked) == 1
    await door.clock.advance(FRESH_S)
    await door.gate.authenticate("desk", "mwt_guess")
    assert len(looked) == 2
