"""What needs an address that the outside can reach."""

from __future__ import annotations

__all__ = ["public_url_problems"]

from botkit.core.config import ChannelSpec, Config
from botkit.core.errors import Problem


def public_url_problems(config: Config, public_url: str) -> tuple[list[Problem], list[Problem]]:
    """(what cannot work without BOTKIT_PUBLIC_URL, what works differently without it)."""
    wrong: list[Problem] = []
    doubtful: list[Problem] = []
    for name, channel in config.channels.items():
        reason = _needs_address(channel)
        if not reason or channel.enabled is False:
            continue
        if channel.enabled == "auto" and channel.platform != "telegram":
            continue  # off until its secrets are stored, and then it says itself what else is missing
        if public_url.startswith("https://"):
            continue
        if channel.platform == "telegram":
            hint = "it polls until BOTKIT_PUBLIC_URL is an https:// address"
            doubtful.append(_problem(config, name, "the webhook needs an address of ours", hint))
        elif not public_url:
            wrong.append(_problem(config, name, reason, "set BOTKIT_PUBLIC_URL, such as https://bots.example.com"))
    return wrong, doubtful


def _needs_address(channel: ChannelSpec) -> str:
    mode = getattr(channel, "mode", "")
    if channel.platform == "whatsapp" or mode in ("webhook", "events"):
        return f"{channel.platform} calls us, so it needs an address that the outside can reach"
    return ""


def _problem(config: Config, channel: str, message: str, hint: str) -> Problem:
    place = config.place("channels", channel)
    return Problem(
        message=message,
        file=place.file if place else "",
        line=place.line if place else 0,
        column=place.column if place else 0,
        path=f"channels.{channel}",
        hint=hint,
    )
