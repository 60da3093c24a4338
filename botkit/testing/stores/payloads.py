"""The contract of sealed records of calls."""

from __future__ import annotations

__all__ = ["PayloadsContract", "PlainSeal", "a_recorded_call"]

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from botkit.core.clock import Clock
from botkit.core.errors import Conflict
from botkit.core.events import User
from botkit.core.journal import AddAudit, Audit, LogCall
from botkit.core.payloads import Envelope, PayloadRow
from botkit.core.tools import CallRecord, PrincipalKind, RecordedCall, recorded
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.members import a_member, an_act

_DAY = 86_400_000_000


class PlainSeal:
    """A `SealedPayload` that opens without a key, and counts how often it was asked."""

    def __init__(self, key_id: str = "k1"):
        self.key_id = key_id
        self.asked = 0

    def envelope(self) -> Envelope:
        self.asked += 1
        return Envelope(key_id=self.key_id, wrapped_key=b"\x00wrapped", nonce=b"nonce", ciphertext=b"\xff\x00sealed")


def a_recorded_call(
    id_: str,
    *,
    key_id: str = "k1",
    at: int = 5,
    principal: str = "",
    principal_kind: PrincipalKind = "person",
    run_id: str = "",
) -> RecordedCall:
    record = CallRecord(
        id=id_, at=at, workspace="desk", principal=principal, principal_kind=principal_kind, run_id=run_id
    )
    return recorded(record, PlainSeal(key_id))


async def ids(store: Stores, key_id: str = "none") -> Sequence[str]:
    """Of all records that are kept, unless they are under this key."""
    return [row.call_id for row in await store.payloads.not_under(key_id)]


class PayloadsContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_a_record_comes_with_its_call_whichever_way_that_is_logged(self, store: Stores) -> None:
        alone, of_a_run = a_recorded_call("c1", principal="per_1"), a_recorded_call("c2", run_id="run_1")
        plain = CallRecord(id="c3", at=6, workspace="desk")
        await store.calls.append([alone, plain])
        await store.journal.commit(None, [LogCall(record=of_a_run)])
        assert await store.payloads.get("c1") == PayloadRow(
            call_id="c1",
            at=5,
            workspace="desk",
            principal_kind="person",
            principal="per_1",
            envelope=PlainSeal().envelope(),
        )
        found = await store.payloads.get("c2")
        assert found is not None
        assert found.run_id == "run_1"
        assert await store.payloads.get("c3") is None
        assert await store.payloads.counts() == {"desk": 2}
        assert {type(call) for call in await store.records.calls()} == {CallRecord}

    async def test_a_call_that_is_logged_again_changes_nothing(self, store: Stores) -> None:
        await store.calls.append([a_recorded_call("c1")])
        await store.calls.append([a_recorded_call("c1", key_id="k2")])
        assert await ids(store, "k1") == []

    async def test_a_commit_that_fails_leaves_neither_row(self, store: Stores) -> None:
        class Broken(PlainSeal):
            def envelope(self) -> Envelope:
                raise Conflict("it cannot be sealed")

        broken = recorded(CallRecord(id="c1", at=5, workspace="desk"), Broken())
        audit = AddAudit(audit=Audit(at=1, actor="a", via="", action="x"))
        with pytest.raises(Conflict):
            await store.journal.commit(None, [audit, LogCall(record=broken)])
        assert list(await store.records.calls()) == []
        assert list(await store.records.audits()) == []
        assert await ids(store) == []

    async def test_a_record_is_found_by_an_unambiguous_beginning(self, store: Stores) -> None:
        await store.calls.append([a_recorded_call("call_aa"), a_recorded_call("call_ab"), a_recorded_call("c%_")])
        found = await store.payloads.get("call_ab")
        assert found is not None
        for nothing in ("", "call_b", "%"):
            assert await store.payloads.get(nothing) is None
        with pytest.raises(Conflict):
            await store.payloads.get("call_a")

    async def test_rows_under_another_key_are_found_in_pages_and_wrapped_anew_once(self, store: Stores) -> None:
        await store.calls.append([a_recorded_call(f"c{n}", key_id="k2" if n == 2 else "k1") for n in range(5)])
        first = await store.payloads.not_under("k2", limit=3)
        assert [row.call_id for row in first] == ["c0", "c1", "c3"]
        assert [row.call_id for row in await store.payloads.not_under("k2", after="c3", limit=3)] == ["c4"]
        fresh = [
            msgspec.structs.replace(
                row, envelope=msgspec.structs.replace(row.envelope, key_id="k2", wrapped_key=b"anew")
            )
            for row in first
        ]
        assert await store.payloads.rewrap(fresh, ["k1"] * 3) == 3
        assert await store.payloads.rewrap(fresh, ["k1"] * 3) == 0
        assert await ids(store, "k2") == ["c4"]
        assert await store.payloads.get("c0") == fresh[0]

    async def test_a_row_that_waits_for_its_commit_is_seen(self, store: Stores) -> None:
        """A rotation forgets the former key after it looked: nothing under it may appear later."""
        entered, released = threading.Event(), threading.Event()

        class Slow(PlainSeal):
            def envelope(self) -> Envelope:
                entered.set()
                released.wait(60)
                return super().envelope()

        slow = recorded(CallRecord(id="c1", at=5, workspace="desk"), Slow())
        async with asyncio.TaskGroup() as under_way:
            under_way.create_task(store.calls.append([slow]))
            await asyncio.to_thread(entered.wait, 60)
            looking = under_way.create_task(ids(store, "k2"))
            for _ in range(3):  # whoever reads beside the writer sees nothing yet, and has the time to
                assert list(await store.records.calls()) == []
            released.set()
        assert looking.result() == ["c1"]

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_person_takes_their_records_along_as_people_and_as_members(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", User(id="1", name="Ada"))
        bo = await store.people.resolve("desk", User(id="2", name="Bo"))
        for person, name in ((ada, "Ada"), (bo, "Bo")):
            member = a_member(name, person_id=person.id)
            await store.members.add(member, audit=an_act())
            await store.calls.append(
                [
                    a_recorded_call(f"{name}-chat", principal=person.id),
                    a_recorded_call(f"{name}-client", principal=member.id, principal_kind="member"),
                ]
            )
        # a service that happens to be called like the person
        await store.calls.append([a_recorded_call("service", principal=ada.id, principal_kind="service")])
        exported = [row async for row in store.lifecycle.export_person(ada.id) if row["table"] == "call_payloads"]
        assert sorted(row["call_id"] for row in exported) == ["Ada-chat", "Ada-client"]
        assert not {"ciphertext", "wrapped_key", "nonce"} & set(exported[0])
        erased = await store.lifecycle.erase_person(ada.id, actor="operator")
        assert erased.rows["call_payloads"] == 2
        assert await ids(store) == ["Bo-chat", "Bo-client", "service"]
        assert len(await store.records.calls()) == 5

    async def test_records_move_with_an_account_to_its_person(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", User(id="1", name="Ada"))
        alone = await store.people.resolve("sales", User(id="9"))
        await store.calls.append([a_recorded_call("c1", principal=alone.id)])
        await store.people.link(ada.id, "sales", "9")
        found = await store.payloads.get("c1")
        assert found is not None
        assert found.principal == ada.id

    # ── age ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_records_go_by_their_own_age_and_at_the_latest_with_their_calls(
        self, store: Stores, database: Database
    ) -> None:
        def logged(clock: Clock, id_: str) -> RecordedCall:
            return a_recorded_call(id_, at=clock.micros())

        await store.calls.append([logged(database.clock, "old")])
        await database.clock.advance(10 * 86_400)
        await store.journal.heartbeat()
        await store.calls.append([logged(database.clock, "new")])
        now = database.clock.micros()
        assert await store.lifecycle.expire(payloads_before=now - 20 * _DAY) == {}
        assert await store.lifecycle.expire(payloads_before=now - 5 * _DAY) == {"call_payloads": 1}
        assert await ids(store) == ["new"]
        assert len(await store.records.calls()) == 2
        assert await store.lifecycle.expire(logs_before=now + 1) == {"calls": 2, "call_payloads": 1}
