"""What of a project is changed for a test, and the folder it then runs from."""

from __future__ import annotations

__all__ = ["ProjectSettings", "lay_out"]

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from botkit.core.config import Config, load_config

_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "dist", "build"})
_PLATFORMS = frozenset({"telegram", "discord", "slack", "whatsapp"})
_ACCOUNT = frozenset(
    {
        *(
            "token",
            "mode",
            "webhook_secret",
            "application_id",
            "public_key",
            "bot_token",
            "app_token",
            "signing_secret",
        ),
        *("provider", "phone_number_id", "access_token", "verify_token", "app_secret", "account_sid", "auth_token"),
        *("number", "messaging_service_sid", "template", "api_base", "signing_secret"),
    }
)
"""What a channel says of its account, which is another one here."""


@dataclass(frozen=True)
class ProjectSettings:
    """The project, and what differs from production.

    Everything else in bots.yaml is used as it is written: bots, teams, tools, workflows, limits.
    """

    folder: Path
    """Where bots.yaml is."""
    model: Literal["demo", "as written"] | Sequence[Any] = "demo"
    """Who thinks: the built-in demo model, the project's own models, or a list of scripted answers: texts, and
    `botkit.testing.llm.Call`s of tools, in order."""
    dm_policy: Literal["open", "pairing", "allowlist", "as written"] = "open"
    """Who may write to the bots in private. Open, so that nobody has to be paired first."""
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Person → roles, such as `{"Alice": ["admin"]}`; the others are who bots.yaml says they are, which is nobody."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables, such as secrets of the project's tools."""
    ready_within_s: float = 120.0
    """A start may take this long; the first one installs what tool servers need."""


def lay_out(
    settings: ProjectSettings,
    into: Path,
    channels: Mapping[str, dict[str, Any]],
    model: Any,
    identity: Callable[[str, str], str],
) -> dict[str, str]:
    """Make a new folder with the project's files and the bots.yaml of the test; returns platform → channel.

    Args:
        channels: what to set in the channel of each platform; all other channels of platforms are left out.
        identity: (platform, person) → their id there.
        model: stands in for every model; None leaves them.

    Raises:
        ConfigError: bots.yaml is wrong as it is.
    """
    folder = settings.folder.resolve()
    config = load_config(folder / "bots.yaml")
    shutil.copytree(folder, into, ignore=_left_out)
    written = config.model_dump(mode="json", exclude_unset=True, by_alias=True)
    written.pop("include", None)
    _found_again(written)
    written["channels"], names = _channels(config, written.get("channels") or {}, channels, settings.dm_policy)
    if settings.roles:
        written["people"] = {
            **(written.get("people") or {}),
            **{
                f"test-{who.lower()}": {
                    "name": who,
                    "roles": list(roles),
                    "identities": {name: identity(platform, who) for platform, name in names.items()},
                }
                for who, roles in settings.roles.items()
            },
        }
    if model is not None:
        written["models"] = dict.fromkeys({"default", *(written.get("models") or {})}, model)
        for bot in written.get("bots", {}).values():
            if bot.get("model") not in written["models"]:
                bot.pop("model", None)
    (into / "bots.yaml").write_text(json.dumps(written, indent=1), encoding="utf-8")
    return names


def _found_again(written: dict[str, Any]) -> None:
    """Leave out what loading puts in: servers of the folder that nobody listed, and what stands in workflows' files."""
    servers: dict[str, Any] = written.get("servers") or {}
    for name in [name for name, server in servers.items() if server.get("discovered")]:
        del servers[name]
    workflows: dict[str, dict[str, Any]] = written.get("workflows") or {}
    for workflow in workflows.values():
        if workflow.get("file"):
            for key in ("steps", "nodes", "edges"):
                workflow.pop(key, None)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What no instance reads: data, environments, what begins with a dot."""
    return {name for name in names if name.startswith(".") or name in _LEFT_OUT}


def _channels(
    config: Config, written: dict[str, Any], wanted: Mapping[str, dict[str, Any]], dm_policy: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The project's channels, those of the wanted platforms with fake accounts; and their names."""
    names: dict[str, str] = {}
    kept = {name: channel for name, channel in written.items() if channel["platform"] not in _PLATFORMS}
    for platform, own in wanted.items():
        name = next((name for name, channel in written.items() if channel["platform"] == platform), platform)
        channel = {key: value for key, value in written.get(name, {}).items() if key not in _ACCOUNT}
        channel.setdefault("bot", next(iter(config.bots)))
        if dm_policy != "as written" or "dm_policy" not in channel:
            channel["dm_policy"] = "open" if dm_policy == "as written" else dm_policy
        kept[name] = {**channel, **own, "platform": platform, "enabled": True}
        names[platform] = name
    return kept, names
