"""Who is answered where: direct chats by `dm_policy`, groups by how the bot was addressed."""

from __future__ import annotations

__all__ = ["Access", "AccessRules"]

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botkit.core.clock import Clock
from botkit.core.config import Layers
from botkit.core.errors import LimitReached
from botkit.core.events import Event
from botkit.core.stores import PairingCode, PairingStore
from botkit.engine.identity import SANDBOX, Known

if TYPE_CHECKING:
    from botkit.core.config import Config

_PAIRING_TTL_S = 3600.0
_KEPT_S = 10.0
"""How long another process's pairing may go unnoticed; this process's own is told by `forget`."""
_KEPT_LIMIT = 50_000
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Access:
    verdict: Literal["answer", "silent", "pair"]
    reason: str = ""
    """Why nothing is said: recorded with the event."""
    code: PairingCode | None = None
    new_code: bool = False
    member: bool = False
    """Let in by the operator: paired, allow-listed or declared. Others are guests."""


class AccessRules:
    def __init__(self, pairing: PairingStore, clock: Clock):
        self._pairing = pairing
        self._clock = clock
        self._answered_bots: dict[str, deque[float]] = {}
        self._let_in: dict[tuple[str, str], tuple[float, bool]] = {}

    async def check(self, event: Event, known: Known, config: Config) -> Access:
        """Decide for one event of a person. Pure but for the pairing store."""
        if event.sender.is_self:
            return Access("silent", "ignored: own message")
        if event.sender.is_bot and not self._may_answer_bot(event, config):
            return Access("silent", "ignored: another bot")
        if event.channel == SANDBOX:
            return Access("answer", member=True)
        if event.conversation.kind == "dm":
            return await self._direct(event, known, config)
        return self._group(event, known, config)

    def _may_answer_bot(self, event: Event, config: Config) -> bool:
        """Only where it addressed us in a group, and only so often: two bots could go on for ever."""
        limit = config.settings.bot_to_bot_limit
        if limit == 0 or event.conversation.kind == "dm" or event.addressed == "none":
            return False
        now_s = self._clock.monotonic()
        answered = self._answered_bots.setdefault(event.conversation.key, deque(maxlen=limit))
        if len(answered) == limit and now_s - answered[0] < _MINUTE_S:
            return False
        answered.append(now_s)
        return True

    async def _direct(self, event: Event, known: Known, config: Config) -> Access:
        channel = config.channels[event.channel]
        if known.declared or _listed(event, known, channel.allow):
            return Access("answer", member=True)
        if await self._is_let_in(event.channel, event.sender.id):
            return Access("answer", member=True)
        if channel.dm_rule == "open":
            return Access("answer")
        if channel.dm_rule == "allowlist":
            return Access("silent", "ignored: not on the allow-list")
        try:
            code, new = await self._pairing.request(event.channel, event.sender, known.person.id, ttl_s=_PAIRING_TTL_S)
        except LimitReached:  # strangers get no answer they could provoke without end
            return Access("silent", "ignored: too many pairing codes are open on this channel")
        return Access("pair", "pairing code sent", code=code, new_code=new)

    async def _is_let_in(self, channel: str, user_id: str) -> bool:
        """Whether an account was paired; asked at each message, so kept for a moment."""
        now_s = self._clock.monotonic()
        until_s, allowed = self._let_in.get((channel, user_id), (0.0, False))
        if now_s >= until_s:
            allowed = await self._pairing.is_allowed(channel, user_id)
            if len(self._let_in) >= _KEPT_LIMIT:
                self._let_in.clear()
            self._let_in[channel, user_id] = (now_s + _KEPT_S, allowed)
        return allowed

    def forget(self) -> None:
        """Somebody was paired."""
        self._let_in.clear()

    def _group(self, event: Event, known: Known, config: Config) -> Access:
        channel = config.channels[event.channel]
        groups = channel.groups
        room = channel.rooms.get(event.conversation.room)
        layers = Layers(config, event.channel, event.conversation.room)
        policy = layers.find("groups.policy").value
        if policy == "off":
            return Access("silent", "ignored: groups are off")
        if groups.allow is not None and event.conversation.room not in groups.allow and room is None:
            return Access("silent", "ignored: group not allowed")
        if policy == "mention" and not _addressed(event, layers.find("groups.names").value):
            return Access("silent", "ignored: not addressed")
        return Access("answer", member=known.declared or _listed(event, known, channel.allow))


def _listed(event: Event, known: Known, allow: tuple[str, ...]) -> bool:
    return event.sender.id in allow or known.person.id in allow


def _addressed(event: Event, names: tuple[str, ...]) -> bool:
    """Mentioned, replied to, commanded, pressed, or called by a configured name at the start."""
    if event.addressed != "none" or event.kind in ("action", "stop_generation"):
        return True
    first = event.text.lstrip().split(maxsplit=1)[:1]
    return bool(first) and first[0].rstrip(",:!?").casefold() in {name.casefold() for name in names}
