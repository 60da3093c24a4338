"""Calls to the Bot API, and the one place where its refusals become botkit's errors.

aiogram gives the methods, their encoding and the connection pool. Answers are read as plain JSON here: the
answer of a message that was delivered must never be lost to a field no model knows. Nothing is retried.

Source: https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

__all__ = ["Moved", "PollConflict", "Refused", "TelegramApi"]

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.methods import SendMediaGroup
from aiogram.methods.base import TelegramMethod
from aiogram.types import InputFile
from aiogram.utils.token import TokenValidationError

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

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 300.0
KEEP_IDLE_S = 10.0
"""Idle connections are given up early: a request on one that the server just closed would be a lost answer."""
_CHUNK_BYTES = 64 * 1024

_CONNECT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_GONE = ("chat not found", "user not found", "group chat was deleted", "PEER_ID_INVALID")


class Moved(AdapterError):
    """The group became a supergroup; nothing was delivered. Send to `room` instead."""

    def __init__(self, room: str):
        super().__init__(f"the group was upgraded to a supergroup: its id is {room} now")
        self.room = room


class PollConflict(AdapterError):
    """409: another process polls with this token, or a webhook is set."""

    retryable = True

    def __init__(self, description: str):
        super().__init__(
            "another process receives updates with this token: stop it, or give each instance a bot of its own"
        )
        self.webhook = "webhook" in description.lower()


class Refused(SendFailed):
    """400: Telegram names what is wrong with the request in `description`."""

    def __init__(self, method: str, description: str):
        super().__init__(f"Telegram refused {method}: {description}")
        self.description = description


class _Session(AiohttpSession):
    """aiogram's session with a connect time-out of its own and raw answers."""

    def __init__(self, api: TelegramAPIServer):
        super().__init__(api=api)
        self._connector_init["keepalive_timeout"] = KEEP_IDLE_S

    async def close(self) -> None:
        """Close the pool, without the grace sleep that only old versions of aiohttp needed."""
        if self._session is not None and not self._session.closed:
            await self._session.close()

    async def post(self, bot: Bot, method: TelegramMethod[Any], timeout_s: float) -> tuple[int, bytes]:
        session = await self.create_session()
        url = self.api.api_url(token=bot.token, method=method.__api_method__)
        form = self.build_form_data(bot, method)
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=CONNECT_TIMEOUT_S)
        async with session.post(url, data=form, timeout=timeout) as answer:
            return answer.status, await answer.read()


class TelegramApi:
    """One bot's connection. `async with` or `close()` ends it.

    Args:
        token: kept inside aiogram's `Bot` only, never in a message, a repr or a log.
        api_base: the address of a local server or proxy; empty for Telegram's own.

    Raises:
        ChannelFatal: the token does not have the shape of one.
    """

    def __init__(self, token: str, api_base: str = ""):
        server = TelegramAPIServer.from_base(api_base) if api_base else PRODUCTION
        self._session = _Session(server)
        try:
            self._bot = Bot(token.strip(), session=self._session)
        except TokenValidationError:
            raise ChannelFatal(
                "the Telegram token does not look like `123456:ABC…`: store the one from BotFather again"
            ) from None

    def __repr__(self) -> str:
        return "TelegramApi()"

    @property
    def bot_id(self) -> str:
        return str(self._bot.id)

    async def close(self) -> None:
        await self._session.close()

    async def call(self, method: TelegramMethod[Any], *, timeout_s: float = 0.0, safe: bool = False) -> Any:
        """Call a method and return its `result` as plain JSON.

        Args:
            timeout_s: for the whole call; by default longer when it carries a file.
            safe: repeating it does no harm (edits, reads): a lost answer is then a plain retryable error.

        Raises:
            RateLimited, Moved, PollConflict, Refused, ChatGone, ChannelFatal: nothing happened.
            AdapterError: `retryable` says whether to try again.
            SendUnknown: it left and no answer came.
        """
        name = method.__api_method__
        try:
            status, body = await self._session.post(self._bot, method, timeout_s or _timeout_s(method))
        except _CONNECT_ERRORS as error:
            raise _retryable(f"cannot connect to Telegram for {name}: {type(error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _lost(f"no answer from Telegram to {name}: {type(error).__name__}", safe=safe) from None
        return _result(name, status, body, safe=safe)

    async def download(self, path: str, limit_bytes: int) -> AsyncIterator[bytes]:
        """The bytes of a file path from `getFile`.

        Raises:
            LimitReached: it is longer than `limit_bytes`.
            NotFound: the path expired; it lives one hour.
            AdapterError: retryable, the connection broke.
        """
        url = self._session.api.file_url(token=self._bot.token, path=path)
        timeout = aiohttp.ClientTimeout(total=UPLOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        loaded = 0
        try:
            session = await self._session.create_session()
            async with session.get(url, timeout=timeout) as answer:
                if answer.status != 200:
                    raise NotFound("the file is gone from Telegram; ask the person to send it again")
                async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                    loaded += len(chunk)
                    if loaded > limit_bytes:
                        raise LimitReached("the file is longer than allowed", limit="file", value=limit_bytes)
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # `from None`: the address in the original message contains the token.
            raise _retryable(f"the download from Telegram broke off: {type(error).__name__}") from None


def _timeout_s(method: TelegramMethod[Any]) -> float:
    carries_file = isinstance(method, SendMediaGroup) or any(isinstance(v, InputFile) for v in vars(method).values())
    return UPLOAD_TIMEOUT_S if carries_file else ANSWER_TIMEOUT_S


def _retryable(message: str) -> AdapterError:
    error = AdapterError(message)
    error.retryable = True
    return error


def _lost(message: str, *, safe: bool) -> AdapterError:
    return _retryable(message) if safe else SendUnknown(message)


def _result(name: str, status: int, body: bytes, *, safe: bool) -> Any:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        raise _lost(f"HTTP {status} without JSON from Telegram to {name}", safe=safe) from None
    if not isinstance(answer, dict):
        raise _lost(f"HTTP {status} with an unexpected answer from Telegram to {name}", safe=safe)
    reply = cast("dict[str, Any]", answer)
    if reply.get("ok") and 200 <= status < 300:
        return reply.get("result")
    raise _refusal(name, status, reply, safe=safe)


def _refusal(name: str, status: int, reply: dict[str, Any], *, safe: bool) -> AdapterError:
    """Translate `{"ok": false, "error_code": …, "description": …, "parameters": …}`."""
    description = str(reply.get("description", ""))
    parameters = cast("dict[str, Any]", reply.get("parameters") or {})
    if parameters.get("migrate_to_chat_id"):
        return Moved(str(parameters["migrate_to_chat_id"]))
    match status:
        case 429:
            wait_s = float(parameters.get("retry_after") or 1)
            return RateLimited(f"Telegram asks to wait {wait_s:.0f} s before {name}", retry_after_s=wait_s)
        case 401 | 404 if status == 401 or name == "getMe":
            return ChannelFatal(
                "Telegram refuses the token (revoked or mistyped): get the current one from BotFather with /token, "
                "store it with `botkit secrets set`, and restart the channel"
            )
        case 403:
            return ChatGone(f"the bot cannot write there any more: {description}")
        case 409:
            return PollConflict(description)
        case 400 if any(phrase in description for phrase in _GONE):
            return ChatGone(f"the chat is gone: {description}")
        case 400 | 413:
            return Refused(name, description or f"HTTP {status}")
        case _ if status >= 500:
            return _lost(f"HTTP {status} from Telegram to {name}: {description}", safe=safe)
        case _:
            return Refused(name, description or f"HTTP {status}")
