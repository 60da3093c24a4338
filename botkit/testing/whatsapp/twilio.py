"""Twilio's REST API for WhatsApp: messages, contents, typing, media, signed forms, status callbacks.

Source: https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

__all__ = ["FakeTwilio"]

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from botkit.sdk.adapter import HttpRequest
from botkit.testing.whatsapp.world import FakeMessage, FakePerson, FakeWhatsApp, Refusal

_LIMITS = {"twilio/quick-reply": ("actions", "title", 3, 20), "twilio/list-picker": ("items", "item", 10, 24)}


class FakeTwilio(FakeWhatsApp):
    """One WhatsApp sender of an account.

    Args:
        public: the address webhooks are signed for, as entered at Twilio.
    """

    account_sid = "AC" + "0" * 31 + "1"
    token = "fake-twilio-token"
    number = "+15550783881"
    message_prefix = "SM"

    def __init__(self, *, public: str = "https://bots.example/hook", **options: Any):
        super().__init__(**options)
        self.public = public
        self.contents: dict[str, dict[str, Any]] = {}
        self.fetch: Any = None
        """Called with each `MediaUrl`; returns its bytes, or None where nothing can be fetched."""

    @property
    def account(self) -> dict[str, str]:
        return {
            "provider": "twilio",
            "account_sid": self.account_sid,
            "auth_token": self.token,
            "number": self.number,
        }

    def post_to(self, address: str) -> None:
        super().post_to(address)
        if self._posts is not None:
            self.fetch = self._posts.fetch

    # --- what Twilio posts ------------------------------------------------------------------------------

    def signed(self, form: Mapping[str, str], url: str = "") -> HttpRequest:
        """A webhook call with Twilio's signature: the address, then each name and value in order."""
        url = url or self.public
        text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
        mac = hmac.new(self.token.encode(), text.encode(), hashlib.sha1).digest()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": base64.b64encode(mac).decode(),
        }
        parts = urlsplit(url)
        query = dict(pair.split("=", 1) for pair in parts.query.split("&")) if parts.query else {}
        return HttpRequest(
            method="POST", path=parts.path, headers=headers, query=query, body=urlencode(form).encode(), url=url
        )

    def status(self, message: FakeMessage, state: str, *, code: int = 0) -> None:
        """Report what became of a message to its callback."""
        form = {
            "MessageSid": message.id,
            "SmsSid": message.id,
            "SmsStatus": state,
            "MessageStatus": state,
            "To": f"whatsapp:+{message.person.phone}",
            "From": f"whatsapp:{self.number}",
            "AccountSid": self.account_sid,
            **({"ErrorCode": str(code)} if code else {}),
        }
        self.enqueue(self.signed(form, str(message.request.get("StatusCallback") or "")))

    def form(self, person: FakePerson, message_id: str, **fields: str) -> dict[str, str]:
        """The form of one message of a person."""
        return {
            "MessageSid": message_id,
            "SmsMessageSid": message_id,
            "AccountSid": self.account_sid,
            "From": f"whatsapp:+{person.phone}",
            "To": f"whatsapp:{self.number}",
            "ProfileName": person.name,
            "WaId": person.phone,
            "SmsStatus": "received",
            "NumMedia": "0",
            "NumSegments": "1",
            "Body": "",
            **fields,
        }

    def _webhook(self, person: FakePerson, message_id: str, deed: Mapping[str, Any]) -> HttpRequest:
        if "press" in deed:
            pressed = {"Body": deed["label"], "OriginalRepliedMessageSid": deed["on"]}
            if deed["kind"] == "twilio/list-picker":
                pressed |= {"ListId": deed["press"], "ListTitle": deed["label"]}
            else:
                pressed |= {"ButtonPayload": deed["press"], "ButtonText": deed["label"]}
            return self.signed(self.form(person, message_id, **pressed))
        if "file" in deed:
            kinds = {"voice": "audio/ogg", "image": "image/jpeg", "video": "video/mp4"}
            file = {
                "NumMedia": "1",
                "MediaUrl0": f"https://api.twilio.com/media/{deed['file']}",
                "MediaContentType0": kinds.get(str(deed["kind"]), "text/csv"),
            }
            return self.signed(self.form(person, message_id, **file))
        fields = {"Body": str(deed["text"])}
        if deed.get("reply_to"):
            fields |= {
                "OriginalRepliedMessageSid": str(deed["reply_to"]),
                "OriginalRepliedMessageSender": f"whatsapp:{self.number}",
            }
        return self.signed(self.form(person, message_id, **fields))

    # --- what Twilio answers ----------------------------------------------------------------------------

    def report(self, message: FakeMessage) -> None:
        self.status(message, "sent")
        self.status(message, "delivered")

    def nobody(self, address: str) -> Refusal:
        return Refusal(400, 63024, "Invalid message recipient")

    def too_fast(self, retry_after_s: int) -> Refusal:
        return Refusal(429, 20429, "Too Many Requests", retry_after_s)

    def broken(self) -> Refusal:
        return Refusal(503, 20503, "Service is down for maintenance")

    def _route(self, application: web.Application) -> None:
        account = f"/2010-04-01/Accounts/{self.account_sid}"
        application.router.add_get(f"{account}.json", self._guarded(self._account))
        application.router.add_post(f"{account}/Messages.json", self._guarded(self._messages))
        application.router.add_post("/content/v1/Content", self._guarded(self._content))
        application.router.add_post("/messaging/v2/Indicators/Typing.json", self._guarded(self._typing))
        application.router.add_get("/media/{id}", self._guarded(self._media))

    def _guarded(self, handler: Any) -> Any:
        expected = "Basic " + base64.b64encode(f"{self.account_sid}:{self.token}".encode()).decode()

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                if self.revoked or request.headers.get("authorization") != expected:
                    raise Refusal(401, 20003, "Authenticate")
                return await self.guard(request, handler)
            except Refusal as refusal:
                body = {
                    "code": refusal.code,
                    "message": refusal.message,
                    "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
                    "status": refusal.status,
                }
                headers = {"retry-after": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
                return web.json_response(body, status=refusal.status, headers=headers)

        return answer

    async def _account(self, request: web.Request) -> web.Response:
        return web.json_response({"sid": self.account_sid, "friendly_name": "Shop", "status": "active"})

    async def _media(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[request.match_info["id"]])

    async def _typing(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.typing.append(str(form["messageId"]))
        self.wake()
        return web.json_response({"success": True})

    async def _content(self, request: web.Request) -> web.Response:
        body = await request.json()
        ((kind, content),) = body["types"].items()
        name, label, limit, length = _LIMITS[kind]
        choices = content[name]
        fitting = all(1 <= len(one[label]) <= length and 1 <= len(one["id"]) <= 200 for one in choices)
        if not 1 <= len(choices) <= limit or not fitting or len({one["id"] for one in choices}) < len(choices):
            raise Refusal(400, 20001, "Invalid content")
        sid = self.new_id("HX")
        self.contents[sid] = {"kind": kind, "values": {one[label]: one["id"] for one in choices}}
        return web.json_response({"sid": sid, "types": body["types"]}, status=201)

    async def _messages(self, request: web.Request) -> web.Response:
        form = {str(key): value for key, value in (await request.post()).items()}
        self.calls[-1]["body"] = form
        to, origin = str(form.get("To") or ""), str(form.get("From") or form.get("MessagingServiceSid") or "")
        if not to.startswith("whatsapp:"):
            raise Refusal(400, 21211, "Invalid 'To' Phone Number")
        if origin != f"whatsapp:{self.number}" and not origin.startswith("MG"):
            raise Refusal(400, 63007, "Could not find a Channel with the specified From address")
        person = self.find(to.removeprefix("whatsapp:"))
        message = await self._read(person, form)
        if self.window_closed(person) and message.kind != "template":
            raise Refusal(400, 63016, "Failed to send freeform message outside the allowed window")
        await self.deliver(message)
        return web.json_response(
            {"sid": message.id, "status": "queued", "to": to, "from": origin, "body": message.raw_text}, status=201
        )

    async def _read(self, person: FakePerson, form: dict[str, Any]) -> FakeMessage:
        body = str(form.get("Body") or "")
        if len(body) > 1600:
            raise Refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        message = FakeMessage(id=self.new_id("SM"), person=person, kind="text", raw_text=body, request=form)
        if sid := str(form.get("ContentSid") or ""):
            if sid not in self.contents:
                raise Refusal(400, 21655, "The ContentSid is Invalid")
            content = self.contents[sid]
            message.kind, message.values = str(content["kind"]), dict(content["values"])
            message.raw_text = str(json.loads(str(form.get("ContentVariables") or "{}")).get("1", ""))
            if len(message.raw_text) > 1024:
                raise Refusal(400, 63013, "Channel policy violation: body is too long")
        elif url := str(form.get("MediaUrl") or ""):
            data = await self.fetch(url) if self.fetch else None
            if data is None:
                raise Refusal(400, 63019, "Media failed to download")
            message.kind, message.data, message.name = "media", data, url.rsplit("/", 1)[-1]
        elif not body:
            raise Refusal(400, 21619, "A text message body or media urls must be specified")
        return message
