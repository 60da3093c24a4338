"""A number, or a messaging service, at Twilio.

Twilio's own library builds the requests and checks signatures. What it sends goes over httpx, so that a connection
that could not be made is told from an answer that was lost; its own client would retry some sends.

Source: https://www.twilio.com/docs/whatsapp
"""

# The library has no type information; nothing untyped leaves this module.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

__all__ = ["TwilioCarrier"]

import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import msgspec
from multidict import MultiDict
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client
from twilio.rest.content.v1.content import ContentList

from adapters.whatsapp.carrier import Carrier
from adapters.whatsapp.errors import WindowClosed, lost, retryable
from adapters.whatsapp.twilio_limits import CAPABILITIES, FILE_LIMIT_BYTES
from adapters.whatsapp.twilio_parsing import parse_twilio
from botkit.sdk import (
    AdapterError,
    Attachment,
    BadSignature,
    Capabilities,
    ChannelFatal,
    ChatGone,
    Event,
    HttpRequest,
    HttpResponse,
    LimitReached,
    NotFound,
    Part,
    RateLimited,
    SendFailed,
)

SIGNATURE_HEADER = "x-twilio-signature"
_SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
_FIELDS_LIMIT = 500
_CONTENTS_KEPT = 500
_TEMPLATE_TEXT = 1000
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_CHUNK_BYTES = 64 * 1024
_RATE_WAIT_S = 5.0
_RATE_CODES = frozenset({20429, 63018, 63038})
_GONE_CODES = frozenset({21610, 63003, 63024, 63032})
_REFUSED = "Twilio refuses the auth token: copy the current one from the console, store it, and restart the channel"
_log = logging.getLogger("botkit.twilio")


class _Http(AsyncHttpClient):
    """Twilio's requests over httpx, to another address where one is set."""

    def __init__(self, base: str):
        super().__init__(_log, True, None)
        self._base = base.rstrip("/")
        self.client = httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)

    def address(self, url: str) -> str:
        """Where a request of the library goes: each of Twilio's hosts is a folder of a local server."""
        if not self._base:
            return url
        parts = urlsplit(url)
        product = (parts.hostname or "").partition(".")[0]
        folder = "" if product == "api" else f"/{product}"
        query = f"?{parts.query}" if parts.query else ""
        return f"{self._base}{folder}{parts.path}{query}"

    async def request(self, method: str, url: str, **options: Any) -> Response:  # pyright: ignore[reportIncompatibleMethodOverride]
        headers = options.get("headers") or {}
        body: dict[str, Any] = {}
        if options.get("data"):
            is_json = headers.get("Content-Type") == "application/json"
            body = {"json": options["data"]} if is_json else {"data": options["data"]}
        answer = await self.client.request(
            method, self.address(url), params=options.get("params"), headers=headers, auth=options.get("auth"), **body
        )
        if answer.status_code >= 400:
            raise _refused(answer)
        return Response(answer.status_code, answer.text, answer.headers)


class _Refused(Exception):
    """An error answer, before it is known whether the call can be repeated.

    The library's own exceptions lose `Retry-After`, and its reads of single resources take errors for answers.
    """

    def __init__(self, status: int, code: int, message: str, wait_s: float):
        super().__init__(message)
        self.status, self.code, self.wait_s = status, code, wait_s


class TwilioCarrier(Carrier):
    """Sends through Twilio's REST API, receives signed webhooks.

    Args:
        callback: the public address of this channel's webhook; status reports go there too.
        template: the sid (`HX…`) of an approved content with one text variable, for closed windows.
        share_file: gives an attachment an address that Twilio may fetch it from.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(
        self,
        *,
        channel: str,
        account_sid: str,
        auth_token: str,
        sender: str,
        service: str,
        template: str,
        api_base: str,
        callback: str,
        share_file: Callable[[Attachment], Awaitable[str]],
    ):
        self._channel = channel
        self._account_sid = account_sid
        self._auth = (account_sid, auth_token.strip())
        self._http = _Http(api_base)
        self._client = Client(*self._auth, http_client=self._http)
        self._validator = RequestValidator(auth_token.strip())
        self._origin: dict[str, str] = {"from_": f"whatsapp:{sender}"} if sender else {"messaging_service_sid": service}
        self._sender = sender
        self._template = template
        self._callback = callback
        self._share_file = share_file
        self._contents: OrderedDict[str, str] = OrderedDict()

    def __repr__(self) -> str:
        return "TwilioCarrier()"

    async def check(self) -> str:
        await self._safely(self._client.api.accounts(self._account_sid).fetch_async(), safe=True)
        return self._sender

    def receive(self, request: HttpRequest) -> Mapping[str, Any] | HttpResponse:
        if request.method != "POST":
            return HttpResponse(status=405)
        form = self._verified(request)
        return form if isinstance(form, HttpResponse) else {**form, **_ours(request)}

    def parse(self, payload: Mapping[str, Any], now: datetime) -> Sequence[Event]:
        return parse_twilio(self._channel, payload, now)

    async def send(self, part: Part) -> str:
        where = {
            "to": f"whatsapp:{part.conversation.room}",
            "status_callback": f"{self._callback}?{urlencode({'part': part.id})}",
            **self._origin,
        }
        what = await self._what(part.payload)
        try:
            message = await self._safely(self._client.messages.create_async(**where, **what), safe=False)
        except WindowClosed:
            if not self._template:
                raise
            said = {"content_sid": self._template, "content_variables": json.dumps({"1": _one_line(part.text)})}
            message = await self._safely(self._client.messages.create_async(**where, **said), safe=False)
        return str(message.sid)

    async def typing(self, room: str, message_id: str) -> None:
        indicator = self._client.messaging.v2.typing_indicator
        await self._safely(indicator.create_async(channel="whatsapp", message_id=message_id), safe=True)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        if attachment.size_bytes > FILE_LIMIT_BYTES:
            raise _too_large()
        url, loaded = attachment.remote, 0
        try:
            for _ in range(3):  # Twilio redirects to the storage, which must not see the token
                auth = self._auth if self._is_twilio(url) else None
                async with self._http.client.stream("GET", self._http.address(url), auth=auth) as answer:
                    if answer.is_redirect:
                        url = str(answer.next_request.url) if answer.next_request else ""
                        continue
                    if answer.status_code != 200:
                        raise NotFound("the file is gone from Twilio; ask the person to send it again")
                    async for chunk in answer.aiter_bytes(_CHUNK_BYTES):
                        loaded += len(chunk)
                        if loaded > FILE_LIMIT_BYTES:
                            raise _too_large()
                        yield chunk
                    return
        except httpx.HTTPError as error:
            raise retryable(f"the download from Twilio broke off: {type(error).__name__}") from None
        raise NotFound("the file's address leads nowhere")

    async def close(self) -> None:
        await self._http.client.aclose()

    def _is_twilio(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return host == "api.twilio.com" or host.endswith(".twilio.com") or self._http.address(url) == url

    def _verified(self, request: HttpRequest) -> dict[str, str] | HttpResponse:
        """The fields of a signed request. Raises `BadSignature`."""
        signature = request.headers.get(SIGNATURE_HEADER, "")
        try:
            text = request.body.decode()
            algorithm = get_signature_algorithm(request.headers.get(_SETTINGS_HEADER))
            if "bodySHA256" in request.query:
                genuine = self._validator.validate(request.url, text, signature, algorithm=algorithm)
                return _json_fields(text) if genuine else _refuse()
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_LIMIT)
            fields: MultiDict[str] = MultiDict(pairs)
            if not self._validator.validate(request.url, fields, signature, algorithm=algorithm):
                return _refuse()
        except (ValueError, TypeError) as error:
            raise BadSignature(f"the request is not Twilio's: {type(error).__name__}") from error
        return {key: fields[key] for key in fields}

    async def _what(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        text = str(payload.get("text") or "")
        match payload["kind"]:
            case "text":
                return {"body": text}
            case "template":
                given = {str(number): _one_line(one) for number, one in enumerate(payload["variables"], 1)}
                return {"content_sid": payload["name"]} | ({"content_variables": json.dumps(given)} if given else {})
            case "buttons" | "list" as kind:
                sid = await self._content(kind, payload["choices"])
                return {"content_sid": sid, "content_variables": json.dumps({"1": text})}
            case _:
                return await self._file(msgspec.convert(payload["attachment"], Attachment), text)

    async def _file(self, attachment: Attachment, caption: str) -> dict[str, Any]:
        if attachment.kind == "location":
            place = f"geo:{attachment.latitude},{attachment.longitude}"
            return {
                "body": attachment.text or "▾",
                "persistent_action": [f"{place}|{attachment.text}" if attachment.text else place],
            }
        if attachment.kind == "contact":
            return {"body": "\n".join(line for line in (attachment.name, attachment.text) if line)}
        url = await self._share_file(attachment)
        return {"media_url": [url], **({"body": caption} if caption else {})}

    async def _content(self, kind: str, choices: Sequence[Mapping[str, str]]) -> str:
        """The sid of a content with these choices; its text is a variable. Making one twice does no harm."""
        types = _content_types(kind, choices)
        digest = hashlib.sha256(json.dumps(types, sort_keys=True).encode()).hexdigest()[:32]
        sid = self._contents.get(digest)
        if sid is None:
            request = ContentList.ContentCreateRequest(
                {"friendly_name": f"botkit_{digest}", "language": "en", "variables": {"1": "…"}, "types": types}
            )
            content = await self._safely(self._client.content.v1.contents.create_async(request), safe=True)
            sid = self._contents[digest] = str(content.sid)
        self._contents.move_to_end(digest)
        while len(self._contents) > _CONTENTS_KEPT:
            self._contents.popitem(last=False)
        return sid

    async def _safely(self, call: Awaitable[Any], *, safe: bool) -> Any:
        """Await a call of the library and put its failures into botkit's words."""
        try:
            return await call
        except _Refused as error:
            raise _translated(error, safe=safe) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise retryable(f"cannot connect to Twilio: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise lost(f"no answer from Twilio: {type(error).__name__}", safe=safe) from None
        except (ValueError, TypeError, KeyError) as error:  # an answer the library cannot read
            raise lost(f"Twilio's answer cannot be read: {type(error).__name__}", safe=safe) from None


def _content_types(kind: str, choices: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    if kind == "buttons":
        actions = [{"title": one["label"], "id": one["value"]} for one in choices]
        return {"twilio/quick-reply": {"body": "{{1}}", "actions": actions}}
    items = [
        {"item": one["label"], "id": one["value"], **({"description": one["about"]} if one.get("about") else {})}
        for one in choices
    ]
    return {"twilio/list-picker": {"body": "{{1}}", "button": "▾", "items": items}}


def _refused(answer: httpx.Response) -> _Refused:
    """Read `{"code": 63016, "message": "…", "status": 400}`."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    code = body.get("code")
    given = answer.headers.get("retry-after", "")
    wait_s = float(given) if given.replace(".", "", 1).isdigit() else _RATE_WAIT_S
    message = str(body.get("message") or body.get("title") or "no reason given")[:500]
    return _Refused(answer.status_code, code if isinstance(code, int) else 0, message, wait_s)


def _translated(error: _Refused, *, safe: bool) -> AdapterError:
    """Source: https://www.twilio.com/docs/api/errors"""
    what = f"Twilio refused it ({error.code or f'HTTP {error.status}'}): {error}"
    if error.status == 429 or error.code in _RATE_CODES:
        return RateLimited(f"Twilio asks to wait {error.wait_s:g} s", retry_after_s=error.wait_s)
    if error.status == 401 or error.code in (20003, 20005):
        return ChannelFatal(_REFUSED)
    if error.code == 63016:
        return WindowClosed()
    if error.code in _GONE_CODES:
        return ChatGone(what)
    if error.status >= 500:
        return lost(what, safe=safe)
    return SendFailed(what)


def _json_fields(text: str) -> dict[str, str]:
    fields: Any = json.loads(text)
    if not isinstance(fields, dict):
        raise TypeError("not an object")
    return {str(key): str(value) for key, value in fields.items()}


def _refuse() -> HttpResponse:
    raise BadSignature(
        "the signature is not Twilio's: BOTKIT_PUBLIC_URL must be exactly the address entered at Twilio, and the "
        "auth token the account's current one"
    )


def _ours(request: HttpRequest) -> dict[str, str]:
    return {"part": request.query["part"]} if "part" in request.query else {}


def _one_line(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= _TEMPLATE_TEXT else f"{shown[: _TEMPLATE_TEXT - 1]}…"


def _too_large() -> LimitReached:
    return LimitReached("Twilio's WhatsApp files have at most 16 MB", limit="whatsapp file", value=FILE_LIMIT_BYTES)
