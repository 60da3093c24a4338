"""The contracts of people and pairing."""

from __future__ import annotations

__all__ = ["PairingContract", "PeopleContract"]

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from botkit.core.errors import Conflict, LimitReached, NotFound
from botkit.core.events import User
from botkit.core.journal import SetRun
from botkit.core.tags import TAGS_LIMIT, SetTags
from botkit.testing.stores.database import Database, Stores
from botkit.testing.stores.samples import a_run, begin_run

ADA = User(id="42", name="Ada", username="ada", locale="de", timezone="Europe/Berlin", aliases={"phone": "+1555"})


class PeopleContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_first_contact_makes_a_person(self, store: Stores, database: Database) -> None:
        person = await store.people.resolve("desk", ADA)
        assert (person.name, person.locale, person.timezone) == ("Ada", "de", "Europe/Berlin")
        assert person.identities == (("desk", "42"),)
        assert person.created_at == database.clock.micros()
        assert person.roles == ()
        assert await store.people.resolve("desk", ADA) == person
        assert await store.people.get(person.id) == person
        assert await store.people.list() == [person]

    async def test_the_same_number_on_another_channel_is_another_person(self, store: Stores) -> None:
        one = await store.people.resolve("desk", ADA)
        two = await store.people.resolve("sales", ADA)
        assert one.id != two.id

    async def test_many_first_contacts_at_once_make_one_person(self, store: Stores) -> None:
        people = await asyncio.gather(*(store.people.resolve("desk", ADA) for _ in range(10)))
        assert len({person.id for person in people}) == 1
        assert len(await store.people.list()) == 1

    async def test_a_declared_person_keeps_the_declared_id(self, store: Stores) -> None:
        person = await store.people.resolve("desk", ADA, as_person="ada")
        assert person.id == "ada"
        other = await store.people.resolve("sales", User(id="9", name="Ada L."), as_person="ada")
        assert other.identities == (("desk", "42"), ("sales", "9"))
        assert other.name == "Ada"

    async def test_declaring_somebody_later_takes_their_history_along(self, store: Stores) -> None:
        guest = await store.people.resolve("desk", ADA)
        run = a_run(person_id=guest.id)
        claim, _, _ = await begin_run(store.journal, "u1", run=run)
        await store.journal.commit(claim, [SetRun(run_id=run.id, state="completed", at=2)], release=True)
        declared = await store.people.resolve("desk", ADA, as_person="ada")
        assert declared.identities == (("desk", "42"),)
        assert await store.people.get(guest.id) is None
        assert [found.run.id for found in await store.records.runs(person_id="ada")] == [run.id]

    async def test_a_new_display_name_is_taken_over(self, store: Stores) -> None:
        await store.people.resolve("desk", ADA)
        renamed = await store.people.resolve("desk", msgspec.structs.replace(ADA, name="Ada Lovelace"))
        assert renamed.name == "Ada Lovelace"

    async def test_hostile_names_are_stored_harmless(self, store: Stores) -> None:
        person = await store.people.resolve("desk", User(id="x\x00y", name="a\x00b\ud800"))
        assert "\x00" not in person.name
        assert (await store.people.resolve("desk", User(id="x\x00y", name="a\x00b\ud800"))).id == person.id

    async def test_tags_are_put_on_and_taken_away(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", ADA)
        bob = await store.people.resolve("desk", User(id="43", name="Bob"))
        put = SetTags(person_id=ada.id, tags=("vip", "beta"), at=1, by="cli:test")
        assert await store.people.tag(put) == ["beta", "vip"]
        assert await store.people.tag(put) == ["beta", "vip"]
        await store.journal.commit(None, [SetTags(person_id=bob.id, tags=("vip",), at=1)])
        assert {one.id: one.tags for one in await store.people.list()} == {ada.id: ("beta", "vip"), bob.id: ("vip",)}
        gone = SetTags(person_id=ada.id, tags=("vip", "never had"), remove=True, at=2)
        assert await store.people.tag(gone) == ["beta"]
        found = await store.people.get(ada.id)
        assert found is not None
        assert found.tags == ("beta",)
        with pytest.raises(NotFound):
            await store.people.tag(SetTags(person_id="nobody", tags=("vip",), at=1))

    async def test_nobody_has_more_tags_than_the_limit(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", ADA)
        many = tuple(f"tag {number}" for number in range(TAGS_LIMIT))
        await store.people.tag(SetTags(person_id=ada.id, tags=many, at=1))
        with pytest.raises(LimitReached):
            await store.people.tag(SetTags(person_id=ada.id, tags=("one more",), at=1))
        found = await store.people.get(ada.id)
        assert found is not None
        assert len(found.tags) == TAGS_LIMIT

    async def test_whoever_joins_another_takes_their_tags_along(self, store: Stores) -> None:
        stays = await store.people.resolve("desk", ADA)
        goes = await store.people.resolve("sales", User(id="9"))
        await store.people.tag(SetTags(person_id=stays.id, tags=("vip",), at=1))
        await store.people.tag(SetTags(person_id=goes.id, tags=("vip", "beta"), at=1))
        await store.people.link(stays.id, "sales", "9")
        found = await store.people.get(stays.id)
        assert found is not None
        assert found.tags == ("beta", "vip")

    async def test_roles_are_granted_and_replaced(self, store: Stores) -> None:
        person = await store.people.resolve("desk", ADA)
        await store.people.grant(person.id, ["support", "admin", "support"])
        found = await store.people.get(person.id)
        assert found is not None
        assert found.roles == ("admin", "support")
        with pytest.raises(NotFound):
            await store.people.grant("per_none", ["admin"])

    async def test_somebody_is_welcomed_once_by_each_bot(self, store: Stores) -> None:
        person = await store.people.resolve("desk", ADA)
        first = await asyncio.gather(*(store.people.mark_welcomed(person.id, "helper") for _ in range(5)))
        assert first.count(True) == 1
        assert await store.people.mark_welcomed(person.id, "desk")
        found = await store.people.get(person.id)
        assert found is not None
        assert found.welcomed == ("desk", "helper")

    async def test_linking_moves_an_account_and_what_was_done_with_it(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", ADA)
        guest = await store.people.resolve("sales", User(id="9", name="guest"))
        run = a_run(person_id=guest.id)
        await begin_run(store.journal, "u1", run=run)
        await store.people.mark_welcomed(guest.id, "helper")
        await store.people.link(ada.id, "sales", "9")
        linked = await store.people.get(ada.id)
        assert linked is not None
        assert linked.identities == (("desk", "42"), ("sales", "9"))
        assert linked.welcomed == ("helper",)
        assert await store.people.get(guest.id) is None
        loaded = await store.journal.load_run(run.id)
        assert loaded is not None
        assert loaded.run.person_id == ada.id
        await store.people.link(ada.id, "sales", "9")  # a repeat changes nothing

    async def test_an_account_of_somebody_established_is_not_taken(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", ADA)
        bo = await store.people.resolve("sales", User(id="9", name="Bo"))
        await store.people.grant(bo.id, ["support"])
        with pytest.raises(Conflict):
            await store.people.link(ada.id, "sales", "9")
        with pytest.raises(NotFound):
            await store.people.link("per_none", "sales", "9")

    async def test_an_account_may_be_linked_before_it_writes(self, store: Stores) -> None:
        ada = await store.people.resolve("desk", ADA)
        await store.people.link(ada.id, "sales", "9")
        assert (await store.people.resolve("sales", User(id="9", name="Ada"))).id == ada.id

    async def test_nobody_is_none(self, store: Stores) -> None:
        assert await store.people.get("per_none") is None
        assert await store.people.list() == []


class PairingContract:
    """Subclass with a `database` fixture."""

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Stores]:
        store = await database.open()
        yield store
        await store.close()

    async def test_an_account_gets_one_code_until_it_expires(self, store: Stores, database: Database) -> None:
        code, new = await store.pairing.request("desk", ADA, "per_1", ttl_s=60)
        again, repeated = await store.pairing.request("desk", ADA, "per_1", ttl_s=60)
        assert (new, repeated) == (True, False)
        assert again == code
        assert (code.channel, code.user_id, code.name, code.person_id, code.state) == (
            "desk",
            "42",
            "Ada",
            "per_1",
            "open",
        )
        await database.clock.advance(61)
        fresh, new = await store.pairing.request("desk", ADA, "per_1", ttl_s=60)
        assert new
        assert fresh.code != code.code
        assert {found.code: found.state for found in await store.pairing.list()} == {
            code.code: "expired",
            fresh.code: "open",
        }

    async def test_codes_can_be_read_aloud(self, store: Stores) -> None:
        code, _ = await store.pairing.request("desk", ADA, "per_1", ttl_s=60)
        assert len(code.code) == 8
        assert not set(code.code) & set("01OILU")
        assert code.code == code.code.upper()

    async def test_approval_lets_the_account_in(self, store: Stores) -> None:
        code, _ = await store.pairing.request("desk", ADA, "per_1", ttl_s=60)
        assert not await store.pairing.is_allowed("desk", "42")
        typed = f" {code.code[:4].lower()}-{code.code[4:].lower()} "
        approved = await store.pairing.approve(typed, by="operator")
        assert (approved.state, approved.user_id) == ("approved", "42")
        assert await store.pairing.is_allowed("desk", "42")
        assert not await store.pairing.is_allowed("sales", "42")
        with pytest.raises(NotFound):
            await store.pairing.approve(code.code, by="operator")

    async def test_unknown_and_expired_codes_are_refused(self, store: Stores, database: Database) -> None:
        with pytest.raises(NotFound):
            await store.pairing.approve("ABCDEFGH", by="operator")
        code, _ = await store.pairing.request("desk", ADA, "per_1", ttl_s=60)
        await database.clock.advance(60)
        with pytest.raises(NotFound):
            await store.pairing.approve(code.code, by="operator")
        assert not await store.pairing.is_allowed("desk", "42")

    async def test_a_crowd_of_strangers_is_stopped(self, store: Stores, database: Database) -> None:
        crowd = (store.pairing.request("desk", User(id=str(number)), "per", ttl_s=60) for number in range(300))
        results = await asyncio.gather(*crowd, return_exceptions=True)
        assert 10 <= sum(not isinstance(result, BaseException) for result in results) < 300
        assert {type(result) for result in results if isinstance(result, BaseException)} == {LimitReached}
        await store.pairing.request("sales", User(id="1"), "per", ttl_s=60)  # other channels are not affected
        await store.pairing.request("desk", User(id="0"), "per", ttl_s=60)  # nor whoever has a code
        await database.clock.advance(61)
        await store.pairing.request("desk", User(id="late"), "per", ttl_s=60)
