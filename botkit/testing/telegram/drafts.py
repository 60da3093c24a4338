"""Streaming in private chats, and rich messages.

The server's exact refusals for drafts outside of private chats and for rich messages are not in its public
sources yet; the ones here follow the documented rules, with Telegram's usual form.

Source: https://core.telegram.org/bots/api#sendmessagedraft, https://core.telegram.org/bots/api#sendrichmessage
"""

from __future__ import annotations

__all__ = ["RICH_LIMIT_BYTES", "rich_text"]

import re
from html.parser import HTMLParser
from typing import Any, cast

from botkit.testing.telegram.checks import api, check_thread, read_text, writable_chat
from botkit.testing.telegram.messages import deliver
from botkit.testing.telegram.params import Call, bad_request
from botkit.testing.telegram.parser import Formatted
from botkit.testing.telegram.world import FakeDraft, World

RICH_LIMIT_BYTES = 32_768
RICH_LIMIT_BLOCKS = 500
_VOID_TAGS = frozenset({"br", "hr", "img", "input"})


def _keep_draft(world: World, call: Call, text: str) -> bool:
    chat = writable_chat(world, call)
    if chat.kind != "private":
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    draft_id = call.integer("draft_id")
    if draft_id == 0:
        raise bad_request("DRAFT_ID_INVALID")
    thread = check_thread(chat, call)
    previous = world.live_draft(chat.id, draft_id)
    if previous is not None and previous.stopped:
        raise bad_request("DRAFT_STOPPED")
    draft = FakeDraft(
        chat.id,
        draft_id,
        thread,
        text,
        world.clock.now().timestamp(),
        call.flag("can_stop"),
        call.flag("keep_on_stop"),
    )
    world.drafts[chat.id, draft_id] = draft
    world.draft_history.append(draft)
    return True


@api("sendMessageDraft")
def send_message_draft(world: World, call: Call) -> bool:
    return _keep_draft(world, call, read_text(call, empty_ok=True).text)


@api("sendRichMessageDraft")
def send_rich_message_draft(world: World, call: Call) -> bool:
    return _keep_draft(world, call, rich_text(call))


@api("sendRichMessage")
def send_rich_message(world: World, call: Call) -> dict[str, Any]:
    text = rich_text(call)
    chat = writable_chat(world, call)
    blocks = [{"type": "paragraph", "text": line} for line in text.splitlines() if line.strip()]
    message = deliver(world, call, chat, Formatted(text), kind="rich_message", media={"blocks": blocks})
    return world.message_json(message)


def rich_text(call: Call) -> str:
    """The plain text of an `InputRichMessage`, after its documented limits.

    Raises:
        ApiError: not exactly one of `html`, `markdown`, `blocks`; too long; unbalanced HTML.
    """
    rich = call.value("rich_message", "rich message")
    if not isinstance(rich, dict):
        raise bad_request("rich message is empty")
    forms = [name for name in ("html", "markdown", "blocks") if rich.get(name)]
    if len(forms) != 1:
        raise bad_request("exactly one of html, markdown and blocks must be specified")
    value = rich[forms[0]]
    if forms[0] == "blocks":
        blocks = cast("list[Any]", value)
        if len(blocks) > RICH_LIMIT_BLOCKS:
            raise bad_request("rich message has too many blocks")
        return "\n".join(_flatten(block) for block in blocks)
    if len(str(value).encode()) > RICH_LIMIT_BYTES:
        raise bad_request("rich message is too long")
    return _html_text(str(value)) if forms[0] == "html" else str(value)


def _flatten(value: Any) -> str:
    match value:
        case str():
            return value
        case list():
            return "".join(_flatten(item) for item in cast("list[Any]", value))
        case dict():
            record = cast("dict[str, Any]", value)
            return "\n".join(_flatten(record[key]) for key in ("text", "items", "blocks", "cells") if key in record)
        case _:
            return ""


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID_TAGS:
            self.open.append(tag)
        if tag in {"p", "br", "tr", "li", "hr", "h1", "h2", "h3", "pre"}:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID_TAGS:
            return
        if not self.open or self.open.pop() != tag:
            raise bad_request(f'can\'t parse rich message: unmatched end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _html_text(source: str) -> str:
    parser = _Text()
    parser.feed(source)
    parser.close()
    if parser.open:
        raise bad_request(f"can't parse rich message: can't find end tag of \"{parser.open[-1]}\"")
    return re.sub(r"\n{2,}", "\n", "".join(parser.parts)).strip()
