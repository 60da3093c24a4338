"""Menus, dialogs and cards on Slack beyond what every platform must do."""

from __future__ import annotations

from botkit.core.events import Conversation
from botkit.core.messages import Button, Card, Fact, Form, FormField, Mention, Option, OutMessage, Select
from botkit.sdk.adapter import Adapter
from botkit.testing.adapters import Courier, MemoryHost
from botkit.testing.slack import FakeRoom, FakeSlack

FORM = Form(value="f", title="Report of a lost parcel", fields=(FormField(name="why", label="Why", required=True),))
SIZES = (Option(label="Small", value="s"), Option(label="Large", value="l"))


def place(room: FakeRoom) -> Conversation:
    return Conversation(channel="support", room=room.id)


async def test_s6_a_form_that_comes_after_three_seconds_is_not_opened(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
) -> None:
    await courier.deliver(OutMessage(form=FORM), place(fake.dm("Ada")))
    fake.press("Ada", fake.sent[-1], "Fill in")
    event = await host.event(kind="action")
    await host.clock.advance(3.5)
    assert not await adapter.open_form(event, FORM)


async def test_a_form_opens_once_and_remembers_where(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
) -> None:
    await courier.deliver(OutMessage(form=FORM), place(fake.dm("Ada")))
    pressed = fake.press("Ada", fake.sent[-1], "Fill in")
    event = await host.event(kind="action")
    assert await adapter.open_form(event, FORM)
    assert not await adapter.open_form(event, FORM)
    fake.submit(pressed, {"Why": "It is gone."})
    sent = await host.event(1, "action")
    fake.redeliver()
    await host.until(lambda: host.repeats, "the form once more")
    assert sent.action is not None
    assert (sent.action.fields, sent.conversation) == ({"why": "It is gone."}, event.conversation)
    assert sent.action.message_id == fake.sent[-1].ts
    await adapter.acknowledge(sent, "Thank you.")
    assert fake.sent[-1].text == "Thank you."


async def test_nothing_chosen_is_an_answer_too(
    fake: FakeSlack, adapter: Adapter, host: MemoryHost, courier: Courier
) -> None:
    select = Select(value="none:1", options=SIZES, least=0, most=2)
    await courier.deliver(OutMessage(selects=(select,)), place(fake.dm("Ada")))
    fake.choose("Ada", fake.sent[-1])
    event = await host.event(kind="action")
    assert event.action is not None
    assert (event.action.value, event.action.values) == ("none:1", ())


async def test_cards_stand_together_with_their_facts(fake: FakeSlack, courier: Courier) -> None:
    cards = tuple(
        Card(
            title=f"Order {number}",
            facts=(Fact(label="Status", value="<!channel> late"),),
            buttons=((Button(label=f"Track {number}", value=f"t:{number}"),),),
        )
        for number in range(3)
    )
    await courier.deliver(OutMessage(cards=cards), place(fake.dm("Ada")))
    (message,) = fake.sent
    assert [block["type"] for block in message.blocks].count("divider") == 2
    assert message.labels == ["Track 0", "Track 1", "Track 2"]
    assert message.blocks[1]["fields"] == [{"type": "plain_text", "text": "Status\n<!channel> late", "emoji": True}]


async def test_only_those_a_message_is_meant_for_are_rung(fake: FakeSlack, courier: Courier) -> None:
    ada, bob = fake.person("Ada"), fake.person("Bob")
    message = OutMessage(text=f"hi <@{ada.id}>, not <@{bob.id}>", mentions=(Mention(id=ada.id, name="Ada"),))
    await courier.deliver(message, place(fake.dm("Ada")))
    assert fake.sent[-1].shown == f"hi <@{ada.id}>, not &lt;@{bob.id}>"
