"""What is special about a chat on web sites: its trees, tickets, limits and streams, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from adapters.web.limits import Limits, network_of
from adapters.web.parsing import parse_payload, problem_with
from adapters.web.streams import Frame, Streams
from adapters.web.tickets import FileTicket, Tickets, Visitor, new_visitor_id, read_identity
from adapters.web.tree import safe_url, tree
from botkit.core.config.models import SecretRef, WebChannel
from botkit.core.errors import BadSignature, ChannelFatal, LimitReached, NotFound, RateLimited
from botkit.core.events import Action, Attachment
from botkit.core.messages import Button, OutMessage
from botkit.testing.adapters import Courier
from botkit.testing.clock import ManualClock
from botkit.testing.web import Served, sign_identity
from tests.adapters.web.emulator import SECRET, SITE, RememberedWeb, WebEmulator, WebHost
from tests.console.hostile import HOSTILE

NOW = 1_800_000_000


@pytest.fixture
async def emulator() -> AsyncIterator[WebEmulator]:
    async with Served() as served:
        emulator = WebEmulator(served)
        yield emulator
        await emulator.close()


@pytest.fixture
def host() -> WebHost:
    return WebHost()


@pytest.fixture
async def adapter(emulator: WebEmulator, host: WebHost) -> AsyncIterator[RememberedWeb]:
    adapter = emulator.adapter(host)
    assert isinstance(adapter, RememberedWeb)
    await adapter.start()
    yield adapter
    await adapter.stop()


# --- trees ------------------------------------------------------------------------------------------------

TAGS = {"p", "em", "strong", "del", "code", "br", "hr", "ul", "ol", "li", "blockquote", "h3", "h4", "h5", "h6", "table",
        "tr", "th", "td", "a", "pre", "span"}  # fmt: skip


def dicts(found: Sequence[Any]) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", node) for node in found if isinstance(node, dict)]


def nodes(found: Sequence[Any]) -> list[dict[str, Any]]:
    inner = dicts(found)
    return [*inner, *(one for node in inner for one in nodes(node.get("c", [])))]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_a_tree_of_known_elements_with_harmless_links(text: str) -> None:
    for node in nodes(tree(text)):
        assert node["t"] in TAGS
        assert set(node) <= {"t", "c", "href", "start", "align", "lang", "v"}
        if "href" in node:
            assert node["href"].startswith(("https://", "http://", "mailto:"))
            assert "@" not in node["href"] or node["href"].startswith("mailto:")


def test_markup_is_words_and_images_are_links() -> None:
    assert tree("<b>x</b>") == [{"t": "p", "c": ["<b>x</b>"]}]
    assert tree("![a cat](https://e.org/c.png)") == [
        {"t": "p", "c": [{"t": "a", "href": "https://e.org/c.png", "c": ["a cat"]}]}
    ]


def test_addresses_in_words_lead_there_without_the_full_stop() -> None:
    (paragraph,) = tree("see https://e.org/x. Or (https://e.org).")
    assert isinstance(paragraph, dict)
    assert [node["href"] for node in nodes(paragraph["c"])] == ["https://e.org/x", "https://e.org"]


def test_a_tree_stays_shallow_and_a_long_one_is_quick() -> None:
    def depth(found: Sequence[Any]) -> int:
        return 1 + max((depth(node.get("c", [])) for node in dicts(found)), default=0)

    assert depth(tree("> " * 2000 + "deep")) < 40
    assert json.dumps(tree("[a](" * 3000 + "**" * 3000))


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//e.org", "/x", "https:e.org", "https://u:p@e.org", "https://e.org\n", "data:,x"],
)
def test_an_address_nobody_should_be_led_to_is_none(url: str) -> None:
    assert safe_url(url) == ""


# --- tickets ----------------------------------------------------------------------------------------------


def test_a_ticket_survives_a_rotation_and_nothing_else() -> None:
    keys, now = [b"a" * 32], [float(NOW)]
    tickets = Tickets(lambda: keys, lambda: now[0])
    visitor = Visitor(id=new_visitor_id(), until=NOW + 10)
    ticket = tickets.make("visitor", visitor)
    keys.insert(0, b"b" * 32)
    assert tickets.read("visitor", ticket, Visitor) == visitor
    with pytest.raises(BadSignature):
        tickets.read("file", ticket, FileTicket)
    now[0] += 11
    with pytest.raises(BadSignature, match="ended"):
        tickets.read("visitor", ticket, Visitor)
    now[0] = NOW
    keys.pop()
    with pytest.raises(BadSignature):
        tickets.read("visitor", ticket, Visitor)


def test_every_changed_character_of_a_ticket_breaks_it() -> None:
    tickets = Tickets(lambda: [b"a" * 32], lambda: float(NOW))
    ticket = tickets.make("visitor", Visitor(id="anon-x", until=NOW + 10))
    for at in range(len(ticket)):
        changed = ticket[:at] + ("A" if ticket[at] != "A" else "B") + ticket[at + 1 :]
        with pytest.raises(BadSignature):
            tickets.read("visitor", changed, Visitor)


def test_ids_of_visitors_are_long_and_never_the_same() -> None:
    made = {new_visitor_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(one) >= 5 + 26 for one in made)


def test_an_identity_is_read_when_it_holds() -> None:
    token = sign_identity(SECRET, {"sub": "42", "name": "Ada", "exp": NOW + 60, "aud": ["x", "site"]})
    said = read_identity(token, SECRET.encode(), channel="site", now=NOW)
    assert (said.sub, said.name) == ("42", "Ada")
    with pytest.raises(BadSignature, match="HS256"):
        read_identity(
            sign_identity(SECRET, {"sub": "42", "exp": NOW + 60}, head={"alg": "none"}),
            SECRET.encode(),
            channel="site",
            now=NOW,
        )


# --- limits and streams -----------------------------------------------------------------------------------


async def test_who_does_too_much_waits_and_nobody_else_does() -> None:
    clock = ManualClock()
    limits = Limits(clock)
    for _ in range(6):
        limits.take("ada", 6)
    with pytest.raises(RateLimited) as caught:
        limits.take("ada", 6)
    assert caught.value.retry_after_s == pytest.approx(10)
    limits.take("bob", 6)
    await clock.advance(10.01)
    limits.take("ada", 6)


def test_one_subscriber_is_one_network() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")


async def test_a_reader_who_falls_behind_is_sent_away_and_streams_are_counted() -> None:
    streams = Streams()
    with streams.open("ada", "net") as slow:
        for number in range(1000):
            streams.tell("ada", Frame("message", {"id": str(number)}, number))
        told = 0
        while await slow.next() is not None:
            told += 1
        assert told == 256
        others = [streams.open("ada", "net") for _ in range(5)]
        for other in others:
            other.__enter__()
        with pytest.raises(RateLimited), streams.open("ada", "net"):
            pass
        for other in others:
            other.__exit__(None, None, None)
    assert streams.count == 0


# --- payloads ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {},
        {"kind": "message", "id": "1"},
        {"kind": "message", "id": "", "text": "x"},
        {"kind": "message", "id": "1", "text": 1},
        {"kind": "message", "id": "1", "text": "x", "files": "f"},
        {"kind": "message", "id": "1", "text": "x", "files": ["f"] * 11},
        {"kind": "delete", "id": "1"},
        {"kind": "message", "id": "x" * 101, "text": "x"},
        {"kind": "message", "id": "1", "text": "\ud800"},
    ],
)
def test_what_has_not_the_shape_is_refused(payload: Any) -> None:
    assert problem_with(payload)


def test_an_id_counts_within_one_visitor() -> None:
    sent = {"kind": "message", "id": "1", "text": "x"}
    events = [parse_payload("site", {**sent, "user": user}, datetime.now(UTC)) for user in ("ada", "bob")]
    assert len({event.dedupe_key for event in events}) == 2
    assert len({event.conversation.key for event in events}) == 2


async def test_a_payload_nobody_understands_is_kept(adapter: RememberedWeb) -> None:
    (event,) = adapter.parse({"user": "ada"})
    assert (event.kind, event.raw) == ("quarantined", {"user": "ada"})


# --- the channel ------------------------------------------------------------------------------------------


async def test_a_secret_that_can_be_guessed_is_fatal(host: WebHost) -> None:
    host.secrets["SITE"] = "short"
    config = WebChannel(platform="web", bot="desk", allowed_origins=(SITE,), identity_secret=SecretRef(secret="SITE"))
    with pytest.raises(ChannelFatal, match="characters"):
        await RememberedWeb("site", config, host).start()
    nobody = WebChannel(platform="web", bot="desk", anonymous=False)
    with pytest.raises(ChannelFatal, match="identity_secret"):
        await RememberedWeb("site", nobody, host).start()


async def test_a_file_is_fetched_until_it_is_deleted(adapter: RememberedWeb, host: WebHost) -> None:
    host.files["f"] = b"a,b\n"
    item = Attachment(kind="file", name="orders.csv", remote="f", size_bytes=4)
    assert b"".join([chunk async for chunk in adapter.fetch(item)]) == b"a,b\n"
    with pytest.raises(LimitReached):
        await anext(adapter.fetch(Attachment(kind="file", remote="f", size_bytes=11 * 1024 * 1024)))

    async def gone(attachment: Attachment) -> bytes:
        raise NotFound("deleted")

    host.load_file = gone  # type: ignore[method-assign]
    with pytest.raises(NotFound):
        await anext(adapter.fetch(item))


async def test_a_button_works_after_a_restart(emulator: WebEmulator, adapter: RememberedWeb, host: WebHost) -> None:
    await emulator.say("hello")
    where = (await host.event(0)).conversation
    await Courier(adapter, host.clock).deliver(
        OutMessage(text="Refund?", buttons=((Button(label="Approve", value="v"),),)), where
    )
    await adapter.stop()
    await adapter.start()
    await emulator.press("Approve")
    event = await host.event(kind="action")
    assert event.action is not None
    assert (event.action.value, event.sender.name) == ("v", "Ada")


async def test_a_stream_ends_when_its_ticket_does(emulator: WebEmulator, adapter: RememberedWeb, host: WebHost) -> None:
    await emulator.say("hello")
    await host.event(0)
    ada = emulator.people["Ada"]
    await ada.until(lambda: ada.messages("me"))
    await host.clock.advance(3620)
    await ada.until(lambda: ada.ended)
    assert (await ada.do("message", text="still me?")).status_code == 401
    assert len(host.events) == 1


async def test_who_was_away_too_long_is_told_everything_anew(
    emulator: WebEmulator, adapter: RememberedWeb, host: WebHost
) -> None:
    await emulator.say("hello")
    where = (await host.event(0)).conversation
    ada = emulator.people["Ada"]
    await ada.until(lambda: ada.messages("me"))
    await ada.leave()
    host.since = host.clock.micros() + 1
    await Courier(adapter, host.clock).deliver(OutMessage(text="news"), where)
    ada.listen()
    await ada.until(lambda: ada.texts() == ["news"])
    assert ada.resets == 2


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"kind": "choose", "value": "s", "values": ["a", "b"]}, ""),
        ({"kind": "choose", "value": "s", "values": []}, ""),
        ({"kind": "choose", "values": ["a"]}, "value is missing"),
        ({"kind": "choose", "value": "s", "values": ["a"] * 101}, "values is a list of at most 100 texts"),
        ({"kind": "choose", "value": "s", "values": [{"a": 1}]}, "values is a list of at most 100 texts"),
        ({"kind": "choose", "value": "s", "values": ["x" * 301]}, "values is a list of at most 100 texts"),
        ({"kind": "form", "value": "f", "fields": {"a": "b", "c": True, "d": ["e"]}}, ""),
        ({"kind": "form", "value": "f", "fields": {"a": {"b": "c"}}}, "fields is an object"),
        ({"kind": "form", "value": "f", "fields": {"a": "x" * 4001}}, "fields is an object"),
        ({"kind": "form", "value": "f", "fields": {f"f{n}": "" for n in range(101)}}, "fields is an object"),
        ({"kind": "form", "value": "f", "fields": ["a"]}, "fields is an object"),
        ({"kind": "form", "value": "f", "fields": {"a": "\x00"}}, "fields is an object"),
    ],
)
def test_choices_and_forms_have_a_shape_and_a_size(payload: dict[str, Any], problem: str) -> None:
    found = problem_with({"id": "k1", **payload})
    assert found == "" if not problem else found.startswith(problem)


def test_a_choice_and_a_form_mean_the_same_as_on_other_platforms() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    base = {"id": "k1", "user": "ada", "target": "m1"}
    done: list[dict[str, Any]] = [
        {"kind": "choose", "value": "s", "values": ["a", "b"]},
        {"kind": "choose", "value": "s", "values": []},
        {"kind": "open", "value": "f"},
        {"kind": "form", "value": "f", "fields": {"gift": True, "no": "", "size": ["l"]}},
    ]
    chosen, none, opened, sent = (parse_payload("site", {**base, **one}, now).action for one in done)
    assert chosen == Action(value="a", values=("a", "b"), message_id="m1", handle="k1")
    assert none == Action(value="s", message_id="m1", handle="k1")
    assert opened == Action(value="f", opens=True, message_id="m1", handle="k1")
    assert sent == Action(value="f", sent=True, fields={"gift": "true", "size": ["l"]}, message_id="m1", handle="k1")
