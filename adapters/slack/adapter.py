"""The Slack channel: starts, stops, receives and sends. What it understands is in `parsing`, what it writes in
`rendering`, how it calls in `api`, how it listens in `sockets`.
"""

from __future__ import annotations

__all__ = ["Slack"]

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple

from adapters.life import HealthReport
from adapters.slack.api import SlackApi
from adapters.slack.asides import Asides, aside
from adapters.slack.direct import DirectRooms
from adapters.slack.inbox import Inbox
from adapters.slack.known import Known, Me, Said
from adapters.slack.manifest import missing_scopes, setup
from adapters.slack.parsing import parse_payload
from adapters.slack.rendering import render_message
from adapters.slack.requests import Signatures, payload_of
from adapters.slack.sending import find_part, metadata_of, send_part
from adapters.slack.sessions import Sessions
from adapters.slack.sockets import SocketMode
from adapters.slack.streams import Streams, first_words
from adapters.slack.views import CAN, DOWNLOAD_LIMIT_BYTES, IN_THREADS, Views
from botkit.sdk import (
    Adapter,
    AdapterError,
    AdapterHost,
    Attachment,
    BotkitError,
    Capabilities,
    ChannelFatal,
    Conversation,
    Event,
    Form,
    HttpRequest,
    HttpResponse,
    LimitReached,
    OutMessage,
    Part,
    Receipt,
    Rendered,
    Setup,
    SetupFor,
)

WEBHOOK_LIMIT_BYTES = 4 * 1024 * 1024
START_TIMEOUT_S = 40.0
WATCH_S = 60.0
"""Between two looks at the token, where requests are posted to us."""
_AWAY_S = 30.0
"""Without a socket for so long, something may be missing: Slack delivers again, but not for ever."""
_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class _Running(NamedTuple):
    """What exists while the channel runs."""

    api: SlackApi
    streams: Streams
    sessions: Sessions
    asides: Asides
    views: Views
    inbox: Inbox
    signatures: Signatures
    socket: SocketMode | None
    socket_api: SlackApi | None

    async def close(self) -> None:
        for part in (self.inbox, self.sessions, self.views, self.api, self.socket_api):
            if part is not None:
                await part.close()


class Slack(Adapter):
    """One Slack app in one workspace.

    Configuration (`SlackChannel`): `bot_token`, `mode: socket|events`, `app_token`, `signing_secret`, `api_base`.
    """

    platform: ClassVar[str] = "slack"

    def __init__(self, channel: str, config: Any, host: AdapterHost):
        super().__init__(channel, config, host)
        self._known = Known()
        self._known.commands = frozenset(name for name, _ in host.commands)
        self._now: _Running | None = None
        self._task: asyncio.Task[None] | None = None
        self._report = HealthReport(host)
        self._settled = asyncio.Event()
        self._direct = DirectRooms()

    @classmethod
    def setup(cls, config: Any, about: SetupFor) -> Setup:
        return setup(config, about)

    # --- life -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Check the tokens, then open the socket, or serve signed requests.

        When Slack cannot be reached the channel keeps trying in the background, `degraded`.

        Raises:
            ChannelFatal: a token is missing or refused, or there is no address Slack could reach.
        """
        self._report("starting", "")
        if self.config.mode == "events" and not self.host.public_url:
            raise ChannelFatal(
                "mode: events needs BOTKIT_PUBLIC_URL, an address Slack can reach; or use mode: socket",
                channel=self.channel,
            )
        self._now = running = await self._build()
        self._settled = running.socket.settled if running.socket is not None else asyncio.Event()
        self._task = asyncio.create_task(self._live(running), name=f"slack {self.channel}")
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._settled.wait()
        except TimeoutError:
            self._report("degraded", "Slack does not answer; trying on")
        if self._report.state == "fatal":
            await self._close()
            raise ChannelFatal(self._report.detail, channel=self.channel)

    async def _build(self) -> _Running:
        """Join what the channel is made of; nothing is asked of Slack yet."""
        config, host = self.config, self.host
        base = str(config.api_base or "")
        signing = "" if config.signing_secret is None else (await host.secret(config.signing_secret.secret)).strip()
        app_token = (await host.secret(config.app_token.secret)).strip() if config.mode == "socket" else ""
        api = SlackApi(await host.secret(config.bot_token.secret), base)
        streams = Streams(api, host.clock, self._known, self.channel)
        sessions = Sessions(api, host.clock, self.channel)
        asides = Asides(api, host.clock, self.channel)
        inbox = Inbox(
            channel=self.channel,
            api=api,
            host=host,
            known=self._known,
            sessions=sessions,
            asides=asides,
            app=sha256(f"{base} {app_token or signing}".encode()).hexdigest(),
            prompts=config.suggested_prompts,
        )
        socket_api = SlackApi(app_token, base) if app_token else None
        socket = None
        if socket_api is not None:
            socket = SocketMode(
                api=socket_api,
                channel=self.channel,
                clock=host.clock,
                deliver=inbox.take,
                connected=self._connected,
                report=self._report,
            )
        return _Running(
            api=api,
            streams=streams,
            sessions=sessions,
            asides=asides,
            views=Views(api, host.clock, self.channel, streams, sessions),
            inbox=inbox,
            signatures=Signatures(signing, host.clock),
            socket=socket,
            socket_api=socket_api,
        )

    async def stop(self) -> None:
        await self._close()
        self._report("off", "")

    async def _close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        now, self._now = self._now, None
        if now is not None:
            await now.close()

    async def _live(self, now: _Running) -> None:
        """Learn who we are, as often as it takes; then listen."""
        for attempt in range(1_000_000):
            try:
                await self._introduce(now)
                break
            except ChannelFatal as error:
                self._report("fatal", str(error))
                self._settled.set()
                return
            except BotkitError as error:
                self._report("degraded", str(error))
                self._settled.set()
                await self.host.clock.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
        if now.socket is not None:
            await now.socket.run()
        else:
            self._report("ok", "")
            self._settled.set()
            await now.inbox.catch_up()
            await self._watch(now.api)

    async def _connected(self, away_s: float) -> None:
        """The socket is open, after so many seconds without one."""
        if self._now is not None and away_s > _AWAY_S:
            await self._now.inbox.catch_up()

    async def _watch(self, api: SlackApi) -> None:
        """Where Slack posts, nothing else tells that the token was revoked or the network is gone."""
        while True:
            await self.host.clock.sleep(WATCH_S)
            try:
                await api.call("auth.test", safe=True)
            except ChannelFatal as error:
                self._report("fatal", str(error))
                return
            except BotkitError as error:
                self._report("degraded", str(error))
            else:
                self._report("ok", "")

    async def _introduce(self, now: _Running) -> None:
        me = await now.api.call("auth.test", safe=True)
        self._known.me = Me(str(me["user_id"]), str(me.get("bot_id") or ""), str(me.get("team_id") or ""))
        self._report.reminder = missing_scopes(now.api.scopes)
        await now.inbox.introduced()

    # --- in -------------------------------------------------------------------------------------------------

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return parse_payload(self.channel, self._known, payload, self.host.clock.now())

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        """Store what Slack posts, then answer 200. Any other answer makes Slack post an event again."""
        if request.method != "POST":
            return HttpResponse(status=405)
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            return HttpResponse(status=413)
        now = self._running()
        now.signatures.verify(request)
        payload = payload_of(request)
        if payload is None:
            return HttpResponse(status=400, body=b"not a payload")
        if payload.get("type") == "url_verification":
            return HttpResponse(status=200, body=str(payload.get("challenge", "")).encode())
        await now.inbox.take(payload)
        return HttpResponse(status=200)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        if attachment.size_bytes > DOWNLOAD_LIMIT_BYTES:
            raise LimitReached("files of more than 25 MB are not loaded", limit="file", value=DOWNLOAD_LIMIT_BYTES)
        async for chunk in self._running().api.download(attachment.remote, DOWNLOAD_LIMIT_BYTES):
            yield chunk

    # --- out ------------------------------------------------------------------------------------------------

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return IN_THREADS if conversation.thread else CAN

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        if message.streaming:
            return [first_words(message)]
        rendered = render_message(message)
        alone = conversation.kind == "group" and message.visible_to
        return [aside(piece, message.visible_to) for piece in rendered] if alone else rendered

    def direct_room(self, user_id: str) -> str:
        return self._direct.room(user_id)

    async def send(self, part: Part) -> Receipt:
        now = self._running()
        part = await self._direct.placed(now.api, part)
        async with now.views.settled(part.conversation):
            try:
                message_id = await self._send(now, part)
            except ChannelFatal as error:
                self._report("fatal", str(error))
                raise
        place = part.conversation
        if place.thread:
            self._known.learn_thread(place.room, place.thread, Said(message_id, part.text))
        return Receipt(message_id=message_id)

    async def _send(self, now: _Running, part: Part) -> str:
        """A stream's first words, or its end, or a message of its own."""
        if "for" in part.payload:
            return await now.asides.send(part)
        if "stream" in part.payload:
            if part.message_id:
                return part.message_id  # it is there, and may show more by now
            return await now.streams.begin(part) or await send_part(now.api, part, self.host.load_file)
        place = part.conversation
        streamed = bool(part.message_id) and not part.edit_of
        if streamed and await now.streams.finish(part, metadata_of(part), now.sessions.ended_by_stream(place)):
            now.sessions.rested_by_stream(place)
            message_id = part.message_id
        else:
            message_id = await send_part(now.api, part, self.host.load_file)
        await now.sessions.rested(place)
        return message_id

    async def find(self, part: Part) -> Receipt | None:
        if "for" in part.payload:
            return None  # nobody can look up what one person sees
        now = self._running()
        part = await self._direct.placed(now.api, part)
        me = [number for number in (self._known.me.user, self._known.me.bot) if number]
        found = await find_part(now.api, part, me)
        if not found:
            return None
        now.streams.adopt(part, found)
        return Receipt(message_id=found)

    async def typing(self, conversation: Conversation) -> None:
        if self._now is not None:
            await self._now.views.typing(conversation)

    async def update(self, part: Part, text: str) -> None:
        if self._now is not None and part.message_id:
            await self._now.views.update(part, text)

    async def acknowledge(self, event: Event, text: str = "") -> None:
        """Slack was answered when the press was stored; this says what came of it."""
        if self._now is not None:
            await self._now.views.tell(event, text)

    async def open_form(self, event: Event, form: Form) -> bool:
        return self._now is not None and await self._now.views.open_form(event, form)

    async def react(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        if self._now is not None:
            await self._now.views.react(conversation, message_id, emoji)

    def _running(self) -> _Running:
        if self._now is None:
            error = AdapterError(f"channel {self.channel} is not started")
            error.retryable = True
            raise error
        return self._now
