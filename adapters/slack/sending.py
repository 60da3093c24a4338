"""One rendered part → one message, with the few answers that are not failures.

Each message carries the part's id as metadata, which nobody sees: after a lost answer the channel's history tells
whether it arrived.

Source: https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/messaging/message-metadata/
"""

from __future__ import annotations

__all__ = ["find_part", "metadata_of", "send_part"]

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import structlog

from adapters.slack.api import Refused, SlackApi
from adapters.slack.streams import stop_stream
from botkit.sdk import Attachment, Part

_log = structlog.get_logger("botkit.slack")

METADATA = "botkit_part"
_EDIT_AGAIN = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
_WORDS = re.compile(r"[\W_]+")
_ALIKE_CHARS = 16
_EARLIER_S = 60.0
"""Clocks differ."""

LoadFile = Callable[[Attachment], Awaitable[bytes]]


def metadata_of(part: Part) -> dict[str, Any]:
    return {"event_type": METADATA, "event_payload": {"part": part.id}}


async def send_part(api: SlackApi, part: Part, load_file: LoadFile) -> str:
    """Send or edit one part; returns its `ts`. A stream whose message was deleted meanwhile is sent anew; blocks
    that Slack refuses go out as plain text. Raises what `SlackApi.call` raises."""
    if "attachments" in part.payload:
        return await _send_files(api, part, load_file)
    if part.message_id:
        try:
            return await _edit(api, part, part.payload)
        except Refused as error:
            if error.error in _BAD_BLOCKS:
                return await _edit(api, part, _simpler(part, error))
            if part.edit_of or error.error not in _EDIT_AGAIN:
                raise
    try:
        return await _post(api, part, part.payload)
    except Refused as error:
        if error.error not in _BAD_BLOCKS:
            raise
        return await _post(api, part, _simpler(part, error))


def _simpler(part: Part, error: Refused) -> Mapping[str, Any]:
    _log.warning("slack_sent_simpler", part=part.id, detail=str(error))
    return {"text": part.payload["text"]}


async def _post(api: SlackApi, part: Part, payload: Mapping[str, Any]) -> str:
    answer = await api.call(
        "chat.postMessage",
        channel=part.conversation.room,
        thread_ts=part.conversation.thread or None,
        text=payload["text"],
        blocks=payload.get("blocks"),
        # A preview makes Slack fetch the address: a way out for data an injected prompt put into a link.
        unfurl_links=False,
        unfurl_media=False,
        metadata=metadata_of(part),
    )
    return str(answer["ts"])


async def _edit(api: SlackApi, part: Part, payload: Mapping[str, Any]) -> str:
    where = {"channel": part.conversation.room, "ts": part.message_id}
    shown = {"text": payload["text"], "blocks": payload.get("blocks", []), "metadata": metadata_of(part)}
    try:
        await api.call("chat.update", safe=True, **where, **shown)
    except Refused as error:
        if error.error != "streaming_state_conflict":
            raise
        await stop_stream(api, part.conversation.room, part.message_id)  # of a process that is no more
        await api.call("chat.update", safe=True, **where, **shown)
    return part.message_id


async def _send_files(api: SlackApi, part: Part, load_file: LoadFile) -> str:
    """Upload, then show: only the last call can be in doubt. Returns the first file's id, which stands for it."""
    shown: list[dict[str, str]] = []
    for raw in part.payload["attachments"]:
        attachment = msgspec.convert(raw, Attachment)
        data = await load_file(attachment)
        name = attachment.name or "file"
        place = await api.call("files.getUploadURLExternal", safe=True, filename=name, length=len(data))
        await api.upload(str(place["upload_url"]), data)
        shown.append({"id": str(place["file_id"]), "title": name})
    await api.call(
        "files.completeUploadExternal",
        files=msgspec.json.encode(shown).decode(),
        channel_id=part.conversation.room,
        thread_ts=part.conversation.thread or None,
    )
    return shown[0]["id"]


async def find_part(api: SlackApi, part: Part, me: Sequence[str]) -> str:
    """The `ts` (or file id) of the message a part became; empty when it did not arrive.

    Args:
        me: the app's own user and bot ids.
    """
    oldest = max(0.0, part.created_at / 1_000_000 - _EARLIER_S)
    where = {"channel": part.conversation.room, "oldest": f"{oldest:.6f}", "limit": 200, "include_all_metadata": True}
    if part.conversation.thread:
        found = await api.call("conversations.replies", safe=True, ts=part.conversation.thread, **where)
    else:
        found = await api.call("conversations.history", safe=True, **where)
    names = [str(item.get("name") or "file") for item in part.payload.get("attachments", ())]
    for message in cast("list[Mapping[str, Any]]", found.get("messages") or []):
        if str(message.get("user", "")) not in me and str(message.get("bot_id", "")) not in me:
            continue
        files = cast("list[Mapping[str, Any]]", message.get("files") or [])
        if names and [str(file.get("name")) for file in files] == names:
            return str(files[0]["id"])
        metadata = cast("Mapping[str, Any]", message.get("metadata") or {})
        payload = cast("Mapping[str, Any]", metadata.get("event_payload") or {})
        if metadata.get("event_type") == METADATA and payload.get("part") == part.id:
            return str(message["ts"])
        if not metadata and not files and _alike(str(message.get("text") or ""), part.text):
            return str(message["ts"])  # an open stream, the only message of ours that names no part
    return ""


def _alike(shown: str, text: str) -> bool:
    """Whether a message, in Slack's markup, begins as a text does, in ours."""
    one, other = (_WORDS.sub("", piece.split("&lt;")[0])[:_ALIKE_CHARS] for piece in (shown, text))
    return bool(one and other) and (other.startswith(one) or one.startswith(other))
