"""`auth_gate` through the engine: codes by a real mail server, attacks on them, crashes, and what is never stored."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from botkit.app.delivery import Deliveries
from botkit.app.http.verify import IdentityLinks
from botkit.app.identity_desk import Codes
from botkit.core.config import Settings
from botkit.core.errors import NotFound
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.serving.sealing import Sealer
from botkit.workflows.graph import GraphNode
from tests.app.delivery.mailbox import Mailbox, mail_server
from tests.engine.support import World, a_config
from tests.engine.test_workflows import greet, with_workflow

ADA = "ada@example.com"
KEY = "11" * 32


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mail_server() as found:
        yield found


def gated(world: World, box: Mailbox, *after: GraphNode, more: str = "", **data: Any) -> None:
    """A workflow that lets through who proves to be somebody, and says how it ended."""
    keys = EnvironmentKeys(KEY)
    mail = {
        "provider": "smtp",
        "from": "desk@example.com",
        "host": "127.0.0.1",
        "port": box.port,
        "security": "none",
        "timeout_s": 60.0,
    }
    settings = Settings.model_validate({"mail": mail})

    async def no_secret(name: str) -> str:
        raise AssertionError(name)

    def make(world: World) -> Codes:
        seal = Sealer(keys, lambda: world.clock.micros() / 1_000_000)
        deliveries = Deliveries(lambda: settings, None, no_secret, world.clock)  # pyright: ignore[reportArgumentType] - mail alone
        store = world.store
        base = "https://bots.example.com"
        return Codes(keys, seal, deliveries, store.verifications, store.limiter, world.clock, lambda: base)

    world.make_codes = make
    with_workflow(
        world,
        GraphNode(id="gate", type="auth_gate", data={"app": "Desk", **data}),
        greet("in", "Welcome {{ verified_email }}."),
        greet("out", "No: {{ gate.reason }}."),
        greet("late", "Too late."),
        *after,
        edges=f"gate.verified>in gate.failed>out gate.timeout>late {more}",
    )
    # the engine looks at the configuration to know that messages may be codes
    flow: dict[str, Any] = {"flow": {"nodes": [{"id": "gate", "type": "auth_gate", "data": {}}]}}
    world.config = world.config.model_copy(update={"workflows": a_config(workflows=flow).workflows})


def code_in(box: Mailbox, number: int = -1) -> str:
    body = box.mails[number].get_body(("plain",))
    assert body is not None
    found = re.search(r"\b\d{6}\b", body.get_content())
    assert found is not None
    return found[0]


def link_in(box: Mailbox, number: int = -1) -> str:
    body = box.mails[number].get_body(("plain",))
    assert body is not None
    found = re.search(r"https://bots\.example\.com/verify/(\S+)", body.get_content())
    assert found is not None
    return found[1]


def other(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 1_000_000:06d}"


def bytes_of(world: World) -> bytes:
    """Everything this instance wrote to the disk."""
    return b"".join(file.read_bytes() for file in sorted(world.home.rglob("*")) if file.is_file())


async def start(world: World, box: Mailbox, *after: GraphNode, **data: Any) -> None:
    gated(world, box, *after, **{"to": ADA, **data})
    await world.start()
    await world.ask("let me in")


async def test_a_code_by_mail_lets_its_person_through(world: World, box: Mailbox):
    await start(world, box)
    assert box.mails[0]["To"] == ADA
    assert [run.waiting_for for run in await world.runs()] == ["identity"]
    await world.ask(code_in(box))
    assert world.texts[-1] == f"Welcome {ADA}."
    (one,) = await world.codes.verified((await world.runs())[0].person_id)
    assert (one.kind, one.address, one.method) == ("email", ADA, "email_otp")


@pytest.mark.parametrize("written", ["{0} {1}", "my code is {0}{1}, thanks", "{0}-{1}", " {0}{1}\n"])
async def test_people_write_codes_in_their_own_way(world: World, box: Mailbox, written: str):
    await start(world, box)
    code = code_in(box)
    await world.ask(written.format(code[:3], code[3:]))
    assert world.texts[-1] == f"Welcome {ADA}."


async def test_digits_of_other_scripts_are_digits(world: World, box: Mailbox):
    await start(world, box)
    await world.ask(code_in(box).translate({ord(str(n)): chr(0x0660 + n) for n in range(10)}))
    assert world.texts[-1] == f"Welcome {ADA}."


async def test_the_address_is_asked_for_and_asked_again(world: World, box: Mailbox):
    await start(world, box, to="")
    assert "email address" in world.texts[-1]
    await world.ask("not an address")
    assert "name@example.com" in world.texts[-1]
    await world.ask("Ada@Example.com")
    assert box.mails[0]["To"] == ADA
    await world.ask(code_in(box))
    assert world.texts[-1] == f"Welcome {ADA}."


async def test_no_code_and_no_answer_is_ever_stored(world: World, box: Mailbox, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    await start(world, box)
    code = code_in(box)
    wrong = other(code, 7)
    await world.ask(f"it is {wrong}")
    await world.ask("resend")
    await world.clock.advance(61)
    await world.ask("resend")
    second = code_in(box)
    assert second != code
    await world.ask(f"canary {second}")
    assert world.texts[-1] == f"Welcome {ADA}."
    written = bytes_of(world)
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")  # of the server
    for canary in (code, second, wrong, f"canary {second}", "it is "):
        assert canary.encode() not in written, "in the database"
        assert canary not in logged, "in the log"
        assert all(canary not in str(request.messages) for request in world.model.requests)
    await world.close()
    assert not any(canary.encode() in bytes_of(world) for canary in (code, second, wrong))
    await world.start()


async def test_the_sixth_attempt_never_happens(world: World, box: Mailbox):
    await start(world, box)
    code = code_in(box)
    for left in (4, 3, 2, 1):
        await world.ask(other(code, left))
        assert world.texts[-1] == f"That is not the code. Attempts left: {left}."
    await world.ask(other(code, 9))
    assert world.texts[-1] == "No: attempts."
    before = len(await world.codes.verified((await world.runs())[0].person_id))
    await world.ask(code)  # begins another run, and counts for nothing
    assert before == 0
    assert f"Welcome {ADA}." not in world.texts


async def test_another_code_does_not_bring_new_attempts(world: World, box: Mailbox):
    await start(world, box)
    for by in (1, 2, 3):
        await world.ask(other(code_in(box), by))
    await world.clock.advance(61)
    await world.ask("resend")
    await world.ask(other(code_in(box)))
    assert world.texts[-1].endswith("left: 1.")
    await world.ask(other(code_in(box), 2))
    assert world.texts[-1] == "No: attempts."


async def test_an_old_code_is_void_once_another_was_sent(world: World, box: Mailbox):
    await start(world, box)
    first = code_in(box)
    await world.ask("resend")
    assert "seconds" in world.texts[-1]
    assert len(box.mails) == 1, "not before the cool-down is over"
    await world.clock.advance(61)
    await world.ask("resend")
    assert len(box.mails) == 2
    await world.ask(first)
    assert "not the code" in world.texts[-1]
    await world.ask(code_in(box))
    assert world.texts[-1] == f"Welcome {ADA}."


async def test_a_code_is_good_for_ten_minutes(world: World, box: Mailbox):
    await start(world, box)
    await world.pass_time(601)
    assert world.texts[-1] == "Too late."


async def test_a_code_that_comes_late_does_not_count(world: World, box: Mailbox):
    await start(world, box)
    await world.close()
    await world.clock.advance(601)
    await world.start()
    await world.settle()
    await world.ask(code_in(box, 0))
    assert f"Welcome {ADA}." not in world.texts


async def test_cancel_ends_it(world: World, box: Mailbox):
    await start(world, box)
    await world.ask("Cancel")
    assert world.texts[-1] == "No: cancelled."


async def test_words_are_no_attempts_but_have_an_end(world: World, box: Mailbox):
    await start(world, box)
    for _ in range(30):
        await world.ask("what code?")
    assert "Please write the code" in world.texts[-1]
    await world.ask("what code?")
    assert world.texts[-1] == "No: attempts."


async def test_nobody_else_can_enter_the_code(world: World, box: Mailbox):
    gated(world, box, to=ADA)
    await world.start()
    await world.ask("let me in", person="ada", room="hall", group=True, addressed="mention")
    code = code_in(box)
    await world.ask(code, person="eve", room="hall", group=True, addressed="mention")
    await world.ask(code, person="eve")
    await world.ask(code, person="ada", room="elsewhere", group=True, addressed="mention")
    assert f"Welcome {ADA}." not in world.texts
    await world.ask(code, person="ada", room="hall", group=True, addressed="mention")
    assert f"Welcome {ADA}." in world.texts


async def test_a_code_of_one_person_is_no_code_of_another(world: World, box: Mailbox):
    gated(world, box, to=ADA)
    await world.start()
    await world.ask("let me in", person="ada")
    await world.ask("let me in", person="eve")
    mine, hers = code_in(box, 0), code_in(box, 1)
    assert mine != hers
    await world.ask(mine, person="eve")
    assert f"Welcome {ADA}." not in world.texts
    await world.ask(mine, person="ada")
    assert world.texts.count(f"Welcome {ADA}.") == 1


async def test_two_answers_at_once_are_one_attempt(world: World, box: Mailbox):
    await start(world, box)
    code = code_in(box)
    await world.platform.say(other(code))
    await world.platform.say(code)
    await world.settle()
    runs = await world.runs()
    assert len(runs) == 1, "an answer begins no run"
    await world.ask(code)
    assert world.texts.count(f"Welcome {ADA}.") == 1


async def test_a_restart_forgets_neither_code_nor_attempts(world: World, box: Mailbox):
    await start(world, box)
    code = code_in(box)
    for by in (1, 2, 3):
        await world.ask(other(code, by))
    await world.crash()
    await world.start()
    await world.ask(other(code, 4))
    assert world.texts[-1].endswith("left: 1.")
    await world.crash()
    await world.start()
    await world.ask(code)
    assert world.texts[-1] == f"Welcome {ADA}."


async def test_who_was_verified_is_remembered_for_a_while(world: World, box: Mailbox):
    await start(world, box, remember_s=600)
    await world.ask(code_in(box))
    await world.ask("me again")
    assert len(box.mails) == 1
    assert world.texts[-1] == f"Welcome {ADA}."
    await world.ask("who am I?", person="eve")
    assert len(box.mails) == 2, "nobody else is remembered by it"
    await world.clock.advance(601)
    await world.ask("me again")
    assert len(box.mails) == 3


async def test_zero_remembers_nothing(world: World, box: Mailbox):
    await start(world, box, remember_s=0)
    await world.ask(code_in(box))
    assert await world.codes.verified((await world.runs())[0].person_id) == []


async def test_an_address_gets_so_many_mails_an_hour_and_no_more(world: World, box: Mailbox):
    gated(world, box, to=ADA)
    await world.start()
    for number in range(8):
        await world.ask("let me in", person=f"bot{number}")
    assert len(box.mails) == 6
    assert world.texts[-1] == "No: limited."


async def test_strangers_learn_nothing_of_who_is_a_customer(world: World, box: Mailbox):
    gated(world, box, known="address in ['ada@example.com']")
    await world.start()
    said: dict[str, list[str]] = {}
    for person, address in (("ada", ADA), ("eve", "bob@example.com")):
        await world.ask("let me in", person=person)
        await world.ask(address, person=person)
        await world.ask("123123" if person == "eve" else other(code_in(box)), person=person)
        shown = [m.text for m in world.platform.messages if m.conversation.room == f"dm-{person}"]
        said[person] = [text.replace(address, "ADDRESS") for text in shown]
    assert said["ada"] == said["eve"]
    assert [mail["To"] for mail in box.mails] == [ADA]


async def test_a_mail_that_was_refused_can_be_sent_again(world: World, box: Mailbox):
    box.answer = lambda mail: "451 not now"
    await start(world, box)
    assert "could not send" in world.texts[-1]
    box.answer = lambda mail: "250 taken"
    await world.clock.advance(61)
    await world.ask("resend")
    await world.ask(code_in(box))
    assert world.texts[-1] == f"Welcome {ADA}."


async def test_a_mail_whose_fate_is_unknown_is_not_repeated_by_itself(world: World, box: Mailbox):
    box.answer = lambda mail: None
    await start(world, box)
    assert len(box.mails) == 1
    await world.ask(code_in(box))
    assert world.texts[-1] == f"Welcome {ADA}."


async def test_without_a_mail_server_the_run_fails_and_says_why(world: World, box: Mailbox):
    gated(world, box, to=ADA, method="custom")
    await world.start()
    await world.ask("let me in")
    (run,) = await world.runs()
    assert run.state == "failed"
    assert "settings.identity" in str(run.error)


class TestLinks:
    @pytest.fixture
    async def links(self, world: World, box: Mailbox) -> IdentityLinks:
        await start(world, box, method="magic_link")
        return IdentityLinks(world.codes, world.ports.journal, world.clock, world.engine.lanes.wake)

    async def test_a_link_counts_once_and_only_when_pressed(self, world: World, box: Mailbox, links: IdentityLinks):
        sealed = link_in(box)
        for _ in range(3):  # scanners of mail look at it
            await links.read(sealed)
        assert [run.waiting_for for run in await world.runs()] == ["identity"]
        await links.confirm(sealed)
        await world.settle()
        assert world.texts[-1] == f"Welcome {ADA}."
        with pytest.raises(NotFound):
            await links.confirm(sealed)
        with pytest.raises(NotFound):
            await links.read(sealed)

    async def test_damaged_late_and_replaced_links_are_of_no_use(
        self, world: World, box: Mailbox, links: IdentityLinks
    ):
        sealed = link_in(box)
        for bad in (sealed[:-3] + "AAA", "x", sealed.partition(".")[2], ""):
            with pytest.raises(NotFound):
                await links.confirm(bad)
        await world.clock.advance(61)
        await world.ask("resend")
        with pytest.raises(NotFound):
            await links.confirm(sealed)
        fresh = link_in(box)
        await world.clock.advance(601)
        with pytest.raises(NotFound):
            await links.confirm(fresh)

    async def test_nothing_written_in_the_chat_passes_for_a_link(
        self, world: World, box: Mailbox, links: IdentityLinks
    ):
        sealed = link_in(box)
        challenge = world.codes.read_link(sealed)
        await world.ask(sealed[:190])
        await world.ask(challenge.nonce)
        await world.ask("123456")
        assert "open the link" in world.texts[-1]
        await world.crash()
        await world.start()
        again = IdentityLinks(world.codes, world.ports.journal, world.clock, world.engine.lanes.wake)
        await again.confirm(sealed)
        await world.settle()
        assert world.texts[-1] == f"Welcome {ADA}."
