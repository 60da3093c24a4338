"""Every platform's rendering of any rich message: nothing is missing, and the platform takes all of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from adapters.discord import rendering as discord
from botkit.core.messages import OutMessage, Rendered
from botkit.testing.discord.checks import check_message
from botkit.testing.discord.faults import Call
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
