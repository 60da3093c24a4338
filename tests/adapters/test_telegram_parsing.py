"""Updates become events; nothing Telegram or a forger may send raises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.parsing import Me, parse_update
from botkit.core.data import encode
from botkit.core.events import Event

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ME = Me("4242", "desk_bot")
GROUP = {"id": -1001, "type": "supergroup", "title": "Team"}
ADA = {"id": 42, "is_bot": False, "first_name": "Ada", "last_name": "L", "username": "ada_l", "language_code": "de"}


def _message(**fields: Any) -> dict[str, Any]:
    return {"message_id": 5, "date": 1_763_600_000, "chat": GROUP, "from": ADA, **fields}


def _parse(update_id: int = 9, **update: Any) -> Event:
    (event,) = parse_update("support", ME, {"update_id": update_id, **update}, NOW)
    return event


def test_a_message_tells_who_where_and_when() -> None:
    event = _parse(message=_message(text="hi"))
    assert event.dedupe_key == "update:9"
    assert (event.conversation.key, event.conversation.title) == ("support:-1001:", "Team")
    assert (event.sender.id, event.sender.name, event.sender.locale) == ("42", "Ada L", "de")
    assert event.occurred_at == datetime(2025, 11, 20, 0, 53, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "command", "rest", "kind"),
    [
        ("/reset", "reset", "", "command"),
        ("/Reset@Desk_Bot now please", "reset", "now please", "command"),
        ("/start payload-1", "start", "payload-1", "command"),
        ("/reset@other_bot", "", "/reset@other_bot", "message"),
    ],
)
def test_commands_are_ours_or_somebody_elses(text: str, command: str, rest: str, kind: str) -> None:
    word = text.split()[0]
    entities = [{"type": "bot_command", "offset": 0, "length": len(word)}]
    event = _parse(message=_message(text=text, entities=entities))
    assert (event.command, event.text, event.kind) == (command, rest, kind)
    assert event.addressed == ("command" if command else "none")


def test_a_mention_without_a_username_counts() -> None:
    entities = [{"type": "text_mention", "offset": 3, "length": 4, "user": {"id": 4242, "first_name": "Desk"}}]
    assert _parse(message=_message(text="hi Desk", entities=entities)).addressed == "mention"


def test_every_message_of_a_topic_the_bot_opened_is_not_a_reply_to_it() -> None:
    opened = _message(message_id=3, forum_topic_created={"name": "Orders"}, **{"from": {"id": 4242, "is_bot": True}})
    event = _parse(message=_message(text="hello", reply_to_message=opened, message_thread_id=3, is_topic_message=True))
    assert (event.addressed, event.reply_to, event.conversation.thread) == ("none", None, "3")


def test_a_quote_is_the_excerpt_of_a_reply() -> None:
    answered = _message(message_id=2, text="a long text", **{"from": {"id": 4242, "is_bot": True}})
    event = _parse(message=_message(text="this?", reply_to_message=answered, quote={"text": "long", "position": 2}))
    assert event.reply_to is not None
    assert (event.reply_to.excerpt, event.addressed) == ("long", "reply")


def test_an_anonymous_admin_is_the_chat_they_speak_as() -> None:
    event = _parse(message=_message(text="hi", sender_chat=GROUP, **{"from": {"id": 1087968824, "is_bot": True}}))
    assert (event.sender.id, event.sender.name, event.sender.is_bot) == ("-1001", "Team", False)


def test_the_largest_photo_is_taken_and_its_caption_is_the_text() -> None:
    sizes = [{"file_id": "s", "width": 90, "height": 60}, {"file_id": "l", "width": 900, "height": 600, "file_size": 7}]
    event = _parse(message=_message(photo=sizes, caption="look"))
    (photo,) = event.attachments
    assert (photo.remote, photo.width, photo.size_bytes, photo.mime) == ("l", 900, 7, "image/jpeg")
    assert event.text == "look"


def test_an_animation_is_one_video_although_telegram_repeats_it_as_document() -> None:
    file = {"file_id": "a", "duration": 3, "width": 5, "height": 5, "mime_type": "video/mp4"}
    (attachment,) = _parse(message=_message(animation=file, document=file)).attachments
    assert attachment.kind == "video"


def test_a_pressed_button_of_a_message_too_old_to_read_still_counts() -> None:
    query = {"id": "77", "from": ADA, "message": {"chat": GROUP, "message_id": 5, "date": 0}, "data": "ok:y"}
    event = _parse(callback_query=query)
    assert event.action is not None
    assert (event.kind, event.action.value, event.action.handle, event.action.message_id) == (
        "action",
        "ok:y",
        "77",
        "5",
    )
    assert event.occurred_at == NOW


def test_people_joining_together_are_one_event_each() -> None:
    bob = {**ADA, "id": 43}
    update = {"update_id": 9, "message": _message(new_chat_members=[ADA, bob])}
    events = parse_update("support", ME, update, NOW)
    assert [(event.target_id, event.status) for event in events] == [("42", "joined"), ("43", "joined")]
    assert len({event.dedupe_key for event in events}) == 2


def test_lone_surrogates_are_replaced_before_they_reach_a_store() -> None:
    event = _parse(message=_message(text="broken \ud83d end", **{"from": {**ADA, "first_name": "\udc00x"}}))
    assert event.text == "broken \ufffd end"
    assert encode(event)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ({"message": _message(dice={"emoji": "🎲", "value": 1})}, "dice"),
        ({"message": _message(pinned_message=_message())}, "service:pinned_message"),
        ({"channel_post": _message(text="news")}, "channel_post"),
        ({"inline_query": {"id": "1", "from": ADA, "query": "x", "offset": ""}}, "inline_query"),
        ({"from_the_future": {"chat": GROUP, "from": ADA}}, "from_the_future"),
        ({"from_the_future": 5}, "from_the_future"),
    ],
)
def test_what_we_do_not_handle_is_unsupported_by_name(content: dict[str, Any], detail: str) -> None:
    event = _parse(**content)
    assert (event.kind, event.detail) == ("unsupported", detail)


@pytest.mark.parametrize(
    "update", [{}, {"update_id": 1}, {"update_id": "x", "message": {}}, {"message": None}, {"callback_query": []}]
)
def test_what_nobody_understands_is_quarantined_whole(update: dict[str, Any]) -> None:
    (event,) = parse_update("support", ME, update, NOW)
    assert (event.kind, event.raw) == ("quarantined", update)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    *("message_id", "date", "chat", "from", "text", "entities", "caption", "photo", "document", "voice"),
    *("reply_to_message", "new_chat_members", "sender_chat", "media_group_id", "message_thread_id"),
    *("is_topic_message", "location", "contact", "venue", "forum_topic_created", "data", "id", "message"),
)
KINDS = (
    *("message", "edited_message", "callback_query", "message_reaction", "my_chat_member"),
    *("stopped_message_generation", "poll"),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), anything), st.booleans())
def test_no_update_ever_raises_and_every_event_can_be_stored(kind: str, fields: dict[str, Any], sound: bool) -> None:
    content = _message(**fields) if sound else fields
    for event in parse_update("support", ME, {"update_id": 1, kind: content}, NOW):
        assert encode(event)
        assert event.dedupe_key
