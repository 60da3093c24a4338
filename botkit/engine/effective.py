"""Which bot answers a message, and with which settings."""

from __future__ import annotations

__all__ = ["AS_BOT", "Effective", "EffectiveCache", "effective", "lane_of"]

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botkit.core.config import Bot, Layers
from botkit.core.config.models.llm import OFFLINE_MODEL
from botkit.core.errors import NotFound
from botkit.core.events import Conversation, Event
from botkit.core.ids import join_key
from botkit.engine.identity import SANDBOX

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.core.config.models import Busy, WhileWaiting


AS_BOT = "@"
"""A route that begins with this names a workflow in place of a bot. Only the sandbox lets people choose routes."""
_CACHE_LIMIT = 50_000
_TEAMS_DEEP = 5


@dataclass(frozen=True, slots=True)
class Effective:
    """A bot as it is in one conversation."""

    slug: str
    bot: Bot
    prompt: str
    model: str
    busy: Busy
    while_waiting: WhileWaiting
    stream: bool
    history_messages: int
    session_ttl_s: float
    locale: str
    """Of fixed sentences: a language tag, or `auto` for each person's own."""
    team: bool = False
    """It is a team: one of its members answers."""

    @property
    def name(self) -> str:
        return self.bot.name or self.slug


def effective(config: Config, conversation: Conversation, route: str = "") -> Effective:
    """The bot of a conversation.

    Raises:
        NotFound: the channel or the bot is not in this revision, or the bot is switched off.
    """
    if route.startswith(AS_BOT):
        return _workflow_as_bot(config, route)
    layers = Layers(config, conversation.channel, conversation.room, bot=route)
    slug = layers.bot
    if not slug and conversation.channel == SANDBOX:
        slug = next((name for name, bot in config.bots.items() if bot.enabled), "")
        layers = Layers(config, conversation.channel, conversation.room, bot=slug)
    if slug in config.teams:
        return _team(config, conversation, slug)
    bot = config.bots.get(slug)
    if bot is None or not bot.enabled:
        raise NotFound(
            f"no bot answers on `{conversation.channel}`: `{slug or '?'}` is not in bots.yaml or is disabled"
        )
    return Effective(
        slug=slug,
        bot=bot,
        prompt="\n\n".join([bot.prompt, *(str(found.value) for found in layers.appended())]),
        model=layers.find("model").value,
        busy=layers.find("busy").value,
        while_waiting=layers.find("while_waiting").value,
        stream=layers.find("stream").value,
        history_messages=layers.find("history_messages").value,
        session_ttl_s=layers.find("session_ttl_hours").value * 3600,
        locale=layers.find("locale").value,
    )


def _team(config: Config, conversation: Conversation, slug: str) -> Effective:
    """A team before anybody in it was chosen: in all that concerns the conversation, as its default member."""
    team, depth = config.teams[slug], 0
    name = team.default
    while name in config.teams and depth < _TEAMS_DEEP:
        name, depth = config.teams[name].default, depth + 1
    member = effective(config, conversation, name)
    shown = {"name": team.name or slug, "description": team.description, "workflow": None}
    bot = member.bot.model_copy(update=shown)
    return replace(member, slug=slug, bot=bot, team=True)


def _workflow_as_bot(config: Config, route: str) -> Effective:
    """A workflow that is tried without a bot, in the sandbox."""
    slug = route.removeprefix(AS_BOT)
    found = config.workflows.get(slug)
    if found is None:
        raise NotFound(f"no workflow `{slug}` in bots.yaml")
    model = "default" if "default" in config.models else OFFLINE_MODEL
    bot = Bot(name=found.name or slug, model=model, workspace=found.workspace or "default", workflow=slug)
    sessions = config.settings.sessions
    return Effective(
        slug=route,
        bot=bot,
        prompt="",
        model=model,
        busy="queue",
        while_waiting="new_turn",
        stream=False,
        history_messages=sessions.window_messages,
        session_ttl_s=sessions.ttl_hours * 3600,
        locale=config.settings.locale,
    )


class EffectiveCache:
    """`effective` of the revision that runs now, worked out once for each room."""

    def __init__(self) -> None:
        self._config: Config | None = None
        self._known: dict[tuple[str, str, str], Effective] = {}

    def of(self, config: Config, conversation: Conversation, route: str = "") -> Effective:
        """Raises `NotFound` as `effective` does."""
        if config is not self._config or len(self._known) >= _CACHE_LIMIT:
            self._config, self._known = config, {}
        key = (conversation.channel, conversation.room, route)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = effective(config, conversation, route)
        return known


def lane_of(event: Event, config: Config) -> str:
    """The lane key: the conversation, or the person in it (`settings.sessions.scope`)."""
    if config.settings.sessions.scope == "person" and event.conversation.kind == "group":
        return f"{event.conversation.key}:{join_key(event.sender.id)}"
    return event.conversation.key
