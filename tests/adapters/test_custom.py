"""Front ends of one's own: what is accepted, what is refused, and what comes back."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.custom import Custom
from botkit.core.config.models import CustomChannel, SecretRef
from botkit.core.errors import BadSignature, ChannelFatal
from botkit.core.events import Conversation
from botkit.core.messages import Button, Card, Option, OutMessage, Part, Select
from botkit.sdk.adapter import HttpRequest
from botkit.testing.adapters import MemoryHost

SECRET = "0123456789abcdef-shared"
MESSAGE = {"text": "hello", "user_id": "42", "channel_id": "help", "user_name": "Ada", "message_id": "m1"}


def request(body: Any = MESSAGE, *, method: str = "POST", **headers: str) -> HttpRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method=method, path="/hook", headers=names or {"authorization": f"Bearer {SECRET}"}, body=raw)


def signed(host: MemoryHost, body: Any = MESSAGE, *, age_s: int = 0, secret: str = SECRET) -> HttpRequest:
    raw = json.dumps(body).encode()
    stamp = str(host.clock.micros() // 1_000_000 - age_s)
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    return request(raw, x_timestamp=stamp, x_signature_256=f"sha256={mac}")


@pytest.fixture
def host() -> MemoryHost:
    host = MemoryHost()
    host.secrets["SHARED"] = SECRET
    return host


def channel(host: MemoryHost) -> Custom:
    config = CustomChannel(platform="custom", bot="desk", secret=SecretRef(secret="SHARED"))
    return Custom("site", config, host)


@pytest.fixture
async def adapter(host: MemoryHost) -> AsyncIterator[Custom]:
    adapter = channel(host)
    await adapter.start()
    yield adapter
    await adapter.stop()
    assert host.state == "off"


async def test_a_message_is_answered_in_its_request(adapter: Custom, host: MemoryHost) -> None:
    host.answers.append({"response": "hi", "status": "completed", "tool_calls": []})
    answer = await adapter.webhook(request())
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert json.loads(answer.body) == {"response": "hi", "status": "completed", "tool_calls": [], "message_id": "m1"}
    (event,) = host.events
    assert (event.text, event.sender.name, event.conversation.key) == ("hello", "Ada", "site:help:42")


async def test_two_people_of_one_place_have_a_conversation_each(adapter: Custom, host: MemoryHost) -> None:
    for user in ("1", "2"):
        await adapter.webhook(request({**MESSAGE, "user_id": user, "message_id": user}))
    assert len({event.conversation.key for event in host.events}) == 2


async def test_an_answer_that_takes_longer_is_asked_for_again(adapter: Custom, host: MemoryHost) -> None:
    assert (await adapter.webhook(request())).status == 202
    host.answers.append({"response": "now", "status": "completed"})
    answer = await adapter.webhook(request())
    assert (answer.status, json.loads(answer.body)["response"]) == (200, "now")
    assert len(host.events) == 1


async def test_commands_and_presses_are_told_apart(adapter: Custom, host: MemoryHost) -> None:
    for number, fields in enumerate(({"text": "/reset now"}, {"text": "/ 2"}, {"text": "", "action": "ok:y:1"})):
        await adapter.webhook(request({**MESSAGE, **fields, "message_id": str(number)}))
    assert [(event.kind, event.command, event.text) for event in host.events] == [
        ("command", "reset", "now"),
        ("message", "", "/ 2"),
        ("action", "", ""),
    ]


async def test_a_signature_is_as_good_as_the_token(adapter: Custom, host: MemoryHost) -> None:
    assert (await adapter.webhook(signed(host))).status == 202
    assert len(host.events) == 1


async def test_whoever_cannot_prove_the_secret_is_refused_and_nothing_is_stored(
    adapter: Custom, host: MemoryHost
) -> None:
    forged = (
        request(authorization="Bearer wrong"),
        request(authorization="Bearer"),
        request(authorization=f"Basic {SECRET}"),
        request(x_timestamp="x"),
        request(x_signature_256="sha256=00"),
        request(x_timestamp="\u0661\u0662", x_signature_256="\udcff"),
        signed(host, age_s=301),
        signed(host, age_s=-301),
        signed(host, secret="another-secret-of-16"),
    )
    for one in forged:
        with pytest.raises(BadSignature):
            await adapter.webhook(one)
    assert host.events == []


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"{", 400, "JSON"),
        (b"\xff\xfe", 400, "JSON"),
        (b"[" * 100_000, 400, "JSON"),
        ([1], 422, "object"),
        ({**MESSAGE, "user_id": 42}, 422, "user_id"),
        ({**MESSAGE, "channel_id": ""}, 422, "channel_id"),
        ({**MESSAGE, "text": ""}, 422, "text"),
        ({**MESSAGE, "text": "\ud83d"}, 422, "text"),
        ({**MESSAGE, "message_id": "a\x00b"}, 422, "message_id"),
        ({**MESSAGE, "text": "x" * 100_001}, 422, "text"),
        ({**MESSAGE, "text": "x" * 1_100_000}, 413, "KiB"),
    ],
)
async def test_what_is_no_message_is_refused_with_the_reason(
    adapter: Custom, host: MemoryHost, body: Any, status: int, word: str
) -> None:
    answer = await adapter.webhook(request(body))
    assert answer.status == status
    assert word in json.loads(answer.body)["error"]["message"]
    assert host.events == []


async def test_only_posts_carry_messages(adapter: Custom) -> None:
    assert (await adapter.webhook(request(method="GET"))).status == 405


async def test_a_short_secret_is_not_accepted(host: MemoryHost) -> None:
    host.secrets["SHARED"] = "short"
    with pytest.raises(ChannelFatal, match="16 characters"):
        await channel(host).start()


async def test_buttons_are_shown_as_what_to_send_back(adapter: Custom, host: MemoryHost) -> None:
    await adapter.webhook(request())
    where = host.events[0].conversation
    message = OutMessage(text="Refund?", buttons=((Button(label="Yes", value="ok:y:1"),),))
    (rendered,) = adapter.render(message, where)
    assert rendered.text == "Refund?\n▸ Yes: ok:y:1"
    receipt = await adapter.send(Part(id="p1", conversation=where, payload=rendered.payload))
    assert receipt.message_id == "p1"


@pytest.mark.parametrize(
    ("sent", "value", "values", "fields"),
    [
        ({"action": "in:0:t"}, "in:0:t", (), {}),
        ({"action": "city", "values": ["fco", "osl"]}, "fco", ("fco", "osl"), {}),
        (
            {"action": "f", "fields": {"name": "Ada", "count": 3, "gift": True, "tags": ["a"], "note": ""}},
            "f",
            (),
            {"name": "Ada", "count": "3", "gift": "true", "tags": ["a"]},
        ),
    ],
)
async def test_presses_choices_and_forms_are_the_same_event_as_elsewhere(
    adapter: Custom, host: MemoryHost, sent: dict[str, Any], value: str, values: tuple[str, ...], fields: dict[str, Any]
) -> None:
    await adapter.webhook(request({**MESSAGE, "text": "", **sent}))
    (event,) = host.events
    assert event.action is not None
    assert (event.action.value, event.action.values, event.action.fields) == (value, values, fields)
    assert event.action.sent == ("fields" in sent)


@pytest.mark.parametrize(
    "sent",
    [
        {"values": ["a"]},
        {"action": "a", "values": [1]},
        {"action": "a", "fields": {"x": {}}},
        {"action": "a", "fields": 1},
    ],
)
async def test_answers_of_another_shape_are_refused(adapter: Custom, host: MemoryHost, sent: dict[str, Any]) -> None:
    assert (await adapter.webhook(request({**MESSAGE, **sent}))).status == 422
    assert host.events == []


async def test_a_rich_message_is_given_as_it_is_and_in_words(adapter: Custom) -> None:
    menu = Select(value="city", label="Where to?", options=(Option(label="Rome", value="fco"),))
    (part,) = adapter.render(
        OutMessage(text="A trip.", selects=(menu,), cards=(Card(title="Order 7"),)), Conversation(channel="x", room="y")
    )
    assert part.payload["rich"]["selects"][0]["options"] == [{"label": "Rome", "value": "fco"}]
    assert part.payload["rich"]["cards"] == [{"title": "Order 7"}]
    assert part.text == "A trip.\n\nWhere to?\n\n1. Rome\n\nAnswer with the number or the name.\n\n**Order 7**"
