"""Channels: how they are, and what a platform needs from the operator."""

from __future__ import annotations

__all__ = ["ChannelOperations", "ChannelSetup"]

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botkit.app.names import webhook_url
from botkit.app.operations.process import ProcessOperations
from botkit.core.console import ChannelInfo
from botkit.core.data import Data
from botkit.core.errors import NotFound
from botkit.sdk import SetupFor

if TYPE_CHECKING:
    from botkit.app.instance import Instance
    from botkit.core.config import ChannelSpec

_DISCORD_INVITATION = (
    "https://discord.com/oauth2/authorize?client_id={}&scope=bot+applications.commands&permissions=274878024768"
)
"""With Add Reactions, View Channels, Send Messages (in threads too), Embed Links, Attach Files, Read History."""


class ChannelSetup(Data, omit_defaults=False):
    """What to do so that a channel works."""

    name: str
    platform: str
    webhook: str = ""
    """The address to give to the platform, where it calls us."""
    missing_secrets: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    document: str = ""
    """To paste at the platform, such as Slack's manifest of the app."""


class ChannelOperations:
    def __init__(self, instance: Instance):
        self._i = instance

    async def list(self) -> Sequence[ChannelInfo]:
        return await ProcessOperations(self._i).channels()

    async def restart(self, *, channel: str, by: str, via: str = "cli") -> None:
        """Start a channel anew, after what stopped it was mended."""
        await self._i.channels.restart(channel)
        await self._i.audit(by=by, via=via, action="channels.restart", target=channel)

    async def test(self, *, channel: str) -> ChannelInfo:
        """Connect as the channel would, and say what the platform answered.

        A running channel tells its health; one that is off is started for a moment, without taking messages.

        Raises:
            NotFound: no such channel.
            BotkitError: the platform refused; the message says what to do.
        """
        self._config(channel)
        health = {info.name: info for info in self._i.channels.health()}.get(channel)
        if health is not None and health.state in ("ok", "degraded", "starting"):
            return health
        return await self._i.channels.probe(channel)

    async def setup(self, *, channel: str) -> ChannelSetup:
        """What is still to be done, in order."""
        config = self._config(channel)
        missing = [ref.secret for ref in config.secret_refs() if not await self._i.vault.has(ref.secret)]
        uses_webhook = _uses_webhook(config)
        public_url = self._i.environment.public_url
        steps = [f"Store the secret: botkit secrets set {name}" for name in missing]
        if uses_webhook and not public_url:
            steps.append("Set BOTKIT_PUBLIC_URL to the address the outside reaches this instance at, over https.")
        address = webhook_url(public_url, config.platform, channel) if uses_webhook and public_url else ""
        from botkit.app.operations.web_setup import web_steps
        from botkit.core.config import WebChannel

        if isinstance(config, WebChannel):
            steps += web_steps(config, channel, public_url or self._local_url())
            document = ""
        else:
            more, document = self._at_the_platform(channel, config, address)
            steps += more
        if config.enabled is False:
            steps.append(f"Switch it on: channels.{channel}.enabled in bots.yaml.")
        steps.append(f"Then check it: botkit channels test {channel}")
        return ChannelSetup(
            name=channel,
            platform=config.platform,
            webhook=address,
            missing_secrets=tuple(missing),
            steps=tuple(steps),
            document=document,
        )

    def _at_the_platform(self, channel: str, config: ChannelSpec, address: str) -> tuple[Sequence[str], str]:
        """Steps, and what to paste; the adapter knows them, or we do."""
        from botkit.engine import COMMANDS  # imports what asking a running process does not need

        bot = self._i.configs.current.bots.get(config.bot or "")
        about = SetupFor(
            channel=channel,
            name=(bot.name if bot is not None else None) or config.bot or channel,
            description=bot.description if bot is not None else "",
            commands=tuple(COMMANDS),
            address=address,
        )
        found = self._i.channels.adapter_class(config.platform).setup(config, about)
        return (found.steps, found.document) if found is not None else (_platform_steps(config, address), "")

    def _local_url(self) -> str:
        """Where browsers on this machine reach it."""
        environment = self._i.environment
        return self._i.base_url().rstrip("/") or f"http://{environment.host}:{environment.port}"

    def _config(self, channel: str) -> ChannelSpec:
        found = self._i.configs.current.channels.get(channel)
        if found is None:
            known = ", ".join(self._i.configs.current.channels) or "none"
            raise NotFound(f"bots.yaml has no channel `{channel}`; it has: {known}", channel=channel)
        return found


def _uses_webhook(config: ChannelSpec) -> bool:
    if config.platform == "discord":
        return getattr(config, "public_key", None) is not None
    return config.platform in ("whatsapp", "web", "custom") or getattr(config, "mode", "") in ("webhook", "events")


def _platform_steps(config: ChannelSpec, address: str) -> list[str]:
    steps = {
        "telegram": [
            "Get a token from @BotFather with /newbot.",
            "For groups: @BotFather /setprivacy, Disable, if the bot should see messages that do not mention it.",
        ],
        "discord": [
            "Create an application at https://discord.com/developers/applications; copy the token from its Bot page.",
            "On that page, under Privileged Gateway Intents, switch on Message Content.",
            f"Invite it: {_DISCORD_INVITATION.format(getattr(config, 'application_id', None) or 'APPLICATION_ID')}",
        ],
        "whatsapp": ["Set up a number with Meta's Cloud API or Twilio."],
    }.get(config.platform, [])
    if address and config.platform != "telegram":
        steps = [*steps, f"Give the platform this address: {address}"]
    return steps
