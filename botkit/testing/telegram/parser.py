"""Telegram's own text parser, through `tdjson`, with its own error texts.

`tdjson` carries TDLib, the library the real Bot API server is built on; its synchronous calls need no
account and no network. It is a development dependency: without it, texts with a `parse_mode` are refused
with a sentence saying what to install, and entity offsets are still checked, here.

Source: https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1parse_text_entities.html
"""

# tdjson is a compiled module that may be absent; everything it returns passes through `_execute`.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

__all__ = ["Entity", "Formatted", "ParseError", "check_entities", "detect_entities", "parse_text", "utf16_len"]

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

Entity = dict[str, Any]
"""A Bot API `MessageEntity`: `{"type": "bold", "offset": 0, "length": 4}`, in UTF-16 code units."""

_TD_TYPES = {
    "mention": "Mention",
    "hashtag": "Hashtag",
    "cashtag": "Cashtag",
    "bot_command": "BotCommand",
    "url": "Url",
    "email": "EmailAddress",
    "phone_number": "PhoneNumber",
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "blockquote": "BlockQuote",
    "expandable_blockquote": "ExpandableBlockQuote",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "text_mention": "MentionName",
    "custom_emoji": "CustomEmoji",
}
_API_TYPES = {td: api for api, td in _TD_TYPES.items()} | {"PreCode": "pre", "MediaTimestamp": ""}
_PARSE_MODES: dict[str, dict[str, Any]] = {
    "markdown": {"@type": "textParseModeMarkdown", "version": 1},
    "markdownv2": {"@type": "textParseModeMarkdown", "version": 2},
    "html": {"@type": "textParseModeHTML"},
}
_SIMPLE = re.compile(r"(?P<bot_command>(?<!\w)/[A-Za-z0-9_]{1,64}(?:@\w+)?)|(?P<mention>(?<!\w)@\w{3,32})")


class ParseError(Exception):
    """Telegram refuses this text; `str(error)` is its own sentence without the `Bad Request` prefix."""


@dataclass(slots=True)
class Formatted:
    """A text with its entities, as Telegram stores it."""

    text: str
    entities: list[Entity] = field(default_factory=list)


def utf16_len(text: str) -> int:
    """Length in UTF-16 code units, which is how Telegram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


@cache
def _library() -> Any:
    try:
        import tdjson
    except ImportError:
        return None
    tdjson.td_execute(b'{"@type":"setLogVerbosityLevel","new_verbosity_level":0}')
    return tdjson


def _execute(request: dict[str, Any]) -> dict[str, Any]:
    reply = cast("dict[str, Any]", json.loads(_library().td_execute(json.dumps(request).encode())))
    if reply["@type"] == "error":
        raise ParseError(str(reply["message"]))
    return reply


def parse_text(text: str, parse_mode: str) -> Formatted:
    """Parse a text as `sendMessage` does.

    Raises:
        ParseError: such as `Can't parse entities: Unmatched end tag at byte offset 4, …`.
    """
    mode = _PARSE_MODES.get(parse_mode.lower())
    if mode is None:
        raise ParseError("Unsupported parse_mode")
    if _library() is None:
        raise ParseError("this fake checks parse_mode with Telegram's own parser: install `tdjson`")
    reply = _execute({"@type": "parseTextEntities", "text": text, "parse_mode": mode})
    return Formatted(str(reply["text"]), _to_api(reply))


def check_entities(text: str, entities: list[Entity]) -> None:
    """Check explicit entities as Telegram does.

    Raises:
        ParseError: an offset is outside the text or inside a surrogate pair.
    """
    if _library() is not None:
        _execute({"@type": "getMarkdownText", "text": _to_td(text, entities)})
        return
    starts = _boundaries(text)
    for entity in entities:
        offset, end = int(entity["offset"]), int(entity["offset"]) + int(entity["length"])
        if offset < 0 or end > max(starts):
            raise ParseError(
                f"Entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {end}"
            )
        if offset not in starts or end not in starts:
            raise ParseError("Entity begins in a middle of a UTF-16 symbol")


def detect_entities(text: str) -> list[Entity]:
    """Find what Telegram finds by itself: commands, mentions, links, hashtags, addresses."""
    if _library() is not None:
        return _to_api(_execute({"@type": "getTextEntities", "text": text}))
    return [
        {
            "type": str(match.lastgroup),
            "offset": utf16_len(text[: match.start()]),
            "length": utf16_len(match.group()),
        }
        for match in _SIMPLE.finditer(text)
    ]


def _boundaries(text: str) -> set[int]:
    offset, found = 0, {0}
    for character in text:
        offset += utf16_len(character)
        found.add(offset)
    return found


def _to_td(text: str, entities: list[Entity]) -> dict[str, Any]:
    return {
        "@type": "formattedText",
        "text": text,
        "entities": [
            {
                "@type": "textEntity",
                "offset": entity["offset"],
                "length": entity["length"],
                "type": _to_td_type(entity),
            }
            for entity in entities
        ],
    }


def _to_td_type(entity: Entity) -> dict[str, Any]:
    name = _TD_TYPES.get(str(entity["type"]), "Bold")
    match name:
        case "Pre" if entity.get("language"):
            return {"@type": "textEntityTypePreCode", "language": entity["language"]}
        case "TextUrl":
            return {"@type": "textEntityTypeTextUrl", "url": entity.get("url", "")}
        case "MentionName":
            return {"@type": "textEntityTypeMentionName", "user_id": entity.get("user", {}).get("id", 0)}
        case "CustomEmoji":
            return {"@type": "textEntityTypeCustomEmoji", "custom_emoji_id": entity.get("custom_emoji_id", "0")}
        case _:
            return {"@type": f"textEntityType{name}"}


def _to_api(reply: dict[str, Any]) -> list[Entity]:
    found: list[Entity] = []
    for item in cast("list[dict[str, Any]]", reply.get("entities", [])):
        kind = cast("dict[str, Any]", item["type"])
        name = _API_TYPES.get(str(kind["@type"]).removeprefix("textEntityType"), "")
        if not name:
            continue
        entity: Entity = {"type": name, "offset": item["offset"], "length": item["length"]}
        if name == "text_mention":
            entity["user"] = {"id": kind["user_id"], "is_bot": False, "first_name": "someone"}
        entity |= {key: kind[key] for key in ("url", "language", "custom_emoji_id") if kind.get(key)}
        found.append(entity)
    return found
