"""Meta's Cloud API over httpx: calls, media, signatures. Nothing is retried here.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api
"""

from __future__ import annotations

__all__ = ["CloudApi", "answer_challenge", "verify_signature"]

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import httpx

from adapters.whatsapp.errors import cloud_error, lost, retryable
from botkit.sdk import BadSignature, HttpRequest, HttpResponse, LimitReached, NotFound

GRAPH = "https://graph.facebook.com/v23.0"
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_UPLOAD_TIMEOUT = httpx.Timeout(300.0, connect=10.0)
_CHUNK_BYTES = 64 * 1024


def verify_signature(body: bytes, header: str, secret: str) -> None:
    """Check `X-Hub-Signature-256` over the raw body, in constant time. Raises `BadSignature`."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(header.encode("utf-8", "surrogateescape"), expected.encode()):
        raise BadSignature("the signature is not Meta's: store the app secret of this app")


def answer_challenge(request: HttpRequest, verify_token: str) -> HttpResponse:
    """Answer the question Meta asks when the webhook is set up. Raises `BadSignature`."""
    given = request.query.get("hub.verify_token", "")
    if request.query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given.encode(), verify_token.encode()):
        raise BadSignature("the verify token is not the one stored for this channel")
    return HttpResponse(status=200, body=request.query.get("hub.challenge", "").encode()[:1000])


class CloudApi:
    """One phone number's connection. `close()` ends it. The token is kept in the client's headers only."""

    def __init__(self, number_id: str, token: str, base: str = ""):
        self._number_id = number_id
        self._base = (base or GRAPH).rstrip("/")
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {token.strip()}"}, timeout=_TIMEOUT, follow_redirects=False
        )

    def __repr__(self) -> str:
        return "CloudApi()"

    async def close(self) -> None:
        await self._client.aclose()

    async def number(self) -> dict[str, Any]:
        """The number itself: `display_phone_number`, `verified_name`, `quality_rating`."""
        fields = "display_phone_number,verified_name,quality_rating"
        return await self._json("GET", f"{self._base}/{self._number_id}", safe=True, params={"fields": fields})

    async def send(self, message: Mapping[str, Any], *, safe: bool = False) -> str:
        """Send a message and return its id.

        Raises:
            RateLimited, SendFailed, WindowClosed, ChatGone, ChannelFatal: nothing was sent.
            SendUnknown: it left and no answer came.
        """
        body = {"messaging_product": "whatsapp", **message}
        answer = await self._json("POST", f"{self._base}/{self._number_id}/messages", safe=safe, json=body)
        messages = cast("list[dict[str, Any]]", answer.get("messages") or [{}])
        return str(messages[0].get("id") or "")

    async def upload(self, data: bytes, mime: str, name: str) -> str:
        """Store a file at Meta and return its media id. Repeating does no harm."""
        files = {"file": (name, data, mime)}
        form = {"messaging_product": "whatsapp", "type": mime}
        answer = await self._json(
            "POST",
            f"{self._base}/{self._number_id}/media",
            safe=True,
            data=form,
            files=files,
            timeout=_UPLOAD_TIMEOUT,
        )
        return str(answer["id"])

    async def download(self, media_id: str, limit_bytes: int) -> AsyncIterator[bytes]:
        """The bytes of a file a person sent.

        Raises:
            LimitReached: it is longer than `limit_bytes`.
            NotFound: Meta has it no more.
            AdapterError: retryable, the connection broke.
        """
        try:
            info = await self._client.get(f"{self._base}/{media_id}")
            if info.status_code in (400, 404):
                raise NotFound("the file is gone from WhatsApp; ask the person to send it again")
            described = _body(info)
            if info.status_code != 200:
                raise cloud_error(info.status_code, described, info.headers.get("retry-after", ""), safe=True)
            if int(described.get("file_size") or 0) > limit_bytes:
                raise _too_large(limit_bytes)
            loaded = 0
            async with self._client.stream("GET", str(described["url"]), timeout=_UPLOAD_TIMEOUT) as answer:
                if answer.status_code != 200:
                    raise NotFound("the file is gone from WhatsApp; ask the person to send it again")
                async for chunk in answer.aiter_bytes(_CHUNK_BYTES):
                    loaded += len(chunk)
                    if loaded > limit_bytes:
                        raise _too_large(limit_bytes)
                    yield chunk
        except httpx.HTTPError as error:
            raise retryable(f"the download from WhatsApp broke off: {type(error).__name__}") from None

    async def _json(self, method: str, url: str, *, safe: bool, **options: Any) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, url, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise retryable(f"cannot connect to WhatsApp: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise lost(f"no answer from WhatsApp: {type(error).__name__}", safe=safe) from None
        body = _body(answer)
        if answer.status_code >= 300:
            raise cloud_error(answer.status_code, body, answer.headers.get("retry-after", ""), safe=safe)
        if not body:
            raise lost("WhatsApp's answer cannot be read", safe=safe)
        return body


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body: Any = answer.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _too_large(limit_bytes: int) -> LimitReached:
    return LimitReached("the file is larger than allowed", limit="whatsapp file", value=limit_bytes)
