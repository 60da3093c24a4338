"""Text messages: send, edit, delete, react, answer a button, show that the bot is typing."""

from __future__ import annotations

__all__ = ["deliver"]

from typing import Any

from botkit.core.data import JSON
from botkit.testing.telegram.checks import (
    CAPTION_LIMIT,
    api,
    check_markup,
    check_reply,
    check_thread,
    known_chat,
    read_text,
    writable_chat,
)
from botkit.testing.telegram.params import Call, bad_request
from botkit.testing.telegram.parser import Formatted
from botkit.testing.telegram.world import FakeChat, FakeFile, FakeMessage, World

_ACTIONS = frozenset(
    {
        *("cancel", "typing", "record_video", "upload_video", "record_voice", "upload_voice", "record_audio"),
        *("upload_audio", "upload_photo", "upload_document", "find_location", "pick_up_location"),
        *("record_video_note", "upload_video_note", "choose_sticker"),
    }
)
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def deliver(
    world: World,
    call: Call,
    chat: FakeChat,
    formatted: Formatted,
    *,
    kind: str = "text",
    media: JSON = None,
    file: FakeFile | None = None,
    album: str = "",
) -> FakeMessage:
    """Store a message of the bot, after every check of the call passed. Ends the chat's drafts."""
    thread = check_thread(chat, call)
    reply_to = check_reply(world, chat, call)
    markup = check_markup(call)
    for key in [key for key in world.drafts if key[0] == chat.id]:
        del world.drafts[key]
    return world.store(
        FakeMessage(
            chat.id,
            world.next_message_id(chat),
            world.bot,
            world.now(),
            formatted.text,
            formatted.entities,
            kind,
            media,
            file,
            reply_to,
            thread,
            markup,
            silent=call.flag("disable_notification"),
            album=album,
            via=call.method,
        )
    )


@api("sendMessage")
def send_message(world: World, call: Call) -> dict[str, Any]:
    formatted = read_text(call)
    return world.message_json(deliver(world, call, writable_chat(world, call), formatted))


def _editable(world: World, call: Call) -> FakeMessage:
    chat = writable_chat(world, call)
    message = world.find(chat.id, call.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if message.sender is not world.bot:
        raise bad_request("message can't be edited")
    return message


def _apply_edit(
    world: World, message: FakeMessage, formatted: Formatted, markup: dict[str, Any] | None
) -> dict[str, Any]:
    if (formatted.text, formatted.entities, markup) == (message.text, message.entities, message.markup):
        raise bad_request(_NOT_MODIFIED)
    if formatted.text != message.text:
        message.edits.append(message.text)
    message.text, message.entities, message.markup = formatted.text, formatted.entities, markup
    message.edit_date = world.now()
    return world.message_json(message)


@api("editMessageText")
def edit_message_text(world: World, call: Call) -> dict[str, Any]:
    formatted = read_text(call)
    markup = check_markup(call)
    message = _editable(world, call)
    if message.kind != "text":
        raise bad_request("there is no text in the message to edit")
    return _apply_edit(world, message, formatted, markup)


@api("editMessageCaption")
def edit_message_caption(world: World, call: Call) -> dict[str, Any]:
    formatted = read_text(call, "caption", limit=CAPTION_LIMIT, empty_ok=True)
    markup = check_markup(call)
    message = _editable(world, call)
    if message.kind == "text":
        raise bad_request("there is no caption in the message to edit")
    return _apply_edit(world, message, formatted, markup)


@api("editMessageReplyMarkup")
def edit_message_reply_markup(world: World, call: Call) -> dict[str, Any]:
    markup = check_markup(call)
    message = _editable(world, call)
    return _apply_edit(world, message, Formatted(message.text, message.entities), markup)


@api("deleteMessage")
def delete_message(world: World, call: Call) -> bool:
    chat = writable_chat(world, call)
    message = world.find(chat.id, call.integer("message_id"))
    if message is None:
        raise bad_request("message to delete not found")
    if message.sender is not world.bot and chat.kind != "private":
        raise bad_request("message can't be deleted")
    message.deleted = True
    return True


@api("deleteMessages")
def delete_messages(world: World, call: Call) -> bool:
    chat = writable_chat(world, call)
    ids = call.value("message_ids", "message_ids")
    if not isinstance(ids, list) or not ids:
        raise bad_request("message identifiers are not specified")
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    for message_id in ids:
        message = world.find(chat.id, int(str(message_id)))
        if message is not None and (message.sender is world.bot or chat.kind == "private"):
            message.deleted = True
    return True


@api("setMessageReaction")
def set_message_reaction(world: World, call: Call) -> bool:
    chat = writable_chat(world, call)
    message = world.find(chat.id, call.integer("message_id"))
    if message is None:
        raise bad_request("message to react not found")
    reactions = call.items("reaction", "reaction types")
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    message.reactions[world.bot.id] = reactions
    return True


@api("sendChatAction")
def send_chat_action(world: World, call: Call) -> bool:
    action = call.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = writable_chat(world, call)
    world.actions.append({"chat_id": chat.id, "action": action, "thread": call.integer("message_thread_id")})
    return True


@api("answerCallbackQuery")
def answer_callback_query(world: World, call: Call) -> bool:
    query_id = call.text("callback_query_id")
    if world.callbacks.get(query_id) != "open":
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if len(call.text("text")) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    world.callbacks[query_id] = "answered"
    world.callback_answers.append({"id": query_id, "text": call.text("text"), "show_alert": call.flag("show_alert")})
    return True


@api("getChat")
def get_chat(world: World, call: Call) -> dict[str, Any]:
    chat = known_chat(world, call)
    return chat.as_json() | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            True,
        ),
    }


@api("getChatMember")
def get_chat_member(world: World, call: Call) -> dict[str, Any]:
    chat = known_chat(world, call)
    user = world.users.get(call.integer("user_id"))
    if user is None:
        raise bad_request("user not found")
    status = chat.bot_status if user is world.bot else ("member" if user.id in chat.members else "left")
    return {"status": status, "user": user.as_json()} | ({"until_date": 0} if status == "kicked" else {})


@api("leaveChat")
def leave_chat(world: World, call: Call) -> bool:
    chat = writable_chat(world, call)
    if chat.kind == "private":
        raise bad_request("chat member status can't be changed in private chats")
    chat.bot_status = "left"
    return True
