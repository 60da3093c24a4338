"""The Discord channel: starts, stops, receives and sends. What it understands is in `parsing`, what it writes in
`rendering`, how it calls in `api`, how it listens in `gateway`.
"""

from __future__ import annotations

__all__ = ["Discord"]

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, cast

import structlog

from adapters.discord.api import Address, DiscordApi, Refused
from adapters.discord.catchup import catch_up
from adapters.discord.components import modal
from adapters.discord.direct import DirectRooms
from adapters.discord.gateway import HEARTBEAT_TIMEOUT_S, Gateway, Session
from adapters.discord.interactions import Interactions, first_answer, verify_signature
from adapters.discord.media import DOWNLOAD_LIMIT_BYTES, remote_parts
from adapters.discord.parsing import HANDLED, Me, parse_payload
from adapters.discord.places import Places
from adapters.discord.rendering import render_message
from adapters.discord.sending import send_part
from adapters.discord.views import DIRECT, SERVER, Views
from adapters.life import HealthReport, connect_later
from botkit.sdk import (
    Adapter,
    AdapterError,
    AdapterHost,
    Attachment,
    BadSignature,
    BotkitError,
    Capabilities,
    ChannelFatal,
    ChatGone,
    Conversation,
    Event,
    Form,
    HttpRequest,
    HttpResponse,
    LimitReached,
    NotFound,
    OutMessage,
    Part,
    Receipt,
    Rendered,
)

_log = structlog.get_logger("botkit.discord")

WEBHOOK_LIMIT_BYTES = 1024 * 1024
START_TIMEOUT_S = 40.0
"""How long `start` waits for the first connection; it goes on in the background."""
_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_COMMAND = re.compile(r"[-_a-z0-9]{1,32}")
_ARGUMENTS = {
    "forget": [{"type": 3, "name": "what", "description": "Its number or name, or: all", "required": False}],
    "link": [{"type": 3, "name": "code", "description": "The code of the other platform", "required": False}],
}
"""Commands something may be written behind. Discord passes on nothing that was not declared."""
_MESSAGE_CONTENT = (1 << 18) | (1 << 19)
"""Flags of an application that may read what is written in servers."""
_REACTIONS_KEPT = 2000
_NO_CONTENT = (
    "the Message Content intent is off: in servers the bot reads only mentions and replies. To let it read along, open "
    "your application's Bot page, switch on Message Content under Privileged Gateway Intents, and restart the channel"
)


class Discord(Adapter):
    """One bot on Discord.

    Configuration (`DiscordChannel`): `token`, `application_id`, `public_key`, `api_base`.

    Events come over the gateway. Slash commands and buttons may come by HTTP instead, when the application has an
    interactions endpoint.
    """

    platform: ClassVar[str] = "discord"
    heartbeat_timeout_s: ClassVar[float] = HEARTBEAT_TIMEOUT_S

    def __init__(self, channel: str, config: Any, host: AdapterHost):
        super().__init__(channel, config, host)
        self._api: DiscordApi | None = None
        self._me = Me()
        self._places = Places()
        self._public_key = str(config.public_key or "") if config is not None else ""
        self._task: asyncio.Task[None] | None = None
        self._session = Session()
        self._report = HealthReport(host)
        self._views: Views | None = None
        self._interactions: Interactions | None = None
        self._reactions: OrderedDict[str, str] = OrderedDict()
        self._direct = DirectRooms()

    # --- life -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Check the token, register commands, then connect to the gateway.

        When Discord cannot be reached the channel keeps trying in the background, `degraded`.

        Raises:
            ChannelFatal: the token is missing or refused, or an intent is.
        """
        self._report("starting", "")
        token = await self.host.secret(self.config.token.secret)
        api = self._api = DiscordApi(token, Address.of(str(self.config.api_base or "")), self.host.clock)
        self._views = Views(api, self.host.clock, self.channel)
        try:
            gateway = await self._introduce(api)
        except ChannelFatal:
            await self._close()
            raise
        except AdapterError as error:
            self._report("degraded", str(error))
            self._task = asyncio.create_task(self._connect_later(api), name=f"discord {self.channel}")
            return
        self._task = asyncio.create_task(gateway.run(), name=f"discord {self.channel}")
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await gateway.settled.wait()
        except TimeoutError:
            self._report("degraded", "Discord's gateway does not answer; trying on")
        if self._report.state == "fatal":
            raise ChannelFatal(self._report.detail, channel=self.channel)

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._close()
        self._report("off", "")

    async def _close(self) -> None:
        for part in (self._views, self._interactions, self._api):
            if part is not None:
                await part.close()
        self._views = self._interactions = self._api = None

    async def _connect_later(self, api: DiscordApi) -> None:
        clock, report = self.host.clock, self._report
        gateway = await connect_later(lambda: self._introduce(api), clock=clock, waits_s=_BACKOFF_S, report=report)
        if gateway is not None:
            await gateway.run()

    async def _introduce(self, api: DiscordApi) -> Gateway:
        """Learn who we are and what we may, and tell which commands there are."""
        me = cast("dict[str, Any]", await api.call("GET", "/users/@me", safe=True))
        application = cast("dict[str, Any]", await api.call("GET", "/oauth2/applications/@me", safe=True))
        reads_content = bool(int(application.get("flags") or 0) & _MESSAGE_CONTENT)
        self._me = Me(str(me["id"]), str(me.get("global_name") or me.get("username") or ""), reads_content)
        self._report.reminder = "" if reads_content else _NO_CONTENT
        if not reads_content:
            _log.warning("discord_no_message_content", channel=self.channel, detail=_NO_CONTENT)
        application_id = str(self.config.application_id or application["id"])
        self._public_key = str(self.config.public_key or application.get("verify_key") or "")
        self._interactions = Interactions(api, self.host.clock, application_id, self.channel)
        await self._register_commands(api, application_id)
        return Gateway(
            api=api,
            channel=self.channel,
            clock=self.host.clock,
            session=self._session,
            deliver=self._take,
            report=self._report,
            content=reads_content,
            timeout_s=self.heartbeat_timeout_s,
        )

    async def _register_commands(self, api: DiscordApi, application_id: str) -> None:
        wanted = [
            {"name": name, "description": about[:100], "type": 1, "options": _ARGUMENTS.get(name, [])}
            for name, about in self.host.commands
            if _COMMAND.fullmatch(name) and about
        ]
        path = "/applications/{application_id}/commands"
        try:
            known = await api.call("GET", path, safe=True, application_id=application_id)
            if sorted(map(_as_registered, known)) == sorted(map(_as_registered, wanted)):
                return  # writing is limited to some hundred a day
            await api.call("PUT", path, body=wanted, safe=True, application_id=application_id)
        except (Refused, ChatGone) as error:
            _log.warning("discord_commands_refused", channel=self.channel, detail=str(error))

    # --- in -------------------------------------------------------------------------------------------------

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return parse_payload(self.channel, self._me, self._places, payload, self.host.clock.now())

    async def _take(self, payload: dict[str, Any]) -> None:
        """One gateway event: note where things are, store what it means, answer what waits for an answer."""
        data: object = payload["d"]
        if payload["t"] == "READY":
            await self._catch_up()
        if isinstance(data, dict):
            raw = cast("dict[str, Any]", data)
            self._places.learn(payload["t"], raw, self._me.id)
            if payload["t"] in HANDLED:
                await self._look_up(raw)
        for event in self.parse(payload):
            await self.host.accept(event)
            if payload["t"] == "INTERACTION_CREATE" and event.kind != "quarantined" and self._interactions is not None:
                self._interactions.received(cast("dict[str, Any]", data), event.conversation)

    async def _catch_up(self) -> None:
        """A new session: read what was written since the last message the host has of each conversation."""
        if self._api is None:
            return
        heard = await self.host.heard()
        async for payload in catch_up(self._api, self._places, heard, self.host.clock):
            for event in self.parse(payload):
                if not event.sender.is_self:
                    await self.host.accept(event)

    async def _look_up(self, data: dict[str, Any]) -> None:
        """Ask once for a server's channel that the gateway never named: it may be a thread."""
        number = str(data.get("channel_id") or "")
        if not data.get("guild_id") or not number or self._places.get(number) or self._api is None:
            return
        try:
            found = await self._api.call("GET", "/channels/{channel_id}", safe=True, channel_id=number)
            self._places.learn_channel(cast("dict[str, Any]", found))
        except BotkitError as error:
            _log.debug("discord_channel_unknown", channel=self.channel, room=number, detail=str(error))

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        """Store the interaction, then answer it. Discord does not repeat one that it saw fail."""
        if request.method != "POST":
            return HttpResponse(status=405)
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            return HttpResponse(status=413)
        try:
            verify_signature(self._public_key, request.headers, request.body, self.host.clock.now().timestamp())
        except BadSignature as error:
            raise BadSignature(str(error), channel=self.channel) from None
        try:
            data: object = json.loads(request.body)
        except (ValueError, RecursionError):
            return HttpResponse(status=400, body=b"not JSON")
        if not isinstance(data, dict):
            return HttpResponse(status=400, body=b"not an interaction")
        interaction = cast("dict[str, Any]", data)
        if interaction.get("type") != 1:
            for event in self.parse({"t": "INTERACTION_CREATE", "d": interaction}):
                await self.host.accept(event)
                if event.kind != "quarantined" and self._interactions is not None:
                    self._interactions.received(interaction, event.conversation, answered=True)
        first = await self._interactions.awaited(interaction) if self._interactions else first_answer(interaction)
        answer = json.dumps(first).encode()
        return HttpResponse(status=200, body=answer, content_type="application/json")

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        if attachment.size_bytes > DOWNLOAD_LIMIT_BYTES:
            raise LimitReached("files of more than 25 MB are not loaded", limit="file", value=DOWNLOAD_LIMIT_BYTES)
        api, _, _ = self._running()
        channel, message, number, url = remote_parts(attachment.remote)
        try:
            async for chunk in api.download(url, DOWNLOAD_LIMIT_BYTES):
                yield chunk
        except NotFound:
            fresh = await self._fresh_address(api, channel, message, number)
            if not fresh or fresh == url:
                raise
            async for chunk in api.download(fresh, DOWNLOAD_LIMIT_BYTES):
                yield chunk

    async def _fresh_address(self, api: DiscordApi, channel: str, message: str, number: str) -> str:
        """The address of a file is signed for a day; its message gives a new one."""
        if not (channel and message):
            return ""
        try:
            path = "/channels/{channel_id}/messages/{message_id}"
            found = await api.call("GET", path, safe=True, channel_id=channel, message_id=message)
        except (Refused, ChatGone):
            return ""
        files = cast("list[dict[str, Any]]", found.get("attachments") or [])
        return next((str(file["url"]) for file in files if str(file["id"]) == number), "")

    # --- out ------------------------------------------------------------------------------------------------

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return DIRECT if conversation.kind == "dm" else SERVER

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return render_message(message)

    def direct_room(self, user_id: str) -> str:
        return self._direct.room(user_id)

    async def send(self, part: Part) -> Receipt:
        api, views, interactions = self._running()
        part = await self._direct.placed(api, part)
        async with views.settled(part.conversation):
            try:
                message_id = await send_part(api, interactions, part, self.host.load_file, self.host.clock, self._me.id)
            except ChannelFatal as error:
                self._report("fatal", str(error))
                raise
        return Receipt(message_id=message_id)

    async def typing(self, conversation: Conversation) -> None:
        if self._views is not None:
            await self._views.typing(conversation)

    async def update(self, part: Part, text: str) -> None:
        if self._views is not None and part.message_id:
            await self._views.update(part.conversation, part.message_id, text)

    async def acknowledge(self, event: Event, text: str = "") -> None:
        if self._interactions is not None and event.action is not None:
            await self._interactions.said(event.action.handle, text)

    async def open_form(self, event: Event, form: Form) -> bool:
        if self._interactions is None or event.action is None:
            return False
        return await self._interactions.open(event.action.handle, modal(form))

    async def react(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """One reaction of ours at a message: another takes its place."""
        if self._views is None:
            return
        former = self._reactions.pop(message_id, "")
        if former and former != emoji:
            await self._views.react(conversation, message_id, former, add=False)
        if emoji:
            self._reactions[message_id] = emoji
            await self._views.react(conversation, message_id, emoji, add=True)
        while len(self._reactions) > _REACTIONS_KEPT:
            self._reactions.popitem(last=False)

    def _running(self) -> tuple[DiscordApi, Views, Interactions]:
        if self._api is None or self._views is None or self._interactions is None:
            error = AdapterError(f"channel {self.channel} is not started")
            error.retryable = True
            raise error
        return self._api, self._views, self._interactions


def _as_registered(command: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """What of a command is ours to say."""
    options = tuple(str(option["name"]) for option in command.get("options") or ())
    return command["name"], command["description"], options
