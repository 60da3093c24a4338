"""Whatever a model writes, Telegram's own parser accepts what we make of it, and no word is lost."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.formatting import Text, format_markdown, split_text, utf16_len
from adapters.telegram.rendering import render_message
from botkit.core.events import Attachment
from botkit.core.messages import Button, OutMessage
from botkit.testing.telegram.parser import check_entities, detect_entities

PIECES = (
    *(
        "*",
        "**",
        "_",
        "__",
        "~~",
        "`",
        "```",
        "```python\n",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "# ",
        "| a | b |\n|---|---|\n",
    ),
    *(
        "[",
        "](",
        ")",
        "![x](y)",
        "<b>",
        "</i>",
        "<think>",
        "<!-- ",
        "-->",
        "&amp;",
        "&#x1F600;",
        "\\",
        "||",
        "$x^2$",
        "\\(a\\)",
    ),
    *(
        "word",
        "two words",
        "ünïcödé",
        "😀",
        "👩‍👩‍👧‍👦",
        "🇩🇪",
        "e\u0301",
        "שלום",
        "\u202e",
        "\u200b",
        "@someone_there",
        "a@b.com",
    ),
    *(
        "https://example.com/a_b*c",
        "[x](https://ok.com)",
        "[y](note)",
        "[z](javascript:alert(1))",
        "[p](tg://user?id=5)",
    ),
    *(
        "[m](mailto:a@b.com)",
        "[bad](http://)",
        "[port](https://a.b:99999999/)",
        "\ud83d",
        "\x00",
        "   ",
        "\t",
        "---",
        "[^1]",
        ":|:",
    ),
)
hostile = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def _accepted(text: Text) -> bool:
    """Telegram takes it: raises `ParseError` with its reason when not."""
    check_entities(text.text, text.entities_json())
    return utf16_len(text.text) <= 4096 and not text.blank


@settings(max_examples=400, deadline=None)
@given(hostile)
def test_any_markdown_becomes_something_telegram_accepts(source: str) -> None:
    for piece in split_text(format_markdown(source)):
        assert _accepted(piece)
        assert not _rung(piece)


def _rung(piece: Text) -> list[str]:
    """Mentions Telegram would find by itself, outside of code and links, where it does not look."""
    closed = [e for e in piece.entities if e.type in {"code", "pre", "text_link"}]
    return [
        str(found)
        for found in detect_entities(piece.text)
        if found["type"] == "mention" and not any(e.offset <= found["offset"] < e.end for e in closed)
    ]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(10, 400))
def test_splitting_keeps_every_word_in_order_and_every_piece_in_its_limit(seed: int, limit: int) -> None:
    source = "".join(random.Random(seed).choices(PIECES, k=120))
    whole = format_markdown(source)
    pieces = split_text(whole, limit)
    assert all(utf16_len(piece.text) <= limit for piece in pieces)
    assert all(len(piece.entities) <= 100 for piece in pieces)
    for piece in pieces:
        check_entities(piece.text, piece.entities_json())
    squeezed = re.sub(r"\s", "", "".join(piece.text for piece in pieces))
    expected = re.sub(r"\s", "", whole.text)
    invisible = str.maketrans("", "", "\u200b\u2060\ufeff\u00ad")
    assert squeezed.translate(invisible) == expected.translate(invisible)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("a <think>x</think> Vec<String>", "a <think>x</think> Vec<String>"),
        ("<div>\nfoo **x**\n</div>", "<div>\nfoo x\n</div>"),
        ("<!-- note --> a", "<!-- note --> a"),
        ("5 < 6 && b > 3", "5 < 6 && b > 3"),
        ("[docs](./readme.md) and [a](https://a.com)", "docs (./readme.md) and a"),
        ("[write](mailto:a@b.com)", "write (mailto:a@b.com)"),
        ("[Ada](tg://user?id=5)", "Ada"),
        ("# Title\n\n- one\n- two", "Title\n\n• one\n• two"),
        ("&nbsp;", "&nbsp;"),
        ("it costs $5 or $6", "it costs $5 or $6"),
    ],
)
def test_nothing_a_model_wrote_disappears(source: str, shown: str) -> None:
    assert format_markdown(source).text == shown


def test_a_code_block_that_is_cut_is_code_in_both_pieces_with_its_language() -> None:
    code = "\n".join(f"print({number})" for number in range(600))
    pieces = split_text(format_markdown(f"Look:\n\n```python\n{code}\n```"))
    assert len(pieces) > 1
    assert all([(e.type, e.language) for e in piece.entities] == [("pre", "python")] for piece in pieces)


def test_a_text_is_cut_between_paragraphs_when_it_can_be() -> None:
    paragraph = "word " * 300
    pieces = split_text(format_markdown("\n\n".join([paragraph.strip()] * 6)))
    assert [piece.text.count("\n\n") for piece in pieces] == [1, 1, 1]
    assert all(piece.text.startswith("word") and piece.text.endswith("word") for piece in pieces)


def test_an_emoji_family_is_not_torn_at_a_hard_cut() -> None:
    family = "👩‍👩‍👧‍👦"
    pieces = split_text(Text(family * 600))
    assert all(piece.text == family * (len(piece.text) // len(family)) for piece in pieces)


def test_a_hundred_thousand_characters_are_done_at_once() -> None:
    pieces = split_text(format_markdown("some **bold** words and `code`, " * 5000))
    assert sum(len(piece.text) for piece in pieces) > 100_000


class TestRendering:
    def test_buttons_sit_on_the_last_part_and_the_quote_on_the_first(self) -> None:
        row = (Button(label="Yes", value="y", style="primary"), Button(label="Docs", value="", url="https://a.com"))
        parts = render_message(OutMessage(text="x\n\n" * 3000, reply_to="7", buttons=(row,)))
        assert ["reply_markup" in part.payload["args"] for part in parts] == [False] * (len(parts) - 1) + [True]
        assert parts[0].payload["args"]["reply_parameters"]["message_id"] == 7
        assert "reply_parameters" not in parts[-1].payload["args"]
        keys = parts[-1].payload["args"]["reply_markup"]["inline_keyboard"][0]
        assert keys == [
            {"text": "Yes", "style": "primary", "callback_data": "y"},
            {"text": "Docs", "url": "https://a.com"},
        ]

    def test_a_button_telegram_cannot_show_is_written_out(self) -> None:
        rows = ((Button(label="Long", value="x" * 65), Button(label="Local", value="", url="http://intranet/x")),)
        (part,) = render_message(OutMessage(text="Choose", buttons=rows))
        assert part.text == "Choose\n\n▸ Long\n\nLocal: http://intranet/x"
        assert "reply_markup" not in part.payload["args"]

    def test_links_are_not_previewed(self) -> None:
        (part,) = render_message(OutMessage(text="https://evil.example/?data=secret"))
        assert part.payload["args"]["link_preview_options"] == {"is_disabled": True}

    def test_nothing_to_say_is_nothing_to_send(self) -> None:
        assert render_message(OutMessage(text="  \n ")) == []
        assert render_message(OutMessage(text="\u200b")) == []

    def test_rendering_twice_gives_the_same_payloads(self) -> None:
        message = OutMessage(text="**a** [b](https://c.de)\n\n" * 400, attachments=(Attachment(kind="file", name="f"),))
        assert render_message(message) == render_message(message)

    def test_a_place_and_a_contact_are_shown(self) -> None:
        place = Attachment(kind="location", latitude=52.5, longitude=13.4)
        contact = Attachment(kind="contact", name="Bob", text="+100")
        parts = render_message(OutMessage(attachments=(place, contact)))
        assert [part.payload["method"] for part in parts] == ["sendLocation", "sendMessage"]
        assert parts[1].text == "Bob +100"

    def test_ten_megabytes_are_cut_with_a_notice(self) -> None:
        parts = render_message(OutMessage(text="lorem ipsum " * 900_000))
        assert len(parts) < 60
        assert "too long for a chat" in parts[-1].text
