"""Approvals by mail: who is asked, once, also by a process that died, and one decision whichever way it comes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from botkit.app.approval_mail import ApprovalMail, DecisionLinks
from botkit.app.delivery import Deliveries
from botkit.app.http.decide import decide_routes
from botkit.core.config import Settings
from botkit.core.errors import NotFound
from botkit.engine.by_mail import MAIL
from botkit.gateway.keys import EnvironmentKeys
from botkit.gateway.serving.sealing import Sealer
from botkit.workflows.graph import GraphNode
from tests.app.delivery.mailbox import Mailbox, mail_server
from tests.engine.support import World
from tests.engine.test_workflows import greet, with_workflow

BOSS, AUDIT = "boss@example.com", "audit@example.com"
SETTINGS: dict[str, Any] = {"approvals": {"approvers": ["admin"], "email": ["boss", "clerk", AUDIT]}}
PEOPLE: dict[str, Any] = {
    "boss": {"roles": ["admin"], "identities": {"email": [BOSS]}},
    "clerk": {"roles": ["member"], "identities": {"email": ["clerk@example.com"]}},
}


@dataclass
class Office:
    """The world with a mail server, and the page behind links."""

    world: World
    box: Mailbox
    links: DecisionLinks | None = None

    def make(self, world: World) -> ApprovalMail:
        mail = {"provider": "smtp", "from": "d@x.org", "host": "127.0.0.1", "port": self.box.port, "security": "none"}
        settings = Settings.model_validate({"mail": {**mail, "timeout_s": 60.0}})

        async def no_secret(name: str) -> str:
            raise AssertionError(name)

        deliveries = Deliveries(lambda: settings, None, no_secret, world.clock)  # pyright: ignore[reportArgumentType] - mail alone
        seal = Sealer(EnvironmentKeys("22" * 32), lambda: world.clock.micros() / 1_000_000)
        self.links = DecisionLinks(
            seal, world.ports.journal, lambda: world.config, world.clock, lambda: "https://bots.example.com"
        )
        return ApprovalMail(deliveries, self.links)

    async def decide(self, *, wait: str, approved: bool, by: str, comment: str, values: Any, via: str) -> Any:
        await self.world.engine.decide(wait, approved=approved, by=by, via=via, comment=comment, values=values)

    def browser(self) -> httpx2.AsyncClient:
        assert self.links is not None
        app = Starlette(routes=decide_routes(self.links, lambda: self.decide))
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://bots.example.com")

    def link(self, to: str, number: int = -1) -> str:
        body = self.box.to(to)[number].get_body(("plain",))
        assert body is not None
        found = re.search(r"https://\S+/decide/\S+", body.get_content())
        assert found is not None
        return found[0]


@pytest.fixture
async def office(world: World) -> AsyncIterator[Office]:
    async with mail_server() as box:
        made = Office(world, box)
        world.make_mail = made.make
        data = {
            "reason": "620 EUR are <b>more</b> than 500",
            "title": "Refund",
            "details": {"order": "A-1"},
            "edit": {"amount": 620, "text": "sorry"},
            "remind_after_s": 3600,
        }
        with_workflow(
            world,
            GraphNode(id="check", type="human_handoff", data=data),
            greet("yes", "Refunded {{ check.values.amount }}, says {{ check.by }} by {{ check.via }}."),
            greet("no", "Sorry: {{ check.comment }}"),
            edges="check.approved>yes check.rejected>no",
            people=PEOPLE,
            settings=SETTINGS,
        )
        yield made


async def begin(office: Office) -> None:
    await office.world.start()
    await office.world.ask("I want my money")


async def test_those_who_may_decide_get_one_mail_each(office: Office):
    await begin(office)
    assert sorted(str(mail["To"]) for mail in office.box.mails) == [AUDIT, BOSS]
    body = office.box.to(BOSS)[0].get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert all(part in text for part in ("Refund", "620 EUR", "A-1"))
    parts = [part for part in await office.world.parts() if part.conversation.channel == MAIL]
    assert [part.state for part in parts] == ["sent", "sent"]
    assert all("/decide/" not in str(part.payload) + part.text for part in parts), "the link is in the mail alone"


async def test_looking_decides_nothing_and_a_button_does(office: Office):
    await begin(office)
    url = office.link(BOSS)
    async with office.browser() as browser:
        await browser.get(url)
        page = await browser.get(url)
        assert page.status_code == 200
        assert "620 EUR are &lt;b&gt;more&lt;/b&gt; than 500" in page.text
        assert "script" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert [run.waiting_for for run in await office.world.runs()] == ["approval"]
        form = {"decision": "approve", "value.amount": "500", "value.text": "sorry", "comment": "less"}
        done = await browser.post(url, data=form)
        assert done.status_code == 200
        await office.world.settle()
        assert office.world.texts[-1] == "Refunded 500, says boss by mail."
        again = await browser.post(url, data={"decision": "reject"})
        assert again.status_code == 409
        assert "approved" in again.text
        other = await browser.get(office.link(AUDIT))
        assert other.status_code == 409
        assert "boss" in other.text


async def test_a_rejection_carries_its_comment(office: Office):
    await begin(office)
    async with office.browser() as browser:
        await browser.post(office.link(AUDIT), data={"decision": "reject", "comment": "not this time"})
    await office.world.settle()
    assert office.world.texts[-1] == "Sorry: not this time"


@pytest.mark.parametrize("amount", ["many", '"600"', "[1]", "true"])
async def test_a_value_keeps_its_kind(office: Office, amount: str):
    await begin(office)
    async with office.browser() as browser:
        page = await browser.post(office.link(BOSS), data={"decision": "approve", "value.amount": amount})
        assert page.status_code == 422
    assert [run.waiting_for for run in await office.world.runs()] == ["approval"]


async def test_what_was_not_offered_cannot_be_changed(office: Office):
    await begin(office)
    async with office.browser() as browser:
        await browser.post(office.link(BOSS), data={"decision": "approve", "value.order": "B-2", "order": "B-2"})
    await office.world.settle()
    assert office.world.texts[-1] == "Refunded 620, says boss by mail."


async def test_forged_and_late_links_and_lost_rights_are_of_no_use(office: Office):
    await begin(office)
    url = office.link(BOSS)
    assert office.links is not None
    async with office.browser() as browser:
        for bad in (url[:-4] + "AAAA", url.rpartition("/")[0] + "/x"):
            assert (await browser.post(bad, data={"decision": "approve"})).status_code == 404
        boss = office.world.config.people["boss"].model_copy(update={"roles": ("member",)})
        people = {**office.world.config.people, "boss": boss}
        before = office.world.config
        office.world.config = before.model_copy(update={"people": people})
        assert (await browser.post(url, data={"decision": "approve"})).status_code == 404
        office.world.config = before
        await office.world.clock.advance(31 * 86_400)
        with pytest.raises(NotFound):
            await office.links.read(url.rpartition("/")[2])
    assert office.world.texts[-1].startswith("A colleague") or "Refunded" not in office.world.texts[-1]


async def test_a_mail_leaves_once_although_the_process_dies(office: Office):
    world = office.world
    await begin(office)
    await world.crash()
    await world.start()
    await world.engine.channel_started(MAIL)
    await world.settle()
    assert len(office.box.mails) == 2
    async with office.browser() as browser:
        await browser.post(office.link(BOSS), data={"decision": "approve"})
    await world.settle()
    assert world.texts[-1] == "Refunded 620, says boss by mail."


async def test_a_mail_server_that_was_down_gets_it_later(office: Office):
    office.box.answer = lambda mail: "451 later"
    await office.world.start()
    await office.world.platform.say("I want my money")
    await office.world.until(lambda: _waiting(office.world))
    await office.world.crash()
    assert office.box.mails == []
    office.box.answer = lambda mail: "250 taken"
    await office.world.start()
    await office.world.engine.channel_started(MAIL)
    await office.world.clock.advance(61)
    await office.world.settle()
    assert sorted(str(mail["To"]) for mail in office.box.mails) == [AUDIT, BOSS]


async def _waiting(world: World) -> bool:
    states = [run.state for run in await world.runs()]
    parts = [part for part in await world.parts() if part.conversation.channel == MAIL]
    return states == ["waiting"] and len(parts) == 2 and all(part.error and part.state == "pending" for part in parts)


async def test_reminders_go_by_mail_too_and_none_after_the_decision(office: Office):
    await begin(office)
    await office.world.pass_time(3601)
    assert len(office.box.to(BOSS)) == 2
    async with office.browser() as browser:
        await browser.post(office.link(BOSS, 0), data={"decision": "approve"})
    await office.world.settle()
    await office.world.pass_time(3601)
    assert len(office.box.to(BOSS)) == 2
