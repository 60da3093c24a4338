"""Calls to Slack's Web API, and the one place where its refusals become botkit's errors.

slack-sdk gives the client and the encoding; its retries are off: they post a message again after a dropped connection.

Source: https://docs.slack.dev/apis/web-api/
"""

from __future__ import annotations

__all__ = ["DEFAULT_BASE", "Refused", "SlackApi"]

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from botkit.sdk import (
    AdapterError,
    ChannelFatal,
    ChatGone,
    LimitReached,
    NotFound,
    RateLimited,
    SendFailed,
    SendUnknown,
)

DEFAULT_BASE = "https://slack.com"
_HOOKS = "hooks.slack.com"
CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 300.0
KEEP_IDLE_S = 10.0
"""Idle connections are given up early: a request on one that the server just closed would be a lost answer."""
_JSON = ("chat.", "assistant.", "agents.", "views.")
_CHUNK_BYTES = 64 * 1024
_CONNECT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_TOKEN = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"})
_GONE = frozenset(
    {"channel_not_found", "is_archived", "not_in_channel", "user_not_found", "user_disabled", "cannot_dm_bot"}
)
_TRANSIENT = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


class Refused(SendFailed):
    """Slack answered `{"ok": false, "error": …}`; the word is in `error`."""

    def __init__(self, method: str, error: str, needed: str = ""):
        more = f": give the app the scope {needed} and install it again" if needed else ""
        super().__init__(f"Slack refused {method}: {error}{more}")
        self.error = error


class SlackApi:
    """One token's connection. `close()` ends it.

    Args:
        token: kept inside slack-sdk's client only, never in a message, a repr or a log.
        base: of a local server or proxy; empty for Slack's own.
    """

    def __init__(self, token: str, base: str = ""):
        base = base.rstrip("/")
        self._host = urlsplit(base).netloc
        self._token = token.strip()
        self.scopes: frozenset[str] = frozenset()
        """What the token may do, as Slack's newest answer said; empty while it did not."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        self._pool = aiohttp.ClientSession(
            timeout=timeout, connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_IDLE_S)
        )
        self._client = AsyncWebClient(
            token=self._token, base_url=f"{base or DEFAULT_BASE}/api/", session=self._pool, retry_handlers=[]
        )

    def __repr__(self) -> str:
        return "SlackApi()"

    async def close(self) -> None:
        await self._pool.close()

    async def socket(self, url: str, *, heartbeat_s: float) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket; one that no longer answers pings is closed."""
        return await self._pool.ws_connect(url, heartbeat=heartbeat_s, max_msg_size=0)

    async def call(self, method: str, *, safe: bool = False, **arguments: Any) -> dict[str, Any]:
        """Call a method, such as `chat.postMessage`, and return its answer.

        Args:
            safe: repeating it does no harm (reads, edits): a lost answer is then a plain retryable error.

        Raises:
            RateLimited, Refused, ChatGone, ChannelFatal: nothing happened.
            AdapterError: `retryable` says whether to try again.
            SendUnknown: it left and no answer came.
        """
        given = {key: value for key, value in arguments.items() if value is not None}
        # Reading methods take forms only; writing ones take JSON too, which keeps blocks what they are.
        how: dict[str, Any] = {"json": given} if method.startswith(_JSON) else {"data": given}
        try:
            answer = await cast("Any", self._client).api_call(method, **how)
        except SlackApiError as error:
            raise _refusal(method, error, safe=safe) from None
        except _CONNECT_ERRORS as error:
            raise _retryable(f"cannot connect to Slack for {method}: {type(error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _lost(f"no answer from Slack to {method}: {type(error).__name__}", safe=safe) from None
        granted = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
        if granted:
            self.scopes = frozenset(scope.strip() for scope in str(granted).split(","))
        return cast("dict[str, Any]", answer.data)

    def is_own(self, url: str) -> bool:
        """Whether an address to answer at is Slack's, and not one that somebody made up."""
        parts = urlsplit(url)
        return parts.netloc == self._host if self._host else (parts.scheme, parts.netloc) == ("https", _HOOKS)

    async def respond(self, url: str, message: dict[str, Any]) -> None:
        """Post to a `response_url`. Raises `Refused` when it is used up, or a retryable `AdapterError`."""
        try:
            async with self._pool.post(url, json=message, allow_redirects=False) as answer:
                if 400 <= answer.status < 500 and answer.status != 429:
                    raise Refused("response_url", f"HTTP {answer.status}")
                if answer.status != 200:
                    raise _retryable(f"HTTP {answer.status} from Slack to response_url")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _retryable(f"no answer from Slack to response_url: {type(error).__name__}") from None

    async def upload(self, url: str, data: bytes) -> None:
        """Send a file's bytes to the address from `files.getUploadURLExternal`. Nobody sees it yet."""
        try:
            async with self._pool.post(url, data=data, timeout=aiohttp.ClientTimeout(total=UPLOAD_TIMEOUT_S)) as answer:
                if answer.status != 200:
                    raise _retryable(f"Slack did not take a file (HTTP {answer.status})")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _retryable(f"the upload to Slack broke off: {type(error).__name__}") from None

    async def download(self, url: str, limit_bytes: int) -> AsyncIterator[bytes]:
        """The bytes of a file people sent; the token goes to Slack's own file server only.

        Raises:
            LimitReached: it is longer than `limit_bytes`.
            NotFound: it was deleted, or the app may not read it.
            AdapterError: retryable, the connection broke.
        """
        parts = urlsplit(url)
        if parts.netloc != self._host if self._host else (parts.scheme, parts.netloc) != ("https", "files.slack.com"):
            raise NotFound("this file is not on Slack's servers; it is not loaded")
        timeout = aiohttp.ClientTimeout(total=UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._token}"}
        loaded = 0
        try:
            async with self._pool.get(url, headers=headers, timeout=timeout, allow_redirects=False) as answer:
                if answer.status != 200:  # without the scope files:read Slack redirects to its login page
                    raise NotFound("the file is gone from Slack, or the app lacks the scope files:read")
                async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                    loaded += len(chunk)
                    if loaded > limit_bytes:
                        raise LimitReached("the file is longer than allowed", limit="file", value=limit_bytes)
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _retryable(f"the download from Slack broke off: {type(error).__name__}") from None


def _retryable(message: str) -> AdapterError:
    error = AdapterError(message)
    error.retryable = True
    return error


def _lost(message: str, *, safe: bool) -> AdapterError:
    return _retryable(message) if safe else SendUnknown(message)


def _refusal(method: str, error: SlackApiError, *, safe: bool) -> AdapterError:
    """Translate `{"ok": false, "error": …, "needed": …}`, and what is no such answer at all."""
    answer: Any = error.response
    status = int(getattr(answer, "status_code", 0))
    data: object = getattr(answer, "data", None)
    reply = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    word = str(reply.get("error", ""))
    if status == 429 or word in {"ratelimited", "rate_limited"}:
        headers = cast("Mapping[str, str]", getattr(answer, "headers", {}))
        wait_s = _seconds(next((value for name, value in headers.items() if name.lower() == "retry-after"), ""))
        return RateLimited(f"Slack asks to wait {wait_s:.0f} s before {method}", retry_after_s=wait_s)
    if word in _TOKEN:
        return ChannelFatal(
            f"Slack refuses the token ({word}): copy the current one from your app's page, store it with "
            "`botkit secrets set`, and restart the channel"
        )
    if word in _GONE:
        return ChatGone(f"the bot cannot write there: {word}")
    if not word or word in _TRANSIENT:
        return _lost(f"HTTP {status} from Slack to {method} {word}".strip(), safe=safe)
    return Refused(method, word, str(reply.get("needed", "")) if word == "missing_scope" else "")


def _seconds(text: str) -> float:
    try:
        return max(1.0, float(text))
    except ValueError:
        return 1.0
