"""One rendered part → one call, with the few answers that are not failures.

A new message carries a nonce made from the part's id, and Discord shows one message however often it is sent, for some
minutes. A repetition later than that looks into the channel first.

Source: https://docs.discord.com/developers/resources/message#create-message
"""

from __future__ import annotations

__all__ = ["edit_body", "nonce_of", "send_part", "target_of"]

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
import structlog

from adapters.discord.api import DiscordApi, Refused, Upload
from adapters.discord.interactions import Interactions
from adapters.discord.media import VOICE_MESSAGE
from botkit.sdk import Attachment, Clock, Conversation, Part

_log = structlog.get_logger("botkit.discord")

NONCE_SAFE_S = 60.0
""""The past few minutes" that Discord remembers nonces for are certainly longer than this."""
_NONCE_CHARS = 25
_SUPPRESS_EMBEDS = 1 << 2
"""A preview makes Discord fetch the address: a way out for data an injected prompt put into a link."""
_SUPPRESS_NOTIFICATIONS = 1 << 12
_UNKNOWN_MESSAGE, _NOT_OURS, _THREAD_ARCHIVED = 10008, 50005, 50083
_NO_VOICE = frozenset({50160, 50161, 50162, 50173})
"""A recording that may not, or cannot, be a voice message there."""
_WAVEFORM = base64.b64encode(bytes([24, 96, 160, 96] * 16)).decode()
"""What is drawn beside a voice message; nobody has measured how loud ours is at each moment."""
_EPOCH_MS = 1_420_070_400_000
_COMPONENTS_V2 = 1 << 15
_ONLY_COMPONENTS = "COMPONENTS_V2"
"""In the refusal of content for a message of cards."""

LoadFile = Callable[[Attachment], Awaitable[bytes]]


def target_of(conversation: Conversation) -> str:
    """The id to write to: a thread is a channel of its own."""
    return conversation.thread or conversation.room


def nonce_of(part_id: str) -> str:
    """The same for every attempt of a part, and at most 25 characters."""
    return hashlib.sha256(part_id.encode()).hexdigest()[:_NONCE_CHARS]


async def send_part(
    api: DiscordApi, interactions: Interactions, part: Part, load_file: LoadFile, clock: Clock, me: str
) -> str:
    """Send or edit one part; returns the platform's message id.

    A stream whose message was deleted meanwhile is sent anew; an archived thread is opened again. Raises what
    `DiscordApi.call` raises.
    """
    uploads = await _uploads(part.payload, load_file)
    if part.message_id:
        try:
            return await _edit(api, part, uploads)
        except Refused as error:
            if part.edit_of or error.number not in {_UNKNOWN_MESSAGE, _NOT_OURS}:
                raise
    if part.attempts > 1 and clock.micros() - part.created_at > NONCE_SAFE_S * 1_000_000:
        found = await _find(api, part, me)
        if found:
            return found
    body = _body(part, uploads)
    command = interactions.waiting(part.conversation, str(part.payload.get("reply_to", "")))
    if command:
        sent = await interactions.reply(command, body, uploads)
        if sent:
            return sent
    return await _create(api, part, body, uploads)


async def _create(api: DiscordApi, part: Part, body: dict[str, Any], uploads: list[Upload]) -> str:
    channel = target_of(part.conversation)
    arguments: dict[str, Any] = {"body": body, "uploads": uploads, "channel_id": channel, "safe": True}
    try:
        sent = await api.call("POST", "/channels/{channel_id}/messages", **arguments)
    except Refused as error:
        if part.payload.get("voice") and error.number in _NO_VOICE:
            _log.warning("discord_sent_simpler", part=part.id, detail=str(error))
            plain = msgspec.structs.replace(part, payload={**part.payload, "voice": False})
            return await _create(api, plain, _body(plain, uploads), uploads)
        if error.number != _THREAD_ARCHIVED:
            raise
        await api.call("PATCH", "/channels/{channel_id}", body={"archived": False}, safe=True, channel_id=channel)
        sent = await api.call("POST", "/channels/{channel_id}/messages", **arguments)
    return str(sent["id"])


async def _edit(api: DiscordApi, part: Part, uploads: list[Upload]) -> str:
    try:
        await _patch(api, part, edit_body(part.payload, uploads), uploads)
    except Refused as error:
        if _ONLY_COMPONENTS not in error.reason or part.payload.get("v2"):
            raise
        text = {"type": 10, "content": part.payload.get("content") or "…"}
        shown = {"v2": True, "components": [text, *part.payload.get("components", ())]}
        await _patch(api, part, edit_body({**part.payload, **shown}, uploads), uploads)
    return part.message_id


async def _patch(api: DiscordApi, part: Part, body: dict[str, Any], uploads: list[Upload]) -> None:
    await api.call(
        "PATCH",
        "/channels/{channel_id}/messages/{message_id}",
        body=body,
        uploads=uploads,
        safe=True,
        channel_id=target_of(part.conversation),
        message_id=part.message_id,
    )


async def _find(api: DiscordApi, part: Part, me: str) -> str:
    """The message that a lost attempt of this part left in the channel; empty when there is none."""
    since = ((part.created_at // 1000) - _EPOCH_MS) << 22
    path = f"/channels/{{channel_id}}/messages?after={since}&limit=100"
    try:
        recent = await api.call("GET", path, safe=True, channel_id=target_of(part.conversation))
    except Refused as error:
        _log.warning("discord_history_refused", part=part.id, detail=str(error))
        return ""
    wanted = str(part.payload.get("content", "")).strip()
    files, rows = len(part.payload.get("attachments", ())), len(part.payload.get("components", ()))
    for message in cast("list[Mapping[str, Any]]", recent):
        same = str(message.get("content", "")).strip() == wanted and len(message.get("attachments", ())) == files
        same = same and len(message.get("components", ())) == rows
        if same and str(message["author"]["id"]) == me:
            return str(message["id"])
    return ""


def edit_body(payload: Mapping[str, Any], uploads: list[Upload]) -> dict[str, Any]:
    """What a message becomes; buttons it no longer has disappear."""
    body: dict[str, Any] = {"components": payload.get("components", []), "allowed_mentions": _mentions(payload)}
    if payload.get("v2"):
        body["flags"] = _COMPONENTS_V2
    else:
        body["content"] = payload.get("content", "")
    if uploads:
        body["attachments"] = _described(uploads)
    return body


def _body(part: Part, uploads: list[Upload]) -> dict[str, Any]:
    payload = part.payload
    body: dict[str, Any] = {key: payload[key] for key in ("content", "components") if key in payload}
    body |= {"nonce": nonce_of(part.id), "enforce_nonce": True, "allowed_mentions": _mentions(payload)}
    body["flags"] = _SUPPRESS_EMBEDS | (_SUPPRESS_NOTIFICATIONS if payload.get("silent") else 0)
    if payload.get("v2"):
        body["flags"] = _COMPONENTS_V2 | (body["flags"] & ~_SUPPRESS_EMBEDS)
    reply_to = str(payload.get("reply_to", ""))
    if reply_to.isdecimal():
        body["message_reference"] = {"message_id": reply_to, "fail_if_not_exists": False}
    if uploads:
        body["attachments"] = _described(uploads)
    if payload.get("voice"):
        seconds = float(payload["attachments"][0]["duration_s"])
        body["flags"] = VOICE_MESSAGE | (body["flags"] & _SUPPRESS_NOTIFICATIONS)
        body["attachments"] = [{**body["attachments"][0], "duration_secs": seconds, "waveform": _WAVEFORM}]
    return body


def _mentions(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A model must not ring people by writing their names; only those that the message was meant for."""
    rings = list(payload.get("rings", ()))
    return {"parse": [], "replied_user": False, **({"users": rings} if rings else {})}


def _described(uploads: list[Upload]) -> list[dict[str, Any]]:
    return [{"id": number, "filename": upload.name} for number, upload in enumerate(uploads)]


async def _uploads(payload: Mapping[str, Any], load_file: LoadFile) -> list[Upload]:
    uploads: list[Upload] = []
    for raw in payload.get("attachments", ()):
        attachment = msgspec.convert(raw, Attachment)
        data = await load_file(attachment)
        uploads.append(Upload(attachment.name or "file", data, attachment.mime or "application/octet-stream"))
    return uploads
