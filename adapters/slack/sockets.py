"""Socket Mode: envelopes as they come, each answered once it is stored.

slack-sdk's own client starts a task for each envelope and forgets their order; here they are taken one after the other.
What was not answered, Slack sends again.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

__all__ = ["SocketMode"]

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import aiohttp
import structlog

from adapters.life import Setbacks
from adapters.slack.api import Refused, SlackApi
from botkit.sdk import AdapterError, BotkitError, ChannelFatal, Clock, StoreError

_log = structlog.get_logger("botkit.slack")

HEARTBEAT_S = 20.0
"""Between two pings; a half-open connection is noticed after one and a half of it."""
_HELLO_S = 30.0
_STORE_RETRY_S = 1.0
_CLOSED = frozenset(
    {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
)

Deliver = Callable[[Mapping[str, Any]], Awaitable[None]]


class SocketMode:
    """One app's connection, opened again until it is cancelled.

    Args:
        api: with the app-level token.
        deliver: the payload of an envelope; returns once stored. A `StoreError` is waited out.
        connected: told of each new connection, with the seconds since there was one, before anything is read from it.
        report: (state, detail) of the channel's health.
    """

    def __init__(
        self,
        *,
        api: SlackApi,
        channel: str,
        clock: Clock,
        deliver: Deliver,
        connected: Callable[[float], Awaitable[None]],
        report: Callable[[str, str], None],
    ):
        self._api = api
        self._channel = channel
        self._clock = clock
        self._deliver = deliver
        self._connected = connected
        self._report = report
        self._setbacks = Setbacks(clock, report)
        self._left_at = float("-inf")
        self.settled = self._setbacks.settled

    async def run(self) -> None:
        """Listen for ever; returns only when a person must act first, which it reported."""
        while True:
            try:
                await self._listen()
            except (ChannelFatal, Refused) as error:
                self._report("fatal", _advice(error))
                self.settled.set()
                return
            except BotkitError as error:
                await self._pause(error)
            except (OSError, aiohttp.ClientError, TimeoutError) as error:
                await self._pause(AdapterError(f"cannot reach Slack's socket: {type(error).__name__}"))
            except Exception as error:  # a mistake of ours must not end the channel without a word
                _log.exception("slack_socket_mistake", channel=self._channel)
                await self._pause(AdapterError(f"{type(error).__name__} while reading the socket; see the log"))

    async def _listen(self) -> None:
        """One connection, until it ends; Slack asks for a new one every few hours."""
        opened = await self._api.call("apps.connections.open", safe=True)
        socket = await self._api.socket(str(opened["url"]), heartbeat_s=HEARTBEAT_S)
        try:
            async with asyncio.timeout(_HELLO_S):
                first = await socket.receive()
            while True:
                if first.type in _CLOSED:
                    break
                if first.type is aiohttp.WSMsgType.TEXT and not await self._received(socket, str(first.data)):
                    self._setbacks.ended()
                    return
                first = await socket.receive()
        finally:
            self._left_at = self._clock.monotonic()
            with contextlib.suppress(Exception):
                await socket.close()
        self._setbacks.ended()
        if self._setbacks.count:
            raise AdapterError("Slack's socket closes again and again")
        self._setbacks.count = 1

    async def _received(self, socket: aiohttp.ClientWebSocketResponse, text: str) -> bool:
        """False: Slack asks for a new connection."""
        envelope = cast("dict[str, Any]", json.loads(text))
        match envelope.get("type"):
            case "hello":
                self._setbacks.connected()
                await self._connected(self._setbacks.connected_at - self._left_at)
            case "disconnect":
                if envelope.get("reason") == "link_disabled":
                    raise ChannelFatal(
                        "Socket Mode is switched off: on your app's page switch it on, and restart the channel"
                    )
                return False
            case _ if "envelope_id" in envelope:
                await self._store(cast("Mapping[str, Any]", envelope.get("payload") or {}))
                await socket.send_json({"envelope_id": envelope["envelope_id"]})
            case _:
                pass
        return True

    async def _store(self, payload: Mapping[str, Any]) -> None:
        while True:
            try:
                await self._deliver(payload)
            except StoreError as error:
                self._report("degraded", str(error))
                await self._clock.sleep(error.retry_after_s or _STORE_RETRY_S)
            else:
                self._report("ok", "")
                return

    async def _pause(self, error: BotkitError) -> None:
        wait_s = self._setbacks.failed(error)
        _log.warning("slack_socket_failed", channel=self._channel, code=error.code, detail=str(error), wait_s=wait_s)
        await self._clock.sleep(wait_s)


def _advice(error: BotkitError) -> str:
    if isinstance(error, Refused):
        return (
            f"Slack opens no socket ({error.error}): the app-level token needs the scope connections:write, and Socket "
            "Mode must be on"
        )
    return str(error)
