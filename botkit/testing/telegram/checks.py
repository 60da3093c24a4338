"""The rules every sending and editing method shares: where the bot may write, what a text may be."""

from __future__ import annotations

__all__ = [
    "CAPTION_LIMIT",
    "TEXT_LIMIT",
    "Method",
    "Methods",
    "api",
    "check_markup",
    "check_reply",
    "check_thread",
    "read_text",
    "writable_chat",
]

from collections.abc import Callable
from typing import Any, cast

from botkit.testing.telegram.params import ApiError, Call, bad_request
from botkit.testing.telegram.parser import (
    Entity,
    Formatted,
    ParseError,
    check_entities,
    detect_entities,
    parse_text,
    utf16_len,
)
from botkit.testing.telegram.world import FakeChat, World

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
REQUEST_TEXT_LIMIT_BYTES = 1 << 15
CALLBACK_LIMIT_BYTES = 64

Method = Callable[[World, Call], Any]
Methods: dict[str, Method] = {}
"""Every method that only needs the world, by its lower-case name."""


def api(*names: str) -> Callable[[Method], Method]:
    """Register a function as these Bot API methods. Names are case-insensitive, as on the real server."""

    def register(function: Method) -> Method:
        for name in names:
            Methods[name.lower()] = function
        return function

    return register


def writable_chat(world: World, call: Call) -> FakeChat:
    """The chat of `chat_id`, if the bot may write there.

    Raises:
        ApiError: 400 for an unknown or upgraded chat, 403 where the bot is not wanted.
    """
    chat = known_chat(world, call)
    if chat.migrated_to:
        raise ApiError(
            400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to
        )
    if chat.user is not None:
        if chat.user.deactivated:
            raise ApiError(403, "Forbidden: user is deactivated")
        if chat.user.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat
    name = "supergroup" if chat.kind == "supergroup" else "group"
    if chat.bot_status == "kicked":
        raise ApiError(403, f"Forbidden: bot was kicked from the {name} chat")
    if chat.bot_status == "left":
        raise ApiError(403, f"Forbidden: bot is not a member of the {name} chat")
    return chat


def known_chat(world: World, call: Call) -> FakeChat:
    if not call.text("chat_id"):
        raise bad_request("chat_id is empty")
    chat = world.chats.get(call.integer("chat_id"))
    if chat is None:
        raise bad_request("chat not found")
    return chat


def check_thread(chat: FakeChat, call: Call) -> int:
    """The topic to write to; 0 outside of one. The General topic has no id, as at Telegram."""
    thread = call.integer("message_thread_id")
    if not thread or (chat.kind == "supergroup" and not chat.is_forum):
        return 0
    if thread not in chat.topics:
        raise bad_request("message thread not found")
    if thread in chat.closed_topics:
        raise bad_request("TOPIC_CLOSED")
    return thread


def check_reply(world: World, chat: FakeChat, call: Call) -> int:
    """The message that is answered; 0 for none, or when it is gone and the caller does not mind."""
    parameters = cast("dict[str, Any]", call.value("reply_parameters", "reply parameters") or {})
    message_id = int(parameters.get("message_id") or call.integer("reply_to_message_id"))
    if not message_id:
        return 0
    if world.find(chat.id, message_id) is not None:
        return message_id
    if parameters.get("allow_sending_without_reply") or call.flag("allow_sending_without_reply"):
        return 0
    raise bad_request("message to be replied not found")


def check_markup(call: Call) -> dict[str, Any] | None:
    """The reply markup.

    Raises:
        ApiError: malformed, or a `callback_data` of more than 64 bytes.
    """
    markup = call.value("reply_markup", "reply keyboard markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    for row in markup.get("inline_keyboard", []):
        for button in row:
            _check_button(button)
    return markup


def _check_button(button: dict[str, Any]) -> None:
    if not button.get("text"):
        raise bad_request('can\'t parse inline keyboard button: Field "text" must be of type String')
    if button.get("style", "default") not in {"default", "primary", "success", "danger"}:
        raise bad_request("can't parse inline keyboard button: invalid button style specified")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= CALLBACK_LIMIT_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if not any(key in button for key in ("url", "callback_data", "copy_text", "web_app", "switch_inline_query")):
        raise bad_request("text buttons are unallowed in the inline keyboard")


def read_text(
    call: Call, field: str = "text", *, limit: int = TEXT_LIMIT, empty_ok: bool = False, too_long: str = ""
) -> Formatted:
    """A text or caption after parsing, checking and trimming.

    Raises:
        ApiError: Telegram's parser refuses it, it is empty, or too long after parsing.
    """
    text = call.text(field)
    if not text and not empty_ok:
        raise bad_request("message text is empty")
    if len(text.encode("utf-8", "surrogatepass")) > REQUEST_TEXT_LIMIT_BYTES:
        raise bad_request("text is too long")
    entities_field = "entities" if field == "text" else f"{field}_entities"
    formatted = _parse(text, call.text("parse_mode"), call.items(entities_field, "MessageEntity"))
    formatted = _trim(formatted)
    if not formatted.text and not empty_ok:
        raise bad_request("text must be non-empty")
    if utf16_len(formatted.text) > limit:
        raise bad_request(too_long or ("message is too long" if field == "text" else "message caption is too long"))
    if not formatted.entities or not any(entity["type"] in {"mention", "url"} for entity in formatted.entities):
        formatted.entities = _merge(formatted.entities, detect_entities(formatted.text))
    return formatted


def _parse(text: str, parse_mode: str, entities: list[Entity]) -> Formatted:
    try:
        if text and parse_mode and parse_mode.lower() != "none":
            return parse_text(text, parse_mode)
        check_entities(text, entities)
    except ParseError as error:
        raise bad_request(str(error)) from error
    return Formatted(text, [entity for entity in entities if int(entity["length"]) > 0])


def _trim(formatted: Formatted) -> Formatted:
    """Telegram drops white space around a message and moves the entities along."""
    text = formatted.text.rstrip(" \n\t\r")
    if not text.strip(" \n\t\r"):
        return Formatted("", [])
    lead = len(text) - len(text.lstrip("\n\r"))
    text = text[lead:]
    size = utf16_len(text)
    kept: list[Entity] = []
    for entity in formatted.entities:
        start = max(0, int(entity["offset"]) - lead)
        end = min(size, int(entity["offset"]) + int(entity["length"]) - lead)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return Formatted(text, kept)


def _merge(given: list[Entity], found: list[Entity]) -> list[Entity]:
    """Add what Telegram finds by itself, except inside code and links."""
    closed = [
        (int(entity["offset"]), int(entity["offset"]) + int(entity["length"]))
        for entity in given
        if entity["type"] in {"code", "pre", "text_link", "text_mention", "custom_emoji"}
    ]
    fresh = [
        entity
        for entity in found
        if not any(
            int(entity["offset"]) < end and int(entity["offset"]) + int(entity["length"]) > start
            for start, end in closed
        )
    ]
    return sorted([*given, *fresh], key=lambda entity: (int(entity["offset"]), -int(entity["length"])))
