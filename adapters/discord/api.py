"""Calls to Discord's REST API, and the one place where its refusals become botkit's errors.

discord.py gives the routes, their buckets and the multipart encoding. Its own client sleeps through rate limits and
repeats what failed; the outbox does both for every platform, so here nothing is retried and nothing sleeps: a
bucket known to be empty is refused before it is asked.

Source: https://docs.discord.com/developers/reference, https://docs.discord.com/developers/topics/rate-limits
"""

from __future__ import annotations

__all__ = ["DEFAULT_BASE", "Address", "DiscordApi", "Refused", "Upload"]

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import aiohttp
from discord.gateway import DiscordClientWebSocketResponse
from discord.http import HTTPClient, Route

from botkit.sdk import (
    AdapterError,
    ChannelFatal,
    ChatGone,
    Clock,
    LimitReached,
    NotFound,
    RateLimited,
    SendFailed,
    SendUnknown,
)

DEFAULT_BASE = "https://discord.com"
CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 300.0
KEEP_IDLE_S = 10.0
"""Idle connections are given up early: a request on one that the server just closed would be a lost answer."""
_CHUNK_BYTES = 64 * 1024
_BUCKETS_KEPT = 2000
_CDN_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
_CONNECT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_GONE = {
    10003: "the channel was deleted",
    10004: "the bot is not in that server any more",
    50001: "the bot cannot see that channel: give it View Channel there",
    50007: "this person takes no direct messages from the bot",
}
_RIGHTS = {
    50013: "the bot lacks a permission there: give its role Send Messages (in threads too), Embed Links, Attach Files, "
    "Add Reactions and Read Message History",
}


class Upload(NamedTuple):
    name: str
    data: bytes
    mime: str = "application/octet-stream"


class Address(NamedTuple):
    """Where things are: Discord's own addresses, or those of a local server or proxy."""

    api: str
    """`https://discord.com/api/v10`."""
    host: str
    """Of a local server, whose files may be loaded; empty for Discord."""

    @classmethod
    def of(cls, base: str) -> Address:
        base = base.rstrip("/")
        return cls(f"{base or DEFAULT_BASE}/api/v10", urlsplit(base).netloc)

    def serves(self, url: str) -> bool:
        """Whether a file's address is the platform's: others are never loaded."""
        parts = urlsplit(url)
        if self.host:
            return parts.netloc == self.host
        return parts.scheme == "https" and parts.netloc in _CDN_HOSTS


class Refused(SendFailed):
    """400, 403 or 404: Discord names what is wrong in `reason`, with its number in `number`."""

    def __init__(self, what: str, number: int, reason: str):
        super().__init__(f"Discord refused {what}: {reason} ({number})")
        self.number = number
        self.reason = reason


class DiscordApi(HTTPClient):
    """One bot's connection to the REST API, and discord.py's way to the gateway. `close()` ends it.

    Args:
        token: kept in this object only, never in a message, a repr or a log.
        address: of the API.
        clock: by which empty buckets fill up again.
    """

    def __init__(self, token: str, address: Address, clock: Clock):
        super().__init__(asyncio.get_running_loop())
        self.token = token.strip()
        self.address = address
        self._clock = clock
        self._empty_until: dict[str, float] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._pool = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_IDLE_S),
            ws_response_class=DiscordClientWebSocketResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def __repr__(self) -> str:
        return "DiscordApi()"

    async def close(self) -> None:
        await self._pool.close()

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """Open the gateway's socket, as the library does, from our pool."""
        self._socket = await self._pool.ws_connect(
            url,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=5.0),  # pyright: ignore[reportCallIssue]  # an attrs class
            autoclose=False,
            headers={"User-Agent": self.user_agent},
            compress=compress,
        )
        return self._socket

    async def drop_socket(self) -> None:
        """Close a socket on which the gateway never greeted."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        uploads: Sequence[Upload] = (),
        safe: bool = False,
        timeout_s: float = 0.0,
        **places: Any,
    ) -> Any:
        """Call a route, such as `POST /channels/{channel_id}/messages`, and return its JSON; None for 204.

        Args:
            safe: repeating it does no harm (reads, edits, what carries a nonce): a lost answer is then a plain
                retryable error.
            places: the names in the path. A `webhook_token` authorises by itself.

        Raises:
            RateLimited, Refused, ChatGone, ChannelFatal: nothing happened.
            AdapterError: `retryable` says whether to try again.
            SendUnknown: it left and no answer came.
        """
        route = Route(method, path, **places)
        what = f"{method} {path}"
        bucket = f"{route.key}:{route.major_parameters}"
        self._check_bucket(bucket, what)
        url = self.address.api + route.url.removeprefix(Route.BASE)
        headers = {"User-Agent": self.user_agent}
        if "webhook_token" not in places and "interaction_token" not in places:
            headers["Authorization"] = f"Bot {self.token}"
        data, kind = _encoded(body, uploads)
        if kind:
            headers["Content-Type"] = kind
        total_s = timeout_s or (UPLOAD_TIMEOUT_S if uploads else ANSWER_TIMEOUT_S)
        timeout = aiohttp.ClientTimeout(total=total_s, connect=CONNECT_TIMEOUT_S)
        try:
            async with self._pool.request(method, url, data=data, headers=headers, timeout=timeout) as answer:
                raw = await answer.read()
        except _CONNECT_ERRORS as error:
            raise _retryable(f"cannot connect to Discord for {what}: {type(error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _lost(f"no answer from Discord to {what}: {type(error).__name__}", safe=safe) from None
        self._note_bucket(bucket, answer)
        return _result(what, answer.status, answer.headers.get("Retry-After", ""), raw, safe=safe)

    async def download(self, url: str, limit_bytes: int) -> AsyncIterator[bytes]:
        """The bytes of a file people sent.

        Raises:
            LimitReached: it is longer than `limit_bytes`.
            NotFound: its signed address expired, or the file is gone.
            AdapterError: retryable, the connection broke.
        """
        if not self.address.serves(url):
            raise NotFound("this file is not on Discord's servers; it is not loaded")
        timeout = aiohttp.ClientTimeout(total=UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        loaded = 0
        try:
            async with self._pool.get(url, timeout=timeout, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise NotFound("the file is gone from Discord; ask the person to send it again")
                async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                    loaded += len(chunk)
                    if loaded > limit_bytes:
                        raise LimitReached("the file is longer than allowed", limit="file", value=limit_bytes)
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _retryable(f"the download from Discord broke off: {type(error).__name__}") from None

    def _check_bucket(self, bucket: str, what: str) -> None:
        """Ten thousand refused calls in ten minutes lock an address out, so a limit we know of is not tried."""
        wait_s = max(self._empty_until.get(bucket, 0.0), self._empty_until.get("", 0.0)) - self._clock.monotonic()
        if wait_s > 0:
            raise RateLimited(f"Discord asks to wait {wait_s:.1f} s before {what}", retry_after_s=wait_s)

    def _note_bucket(self, bucket: str, answer: aiohttp.ClientResponse) -> None:
        now = self._clock.monotonic()
        headers = answer.headers
        if answer.status == 429:
            everywhere = "X-RateLimit-Global" in headers
            self._empty_until["" if everywhere else bucket] = now + _seconds(headers.get("Retry-After", ""))
        elif headers.get("X-RateLimit-Remaining") == "0":
            self._empty_until[bucket] = now + _seconds(headers.get("X-RateLimit-Reset-After", ""))
        if len(self._empty_until) > _BUCKETS_KEPT:
            self._empty_until = {key: until for key, until in self._empty_until.items() if until > now}


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 1.0


def _encoded(body: object, uploads: Sequence[Upload]) -> tuple[Any, str]:
    """The request's body, and its content type where aiohttp does not set it."""
    if uploads:
        # quote_fields would escape the brackets in the field names, which Discord does not understand.
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body), content_type="application/json")
        for number, upload in enumerate(uploads):
            form.add_field(f"files[{number}]", upload.data, filename=upload.name, content_type=upload.mime)
        return form, ""
    return (None, "") if body is None else (json.dumps(body).encode(), "application/json")


def _retryable(message: str) -> AdapterError:
    error = AdapterError(message)
    error.retryable = True
    return error


def _lost(message: str, *, safe: bool) -> AdapterError:
    return _retryable(message) if safe else SendUnknown(message)


def _result(what: str, status: int, retry_after: str, raw: bytes, *, safe: bool) -> Any:
    if status == 204:
        return None
    try:
        answer: Any = json.loads(raw)
    except ValueError:
        answer = None
    if 200 <= status < 300 and answer is not None:
        return answer
    reply = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    raise _refusal(what, status, retry_after, reply, safe=safe)


def _refusal(what: str, status: int, retry_after: str, reply: dict[str, Any], *, safe: bool) -> AdapterError:
    """Translate `{"message": …, "code": …, "errors": …}`."""
    number = reply.get("code")
    number = number if isinstance(number, int) else 0
    reason = str(reply.get("message", f"HTTP {status}"))
    match status:
        case 429:
            told = reply.get("retry_after")
            wait_s = float(told) if isinstance(told, (int, float)) else _seconds(retry_after)
            return RateLimited(f"Discord asks to wait {wait_s:.1f} s before {what}", retry_after_s=wait_s)
        case 401 if number == 0:
            return ChannelFatal(
                "Discord refuses the token (reset or mistyped): copy the current one from your application's Bot page, "
                "store it with `botkit secrets set`, and restart the channel"
            )
        case 403 | 404 if number in _GONE:
            return ChatGone(f"{_GONE[number]} ({number})")
        case 403 if number in _RIGHTS:
            return Refused(what, number, _RIGHTS[number])
        case _ if status >= 500 or (200 <= status < 300):
            return _lost(f"HTTP {status} from Discord to {what}: {reason}", safe=safe)
        case _:
            wrong = json.dumps(reply["errors"])[:300] if "errors" in reply else ""
            return Refused(what, number, f"{reason} {wrong}".strip())
