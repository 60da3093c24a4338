"""A number at Meta's Cloud API.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

__all__ = ["CloudCarrier"]

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, cast

import msgspec

from adapters.whatsapp.carrier import Carrier
from adapters.whatsapp.cloud import CloudApi, answer_challenge, verify_signature
from adapters.whatsapp.cloud_parsing import parse_cloud
from adapters.whatsapp.errors import WindowClosed
from botkit.sdk import Attachment, Capabilities, Event, HttpRequest, HttpResponse, LimitReached, Part

SIGNATURE_HEADER = "x-hub-signature-256"
FILE_LIMIT_BYTES = 100 * 1024 * 1024
_SCOPED_ID = re.compile(r"[A-Z]{2}\.")
"""How business-scoped ids begin: the country's code and a dot."""
_TEMPLATE_TEXT = 1000
_AS_SENT = {"image": "image", "video": "video", "audio": "audio", "voice": "audio", "sticker": "sticker"}
_PLAYABLE = frozenset(
    {
        *("image/jpeg", "image/png", "image/webp", "video/mp4", "video/3gpp"),
        *("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"),
    }
)


class CloudCarrier(Carrier):
    """Sends through the Graph API, receives signed webhooks.

    Args:
        template: (name, language) of an approved template with one text variable, for closed windows.
        load_file: the bytes of an outgoing attachment.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        text_limit=4096,
        typing_s=25.0,
        buttons=True,
        button_value_bytes=200,
        selects=10,
        templates=True,
        window_s=86_400.0,
        reactions=True,
        files=True,
        file_in_limit_bytes=FILE_LIMIT_BYTES,
        file_out_limit_bytes=FILE_LIMIT_BYTES,
        commands=True,
    )

    def __init__(
        self,
        api: CloudApi,
        *,
        channel: str,
        number_id: str,
        app_secret: str,
        verify_token: str,
        template: tuple[str, str] | None,
        load_file: Callable[[Attachment], Awaitable[bytes]],
    ):
        self._api = api
        self._channel = channel
        self._number_id = number_id
        self._app_secret = app_secret
        self._verify_token = verify_token
        self._template = template
        self._load_file = load_file

    async def check(self) -> str:
        number = await self._api.number()
        return str(number.get("display_phone_number") or "")

    def receive(self, request: HttpRequest) -> Mapping[str, Any] | HttpResponse:
        if request.method == "GET":
            return answer_challenge(request, self._verify_token)
        verify_signature(request.body, request.headers.get(SIGNATURE_HEADER, ""), self._app_secret)
        try:
            payload: object = json.loads(request.body)
        except (ValueError, RecursionError):
            return HttpResponse(status=400, body=b"not JSON")
        if not isinstance(payload, dict):
            return HttpResponse(status=400, body=b"not a notification")
        return cast("dict[str, Any]", payload)

    def parse(self, payload: Mapping[str, Any], now: datetime) -> Sequence[Event]:
        return parse_cloud(self._channel, self._number_id, payload, now)

    async def send(self, part: Part) -> str:
        message = await self._message(part.payload)
        addressed: dict[str, Any] = {**_to(part.conversation.room), "biz_opaque_callback_data": part.id[:512]}
        if reply_to := part.payload.get("reply_to"):
            addressed["context"] = {"message_id": reply_to}
        try:
            return await self._api.send({**addressed, **message})
        except WindowClosed:
            if self._template is None:
                raise
        addressed.pop("context", None)
        return await self._api.send({**addressed, **_template(*self._template, (part.text,))})

    async def typing(self, room: str, message_id: str) -> None:
        await self._api.send(
            {"status": "read", "message_id": message_id, "typing_indicator": {"type": "text"}}, safe=True
        )

    async def react(self, room: str, message_id: str, emoji: str) -> None:
        reaction = {"type": "reaction", "reaction": {"message_id": message_id, "emoji": emoji}}
        await self._api.send({**_to(room), **reaction}, safe=True)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        if attachment.size_bytes > FILE_LIMIT_BYTES:
            raise LimitReached("WhatsApp files have at most 100 MB", limit="whatsapp file", value=FILE_LIMIT_BYTES)
        async for chunk in self._api.download(attachment.remote, FILE_LIMIT_BYTES):
            yield chunk

    async def close(self) -> None:
        await self._api.close()

    async def _message(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        text = str(payload.get("text") or "")
        match payload["kind"]:
            case "text":
                # A preview makes WhatsApp fetch the address: a way out for data that an injected prompt put there.
                return {"type": "text", "text": {"body": text, "preview_url": False}}
            case "template":
                return _template(payload["name"], payload["language"], payload["variables"])
            case "buttons" | "list" as kind:
                return {"type": "interactive", "interactive": _interactive(kind, text, payload["choices"])}
            case _:
                return await self._file(msgspec.convert(payload["attachment"], Attachment), text)

    async def _file(self, attachment: Attachment, caption: str) -> dict[str, Any]:
        if attachment.kind == "location":
            place = {"latitude": attachment.latitude, "longitude": attachment.longitude, "name": attachment.text}
            return {"type": "location", "location": place}
        if attachment.kind == "contact":
            name = attachment.name or attachment.text
            contact = {
                "name": {"formatted_name": name, "first_name": name},
                "phones": [{"phone": phone} for phone in attachment.text.split(", ") if phone],
            }
            return {"type": "contacts", "contacts": [contact]}
        mime = attachment.mime or "application/octet-stream"
        kind = _AS_SENT.get(attachment.kind, "document") if mime in _PLAYABLE else "document"
        if kind == "document" and not attachment.mime:
            mime = "application/octet-stream"
        media = await self._api.upload(await self._load_file(attachment), mime, attachment.name or "file")
        described: dict[str, Any] = {"id": media}
        if caption and kind in ("image", "video", "document"):
            described["caption"] = caption
        if attachment.kind == "voice" and mime == "audio/ogg":
            described["voice"] = True
        if kind == "document":
            described["filename"] = attachment.name or "file"
        return {"type": kind, kind: described}


def _to(room: str) -> dict[str, Any]:
    """By business-scoped id where that is what we know, else by phone number."""
    where = {"recipient": room} if _SCOPED_ID.match(room) else {"to": room}
    return {"recipient_type": "individual", **where}


def _interactive(kind: str, text: str, choices: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    if kind == "buttons":
        buttons = [{"type": "reply", "reply": {"id": one["value"], "title": one["label"]}} for one in choices]
        return {"type": "button", "body": {"text": text}, "action": {"buttons": buttons}}
    rows = [
        {"id": one["value"], "title": one["label"]} | ({"description": one["about"]} if one.get("about") else {})
        for one in choices
    ]
    return {"type": "list", "body": {"text": text}, "action": {"button": "▾", "sections": [{"rows": rows}]}}


def _template(name: str, language: str, variables: Sequence[str]) -> dict[str, Any]:
    """An approved template; its variables without line ends, which templates refuse."""
    shown = [{"type": "text", "text": _one_line(variable)} for variable in variables]
    body = [{"type": "body", "parameters": shown}] if shown else []
    return {"type": "template", "template": {"name": name, "language": {"code": language}, "components": body}}


def _one_line(text: str) -> str:
    shown = " ".join(text.split()) or "-"
    return shown if len(shown) <= _TEMPLATE_TEXT else f"{shown[: _TEMPLATE_TEXT - 1]}…"
