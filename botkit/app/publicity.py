"""What needs an address that the outside can reach."""

from __future__ import annotations

__all__ = ["public_url_problems"]

from typing import cast

from botkit.core.config import ChannelSpec, Config, RemoteServer, ServerSpec
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
    if not public_url:
        wrong += _links_in_mail(config)
        hint = "pages elsewhere cannot show it until BOTKIT_PUBLIC_URL is set"
        doubtful += [
            _problem(config, name, "visitors' browsers load the chat from an address of ours", hint)
            for name, channel in config.channels.items()
            if channel.platform == "web" and channel.enabled is not False
        ]
        hint = "links lead to this machine until BOTKIT_PUBLIC_URL is set"
        doubtful += [
            _problem(config, name, "people connect accounts of their own by a link", hint, kind="servers")
            for name, server in config.servers.items()
            if server.enabled and _connects_people(server)
        ]
    return wrong, doubtful


def _links_in_mail(config: Config) -> list[Problem]:
    """What sends people links by mail."""
    hint = "set BOTKIT_PUBLIC_URL, such as https://bots.example.com"
    found = [
        _problem(config, name, "the method `magic_link` of auth_gate sends links to us", hint, kind="workflows")
        for name, workflow in config.workflows.items()
        if _mentions(workflow.model_dump(mode="json"), "magic_link")
    ]
    if config.settings.approvals.email:
        found.append(_problem(config, "approvals", "mail to approvers carries a link to us", hint, kind="settings"))
    return found


def _mentions(value: object, word: str) -> bool:
    if isinstance(value, dict):
        return any(_mentions(one, word) for one in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(_mentions(one, word) for one in cast("list[object]", value))
    return value == word


def _connects_people(server: ServerSpec) -> bool:
    own = isinstance(server, RemoteServer) and server.oauth is not None and server.oauth.person
    return own or any(rule.person for rule in server.inject)


def _needs_address(channel: ChannelSpec) -> str:
    mode = getattr(channel, "mode", "")
    if channel.platform == "whatsapp" or mode in ("webhook", "events"):
        return f"{channel.platform} calls us, so it needs an address that the outside can reach"
    return ""


def _problem(config: Config, name: str, message: str, hint: str, *, kind: str = "channels") -> Problem:
    place = config.place(kind, name)
    return Problem(
        message=message,
        file=place.file if place else "",
        line=place.line if place else 0,
        column=place.column if place else 0,
        path=f"{kind}.{name}",
        hint=hint,
    )
