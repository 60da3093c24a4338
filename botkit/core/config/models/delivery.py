"""`settings.mail`, `settings.sms` and `settings.identity`: how mail and short messages leave, and who checks codes."""

from __future__ import annotations

__all__ = [
    "HttpMail",
    "HttpSms",
    "IdentityService",
    "Mail",
    "MailSpec",
    "Msg91Sms",
    "ResendMail",
    "SesMail",
    "Sms",
    "SmsSpec",
    "SmtpMail",
    "TwilioSms",
]

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from botkit.core.config.models.base import Bool, Float, Int, Model, SecretRef, Text, Url, problem

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def _check_sender(value: str) -> str:
    name, address = parseaddr(value)
    local, at, domain = address.rpartition("@")
    if "\n" in value or "\r" in value or not (local and at and domain) or " " in address:
        raise problem("this must be an address such as desk@example.com or `Desk <desk@example.com>`")
    del name
    return value


Sender = Annotated[str, AfterValidator(_check_sender)]
"""An address mail comes from, with or without a name before it."""

PhoneNumber = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
"""In international form, such as `+15551230000`."""


def _check_endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" and parts.hostname not in _THIS_MACHINE:
        raise problem("codes and keys go only to an https:// address")
    return value.rstrip("/")


Endpoint = Annotated[Url, AfterValidator(_check_endpoint)]
"""The address of a service that is told codes or keys."""


class Service(Model, frozen=True):
    """What every service that is called over HTTP has."""

    timeout_s: Float = Field(default=15.0, gt=0, le=120)
    """Seconds it may take to answer."""


class SmtpMail(Model, frozen=True):
    """A mail server of your own or of your provider."""

    provider: Literal["smtp"]
    """By whom."""
    sender: Sender = Field(alias="from")
    """Who mail comes from."""
    host: Text
    """Name of the server."""
    port: Int = Field(default=587, ge=1, le=65_535)
    """Where it listens: usually 587, or 465 with `tls`."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`tls` from the first byte (port 465), `starttls`, or `none`, which is only for a server on this machine."""
    user: Text | None = None
    """Login name; without one no login is tried."""
    password: SecretRef | None = None
    """For the login."""
    timeout_s: Float = Field(default=20.0, gt=0, le=120)
    """Seconds for each step of the exchange."""

    @model_validator(mode="after")
    def _fits(self) -> SmtpMail:
        if (self.user is None) != (self.password is None):
            raise problem("user and password belong together")
        if self.security == "none" and self.host not in _THIS_MACHINE:
            raise problem("only a server on this machine may go without encryption; set security to starttls or tls")
        return self


class ResendMail(Service, frozen=True):
    """Resend, https://resend.com."""

    provider: Literal["resend"]
    """By whom."""
    sender: Sender = Field(alias="from")
    """Who mail comes from; of a domain that is verified there."""
    key: SecretRef
    """The API key."""
    base_url: Endpoint = "https://api.resend.com"
    """Of the service; another one for a test double."""


class SesMail(Service, frozen=True):
    """Amazon Simple Email Service, by its API (version 2)."""

    provider: Literal["ses"]
    """By whom."""
    sender: Sender = Field(alias="from")
    """Who mail comes from; an identity that is verified there."""
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    """Such as `eu-central-1`."""
    access_key: Text
    """Id of the access key; not a secret."""
    secret_key: SecretRef
    """The secret access key."""
    base_url: Endpoint | None = None
    """Another endpoint than that of the region."""


class HttpMail(Service, frozen=True):
    """A service of your own: it gets `POST url` with `{to, subject, text, html, from, key}`, signed."""

    provider: Literal["http"]
    """By whom."""
    sender: Sender = Field(alias="from")
    """Who mail comes from."""
    url: Endpoint
    """Its address."""
    key: SecretRef
    """Signs each request: `X-Botkit-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 of `SECONDS.BODY`."""
    allow_private: Bool = False
    """Whether it may lie in a private network or on this machine."""


class TwilioSms(Service, frozen=True):
    """Twilio: text messages, or Twilio Verify, which makes and checks the codes itself."""

    provider: Literal["twilio"]
    """By whom."""
    account: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")]
    """Account SID."""
    token: SecretRef
    """Auth token, or with `api_key` the secret of that key."""
    api_key: Annotated[str, StringConstraints(pattern=r"^SK[0-9a-fA-F]{32}$")] | None = None
    """SID of an API key to log in with, in place of the account."""
    sender: PhoneNumber | None = Field(default=None, alias="from")
    """The number messages come from."""
    messaging_service: Annotated[str, StringConstraints(pattern=r"^MG[0-9a-fA-F]{32}$")] | None = None
    """SID of a messaging service, in place of a number."""
    verify_service: Annotated[str, StringConstraints(pattern=r"^VA[0-9a-fA-F]{32}$")] | None = None
    """SID of a Verify service: codes are then Twilio's."""
    base_url: Endpoint = "https://api.twilio.com"
    """Of the service; another one for a test double."""
    verify_url: Endpoint = "https://verify.twilio.com"
    """Of Verify; another one for a test double."""

    @model_validator(mode="after")
    def _fits(self) -> TwilioSms:
        if not (self.sender or self.messaging_service or self.verify_service):
            raise problem("one of from, messaging_service and verify_service is needed")
        if self.sender and self.messaging_service:
            raise problem("a number or a messaging service, not both")
        return self


class Msg91Sms(Service, frozen=True):
    """MSG91: codes in a template that is registered there; no other messages."""

    provider: Literal["msg91"]
    """By whom."""
    key: SecretRef
    """The auth key."""
    template: Text
    """Id of the template; its text has `##OTP##` where the code goes."""
    base_url: Endpoint = "https://control.msg91.com"
    """Of the service; another one for a test double."""


class HttpSms(Service, frozen=True):
    """A service of your own: it gets `POST url` with `{to, text, code, key}`, signed as for mail."""

    provider: Literal["http"]
    """By whom."""
    url: Endpoint
    """Its address."""
    key: SecretRef
    """Signs each request."""
    allow_private: Bool = False
    """Whether it may lie in a private network or on this machine."""


class IdentityService(Service, frozen=True):
    """A service of your own that sends and checks codes, for the method `custom` of `auth_gate`.

    `POST url/send` with `{to, person, key}` answers `{"reference": …}`; `POST url/verify` with
    `{to, person, code, reference}` answers `{"verified": true, "identity": {…}}`. Both are signed as for mail.
    """

    url: Endpoint
    """Its address."""
    key: SecretRef
    """Signs each request."""
    allow_private: Bool = False
    """Whether it may lie in a private network or on this machine."""


def _provider_of(value: object) -> str | None:
    found: Any = getattr(value, "provider", None)
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value).get("provider")
    return f"({found})" if isinstance(found, str) else None


MailSpec = SmtpMail | ResendMail | SesMail | HttpMail
Mail = Annotated[
    Annotated[SmtpMail, Tag("(smtp)")]
    | Annotated[ResendMail, Tag("(resend)")]
    | Annotated[SesMail, Tag("(ses)")]
    | Annotated[HttpMail, Tag("(http)")],
    Discriminator(
        _provider_of,
        custom_error_type="botkit",
        custom_error_message="mail needs a provider: smtp, resend, ses or http",
    ),
]
"""How mail leaves; `provider` says by whom."""

SmsSpec = TwilioSms | Msg91Sms | HttpSms
Sms = Annotated[
    Annotated[TwilioSms, Tag("(twilio)")] | Annotated[Msg91Sms, Tag("(msg91)")] | Annotated[HttpSms, Tag("(http)")],
    Discriminator(
        _provider_of,
        custom_error_type="botkit",
        custom_error_message="sms needs a provider: twilio, msg91 or http",
    ),
]
"""How short messages leave; `provider` says by whom."""
