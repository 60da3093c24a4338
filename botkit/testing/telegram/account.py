"""The bot's account: `getMe`, its command menu, forum topics."""

from __future__ import annotations

__all__: list[str] = []

import json
import re
from typing import Any

from botkit.testing.telegram.checks import api, writable_chat
from botkit.testing.telegram.params import Call, bad_request
from botkit.testing.telegram.world import FakeMessage, World

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")


@api("getMe")
def get_me(world: World, call: Call) -> dict[str, Any]:
    return world.bot.as_json() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy_mode,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
        "allows_users_to_create_topics": False,
        "can_manage_bots": False,
        "supports_join_request_queries": False,
    }


def _scope(call: Call) -> str:
    scope = call.value("scope", "BotCommandScope") or {"type": "default"}
    return json.dumps([scope, call.text("language_code")], sort_keys=True)


@api("setMyCommands")
def set_my_commands(world: World, call: Call) -> bool:
    commands = call.items("commands", "BotCommand")
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not _COMMAND.fullmatch(str(command.get("command", "")).removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.commands[_scope(call)] = [
        {"command": str(item["command"]).removeprefix("/"), "description": str(item["description"])}
        for item in commands
    ]
    return True


@api("getMyCommands")
def get_my_commands(world: World, call: Call) -> list[dict[str, str]]:
    return world.commands.get(_scope(call), [])


@api("deleteMyCommands")
def delete_my_commands(world: World, call: Call) -> bool:
    world.commands.pop(_scope(call), None)
    return True


@api("createForumTopic")
def create_forum_topic(world: World, call: Call) -> dict[str, Any]:
    chat = writable_chat(world, call)
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    name = call.text("name")
    if not 1 <= len(name) <= 128:
        raise bad_request("TOPIC_TITLE_EMPTY")
    topic_id = world.next_message_id(chat)
    chat.topics[topic_id] = name
    service = {"forum_topic_created": {"name": name, "icon_color": 0x6FB9F0}}
    world.store(
        FakeMessage(
            chat.id, topic_id, world.bot, world.now(), kind="service", thread=topic_id, service=service, via=call.method
        )
    )
    return {"message_thread_id": topic_id, "name": name, "icon_color": 0x6FB9F0}


@api("closeForumTopic", "reopenForumTopic")
def switch_forum_topic(world: World, call: Call) -> bool:
    chat = writable_chat(world, call)
    topic_id = call.integer("message_thread_id")
    if topic_id not in chat.topics:
        raise bad_request("message thread not found")
    if call.method.lower() == "closeforumtopic":
        chat.closed_topics.add(topic_id)
    else:
        chat.closed_topics.discard(topic_id)
    return True
