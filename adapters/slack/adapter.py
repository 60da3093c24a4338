"""The Slack channel: starts, stops, receives and sends. What it understands is in `parsing`, what it writes in
`rendering`, how it calls in `api`, how it listens in `sockets`.
"""

from __future__ import annotations

__all__ = ["Slack"]

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast
from urllib.parse import parse_qs

import structlog
from slack_sdk.signature import SignatureVerifier

from adapters.slack.api import Refused, SlackApi
from adapters.slack.known import Known, Me, Person, Said
from adapters.slack.parsing import parse_payload
from adapters.slack.rendering import render_message
from adapters.slack.sending import find_part, send_part
from adapters.slack.sockets import SocketMode
from adapters.slack.views import CAN, DOWNLOAD_LIMIT_BYTES, Views
from botkit.sdk import (
    Adapter,
    AdapterError,
    AdapterHost,
    Attachment,
    BadSignature,
    BotkitError,
    Capabilities,
    ChannelFatal,
    Clock,
    Conversation,
    Event,
    Health,
    HttpRequest,
    HttpResponse,
    LimitReached,
    OutMessage,
    Part,
    RateLimited,
    Receipt,
    Rendered,
)

_log = structlog.get_logger("botkit.slack")

WEBHOOK_LIMIT_BYTES = 4 * 1024 * 1024
START_TIMEOUT_S = 40.0
WATCH_S = 60.0
"""Between two looks at the token, where requests are posted to us."""
_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class _SignatureClock:
    """Time as slack-sdk's verifier asks for it."""

    def __init__(self, clock: Clock):
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


class Slack(Adapter):
    """One Slack app in one workspace.

    Configuration (`SlackChannel`): `bot_token`, `mode: socket|events`, `app_token`, `signing_secret`, `api_base`.
    """

    platform: ClassVar[str] = "slack"

    def __init__(self, channel: str, config: Any, host: AdapterHost):
        super().__init__(channel, config, host)
        self._known = Known()
        self._known.commands = frozenset(name for name, _ in host.commands)
        self._api: SlackApi | None = None
        self._socket_api: SlackApi | None = None
        self._verifier: SignatureVerifier | None = None
        self._task: asyncio.Task[None] | None = None
        self._health = ("", "")
        self._views: Views | None = None
        self._settled = asyncio.Event()

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
        base = str(self.config.api_base or "")
        self._api = SlackApi(await self.host.secret(self.config.bot_token.secret), base)
        self._views = Views(self._api, self.host.clock, self.channel)
        if self.config.signing_secret is not None:
            secret = (await self.host.secret(self.config.signing_secret.secret)).strip()
            self._verifier = SignatureVerifier(secret, cast("Any", _SignatureClock(self.host.clock)))
        socket = None
        if self.config.mode == "socket":
            self._socket_api = SlackApi(await self.host.secret(self.config.app_token.secret), base)
            socket = SocketMode(
                api=self._socket_api,
                channel=self.channel,
                clock=self.host.clock,
                deliver=self._take,
                report=self._report,
            )
        self._task = asyncio.create_task(self._live(self._api, socket), name=f"slack {self.channel}")
        self._settled = socket.settled if socket is not None else asyncio.Event()
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._settled.wait()
        except TimeoutError:
            self._report("degraded", "Slack does not answer; trying on")
        if self._health[0] == "fatal":
            detail = self._health[1]
            await self._close()
            raise ChannelFatal(detail, channel=self.channel)

    async def stop(self) -> None:
        await self._close()
        self._report("off", "")

    async def _close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for part in (self._views, self._api, self._socket_api):
            if part is not None:
                await part.close()
        self._views = self._api = self._socket_api = None

    async def _live(self, api: SlackApi, socket: SocketMode | None) -> None:
        """Learn who we are, as often as it takes; then listen."""
        for attempt in range(1_000_000):
            try:
                await self._introduce(api)
                break
            except ChannelFatal as error:
                self._report("fatal", str(error))
                self._settled.set()
                return
            except BotkitError as error:
                self._report("degraded", str(error))
                self._settled.set()
                await self.host.clock.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
        if socket is not None:
            await socket.run()
        else:
            self._report("ok", "")
            self._settled.set()
            await self._watch(api)

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

    async def _introduce(self, api: SlackApi) -> None:
        me = await api.call("auth.test", safe=True)
        self._known.me = Me(str(me["user_id"]), str(me.get("bot_id") or ""), str(me.get("team_id") or ""))
        await self._learn_people(api, {self._known.me.user})
        for event in await self.host.heard():
            place = event.conversation
            if place.thread and event.addressed in {"mention", "reply"}:
                # The bot was talked with there before this process began.
                self._known.learn_thread(place.room, place.thread, Said(place.thread, ""))

    def _report(self, state: str, detail: str) -> None:
        """Tell the host, at changes only."""
        if (state, detail) == self._health:
            return
        self._health = (state, detail)
        known = cast("Literal['off', 'starting', 'ok', 'degraded', 'fatal']", state)
        self.host.report(Health(state=known, detail=detail, since=self.host.clock.micros()))

    # --- in -------------------------------------------------------------------------------------------------

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return parse_payload(self.channel, self._known, payload, self.host.clock.now())

    async def _take(self, payload: Mapping[str, Any]) -> None:
        """One payload: look up what it leaves out, then store what it means."""
        if self._api is not None:
            try:
                await self._look_up(self._api, payload)
            except Exception as error:  # what it leaves out must not keep it from being stored
                _log.debug("slack_lookup_failed", channel=self.channel, detail=type(error).__name__)
        for event in self.parse(payload):
            await self.host.accept(event)
            if event.sender.is_self and event.conversation.thread:
                said = Said(event.message_id, event.text)
                self._known.learn_thread(event.conversation.room, event.conversation.thread, said)

    async def _look_up(self, api: SlackApi, payload: Mapping[str, Any]) -> None:
        event = cast("Mapping[str, Any]", payload.get("event") or {})
        message = cast("Mapping[str, Any]", event.get("message") or event)
        user = cast("Mapping[str, Any]", payload.get("user") or {})
        people = {str(message.get("user") or user.get("id") or payload.get("user_id") or "")}
        text = str(message.get("text") or "")
        people |= {piece.partition(">")[0].partition("|")[0] for piece in text.split("<@")[1:]}
        await self._learn_people(api, people - {""})
        room, thread = str(event.get("channel") or ""), str(message.get("thread_ts") or "")
        if room and thread and not self._known.knows_thread(room, thread):
            await self._learn_thread(api, room, thread)

    async def _learn_people(self, api: SlackApi, numbers: set[str]) -> None:
        for number in numbers:
            if self._known.person(number) is not None or not number.startswith(("U", "W")):
                continue
            try:
                found = await api.call("users.info", safe=True, user=number, include_locale=True)
                self._known.learn_person(Person.of(cast("Mapping[str, Any]", found["user"])))
            except (Refused, RateLimited) as error:
                _log.debug("slack_person_unknown", channel=self.channel, detail=str(error))
                if isinstance(error, Refused):
                    self._known.learn_person(Person(number))

    async def _learn_thread(self, api: SlackApi, room: str, thread: str) -> None:
        """Whether the bot talks in a thread nobody told us of."""
        found = await api.call("conversations.replies", safe=True, channel=room, ts=thread, limit=100)
        mine = {self._known.me.user, self._known.me.bot} - {""}
        said: Said | None = None
        for message in cast("list[Mapping[str, Any]]", found.get("messages") or []):
            if {str(message.get("user", "")), str(message.get("bot_id", ""))} & mine:
                said = Said(str(message["ts"]), str(message.get("text") or ""))
        self._known.learn_thread(room, thread, said)

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        """Store what Slack posts, then answer 200. Any other answer makes Slack post an event again."""
        if request.method != "POST":
            return HttpResponse(status=405)
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            return HttpResponse(status=413)
        self._verify(request)
        payload = _payload_of(request)
        if payload is None:
            return HttpResponse(status=400, body=b"not a payload")
        if payload.get("type") == "url_verification":
            return HttpResponse(status=200, body=str(payload.get("challenge", "")).encode())
        await self._take(payload)
        return HttpResponse(status=200)

    def _verify(self, request: HttpRequest) -> None:
        """Raises `BadSignature`: absent, malformed, wrong or stale; also while no signing secret is known."""
        valid = False
        if self._verifier is not None:
            try:
                valid = self._verifier.is_valid_request(request.body, dict(request.headers))
            except (ValueError, TypeError):  # slack-sdk raises at a timestamp that is no number
                valid = False
        if not valid:
            raise BadSignature("the signature of the request is wrong, stale or missing", channel=self.channel)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        if attachment.size_bytes > DOWNLOAD_LIMIT_BYTES:
            raise LimitReached("files of more than 25 MB are not loaded", limit="file", value=DOWNLOAD_LIMIT_BYTES)
        async for chunk in self._running().download(attachment.remote, DOWNLOAD_LIMIT_BYTES):
            yield chunk

    # --- out ------------------------------------------------------------------------------------------------

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return CAN

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return render_message(message)

    async def send(self, part: Part) -> Receipt:
        api = self._running()
        assert self._views is not None  # it comes and goes with the api
        async with self._views.settled(part.conversation):
            try:
                message_id = await send_part(api, part, self.host.load_file)
            except ChannelFatal as error:
                self._report("fatal", str(error))
                raise
        place = part.conversation
        if place.thread:
            self._known.learn_thread(place.room, place.thread, Said(message_id, part.text))
        return Receipt(message_id=message_id)

    async def find(self, part: Part) -> Receipt | None:
        me = [number for number in (self._known.me.user, self._known.me.bot) if number]
        found = await find_part(self._running(), part, me)
        return Receipt(message_id=found) if found else None

    async def update(self, part: Part, text: str) -> None:
        if self._views is not None and part.message_id:
            await self._views.update(part, text)

    async def acknowledge(self, event: Event, text: str = "") -> None:
        """Slack was answered when the press was stored; this says what came of it."""
        if self._views is not None:
            await self._views.tell(event, text)

    async def react(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        if self._views is not None:
            await self._views.react(conversation, message_id, emoji)

    def _running(self) -> SlackApi:
        if self._api is None:
            error = AdapterError(f"channel {self.channel} is not started")
            error.retryable = True
            raise error
        return self._api


def _payload_of(request: HttpRequest) -> dict[str, Any] | None:
    """An event is JSON; a press is a form with JSON in `payload`; a command is a form."""
    try:
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = {key: values[0] for key, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
            value: object = json.loads(form["payload"]) if "payload" in form else form
        else:
            value = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) and value else None
