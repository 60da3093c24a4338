"""Every platform's rendering of any rich message: nothing is missing, and the platform takes all of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.discord import rendering as discord
from adapters.slack import rendering as slack
from adapters.telegram import rendering as telegram
from adapters.whatsapp import rendering as whatsapp
from botkit.core.messages import OutMessage, Rendered
from botkit.testing.discord.checks import check_message
from botkit.testing.discord.faults import Call
from botkit.testing.slack.blocks import check_blocks
from tests.sdk.rich_messages import labels_of, rich_messages


def everything(parts: list[Rendered]) -> str:
    """All the words of some parts, each as it is written in JSON."""
    return "\n".join(_strings([part.payload for part in parts]))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [word for item in value.values() for word in _strings(item)]  # pyright: ignore[reportUnknownVariableType]
    return [word for item in value for word in _strings(item)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def nothing_is_missing(message: OutMessage, parts: list[Rendered]) -> None:
    """Questions of a form may wait until it is opened."""
    shown = everything(parts)
    missing = [label for label in labels_of(message, in_dialog=False) if label not in shown]
    assert missing == []


def files_of(payload: dict[str, Any]) -> list[tuple[str, bytes, str]]:
    return [(str(item["name"]), b"x", str(item.get("mime", ""))) for item in payload.get("attachments", ())]


@given(rich_messages())
def test_discord_takes_every_part_and_shows_every_word(message: OutMessage):
    parts = discord.render_message(message)
    for part in parts:
        flags = 1 << 15 if part.payload.get("v2") else 0
        body = {key: part.payload[key] for key in ("content", "components") if key in part.payload} | {"flags": flags}
        check_message(Call("POST", "", json.loads(json.dumps(body)), files=files_of(part.payload)), creates=True)
    nothing_is_missing(message, parts)


@given(rich_messages())
def test_telegram_takes_every_part_and_shows_every_word(message: OutMessage):
    parts = telegram.render_message(message)
    for part in parts:
        args = part.payload["args"]
        assert len(str(args.get("text", "")).encode("utf-16-le")) <= 2 * 4096
        assert len(str(args.get("caption", "")).encode("utf-16-le")) <= 2 * 1024
        keyboard = args.get("reply_markup", {}).get("inline_keyboard", [])
        keys = [key for row in keyboard for key in row]
        assert len(keys) <= 100
        assert all(key["text"] and len(key.get("callback_data", "").encode()) <= 64 for key in keys)
    nothing_is_missing(message, parts)


@given(rich_messages(), st.sampled_from((1600, 4096)))
def test_whatsapp_takes_every_part_and_shows_every_word(message: OutMessage, text_limit: int):
    parts = whatsapp.render_message(message, text_limit, 10_000_000)
    for part in parts:
        payload = part.payload
        choices = payload.get("choices", [])
        most, length = {"buttons": (3, 20), "list": (10, 24)}.get(payload["kind"], (0, 0))
        assert len(choices) <= most
        assert all(1 <= len(one["label"]) <= length and len(one.get("about", "")) <= 72 for one in choices)
        assert len(str(payload.get("text", ""))) <= (1024 if choices else text_limit)
        assert payload.get("text") or payload["kind"] == "file"
    nothing_is_missing(message, parts)


@given(rich_messages())
def test_slack_takes_every_part_and_shows_every_word(message: OutMessage):
    parts = slack.render_message(message)
    for part in parts:
        check_blocks(part.payload.get("blocks", []))
        assert part.payload.get("text") or part.payload.get("attachments")
    nothing_is_missing(message, parts)
