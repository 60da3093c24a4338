"""What an operator pastes at Slack to make the app: names, scopes, events, the command, and where requests go.

Source: https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

__all__ = ["SCOPES", "manifest", "missing_scopes", "setup"]

import json
import re
from collections.abc import Collection
from typing import Any

from botkit.sdk import Setup, SetupFor

SCOPES = {
    "app_mentions:read": "hear mentions",
    "channels:history": "read channels it is in, to catch up and to find what arrived",
    "chat:write": "answer",
    "commands": "have a command",
    "files:read": "read files people send",
    "files:write": "send files",
    "groups:history": "read private channels it is in",
    "im:history": "read private chats",
    "im:read": "know private chats",
    "im:write": "write first in private",
    "mpim:history": "read group chats it is in",
    "reactions:read": "see reactions",
    "reactions:write": "react",
    "users:read": "know people's names, languages and time zones",
}
"""Scope → what the bot cannot do without it. Being an agent brings `assistant:write` by itself."""

_EVENTS = (
    *("agent_session_stopped", "app_mention", "message.channels", "message.groups", "message.im", "message.mpim"),
    *("reaction_added", "reaction_removed"),
)
_NAME_CHARS = 35
_DESCRIPTION_CHARS = 140
_TITLE_CHARS = 60


def manifest(config: Any, about: SetupFor) -> dict[str, Any]:
    """The app's manifest for a `SlackChannel`. Slack takes one without addresses for a socket only."""
    name = about.name[:_NAME_CHARS]
    description = " ".join(about.description.split())[:_DESCRIPTION_CHARS]
    command: dict[str, Any] = {
        "command": f"/{command_of(about.name)}",
        "description": "Ask, or give a command",
        "usage_hint": f"[question | {' | '.join(name for name, _ in about.commands)}]",
        "should_escape": True,
    }
    posts: dict[str, str] = {}
    if config.mode == "events" and about.address:
        posts = {"request_url": about.address}
        command["url"] = about.address
    prompts = [{"title": prompt[:_TITLE_CHARS], "message": prompt} for prompt in config.suggested_prompts]
    agent: dict[str, Any] = {"agent_description": description or f"{name} answers questions."}
    return {
        "display_information": {"name": name, **({"description": description} if description else {})},
        "features": {
            "agent_view": agent | ({"suggested_prompts": prompts} if prompts else {}),
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": command_of(about.name), "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {**posts, "bot_events": sorted(_EVENTS)},
            "interactivity": {"is_enabled": True, **posts},
            "org_deploy_enabled": False,
            "socket_mode_enabled": config.mode == "socket",
            "token_rotation_enabled": False,
        },
    }


def setup(config: Any, about: SetupFor) -> Setup:
    """The steps at Slack, and the manifest to paste."""
    second = (
        f"Under Basic Information make an app-level token (xapp-…) with connections:write: {_secret(config.app_token)}"
        if config.mode == "socket"
        else f"Under Basic Information copy the signing secret: {_secret(config.signing_secret)}"
    )
    return Setup(
        steps=(
            "At https://api.slack.com/apps choose Create New App, From a manifest, and paste the manifest below.",
            f"Install it, and copy the bot token (xoxb-…) from OAuth & Permissions: {_secret(config.bot_token)}",
            second,
            "Invite the bot to the channels it should be in.",
        ),
        document=json.dumps(manifest(config, about), indent=2, ensure_ascii=False),
    )


def missing_scopes(granted: Collection[str]) -> str:
    """A sentence on what the app may not do; empty when nothing is missing, or when nobody knows."""
    missing = [scope for scope in sorted(SCOPES) if scope not in granted] if granted else []
    if not missing:
        return ""
    lacks = ", ".join(f"{scope} ({SCOPES[scope]})" for scope in missing)
    return f"the app lacks scopes: {lacks}; add them under OAuth & Permissions and install it again"


def command_of(name: str) -> str:
    """`Order Desk` → `order-desk`: a command may hold 32 characters, letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:31] or "bot"


def _secret(ref: Any) -> str:
    return f"botkit secrets set {ref.secret}" if ref is not None else "it has no secret in bots.yaml yet"
