"""The gateway: events as they come, resumed from the last one that was stored.

discord.py speaks the protocol (identify, resume, heartbeats, compression). Its own client reads every event into
models and stops for good at one it cannot read; here events stay raw, and the connection is opened again by this loop:
the number Discord is told at a resume is that of the last event the host has stored, so nothing in between is lost.

Source: https://docs.discord.com/developers/events/gateway
"""

from __future__ import annotations

__all__ = ["HEARTBEAT_TIMEOUT_S", "Gateway", "Session"]

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from adapters.discord.api import DiscordApi
from adapters.life import Setbacks
from botkit.sdk import AdapterError, BotkitError, ChannelFatal, Clock, StoreError

_log = structlog.get_logger("botkit.discord")

HEARTBEAT_TIMEOUT_S = 60.0
"""Silence after which a connection counts as dead."""
_CONNECT_TIMEOUT_S = 30.0
_CLOSE_TIMEOUT_S = 2.0
_STORE_RETRY_S = 1.0
_IDENTIFY_S = 5.0
"""Discord starts one session of a bot in this time."""
_RESUMABLE = 4000
"""A close code after which the session goes on at the next resume."""
_FATAL = {
    4004: "Discord refuses the token (reset or mistyped): copy the current one from your application's Bot page, "
    "store it with `botkit secrets set`, and restart the channel",
    4010: "Discord refuses the shard: restart the channel",
    4011: "the bot is in more servers than one connection may serve: it needs sharding, which botkit does not do yet",
    4012: "Discord no longer speaks this version of the gateway: update botkit",
    4013: "Discord refuses the intents: update botkit",
    4014: "the Message Content intent is switched off for this bot: on your application's Bot page, under Privileged "
    "Gateway Intents, switch on Message Content, and restart the channel",
}

Deliver = Callable[[dict[str, Any]], Awaitable[None]]


class _Parsers(dict[str, Callable[[Any], None]]):
    """In place of discord.py's: every event comes to us as it is."""

    def __init__(self, note: Callable[[str, Any], None]):
        super().__init__()
        self._note = note

    def __missing__(self, name: str) -> Callable[[Any], None]:
        return lambda data: self._note(name, data)


@dataclass(slots=True)
class Session:
    """What a resume needs. It outlives a connection, and an adapter that is stopped and started."""

    id: str = ""
    address: str = ""
    stored: int = 0
    """Number of the last event that the host has stored."""

    def forget(self) -> None:
        self.id, self.address, self.stored = "", "", 0


class Gateway:
    """One bot's connection, opened again until it is cancelled.

    Args:
        deliver: `{"t", "s", "session", "d"}`, one after the other; returns once stored. A `StoreError` is waited out.
        session: to resume, and to keep up to date.
        report: (state, detail) of the channel's health; called at changes only.
        content: ask for the texts of messages in servers.
        timeout_s: silence after which the connection counts as dead.
    """

    def __init__(
        self,
        *,
        api: DiscordApi,
        channel: str,
        clock: Clock,
        session: Session,
        deliver: Deliver,
        report: Callable[[str, str], None],
        content: bool,
        timeout_s: float = HEARTBEAT_TIMEOUT_S,
    ):
        self._api = api
        self._channel = channel
        self._clock = clock
        self._deliver = deliver
        self._report = report
        self._content = content
        self._timeout_s = timeout_s
        self._received: list[tuple[str, Any]] = []
        self._session = session
        self._setbacks = Setbacks(clock, report)
        self.settled = self._setbacks.settled

    async def run(self) -> None:
        """Listen for ever; returns only when a person must act first, which it reported."""
        client = self._client()
        await client.__aenter__()  # sets it up; leaving it would close the pool, which is not its own
        while True:
            try:
                await self._listen(client)
            except ReconnectWebSocket as error:
                await self._reconnect(resume=error.resume)
            except discord.ConnectionClosed as error:
                if error.code in _FATAL:
                    self._end(_FATAL[error.code])
                    return
                await self._pause(AdapterError(f"Discord closed the connection ({error.code})"))
            except ChannelFatal as error:
                self._end(str(error))
                return
            except BotkitError as error:
                await self._pause(error)
            except (OSError, aiohttp.ClientError, TimeoutError) as error:
                await self._pause(AdapterError(f"cannot reach Discord's gateway: {type(error).__name__}"))
            except Exception as error:  # a mistake of ours must not end the channel without a word
                _log.exception("discord_gateway_mistake", channel=self._channel)
                await self._pause(AdapterError(f"{type(error).__name__} while reading the gateway; see the log"))

    def _client(self) -> discord.Client:
        intents = discord.Intents(guilds=True, messages=True, reactions=True, message_content=self._content)
        client = discord.Client(
            intents=intents, max_messages=None, heartbeat_timeout=self._timeout_s, chunk_guilds_at_startup=False
        )
        state: Any = client._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no other way
        client.http = state.http = self._api
        state.parsers = _Parsers(lambda name, data: self._received.append((name, data)))
        return client

    async def _listen(self, client: discord.Client) -> None:
        session = self._session
        address = session.address or await self._find_gateway()
        self._received.clear()
        socket: DiscordWebSocket | None = None
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                socket = await DiscordWebSocket.from_client(
                    client,
                    initial=True,  # else the library sleeps before it identifies; `_reconnect` has done so
                    gateway=yarl.URL(address),
                    resume=bool(session.id),
                    session=session.id or None,
                    sequence=session.stored or None,
                )
            while True:
                await socket.poll_event()
                await self._store(socket.sequence or 0)
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await (self._api.drop_socket() if socket is None else socket.close(_RESUMABLE))

    async def _find_gateway(self) -> str:
        found = cast("dict[str, Any]", await self._api.call("GET", "/gateway/bot", safe=True))
        limit = cast("dict[str, Any]", found.get("session_start_limit") or {})
        if limit.get("remaining") == 0:
            error = AdapterError("Discord allows no further connection today: something restarted too often")
            error.retry_after_s = float(limit.get("reset_after") or 0) / 1000
            raise error
        return str(found["url"])

    async def _store(self, number: int) -> None:
        """Hand over what the socket received. At most one event, as the library reads one at a time."""
        received, self._received = self._received, []
        for name, data in received:
            if name == "READY":
                self._session.id, self._session.address = str(data["session_id"]), str(data["resume_gateway_url"])
            if name in {"READY", "RESUMED"}:
                self._connected(name)
            await self._deliver_surely({"t": name, "s": number, "session": self._session.id, "d": data})
            self._session.stored = number

    async def _deliver_surely(self, payload: dict[str, Any]) -> None:
        while True:
            try:
                await self._deliver(payload)
            except StoreError as error:
                self._report("degraded", str(error))
                await self._clock.sleep(error.retry_after_s or _STORE_RETRY_S)
            else:
                self._report("ok", "")
                return

    def _connected(self, how: str) -> None:
        if self._setbacks.count:
            _log.info("discord_connected_again", channel=self._channel, how=how, failures=self._setbacks.count)
        self._setbacks.connected()

    async def _reconnect(self, *, resume: bool) -> None:
        """Resume at once the first time, as Discord asks for, and patiently when it happens again and again."""
        if not resume:
            self._session.forget()
            # Sessions that ended for everybody must not all be opened in the same second.
            await self._clock.sleep(_IDENTIFY_S * (1 + random.random()))
        self._setbacks.ended()
        if self._setbacks.count:
            await self._pause(AdapterError("Discord's gateway closes the connection again and again"))
        else:
            self._setbacks.count = 1

    async def _pause(self, error: BotkitError) -> None:
        wait_s = self._setbacks.failed(error)
        _log.warning("discord_gateway_failed", channel=self._channel, code=error.code, detail=str(error), wait_s=wait_s)
        await self._clock.sleep(wait_s)

    def _end(self, why: str) -> None:
        self._report("fatal", why)
        self.settled.set()
