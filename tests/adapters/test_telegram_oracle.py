"""1500 hostile texts: what we send is, to Telegram's own parser, the same text with the same styles.

A text and its entities are written as HTML and read back by `tdjson`, which carries the library that the real server
is built on. It refuses an overlap, an offset inside of a character or an address that is none, and moves what it
would not keep.
"""

from __future__ import annotations

import html
import random
from typing import Any

import pytest

from adapters.telegram.formatting import Text, format_markdown, split_text
from botkit.testing.telegram.parser import Entity, parse_text
from tests.adapters.test_telegram_formatting import PIECES

SAMPLES = 1500
_TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "spoiler": "tg-spoiler",
    "code": "code",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote expandable",
}
_STYLES = frozenset({*_TAGS, "pre", "text_link"})


def _tags(entity: Entity) -> tuple[str, str]:
    match entity["type"]:
        case "pre" if entity.get("language"):
            return f'<pre><code class="language-{html.escape(entity["language"])}">', "</code></pre>"
        case "pre":
            return "<pre>", "</pre>"
        case "text_link":
            return f'<a href="{html.escape(entity["url"])}">', "</a>"
        case name:
            return f"<{_TAGS[name]}>", f"</{_TAGS[name].split()[0]}>"


def _as_html(text: str, entities: list[Entity]) -> str:
    """Tags are opened and closed at the entities' ends, outer ones first."""
    units = text.encode("utf-16-le")
    ordered = sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))
    ends = {0, len(units) // 2}
    for entity in ordered:
        ends |= {entity["offset"], entity["offset"] + entity["length"]}
    written: list[str] = []
    before = 0
    for end in sorted(ends):
        written.append(html.escape(units[before * 2 : end * 2].decode("utf-16-le"), quote=False))
        written += [_tags(one)[1] for one in reversed(ordered) if one["offset"] + one["length"] == end]
        written += [_tags(one)[0] for one in ordered if one["offset"] == end]
        before = end
    return "".join(written)


def _styles(entities: list[Entity]) -> list[tuple[Any, ...]]:
    """What people see, without the slash that Telegram adds to a bare address."""
    return sorted(
        (one["type"], one["offset"], one["length"], one.get("url", "").rstrip("/"), one.get("language", ""))
        for one in entities
        if one["type"] in _STYLES
    )


def _crosses(entities: list[Entity]) -> bool:
    """Two overlap and none is inside of the other: allowed as entities, impossible to write as HTML."""
    spans = [(one["offset"], one["offset"] + one["length"]) for one in entities]
    return any(a < c < b < d for a, b in spans for c, d in spans)


def _judged(piece: Text) -> bool:
    """Whether it could be judged. Fails when Telegram reads something else."""
    entities: list[Entity] = list(piece.entities_json())
    if _crosses(entities):
        return False
    read = parse_text(_as_html(piece.text, entities), "HTML")
    assert (read.text, _styles(read.entities)) == (piece.text, _styles(entities))
    return True


def test_telegram_reads_hostile_markdown_as_we_meant_it() -> None:
    chance = random.Random(20261121)
    judged = [
        _judged(piece)
        for _ in range(SAMPLES)
        for piece in split_text(format_markdown("".join(chance.choices(PIECES, k=chance.randint(1, 40)))))
    ]
    assert len(judged) > SAMPLES * 0.9
    assert judged.count(False) < SAMPLES * 0.02


@pytest.mark.parametrize("wrong", [{"offset": 1, "length": 9}, {"offset": 0, "length": 3}])
def test_the_judge_sees_a_wrong_end(wrong: dict[str, int]) -> None:
    entities: list[Entity] = [{"type": "bold", "offset": 0, "length": 4}]
    read = parse_text(_as_html("four words", entities), "HTML")
    assert _styles(read.entities) != _styles([{"type": "bold", **wrong}])
