"""`channels:`, the accounts on chat platforms through which bots are reached."""

from __future__ import annotations

__all__ = [
    "PLATFORMS",
    "Channel",
    "ChannelSpec",
    "CustomChannel",
    "DiscordChannel",
    "Groups",
    "Overrides",
    "PluginChannel",
    "Room",
    "SlackChannel",
    "TelegramChannel",
    "WebChannel",
    "WhatsAppChannel",
    "WhatsAppTemplate",
]

import re
from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from botkit.core.config.models.base import (
    Bool,
    Float,
    Int,
    Json,
    Language,
    Model,
    ModelName,
    Name,
    OneOrMany,
    PlatformId,
    SecretRef,
    Slug,
    Text,
    Url,
    problem,
)
from botkit.core.config.models.bots import Busy, WhileWaiting

PLATFORMS = ("telegram", "discord", "slack", "whatsapp", "web", "custom")
"""Platforms whose settings botkit knows itself; adapters of other packages add more."""

DmPolicy = Literal["open", "pairing", "allowlist"]
GroupPolicy = Literal["mention", "all", "off"]


class Overrides(Model, frozen=True):
    """Settings of the bot that a channel or a room may replace. The nearest wins: room, channel, bot."""

    model: ModelName | None = None
    """Another model than the bot's."""
    busy: Busy | None = None
    """A message during a turn waits, is merged into the next, or interrupts the running one."""
    while_waiting: WhileWaiting | None = None
    """A message while a run waits for somebody starts a new turn, gets a notice, or waits too."""
    stream: Bool | None = None
    """Show the answer while it is written."""
    history_messages: Int | None = Field(default=None, ge=0, le=10_000)
    """Messages of the conversation the model sees."""
    session_ttl_hours: Float | None = Field(default=None, gt=0, le=87_600)
    """Hours of silence after which a conversation begins anew."""
    locale: Language | None = None
    """Language of fixed sentences, as in `settings.locale`."""


class Groups(Model, frozen=True):
    """When bots speak in groups."""

    policy: GroupPolicy = "mention"
    """`mention`: to a mention, a reply or its name; `all`: to every message; `off`: never."""
    allow: OneOrMany[PlatformId] | None = None
    """Ids of the rooms it serves. Absent: every room it was invited to."""
    names: OneOrMany[str] = ()
    """Words that count as a mention, besides the account's own name."""


class Room(Overrides, frozen=True):
    """What is different in one room."""

    bot: Slug | None = None
    """Another bot or team than the channel's."""
    prompt_append: str = ""
    """Text added to the bot's instructions here."""
    policy: GroupPolicy | None = None
    """When it speaks here; the channel's `groups.policy` when absent."""
    names: OneOrMany[str] | None = None
    """Words that count as a mention here; the channel's `groups.names` when absent."""


class Channel(Overrides, frozen=True):
    """What all channels share."""

    platform: str
    """Which platform it is on."""
    bot: Slug
    """The bot (or team) that answers."""
    enabled: Bool | Literal["auto"] = True
    """`auto`: start only when all its secrets are stored."""
    allow: OneOrMany[PlatformId] = ()
    """Who may write in private, under `dm_policy: allowlist`: ids on the platform, or names from `people`."""
    groups: Groups = Groups()
    """When it speaks in groups."""
    rooms: Mapping[PlatformId, Room] = {}
    """Room id → what is different there."""
    prompt_append: str = ""
    """Text added to the bot's instructions on this channel."""
    on_unknown_send: Literal["hold", "resend"] = "hold"
    """After a crash inside a send: `hold` and tell the operator, or `resend` and risk a repeated message."""
    api_base: Url | None = None
    """Address of the platform's API, for a local server or a proxy."""

    @property
    def dm_rule(self) -> DmPolicy:
        """The policy for private messages; platforms without strangers are open."""
        policy: DmPolicy | None = getattr(self, "dm_policy", None)
        return policy or "open"

    def secret_refs(self) -> tuple[SecretRef, ...]:
        """Every secret this channel needs before it can start."""
        values: list[object] = [getattr(self, name) for name in type(self).model_fields]
        nested = [item for v in values if isinstance(v, Mapping) for item in cast("Mapping[str, object]", v).values()]
        return tuple(v for v in (*values, *nested) if isinstance(v, SecretRef))


class TelegramChannel(Channel, frozen=True):
    """A Telegram bot."""

    platform: Literal["telegram"]
    """Which platform it is on."""
    dm_policy: DmPolicy
    """Unknown people in private: `open` to all, `pairing` by a code an operator approves, or `allowlist`."""
    token: SecretRef
    """The token from BotFather."""
    mode: Literal["polling", "webhook"] = "polling"
    """How updates arrive. `webhook` needs BOTKIT_PUBLIC_URL; without it botkit polls."""
    webhook_secret: SecretRef | None = None
    """The secret Telegram repeats with each webhook call; one is made up when absent."""
    rich: Bool = False
    """Send answers with tables as rich messages; older Telegram apps show a placeholder for those."""


class DiscordChannel(Channel, frozen=True):
    """A Discord application with its bot user."""

    platform: Literal["discord"]
    """Which platform it is on."""
    dm_policy: DmPolicy
    """Unknown people in private: `open` to all, `pairing` by a code an operator approves, or `allowlist`."""
    token: SecretRef
    """The bot user's token."""
    application_id: PlatformId | None = None
    """The application's id; asked from Discord when absent."""
    public_key: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")
    """The application's public key, for interactions over HTTP."""


class SlackChannel(Channel, frozen=True):
    """A Slack app."""

    platform: Literal["slack"]
    """Which platform it is on."""
    dm_policy: DmPolicy
    """Unknown people in private: `open` to all, `pairing` by a code an operator approves, or `allowlist`."""
    bot_token: SecretRef
    """The bot token, `xoxb-…`."""
    mode: Literal["socket", "events"] = "socket"
    """`socket` needs `app_token`; `events` needs `signing_secret` and a public address."""
    app_token: SecretRef | None = None
    """The app-level token, `xapp-…`."""
    signing_secret: SecretRef | None = None
    """Proves that a request comes from Slack."""
    suggested_prompts: tuple[Text, ...] = Field(default=(), max_length=4)
    """What to ask, offered in a new thread with the assistant."""

    @model_validator(mode="after")
    def _has_what_the_mode_needs(self) -> SlackChannel:
        if self.mode == "socket" and self.app_token is None:
            raise problem("mode: socket needs app_token: {secret: NAME}")
        if self.mode == "events" and self.signing_secret is None:
            raise problem("mode: events needs signing_secret: {secret: NAME}")
        return self


class WhatsAppTemplate(Model, frozen=True):
    """An approved template whose text is one variable, for people who wrote last more than 24 hours ago."""

    name: Text
    """Cloud API: the template's name. Twilio: the sid of its content, `HX…`."""
    language: str = Field(default="en", pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")
    """Cloud API: the language it was approved in, such as `en_US`."""


class WhatsAppChannel(Channel, frozen=True):
    """A WhatsApp number, by Twilio or by Meta's Cloud API."""

    platform: Literal["whatsapp"]
    """Which platform it is on."""
    dm_policy: DmPolicy
    """Unknown people: `open` to all, `pairing` by a code an operator approves, or `allowlist`."""
    provider: Literal["twilio", "cloud"] = "cloud"
    """Who carries the messages: `twilio`, or `cloud` for Meta's Cloud API."""
    phone_number_id: PlatformId | None = None
    """Cloud API: the number's id."""
    access_token: SecretRef | None = None
    """Cloud API: the token of the system user."""
    verify_token: SecretRef | None = None
    """Cloud API: repeated by Meta when the webhook is set up."""
    app_secret: SecretRef | None = None
    """Cloud API: signs webhook bodies."""
    account_sid: str | None = Field(default=None, pattern=r"^AC[0-9a-fA-F]{32}$")
    """Twilio: the account."""
    auth_token: SecretRef | None = None
    """Twilio: the account's token."""
    number: str | None = Field(default=None, pattern=r"^\+[0-9]{6,15}$")
    """Twilio: the sending number, such as `+15551230000`."""
    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")
    """Twilio: a messaging service instead of a number."""
    template: WhatsAppTemplate | None = None
    """What to send after 24 hours of silence; without one such messages fail, and say so."""

    @model_validator(mode="after")
    def _has_what_the_provider_needs(self) -> WhatsAppChannel:
        wanted = (
            ("phone_number_id", "access_token", "verify_token", "app_secret")
            if self.provider == "cloud"
            else ("account_sid", "auth_token")
        )
        missing = [name for name in wanted if getattr(self, name) is None]
        if missing:
            raise problem(f"provider: {self.provider} needs {', '.join(missing)}")
        if self.provider == "twilio" and self.number is None and self.messaging_service_sid is None:
            raise problem("provider: twilio needs number or messaging_service_sid")
        return self


def _check_origin(value: str) -> str:
    match = _ORIGIN.fullmatch(value)
    if match is None:
        raise problem("an origin is a scheme and a host, such as https://www.example.com, without a path")
    if match["scheme"] == "http" and match["host"] not in ("localhost", "127.0.0.1", "[::1]"):
        raise problem("sites on http:// can be changed on their way to the visitor; only localhost may use it")
    return value.removesuffix(":443") if match["scheme"] == "https" else value.removesuffix(":80")


_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
Origin = Annotated[str, AfterValidator(_check_origin)]
"""Scheme, host and port of a site, as browsers write it in the Origin header."""


class WebChannel(Channel, frozen=True):
    """A chat on web sites of yours, embedded by one script tag."""

    platform: Literal["web"]
    """Which platform it is on."""
    dm_policy: DmPolicy = "open"
    """Unknown visitors: `open` to all, `pairing` by a code an operator approves, or `allowlist`."""
    allowed_origins: OneOrMany[Origin] = ()
    """Sites that may embed it, such as `https://www.example.com`. No other site can talk to the bot."""
    title: Name = "Chat"
    """At the top of the chat, and what the button that opens it says."""
    greeting: str = Field(default="", max_length=2000)
    """Markdown shown above an empty conversation. It is not part of what the model sees."""
    colour: str = Field(default="#1f5fbf", pattern=r"^#[0-9a-fA-F]{6}$")
    """Of the button and of what visitors wrote."""
    position: Literal["right", "left"] = "right"
    """The lower corner of the window in which the button is."""
    theme: Literal["auto", "light", "dark"] = "auto"
    """`auto`: as the visitor's device."""
    language: Literal["auto", "en", "de", "es", "fr", "pt"] = "auto"
    """Of the chat's own words. `auto`: the page's `lang`, else the visitor's browser."""
    privacy_url: Url | None = None
    """A link below the text field, to what you do with what visitors write."""
    identity_secret: SecretRef | None = None
    """Shared with your site's backend, which signs with it who is logged in (a JWT, HS256). At least 32 characters."""
    anonymous: Bool = True
    """Visitors who are not logged in may write too."""
    upload_limit_mb: Float = Field(default=10.0, ge=0, le=20)
    """Largest file a visitor may send, in megabytes; 0: none."""
    feedback: Bool = True
    """Ask with two thumbs below each answer."""
    messages_per_minute: Int = Field(default=20, ge=1, le=600)
    """How much one visitor may write."""
    visitor_days: Int = Field(default=90, ge=1, le=730)
    """Days without a visit after which an anonymous visitor is forgotten by the browser."""


class CustomChannel(Channel, frozen=True):
    """Your own front end: a signed HTTP request in, the answer as JSON out."""

    platform: Literal["custom"]
    """Which platform it is on."""
    dm_policy: DmPolicy = "open"
    """Unknown people: `open` to all, `pairing` by a code an operator approves, or `allowlist`."""
    secret: SecretRef
    """Shared by both sides; requests carry it as a bearer token, or prove it by an HMAC-SHA256 signature."""
    timeout_s: Float = Field(default=60.0, gt=0, le=600)
    """Seconds a request waits for its answer."""


class PluginChannel(Channel, frozen=True):
    """An account on a platform whose adapter comes from another package, which checks `options` itself."""

    dm_policy: DmPolicy
    """Unknown people in private: `open` to all, `pairing` by a code an operator approves, or `allowlist`."""
    options: Mapping[str, Json] = {}
    """What the adapter asks for."""
    secrets: Mapping[str, SecretRef] = {}
    """Credentials the adapter asks for."""


def _platform_of(value: object) -> str | None:
    platform = (
        cast("Mapping[str, object]", value).get("platform")
        if isinstance(value, Mapping)
        else getattr(value, "platform", None)
    )
    if platform is None:
        return None
    return f"({platform})" if platform in PLATFORMS else "(plugin)"


ChannelSpec = Annotated[
    Annotated[TelegramChannel, Tag("(telegram)")]
    | Annotated[DiscordChannel, Tag("(discord)")]
    | Annotated[SlackChannel, Tag("(slack)")]
    | Annotated[WhatsAppChannel, Tag("(whatsapp)")]
    | Annotated[WebChannel, Tag("(web)")]
    | Annotated[CustomChannel, Tag("(custom)")]
    | Annotated[PluginChannel, Tag("(plugin)")],
    Discriminator(
        _platform_of,
        custom_error_type="botkit",
        custom_error_message=f"a channel needs `platform`: {', '.join(PLATFORMS)}",
    ),
]
"""One channel; which keys it knows is told by `platform`."""
