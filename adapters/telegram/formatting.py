"""Markdown from a model → Telegram text with entities, cut into messages that fit.

Entities instead of `parse_mode`: an offset can be wrong, but a bracket in somebody's order number can not
make Telegram refuse the whole message. `telegramify-markdown` finds the entities; before it runs, raw HTML
is escaped (it would vanish: `<think>`, `Vec<String>`), after it links that Telegram refuses are taken off
and mentions are made inert.

Source: https://core.telegram.org/bots/api#messageentity
"""

# telegramify-markdown and pyromark have partial annotations; nothing untyped leaves this module.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["TEXT_LIMIT", "Entity", "Text", "format_markdown", "html_of", "split_text", "utf16_len"]

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import pyromark
from telegramify_markdown import RenderConfig, convert, richify
from telegramify_markdown.converter import STANDARD_OPTIONS

TEXT_LIMIT = 4096
"""UTF-16 code units in one message."""
ENTITY_LIMIT = 100
"""Telegram ignores further entities of a message."""
_JOINER = "\u2060"
"""WORD JOINER: invisible, and enough to make `@name` plain text."""
_MENTION = re.compile(r"(?<!\w)@(?=[A-Za-z0-9_]{2})")
_BLANK = re.compile(r"[\s\u200b\u2060\ufeff\u00ad]*")
_HTML_ROUNDS = 4
_LITERAL = frozenset({"code", "pre"})
_UNWANTED = frozenset({"text_mention", "custom_emoji"})
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]+")


class Entity(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Telegram `MessageEntity`; `offset` and `length` in UTF-16 code units."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""

    @property
    def end(self) -> int:
        return self.offset + self.length


class Text(msgspec.Struct, frozen=True):
    """Plain text and what is special about parts of it."""

    text: str
    entities: tuple[Entity, ...] = ()

    @property
    def blank(self) -> bool:
        """Telegram would refuse it: nothing to see."""
        return _BLANK.fullmatch(self.text) is not None

    def entities_json(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", msgspec.to_builtins(self.entities))


def _render_config() -> RenderConfig:
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.unordered_list_item = "•"
    return config


_CONFIG = _render_config()


def utf16_len(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def clean(text: str) -> str:
    """Replace what cannot be UTF-8 (lone surrogates) and what Telegram drops (NUL)."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\x00", "")


def format_markdown(markdown: str) -> Text:
    """Turn CommonMark (with tables and strike-through) into Telegram text. Never raises, never loses words:
    what the converter cannot do comes out as it was written."""
    markdown = clean(markdown)
    try:
        plain, found = convert(_escape_html(markdown), config=_CONFIG)
    except Exception:  # a converter's bug must not lose an answer
        return _trim(_inert(Text(markdown)))
    if not plain.strip() and markdown.strip():
        return _trim(_inert(Text(markdown)))
    entities = tuple(Entity(e.type, e.offset, e.length, e.url or "", e.language or "") for e in found)
    return _trim(_inert(_drop_refused(Text(plain, entities))))


def html_of(markdown: str) -> str:
    """The same text as Telegram's rich HTML, for `sendRichMessage`."""
    return str(richify(clean(markdown)).html)


def _escape_html(markdown: str) -> str:
    """Escape what CommonMark would take for raw HTML, until nothing is."""
    for _ in range(_HTML_ROUNDS):
        if "<" not in markdown:
            return markdown
        data = markdown.encode()
        ranges = [
            (int(where["start"]), int(where["end"]))
            for event, where in pyromark.events_with_range(markdown, options=STANDARD_OPTIONS)
            if isinstance(event, dict) and ("Html" in event or "InlineHtml" in event)
        ]
        if not ranges:
            return markdown
        pieces: list[bytes] = []
        cursor = 0
        for start, end in ranges:
            pieces += [data[cursor:start], data[start:end].replace(b"&", b"&amp;").replace(b"<", b"&lt;")]
            cursor = end
        markdown = b"".join([*pieces, data[cursor:]]).decode()
    return markdown.replace("<", "&lt;")


def _drop_refused(text: Text) -> Text:
    """Take off what makes Telegram refuse the whole message, or ring somebody; write the address instead."""
    kept = tuple(e for e in text.entities if e.type not in _UNWANTED and (e.type != "text_link" or _is_web(e.url)))
    if len(kept) == len(text.entities):
        return text
    offsets = _offsets(text.text)
    shown: list[tuple[int, str]] = []
    for entity in text.entities:
        if entity.type == "text_link" and entity not in kept and not entity.url.startswith("tg://"):
            start, end = bisect_left(offsets, entity.offset), bisect_left(offsets, entity.end)
            if entity.url not in (text.text[start:end], f"mailto:{text.text[start:end]}"):
                shown.append((end, f" ({entity.url})"))
    return _insert(Text(text.text, kept), shown)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and _HOST.fullmatch(parts.hostname or "") is not None
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False


def _inert(text: Text) -> Text:
    """Break `@name` outside of code: a model must not ring people by writing their names."""
    if "@" not in text.text:
        return text
    offsets = _offsets(text.text)
    closed = [(e.offset, e.end) for e in text.entities if e.type in _LITERAL or e.type == "text_link"]
    at = [
        match.end()
        for match in _MENTION.finditer(text.text)
        if not any(start <= offsets[match.start()] < end for start, end in closed)
    ]
    return _insert(text, [(position, _JOINER) for position in at])


def _insert(text: Text, pieces: Sequence[tuple[int, str]]) -> Text:
    """Put pieces in at character positions. An entity that ends at one stays before it, others stretch."""
    if not pieces:
        return text
    offsets = _offsets(text.text)
    pieces = sorted(pieces)
    places = [offsets[position] for position, _ in pieces]
    grown = [0, *accumulate(utf16_len(piece) for _, piece in pieces)]
    entities = tuple(
        _place(e, e.offset + grown[bisect_right(places, e.offset)], e.end + grown[bisect_left(places, e.end)])
        for e in text.entities
    )
    parts: list[str] = []
    cursor = 0
    for position, piece in pieces:
        parts += [text.text[cursor:position], piece]
        cursor = position
    return Text("".join([*parts, text.text[cursor:]]), entities)


def _place(entity: Entity, start: int, end: int) -> Entity:
    return Entity(entity.type, start, end - start, entity.url, entity.language)


def _offsets(text: str) -> list[int]:
    """UTF-16 offset of every character, and of the end."""
    if text.isascii():
        return list(range(len(text) + 1))
    found, offset = [0], 0
    for character in text:
        offset += 2 if character > "\uffff" else 1
        found.append(offset)
    return found


def _clip(text: Text, offsets: list[int], start: int, end: int) -> Text:
    """The characters from `start` to `end`, with the entities that touch them."""
    low, high = offsets[start], offsets[end]
    return Text(
        text.text[start:end],
        tuple(
            _place(e, max(e.offset, low) - low, min(e.end, high) - low)
            for e in text.entities
            if e.offset < high and e.end > low
        ),
    )


def _trim(text: Text) -> Text:
    """Take white space off the ends, as Telegram does; leading spaces stay, they may be indentation."""
    end = len(text.text.rstrip())
    start = min(len(text.text) - len(text.text.lstrip("\n")), end)
    return text if (start, end) == (0, len(text.text)) else _clip(text, _offsets(text.text), start, end)


def split_text(text: Text, limit: int = TEXT_LIMIT) -> list[Text]:
    """Cut into pieces of at most `limit` UTF-16 units and 100 entities, at the best place near the end: a
    paragraph, a line, a sentence, a word. A code block that is cut is a code block on both sides."""
    if text.blank:
        return []
    offsets = _offsets(text.text)
    pieces: list[Text] = []
    start = 0
    while start < len(text.text):
        end = _fitting_end(text, offsets, start, limit)
        if end < len(text.text):
            end = _best_cut(text, offsets, start, end)
        piece = _trim(_clip(text, offsets, start, end))
        if not piece.blank:
            pieces.append(piece)
        start = end
    return pieces


def _fitting_end(text: Text, offsets: list[int], start: int, limit: int) -> int:
    end = bisect_right(offsets, offsets[start] + limit) - 1
    touching = [e for e in text.entities if e.end > offsets[start] and e.offset < offsets[end]]
    if len(touching) > ENTITY_LIMIT:
        first_over = sorted(e.offset for e in touching)[ENTITY_LIMIT]
        end = min(end, max(start + 1, bisect_right(offsets, first_over) - 1))
    return max(end, start + 1)


def _best_cut(text: Text, offsets: list[int], start: int, end: int) -> int:
    """The position to cut before `end`; the nicer the place, the further back it may be."""
    window = text.text[start:end]
    code = [(e.offset, e.end) for e in text.entities if e.type in _LITERAL]

    def outside_code(position: int) -> bool:
        at = offsets[start + position]
        return not any(low < at < high for low, high in code)

    for pattern, least_filled, keep_code in (
        (r"\n\s*\n", 0.5, True),
        (r"\n", 0.5, True),
        (r"\n", 0.3, False),
        (r"[.!?…](?=\s)", 0.5, True),
        (r"\s", 0.3, False),
    ):
        cuts = [match.end() for match in re.finditer(pattern, window)]
        for cut in reversed(cuts):
            if cut < len(window) * least_filled:
                break
            if not keep_code or outside_code(cut):
                return start + cut
    return start + _whole_symbols(text.text, start, end)


def _whole_symbols(text: str, start: int, end: int) -> int:
    """Move a hard cut back so that no accent, emoji sequence or flag is torn, and no address becomes a mention."""
    cut = end
    while cut > start + 1 and end - cut < 32:
        follower, before = text[cut], text[cut - 1]
        torn = (
            follower in "\u200d\ufe0f@"
            or before == "\u200d"
            or unicodedata.combining(follower) > 0
            or "\U0001f3fb" <= follower <= "\U0001f3ff"
            or ("\U0001f1e6" <= follower <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff")
        )
        if not torn:
            return cut - start
        cut -= 1
    return end - start
