"""The Telegram channel: starts, stops, receives and sends. What it understands is in `parsing`, what it
writes in `rendering`, how it calls in `api`, how it listens in `polling`.
"""

from __future__ import annotations

__all__ = ["Telegram"]

import asyncio
import hashlib
import hmac
import json
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, cast

import structlog
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    GetFile,
    GetMe,
    SetMessageReaction,
    SetMyCommands,
)
from aiogram.types import BotCommand, ReactionTypeEmoji

from adapters.life import HealthReport, connect_later
from adapters.telegram.api import Moved, Refused, TelegramApi
from adapters.telegram.media import DOWNLOAD_LIMIT_BYTES
from adapters.telegram.parsing import Me, parse_update
from adapters.telegram.polling import Poller, WebhookWatch
from adapters.telegram.rendering import render_message
from adapters.telegram.sending import send_part
from adapters.telegram.views import GROUP, PRIVATE, Views
from botkit.sdk import (
    Adapter,
    AdapterError,
    AdapterHost,
    Attachment,
    BadSignature,
    Capabilities,
    ChannelFatal,
    Conversation,
    Event,
    HttpRequest,
    HttpResponse,
    LimitReached,
    NotFound,
    OutMessage,
    Part,
    Receipt,
    Rendered,
)

_log = structlog.get_logger("botkit.telegram")

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the name of a header
WEBHOOK_LIMIT_BYTES = 4 * 1024 * 1024
"""An update is a few kilobytes; Telegram caps a whole batch at 4 MB."""
_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_ACKNOWLEDGED_KEPT = 1000
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_PRIVACY = (
    "privacy mode is on: in groups the bot sees only commands, replies and mentions. To let it read along, "
    "send /setprivacy to BotFather, choose Disable, and add the bot to the group again"
)


class Telegram(Adapter):
    """One bot on Telegram.

    Configuration (`TelegramChannel`): `token`, `mode: polling|webhook`, `webhook_secret`, `api_base`, `rich`.

    The files of an album come one by one, the next only after the last was stored. Each is stored as it comes, and
    carries the album's id, by which the engine makes one message of them.
    """

    platform: ClassVar[str] = "telegram"

    def __init__(self, channel: str, config: Any, host: AdapterHost):
        super().__init__(channel, config, host)
        self._api: TelegramApi | None = None
        self._me = Me()
        self._webhook_secret = ""
        self._task: asyncio.Task[None] | None = None
        self._report = HealthReport(host)
        self._moved: dict[str, str] = {}
        self._views: Views | None = None
        self._acknowledged: OrderedDict[str, None] = OrderedDict()

    # --- life -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Check the token, register commands, then poll or set the webhook.

        When Telegram cannot be reached the channel keeps trying in the background, `degraded`.

        Raises:
            ChannelFatal: the token is missing, malformed or refused.
        """
        self._report("starting", "")
        self._api = TelegramApi(await self.host.secret(self.config.token.secret), str(self.config.api_base or ""))
        self._views = Views(self._api, self.host.clock, self.channel)
        try:
            await self._connect(self._api)
        except ChannelFatal:
            await self._api.close()
            raise
        except AdapterError as error:
            self._report("degraded", str(error))
            self._task = asyncio.create_task(self._connect_later(self._api), name=f"telegram {self.channel}")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._views is not None:
            await self._views.close()
            self._views = None
        if self._api is not None:
            await self._api.close()
            self._api = None
        self._report("off", "")

    async def _connect_later(self, api: TelegramApi) -> None:
        clock, report = self.host.clock, self._report
        receiver = await connect_later(lambda: self._introduce(api), clock=clock, waits_s=_BACKOFF_S, report=report)
        if receiver is not None:
            await receiver.run()

    async def _connect(self, api: TelegramApi) -> None:
        receiver = await self._introduce(api)
        self._task = asyncio.create_task(receiver.run(), name=f"telegram {self.channel}")

    async def _introduce(self, api: TelegramApi) -> Poller | WebhookWatch:
        """Learn who we are and tell Telegram how updates come; what is to run for that."""
        me = cast("dict[str, Any]", await api.call(GetMe(), safe=True))
        self._me = Me(
            str(me["id"]), str(me.get("username", "")), reads_groups=bool(me.get("can_read_all_group_messages"))
        )
        self._report.reminder = "" if self._me.reads_groups else _PRIVACY
        if self._report.reminder:
            _log.warning("telegram_privacy_mode", channel=self.channel, detail=_PRIVACY)
        await self._register_commands(api)
        if self.config.mode == "webhook" and self.host.public_url:
            secret = await self._secret_of_webhook()
            self._webhook_secret = secret
            url = f"{self.host.public_url}/api/bots/webhook/telegram/{self.channel}"
            watch = WebhookWatch(api=api, clock=self.host.clock, url=url, secret=secret, report=self._report)
            await watch.register()
            self._report("ok", "")
            return watch
        if self.config.mode == "webhook":
            _log.warning("telegram_polls_instead", channel=self.channel, detail="BOTKIT_PUBLIC_URL is not set")
        await api.call(DeleteWebhook(), safe=True)
        self._report("ok", "")
        return Poller(
            api=api,
            channel=self.channel,
            clock=self.host.clock,
            parse=self.parse,
            accept=self.host.accept,
            report=self._report,
        )

    async def _register_commands(self, api: TelegramApi) -> None:
        """In English for everybody, and in other languages for those whose app speaks them."""
        try:
            for code, commands in {"": self.host.commands, **self.host.translated_commands}.items():
                shown = [
                    BotCommand(command=name, description=about[:256])
                    for name, about in commands
                    if _COMMAND.fullmatch(name) and about
                ]
                await api.call(SetMyCommands(commands=shown, language_code=code or None), safe=True)
        except Refused as error:
            _log.warning("telegram_commands_refused", channel=self.channel, detail=str(error))

    async def _secret_of_webhook(self) -> str:
        configured = self.config.webhook_secret
        if configured is not None:
            secret = await self.host.secret(configured.secret)
        else:
            # The same in every process that serves this channel, and of no use for finding the token.
            token = await self.host.secret(self.config.token.secret)
            secret = hmac.new(token.encode(), b"botkit telegram webhook", hashlib.sha256).hexdigest()
        if not _SECRET.fullmatch(secret):
            raise ChannelFatal("the webhook secret may hold letters, digits, - and _ only, at most 256: store another")
        return secret

    # --- in -------------------------------------------------------------------------------------------------

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return parse_update(self.channel, self._me, payload, self.host.clock.now())

    def verify(self, headers: Mapping[str, str]) -> None:
        """Compare the secret header in constant time, as bytes: it may hold anything.

        Raises:
            BadSignature: absent or different; also while this channel serves no webhook.
        """
        given = headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not self._webhook_secret or not hmac.compare_digest(given, self._webhook_secret.encode()):
            raise BadSignature("the webhook secret is wrong or missing", channel=self.channel)

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        """Store the update, then answer 200. Any other answer makes Telegram deliver it again."""
        self.verify(request.headers)
        if request.method != "POST":
            return HttpResponse(status=405)
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            return HttpResponse(status=413)
        try:
            payload: object = json.loads(request.body)
        except (ValueError, RecursionError):
            return HttpResponse(status=400, body=b"not JSON")
        if not isinstance(payload, dict):
            return HttpResponse(status=400, body=b"not an update")
        for event in self.parse(cast("dict[str, Any]", payload)):
            await self.host.accept(event)
        return HttpResponse(status=200)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        if attachment.size_bytes > DOWNLOAD_LIMIT_BYTES:
            raise _too_large()
        api, _ = self._running()
        try:
            info = await api.call(GetFile(file_id=attachment.remote), safe=True)
        except Refused as error:
            if "too big" in error.description:
                raise _too_large() from error
            raise NotFound("the file is gone from Telegram; ask the person to send it again") from error
        async for chunk in api.download(str(info["file_path"]), DOWNLOAD_LIMIT_BYTES):
            yield chunk

    # --- out ------------------------------------------------------------------------------------------------

    def capabilities(self, conversation: Conversation) -> Capabilities:
        return PRIVATE if conversation.kind == "dm" else GROUP

    def direct_room(self, user_id: str) -> str:
        """A private chat has the id of its person."""
        return user_id

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        return render_message(message, rich=bool(getattr(self.config, "rich", False)))

    async def send(self, part: Part) -> Receipt:
        api, views = self._running()
        async with views.settled(part.conversation):
            return await self._send(api, part)

    async def _send(self, api: TelegramApi, part: Part) -> Receipt:
        room = self._moved.get(part.conversation.room, part.conversation.room)
        try:
            message_id = await send_part(api, part, room, self.host.load_file)
        except Moved as error:
            # Refused before anything was delivered, so the same part goes to the new id at once.
            self._moved[part.conversation.room] = room = error.room
            message_id = await send_part(api, part, room, self.host.load_file)
        except ChannelFatal as error:
            self._report("fatal", str(error))
            raise
        moved = Conversation(
            channel=part.conversation.channel, room=room, thread=part.conversation.thread, kind="group"
        )
        return Receipt(message_id=message_id, conversation=moved if room != part.conversation.room else None)

    async def typing(self, conversation: Conversation) -> None:
        if self._views is not None:
            await self._views.typing(conversation)

    async def draft(self, conversation: Conversation, draft_id: int, text: str) -> None:
        if self._views is not None and conversation.kind == "dm":
            await self._views.draft(conversation, draft_id, text)

    async def update(self, part: Part, text: str) -> None:
        if self._views is not None and part.message_id:
            room = self._moved.get(part.conversation.room, part.conversation.room)
            await self._views.update(part.conversation, room, part.message_id, text)

    async def acknowledge(self, event: Event, text: str = "") -> None:
        handle = event.action.handle if event.action is not None else ""
        if self._views is None or not handle or handle in self._acknowledged:
            return
        self._acknowledged[handle] = None
        while len(self._acknowledged) > _ACKNOWLEDGED_KEPT:
            self._acknowledged.popitem(last=False)
        await self._views.quietly(AnswerCallbackQuery(callback_query_id=handle, text=text[:200] or None))

    async def react(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        if self._views is None:
            return
        method = SetMessageReaction(
            chat_id=int(conversation.room),
            message_id=int(message_id),
            reaction=[ReactionTypeEmoji(emoji=emoji)] if emoji else [],
        )
        await self._views.quietly(method, conversation.key)

    def _running(self) -> tuple[TelegramApi, Views]:
        if self._api is None or self._views is None:
            error = AdapterError(f"channel {self.channel} is not started")
            error.retryable = True
            raise error
        return self._api, self._views


def _too_large() -> LimitReached:
    limit = DOWNLOAD_LIMIT_BYTES
    return LimitReached("Telegram lets bots load files of at most 20 MB", limit="telegram file", value=limit)
