"""Meta's Cloud API: messages with its limits, media, signed webhooks, the ladder of statuses.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference
"""

from __future__ import annotations

__all__ = ["FakeCloud"]

import hashlib
import hmac
import json
import mimetypes
from collections.abc import Mapping
from typing import Any, cast

from aiohttp import web

from botkit.sdk.adapter import HttpRequest
from botkit.testing.whatsapp.world import FakeMessage, FakePerson, FakeWhatsApp, Refusal

_MEDIA = ("image", "video", "audio", "document", "sticker")


class FakeCloud(FakeWhatsApp):
    """One phone number of a WhatsApp business account."""

    number_id = "106540352242922"
    number = "15550783881"
    token = "fake-cloud-token"
    app_secret = "fake-app-secret"
    verify_token = "fake-verify-token"

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.uploads: dict[str, tuple[bytes, str]] = {}
        self.templates: dict[str, int] = {}
        """Approved templates: name → number of text variables."""

    @property
    def account(self) -> dict[str, str]:
        return {
            "provider": "cloud",
            "phone_number_id": self.number_id,
            "access_token": self.token,
            "app_secret": self.app_secret,
            "verify_token": self.verify_token,
        }

    # --- what Meta posts --------------------------------------------------------------------------------

    def signed(self, payload: Any) -> HttpRequest:
        """A webhook call with Meta's signature."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signature = "sha256=" + hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-hub-signature-256": signature}
        return HttpRequest(method="POST", path="/hook", headers=headers, body=body, url="https://bots.example/hook")

    def change(self, value: Mapping[str, Any], field: str = "messages") -> dict[str, Any]:
        """A notification around one value."""
        metadata = {"display_phone_number": self.number, "phone_number_id": self.number_id}
        inside = {"messaging_product": "whatsapp", "metadata": metadata, **value}
        return {
            "object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "changes": [{"field": field, "value": inside}]}],
        }

    def message(self, person: FakePerson, message_id: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """A notification of one message of a person."""
        contact: dict[str, Any] = {"profile": {"name": person.name}}
        base: dict[str, Any] = {"id": message_id, "timestamp": str(self.clock.micros() // 1_000_000)}
        if person.user_id:
            contact["user_id"] = base["from_user_id"] = person.user_id
        if not person.hides_phone:
            contact["wa_id"] = base["from"] = person.phone
        return self.change({"contacts": [contact], "messages": [{**base, **content}]})

    def react(self, who: str, message: FakeMessage, emoji: str) -> str:
        """React to a message; an empty emoji takes the reaction back. Twilio tells of none."""
        return self._deed(who, {"emoji": emoji, "on": message.id})

    def status(self, message: FakeMessage, state: str, *, code: int = 0, title: str = "") -> None:
        """Report what became of a message."""
        report: dict[str, Any] = {
            "id": message.id,
            "status": state,
            "timestamp": str(self.clock.micros() // 1_000_000),
            "recipient_id": message.person.phone,
            "recipient_user_id": message.person.user_id,
        }
        if message.tag:
            report["biz_opaque_callback_data"] = message.tag
        if code:
            report["errors"] = [{"code": code, "title": title, "message": title, "error_data": {"details": title}}]
        self.enqueue(self.signed(self.change({"statuses": [report]})))

    def _webhook(self, person: FakePerson, message_id: str, deed: Mapping[str, Any]) -> HttpRequest:
        return self.signed(self.message(person, message_id, self._content(deed)))

    def _content(self, deed: Mapping[str, Any]) -> dict[str, Any]:
        if "press" in deed:
            kind = "list_reply" if deed["kind"] == "list" else "button_reply"
            return {
                "type": "interactive",
                "interactive": {"type": kind, kind: {"id": deed["press"], "title": deed["label"]}},
                "context": {"from": self.number, "id": deed["on"]},
            }
        if "file" in deed:
            kind = "audio" if deed["kind"] == "voice" else "document" if deed["kind"] == "file" else deed["kind"]
            file: dict[str, Any] = {
                "id": deed["file"],
                "mime_type": _mime(kind, deed["name"]),
                "sha256": "0",
                "file_size": deed["size"],
            }
            if kind == "audio":
                file |= {"voice": deed["kind"] == "voice", "duration": 2}
            if kind == "document":
                file["filename"] = deed["name"]
            return {"type": kind, kind: file}
        if "emoji" in deed:
            return {"type": "reaction", "reaction": {"message_id": deed["on"], "emoji": deed["emoji"]}}
        content: dict[str, Any] = {"type": "text", "text": {"body": deed["text"]}}
        if deed.get("reply_to"):
            content["context"] = {"from": self.number, "id": deed["reply_to"]}
        return content

    # --- what Meta answers ------------------------------------------------------------------------------

    def report(self, message: FakeMessage) -> None:
        self.status(message, "sent")
        self.status(message, "delivered")

    def nobody(self, address: str) -> Refusal:
        return Refusal(400, 131026, "Message undeliverable")

    def too_fast(self, retry_after_s: int) -> Refusal:
        return Refusal(400, 130429, "Rate limit hit", retry_after_s)

    def broken(self) -> Refusal:
        return Refusal(500, 131000, "Something went wrong")

    def _route(self, application: web.Application) -> None:
        application.router.add_post("/{number}/messages", self._guarded(self._messages))
        application.router.add_post("/{number}/media", self._guarded(self._upload))
        application.router.add_get("/media/{id}", self._guarded(self._bytes))
        application.router.add_get("/{id}", self._guarded(self._object))

    def _guarded(self, handler: Any) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                if self.revoked or request.headers.get("authorization") != f"Bearer {self.token}":
                    raise Refusal(401, 190, "Error validating access token")
                return await self.guard(request, handler)
            except Refusal as refusal:
                error = {
                    "message": f"(#{refusal.code}) {refusal.message}",
                    "type": "OAuthException",
                    "code": refusal.code,
                    "error_data": {"messaging_product": "whatsapp", "details": refusal.message},
                    "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
                }
                headers = {"retry-after": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
                return web.json_response({"error": error}, status=refusal.status, headers=headers)

        return answer

    async def _object(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        if wanted == self.number_id:
            return web.json_response(
                {"id": wanted, "display_phone_number": self.number, "verified_name": "Shop", "quality_rating": "GREEN"}
            )
        if wanted not in self.files:
            raise Refusal(400, 100, "Unsupported get request. Object does not exist")
        size = len(self.files[wanted])
        url = f"{self.api_base}/media/{wanted}"
        return web.json_response({"id": wanted, "url": url, "mime_type": "text/plain", "file_size": size})

    async def _bytes(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        if wanted not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[wanted])

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form.get("file")
        if form.get("messaging_product") != "whatsapp" or not isinstance(file, web.FileField):
            raise Refusal(400, 100, "Invalid parameter")
        media_id = self.new_id("")
        self.uploads[media_id] = (file.file.read(), file.filename)
        return web.json_response({"id": media_id})

    async def _messages(self, request: web.Request) -> web.Response:
        body = cast("dict[str, Any]", await request.json())
        self.calls[-1]["body"] = body
        if body.get("messaging_product") != "whatsapp":
            raise Refusal(400, 100, "The parameter messaging_product is required.")
        if body.get("status") == "read":
            self.typing.append(str(body["message_id"]))
            self.wake()
            return web.json_response({"success": True})
        person = self.find(str(body.get("to") or body.get("recipient") or ""))
        kind = str(body.get("type") or "text")
        if kind == "reaction":
            self.reactions[body["reaction"]["message_id"]] = body["reaction"]["emoji"]
            return self._taken(person, self.new_id("wamid."))
        if kind != "template" and self.window_closed(person):
            raise Refusal(400, 131047, "Re-engagement message")
        message = self._read(person, kind, body)
        await self.deliver(message)
        return self._taken(person, message.id)

    def _taken(self, person: FakePerson, message_id: str) -> web.Response:
        contact = {"input": person.phone, "wa_id": person.phone, "user_id": person.user_id}
        return web.json_response(
            {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message_id}]}
        )

    def _read(self, person: FakePerson, kind: str, body: dict[str, Any]) -> FakeMessage:
        content = body.get(kind)
        if not isinstance(content, dict | list):
            raise Refusal(400, 131008, f"Parameter '{kind}' is mandatory for type '{kind}'")
        message = FakeMessage(
            id=self.new_id("wamid."),
            person=person,
            kind=kind,
            raw_text="",
            reply_to=str(body.get("context", {}).get("message_id") or ""),
            tag=str(body.get("biz_opaque_callback_data") or ""),
            request=body,
        )
        described = cast("dict[str, Any]", content if isinstance(content, dict) else {})
        match kind:
            case "text":
                message.raw_text = _text(described.get("body"), 4096, "text.body")
            case "interactive":
                self._interactive(message, described)
            case "template":
                message.raw_text = self._template(described)
            case "location" | "contacts":
                message.raw_text = json.dumps(content)
            case _ if kind in _MEDIA:
                if described.get("id") not in self.uploads:
                    raise Refusal(400, 131053, "Media upload error")
                message.data, name = self.uploads[described["id"]]
                message.name = str(described.get("filename") or name)
                if described.get("voice"):
                    if kind != "audio" or not message.data.startswith(b"OggS"):
                        raise Refusal(400, 131053, "Voice messages are Ogg files with Opus")
                    message.kind = "voice"
                if "caption" in described:
                    if kind in ("audio", "sticker"):
                        raise Refusal(400, 131009, f"{kind} takes no caption")
                    message.raw_text = _text(described["caption"], 1024, "caption")
            case _:
                raise Refusal(400, 131051, "Unsupported message type")
        return message

    def _interactive(self, message: FakeMessage, content: dict[str, Any]) -> None:
        message.raw_text = _text(content.get("body", {}).get("text"), 1024, "interactive.body.text")
        if content.get("type") == "button":
            buttons = [one["reply"] for one in content["action"]["buttons"]]
            _count(buttons, 3)
            pairs = [(_text(one["title"], 20, "title"), _text(one["id"], 256, "id")) for one in buttons]
        elif content.get("type") == "list":
            message.kind = "list"
            _text(content["action"]["button"], 20, "action.button")
            rows = [row for section in content["action"]["sections"] for row in section["rows"]]
            _count(rows, 10)
            for row in rows:
                if "description" in row:
                    _text(row["description"], 72, "description")
            pairs = [(_text(row["title"], 24, "title"), _text(row["id"], 200, "id")) for row in rows]
        else:
            raise Refusal(400, 131009, "interactive type")
        if len({value for _, value in pairs}) < len(pairs) or len({label for label, _ in pairs}) < len(pairs):
            raise Refusal(400, 131009, "Duplicated id or title")
        message.values = dict(pairs)

    def _template(self, content: dict[str, Any]) -> str:
        name = str(content.get("name"))
        if name not in self.templates or "code" not in content.get("language", {}):
            raise Refusal(404, 132001, "Template name does not exist in the translation")
        parameters = [one["text"] for part in content.get("components", []) for one in part["parameters"]]
        if len(parameters) != self.templates[name]:
            raise Refusal(400, 132000, "Number of parameters does not match")
        if any("\n" in one or "\t" in one or "    " in one for one in parameters):
            raise Refusal(400, 132018, "Param text cannot have new-line/tab characters or more than 4 spaces")
        return " ".join(parameters)


def _text(value: Any, limit: int, name: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        raise Refusal(400, 131009, f"Parameter value is not valid: {name} must have 1 to {limit} characters")
    return value


def _count(items: list[Any], limit: int) -> None:
    if not 1 <= len(items) <= limit:
        raise Refusal(400, 131009, f"Between 1 and {limit} choices are allowed")


def _mime(kind: str, name: str) -> str:
    usual = {"audio": "audio/ogg; codecs=opus", "image": "image/jpeg", "video": "video/mp4"}.get(kind, "")
    return usual or mimetypes.guess_type(name)[0] or "text/csv"
