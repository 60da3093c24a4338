"""Verified identities: kept per person, counting for a while, exported and erased with the person."""

from __future__ import annotations

from pathlib import Path

from botkit.core.events import User
from botkit.core.identity import Verification
from botkit.store.open import open_store
from botkit.testing.clock import ManualClock

HOUR = 3_600_000_000


def verified(person: str, at: int, address: str = "ada@example.com") -> Verification:
    return Verification(
        person_id=person,
        kind="email",
        address=address,
        method="email_otp",
        verified_at=at,
        expires_at=at + HOUR,
        run_id="run_1",
        details={"customer": 17},
    )


async def test_the_newest_of_each_address_is_kept_as_long_as_it_counts(tmp_path: Path) -> None:
    clock = ManualClock()
    now = clock.micros()
    async with open_store(tmp_path / "home", clock=clock) as store:
        await store.verifications.put(verified("ada", now))
        await store.verifications.put(verified("ada", now + 5))
        await store.verifications.put(verified("ada", now + 1, "ada@work.example"))
        await store.verifications.put(verified("bob", now, "bob@example.com"))
    async with open_store(tmp_path / "home", clock=clock) as store:
        found = await store.verifications.of("ada", now=now + 10)
        assert [one.address for one in found] == ["ada@example.com", "ada@work.example"]
        assert found[0] == verified("ada", now + 5)
        assert [one.address for one in await store.verifications.of("ada", now=now + HOUR + 2)] == ["ada@example.com"]
        assert await store.verifications.of("ada", now=now + HOUR + 5) == []
        assert await store.verifications.forget("ada") == 2
        assert await store.verifications.of("ada", now=now) == []


async def test_they_are_exported_and_erased_with_the_person(tmp_path: Path) -> None:
    clock = ManualClock()
    now = clock.micros()
    async with open_store(tmp_path / "home", clock=clock) as store:
        ada = await store.people.resolve("fake", User(id="1", name="Ada"))
        bob = await store.people.resolve("fake", User(id="2", name="Bob"))
        await store.verifications.put(verified(ada.id, now))
        await store.verifications.put(verified(bob.id, now, "bob@example.com"))
        rows = [row async for row in store.lifecycle.export_person(ada.id) if row["table"] == "verifications"]
        assert [(row["address"], row["details"]) for row in rows] == [("ada@example.com", {"customer": 17})]
        await store.lifecycle.erase_person(ada.id, actor="test")
        assert await store.verifications.of(ada.id, now=now) == []
        assert len(await store.verifications.of(bob.id, now=now)) == 1


async def test_what_counts_no_more_goes_with_the_logs(tmp_path: Path) -> None:
    clock = ManualClock()
    now = clock.micros()
    async with open_store(tmp_path / "home", clock=clock) as store:
        await store.verifications.put(verified("ada", now))
        assert (await store.lifecycle.expire(logs_before=now + HOUR)).get("verifications") is None
        assert (await store.lifecycle.expire(logs_before=now + HOUR + 1))["verifications"] == 1
