"""`/link`: the same person on several platforms, when both sides say so."""

from __future__ import annotations

import re
from typing import Any

import pytest

from botkit.core.linking import digest_of, new_link_code
from botkit.engine.languages import LANGUAGES
from botkit.testing.models import calls
from tests.engine.support import World, a_config

CODE = re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b")
PEOPLE: dict[str, Any] = {"ada": {"roles": ["admin"], "identities": {"fake": ["ada"]}}}


def code_in(world: World, who: str) -> str:
    """The code that was shown last in somebody's private chat."""
    return CODE.findall(world.platform.texts(f"dm-{who}")[-1])[-1]


async def joined(world: World, one: str, other: str) -> None:
    """Two accounts go through all of it."""
    await world.ask("/link", person=one)
    await world.ask(f"/link {code_in(world, one)}", person=other)
    await world.ask(f"/link {code_in(world, other)}", person=one)


async def person_of(world: World, account: str) -> Any:
    return next(one for one in await world.ports.people.list() if ("fake", account) in one.identities)


async def test_two_accounts_become_one_person_with_what_both_did(world: World) -> None:
    await world.start()
    await world.ask("hello from the first", person="tess")
    await world.ask("hello from the second", person="theresa")
    before = await person_of(world, "tess")
    await joined(world, "tess", "theresa")
    assert "Joined" in world.platform.texts("dm-tess")[-1]
    person = await person_of(world, "tess")
    assert person.id == before.id, "the older one stays"
    assert set(person.identities) == {("fake", "tess"), ("fake", "theresa")}
    assert person.linked == (("fake", "theresa"),)
    assert {run.person_id for run in await world.runs()} == {person.id}
    audits = await world.ports.records.audits(limit=10)
    assert [one.action for one in audits] == ["people.link"]


async def test_a_linked_account_has_the_rights_of_the_person_in_bots_yaml(world: World) -> None:
    world.config = a_config(people=PEOPLE)
    world.tools.add("notes__wipe", text="string")
    await world.start()
    await world.ask("hello", person="phone")
    await joined(world, "phone", "ada")
    world.script.extend([calls(("notes__wipe", {"text": "x"})), "done"])
    await world.ask("wipe it", person="phone")
    principal = world.tools.calls[-1].principal
    assert (principal.id, principal.roles) == ("ada", ("admin",))


@pytest.mark.parametrize("attack", ["guess", "own", "only one side", "expired", "reused", "third"])
async def test_nobody_inherits_from_somebody_who_did_not_agree(world: World, attack: str) -> None:
    world.config = a_config(people=PEOPLE)
    await world.start()
    await world.ask("hello", person="mallory")
    await world.ask("/link", person="ada")
    first = code_in(world, "ada")
    if attack == "guess":
        await world.ask(f"/link {new_link_code()}", person="mallory")
    elif attack == "own":
        await world.ask(f"/link {first}", person="ada")
    elif attack == "only one side":  # ada was talked into telling her code, and confirms nothing
        await world.ask(f"/link {first}", person="mallory")
        await world.ask(f"/link {code_in(world, 'mallory')}", person="mallory")
    elif attack == "expired":
        await world.clock.advance(601)
        await world.ask(f"/link {first}", person="mallory")
    elif attack == "reused":
        await world.ask(f"/link {first}", person="phone")
        await world.ask(f"/link {code_in(world, 'phone')}", person="ada")
        await world.ask(f"/link {first}", person="mallory")
    else:  # a third account types what is shown to the second
        await world.ask(f"/link {first}", person="phone")
        await world.ask(f"/link {code_in(world, 'phone')}", person="mallory")
    assert ("fake", "mallory") not in (await person_of(world, "ada")).identities
    assert (await person_of(world, "mallory")).id != "ada"


async def test_a_code_is_shown_in_private_only_and_its_digest_is_all_that_is_kept(world: World) -> None:
    await world.start()
    await world.ask("/link", person="ada", room="g1", group=True, addressed="command")
    assert not CODE.search("\n".join(world.platform.texts("g1")))
    await world.ask("/link", person="ada")
    code = code_in(world, "ada")
    assert digest_of(code.lower().replace("-", " ")) == digest_of(code), "however it is typed"
    assert code not in str(await world.waits())
    assert world.model.requests == [], "no model reads it"


async def test_trying_codes_ends_soon(world: World) -> None:
    await world.start()
    for _ in range(9):
        await world.ask(f"/link {new_link_code()}", person="mallory")
    assert "too often" in world.platform.texts("dm-mallory")[-1]
    await world.clock.advance(601)
    await world.ask("/link", person="mallory")
    assert code_in(world, "mallory")


async def test_two_people_of_the_file_stay_two(world: World) -> None:
    people = {**PEOPLE, "bob": {"identities": {"fake": ["bob"]}}}
    world.config = a_config(people=people)
    await world.start()
    await world.ask("/link", person="ada")
    await world.ask(f"/link {code_in(world, 'ada')}", person="bob")
    assert "two people" in world.platform.texts("dm-bob")[-1]
    assert (await person_of(world, "bob")).id == "bob"


async def test_an_unlinked_account_stands_alone_and_has_no_rights_left(world: World) -> None:
    world.config = a_config(people=PEOPLE)
    world.tools.add("notes__wipe", text="string")
    await world.start()
    await world.ask("hello", person="phone")
    await joined(world, "phone", "ada")
    alone = await world.ports.people.unlink("fake", "phone")
    world.engine.people_changed()
    assert (alone.roles, alone.linked) == ((), ())
    world.script.extend([calls(("notes__wipe", {"text": "x"})), "done"])
    await world.ask("wipe it", person="phone")
    principal = world.tools.calls[-1].principal
    assert (principal.id, "admin" in principal.roles) == (alone.id, False)


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_every_language_says_what_to_type_and_to_tell_nobody(code: str) -> None:
    words = LANGUAGES[code]
    assert "`/link AAAA-BBBB`" in words.link_code.format(code="AAAA-BBBB", minutes=10)
    confirm = words.link_confirm.format(name="Tess", channel="tg", code="AAAA-BBBB")
    assert all(part in confirm for part in ("**Tess**", "`tg`", "`/link AAAA-BBBB`"))
    assert "`tg`" in words.link_done.format(name="Tess", channel="tg")
