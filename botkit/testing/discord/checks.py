"""What Discord refuses: the limits of a message, as error 50035 with the field it is about.

Sources: https://docs.discord.com/developers/resources/message#create-message,
https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

__all__ = ["CONTENT_LIMIT", "FILE_LIMIT_BYTES", "check_message", "rung"]

import re
from typing import Any

from botkit.testing.discord.faults import ApiError, Call, invalid
from botkit.testing.discord.layouts import COMPONENTS_V2, check_layout, check_row
from botkit.testing.discord.world import VOICE_MESSAGE, FakeChannel, World

CONTENT_LIMIT = 2000
FILE_LIMIT_BYTES = 10 * 1024 * 1024
_NONCE_LIMIT = 25
_ROWS = 5
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")


def check_message(call: Call, *, creates: bool) -> None:
    """Raises `ApiError` for what the API would refuse."""
    body = call.body
    content = body.get("content")
    if content is not None and not isinstance(content, str):
        raise invalid("content", "STRING_TYPE_CONVERT", "Could not interpret as string.")
    if len((content or "").encode("utf-16-le")) // 2 > CONTENT_LIMIT:
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", f"Must be {CONTENT_LIMIT} or fewer in length.")
    shown = (content or "").strip() or call.files or body.get("components") or body.get("embeds") or body.get("poll")
    if creates and not shown:
        raise ApiError(400, 50006, "Cannot send an empty message")
    if len(str(body.get("nonce", ""))) > _NONCE_LIMIT:
        raise invalid("nonce", "NONCE_TYPE_STRING_INVALID_LENGTH", f"Must be {_NONCE_LIMIT} or fewer in length.")
    if len(call.files) > 10:
        raise invalid("files", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    if any(len(data) > FILE_LIMIT_BYTES for _, data, _ in call.files):
        raise ApiError(413, 40005, "Request entity too large")
    if int(body.get("flags") or 0) & VOICE_MESSAGE:
        _check_voice(call)
    if int(body.get("flags") or 0) & COMPONENTS_V2:
        check_layout(body, [name for name, _, _ in call.files])
    else:
        _check_components(body.get("components") or [])


def _check_voice(call: Call) -> None:
    """Source: https://docs.discord.com/developers/resources/message#voice-messages"""
    if any(call.body.get(key) for key in ("content", "components", "embeds", "sticker_ids", "poll")):
        raise ApiError(400, 50160, "Voice messages do not support additional content")
    if len(call.files) != 1 or not call.files[0][2].startswith("audio/"):
        raise ApiError(400, 50161, "Voice messages must have a single audio attachment")
    described: list[dict[str, Any]] = call.body.get("attachments") or [{}]
    if not described[0].get("duration_secs") or not described[0].get("waveform"):
        raise ApiError(400, 50162, "Voice messages must have supporting metadata")


def _check_components(rows: list[Any]) -> None:
    if len(rows) > _ROWS:
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_ROWS} in length.")
    seen: set[str] = set()
    for number, row in enumerate(rows):
        if row.get("type") != 1:
            raise invalid(f"components.{number}.type", "BASE_TYPE_CHOICES", "Value must be one of {1}.")
        check_row(row, f"components.{number}", seen)


def rung(world: World, channel: FakeChannel, body: dict[str, Any], content: str, replied_to: int) -> list[str]:
    """Whom a message of the bot notifies. Without `allowed_mentions`, everybody it names."""
    allowed: dict[str, Any] | None = body.get("allowed_mentions")
    kinds = {"everyone", "users", "roles"} if allowed is None else set(allowed.get("parse", ()))
    users = set[str](() if allowed is None else allowed.get("users", ()))
    found: list[str] = []
    if "everyone" in kinds and channel.guild_id and ("@everyone" in content or "@here" in content):
        found.append("@everyone")
    for number in _USER.findall(content):
        user = world.users.get(int(number))
        if user is not None and ("users" in kinds or number in users):
            found.append(user.username)
    if "roles" in kinds and _ROLE.search(content):
        found.append("@role")
    answered = world.live(replied_to) if replied_to else None
    if answered is not None and (allowed is None or allowed.get("replied_user")):
        found.append(answered.author.username)
    return found
