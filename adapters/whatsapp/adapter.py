"""The WhatsApp channel: receives webhooks and sends through its carrier, whose health it watches."""

from __future__ import annotations

__all__ = ["WhatsApp"]

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec
import structlog

from adapters.life import HealthReport
from adapters.whatsapp.carrier import Carrier
from adapters.whatsapp.cloud import CloudApi
from adapters.whatsapp.cloud_carrier import CloudCarrier
from adapters.whatsapp.rendering import render_message
from botkit.sdk import (
    Adapter,
    AdapterError,
    AdapterHost,
    Attachment,
    BadSignature,
    BotkitError,
    Capabilities,
    ChannelFatal,
    Conversation,
    Event,
    HttpRequest,
    HttpResponse,
    OutMessage,
    Part,
    Receipt,
    Rendered,
)

_log = structlog.get_logger("botkit.whatsapp")

_BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_CHECK_S = 60.0
"""How often the credentials are tried when nothing is sent."""
_PEOPLE_KEPT = 10_000
WEBHOOK_LIMIT_BYTES = 3 * 1024 * 1024
"""Meta caps a notification at 3 MB; Twilio's are forms of a few kilobytes."""
_NO_ADDRESS = (
    "WhatsApp delivers messages to a public address only: set BOTKIT_PUBLIC_URL to the HTTPS address that reaches this "
    "machine, and enter {path} of it as the webhook"
)


class WhatsApp(Adapter):
    """One WhatsApp number.

    Configuration (`WhatsAppChannel`): `provider: cloud|twilio` and that provider's credentials, `template` for
    messages to people who wrote last more than 24 hours ago, `api_base`.
    """

    platform: ClassVar[str] = "whatsapp"

    def __init__(self, channel: str, config: Any, host: AdapterHost):
        super().__init__(channel, config, host)
        self._carrier: Carrier | None = None
        self._task: asyncio.Task[None] | None = None
        self._report = HealthReport(host)
        self._newest: OrderedDict[str, str] = OrderedDict()
        """Room → the person's newest message, which a typing signal answers."""

    # --- life -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Check the credentials and wait for webhooks; try again in the background while WhatsApp is away.

        Raises:
            ChannelFatal: no public address, or credentials that are refused.
        """
        self._report("starting", "")
        if not self.host.public_url:
            raise ChannelFatal(_NO_ADDRESS.format(path=f"/api/bots/webhook/whatsapp/{self.channel}"))
        carrier = self._carrier = await self._make_carrier()
        try:
            await carrier.check()
        except ChannelFatal:
            self._carrier = None
            await carrier.close()
            raise
        except AdapterError as error:
            self._report("degraded", str(error))
        else:
            self._report("ok", "")
        self._task = asyncio.create_task(self._watch(carrier), name=f"whatsapp {self.channel}")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            await carrier.close()
        self._report("off", "")

    async def _make_carrier(self) -> Carrier:
        config, secret = self.config, self.host.secret
        if config.provider == "twilio":
            from adapters.whatsapp.twilio_carrier import TwilioCarrier

            return TwilioCarrier(
                channel=self.channel,
                account_sid=config.account_sid,
                auth_token=await secret(config.auth_token.secret),
                sender=config.number or "",
                service=config.messaging_service_sid or "",
                template=config.template.name if config.template else "",
                api_base=str(config.api_base or ""),
                callback=f"{self.host.public_url}/api/bots/webhook/whatsapp/{self.channel}",
                share_file=self.host.share_file,
            )
        token = await secret(config.access_token.secret)
        return CloudCarrier(
            CloudApi(config.phone_number_id, token, str(config.api_base or "")),
            channel=self.channel,
            number_id=config.phone_number_id,
            app_secret=await secret(config.app_secret.secret),
            verify_token=await secret(config.verify_token.secret),
            template=(config.template.name, config.template.language) if config.template else None,
            load_file=self.host.load_file,
        )

    async def _watch(self, carrier: Carrier) -> None:
        """Notice refused credentials and a lost network also when nothing is sent."""
        failures = 0
        while True:
            wait_s = (
                _BACKOFF_S[min(failures, len(_BACKOFF_S)) - 1]
                if failures or self._report.state == "degraded"
                else _CHECK_S
            )
            await self.host.clock.sleep(wait_s)
            try:
                await carrier.check()
            except ChannelFatal as error:
                self._report("fatal", str(error))
                return
            except BotkitError as error:
                failures += 1
                self._report("degraded", str(error))
            else:
                failures = 0
                self._report("ok", "")

    # --- in -------------------------------------------------------------------------------------------------

    def parse(self, payload: Mapping[str, Any]) -> Sequence[Event]:
        return self._running().parse(payload, self.host.clock.now())

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        """Verify, store, then answer 200. Any other answer makes the provider deliver it again."""
        carrier = self._carrier
        if carrier is None:
            return HttpResponse(status=503)
        if request.method not in ("GET", "POST"):
            return HttpResponse(status=405)
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            return HttpResponse(status=413)
        try:
            received = carrier.receive(request)
        except BadSignature as error:
            error.args = (f"{error} ({self.channel})",)
            raise
        if isinstance(received, HttpResponse):
            return received
        for event in carrier.parse(received, self.host.clock.now()):
            await self.host.accept(event)
            self._remember(event)
        return HttpResponse(status=200)

    def _remember(self, event: Event) -> None:
        if event.kind == "delivery_status" or not event.message_id:
            return
        room = event.conversation.room
        self._newest[room] = event.message_id
        self._newest.move_to_end(room)
        while len(self._newest) > _PEOPLE_KEPT:
            self._newest.popitem(last=False)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        async for chunk in self._running().fetch(attachment):
            yield chunk

    # --- out ------------------------------------------------------------------------------------------------

    def capabilities(self, conversation: Conversation) -> Capabilities:
        if self.config.provider == "twilio":
            from adapters.whatsapp.twilio_limits import CAPABILITIES

            able = CAPABILITIES
        else:
            able = CloudCarrier.capabilities
        # With a template of its own, the channel reaches people after the window too.
        return msgspec.structs.replace(able, window_s=0.0) if self.config.template is not None else able

    def render(self, message: OutMessage, conversation: Conversation) -> Sequence[Rendered]:
        able = self.capabilities(conversation)
        return render_message(message, able.text_limit, able.file_out_limit_bytes)

    def direct_room(self, user_id: str) -> str:
        """There is no other chat with a person."""
        return user_id

    async def send(self, part: Part) -> Receipt:
        try:
            return Receipt(message_id=await self._running().send(part))
        except ChannelFatal as error:
            self._report("fatal", str(error))
            raise

    async def typing(self, conversation: Conversation) -> None:
        if message_id := self._newest.get(conversation.room):
            await self._quietly("typing", conversation.room, message_id)

    async def react(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        await self._quietly("react", conversation.room, message_id, emoji)

    async def _quietly(self, deed: Literal["typing", "react"], *args: str) -> None:
        try:
            await getattr(self._running(), deed)(*args)
        except BotkitError as error:
            _log.debug("whatsapp_ornament_refused", channel=self.channel, deed=deed, detail=str(error))

    def _running(self) -> Carrier:
        if self._carrier is None:
            error = AdapterError(f"channel {self.channel} is not started")
            error.retryable = True
            raise error
        return self._carrier
