"""Which service sends what, as the settings say at this moment."""

from __future__ import annotations

__all__ = ["Deliveries"]

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botkit.app.delivery.calling import ReadSecret, host_of
from botkit.app.delivery.msg91 import Msg91
from botkit.app.delivery.own import OwnCodes, OwnMail, OwnSms
from botkit.app.delivery.resend import Resend
from botkit.app.delivery.ses import Ses
from botkit.app.delivery.twilio import Twilio, TwilioVerify
from botkit.core.clock import Clock
from botkit.core.config import Settings
from botkit.core.config.models.delivery import HttpMail, HttpSms, Msg91Sms, ResendMail, SesMail, TwilioSms
from botkit.core.delivery import CodeService, Mailer, NotSetUp, Texter
from botkit.core.outbound import HttpPort
from botkit.gateway.remote.guard import Resolver, is_loopback_host, resolve

if TYPE_CHECKING:
    from botkit.app.outbound import Secrets


class Deliveries:
    """Makes the services of a revision. They keep nothing between messages, so an edit counts from the next one on.

    Args:
        secrets: of the instance, for what goes into requests; `secret`: one of them, for what is signed.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        secrets: Secrets,
        secret: ReadSecret,
        clock: Clock,
        *,
        resolver: Resolver = resolve,
    ):
        self._settings = settings
        self._secrets = secrets
        self._secret = secret
        self._clock = clock
        self._resolver = resolver

    def mailer(self) -> Mailer:
        """Raises `NotSetUp`."""
        config = self._settings().mail
        match config:
            case None:
                raise NotSetUp("no mail can be sent: say how in settings.mail of bots.yaml")
            case ResendMail():
                return Resend(config, self._http(config.base_url))
            case SesMail():
                return Ses(config, self._http(config.base_url or ""), self._secret, self._clock)
            case HttpMail():
                http = self._http(config.url, private=config.allow_private, own=True)
                return OwnMail(config, http, self._secret, self._clock)
            case _:
                from botkit.app.delivery.smtp import Smtp  # its library is loaded where mail leaves by it

                return Smtp(config, self._secret, self._clock)

    def texter(self) -> Texter:
        """Raises `NotSetUp`."""
        config = self._settings().sms
        match config:
            case Msg91Sms():
                return Msg91(config, self._http(config.base_url))
            case TwilioSms() if config.sender or config.messaging_service:
                return Twilio(config, self._http(config.base_url))
            case HttpSms():
                http = self._http(config.url, private=config.allow_private, own=True)
                return OwnSms(config, http, self._secret, self._clock)
            case _:
                raise NotSetUp("no short messages can be sent: say how in settings.sms of bots.yaml")

    def sms_codes(self) -> CodeService | None:
        """Who makes and checks the codes of short messages, when it is not botkit."""
        config = self._settings().sms
        if isinstance(config, TwilioSms) and config.verify_service:
            return TwilioVerify(config, self._http(config.verify_url))
        return None

    def own_codes(self) -> CodeService:
        """Raises `NotSetUp`."""
        config = self._settings().identity
        if config is None:
            raise NotSetUp("nobody checks identities: name a service in settings.identity of bots.yaml")
        http = self._http(config.url, private=config.allow_private, own=True)
        return OwnCodes(config, http, self._secret, self._clock)

    def _http(self, url: str, *, private: bool = False, own: bool = False) -> HttpPort:
        from botkit.app.outbound import GuardedHttp

        hosts = list(_reachable(url, private=private, own=own))
        return GuardedHttp(self._secrets, hosts=hosts, resolver=self._resolver)


def _reachable(url: str, *, private: bool, own: bool) -> Iterator[str]:
    """The host of an address that may lie where strangers' addresses may not: a test double of a known service on
    this machine, or a service of the operator's own that says so."""
    if private or (not own and is_loopback_host(urlsplit(url).hostname or "")):
        parts = urlsplit(url)
        yield host_of(url) if parts.port else f"{parts.hostname}:{443 if parts.scheme == 'https' else 80}"
