"""`/link`: the same person on several platforms, joined by a code of each side that is typed on the other."""

from __future__ import annotations

__all__ = ["Linking"]

from collections import deque
from typing import TYPE_CHECKING

from botkit.core.clock import Clock
from botkit.core.events import Event
from botkit.core.journal import AddAudit, Audit, Write
from botkit.core.linking import LINK_MINUTES, digest_of, new_link_code
from botkit.engine.identity import SANDBOX, Identities, Known
from botkit.engine.languages import Language

if TYPE_CHECKING:
    from botkit.core.config import Config

_TRIES = 8
"""Codes an account may ask for or type within the time a code is good for. Of 30^8 codes, nobody hits one by trying."""
_KEPT_LIMIT = 50_000


class Linking:
    """Answers `/link` and `/link CODE`."""

    def __init__(self, identities: Identities, clock: Clock):
        self._people = identities.people
        self._identities = identities
        self._clock = clock
        self._tried: dict[tuple[str, str], deque[float]] = {}

    async def answer(
        self, event: Event, known: Known, config: Config, words: Language
    ) -> tuple[str, tuple[Write, ...]]:
        """What to say, and what to write with it. Codes are shown in private only."""
        if event.channel == SANDBOX or event.conversation.kind != "dm":
            return words.link_in_private, ()
        account = (event.channel, event.sender.id)
        if not self._may_try(account):
            return words.link_too_often.format(minutes=LINK_MINUTES), ()
        typed, code = _typed(event), new_link_code()
        if not typed:
            await self._people.offer_link(*account, digest_of(code), ttl_s=LINK_MINUTES * 60)
            return words.link_code.format(code=code, minutes=LINK_MINUTES), ()
        step = await self._people.take_link(
            *account, digest_of(typed), reply_digest=digest_of(code), declared=config.people.keys()
        )
        name = " ".join(step.name.split())[:60] or words.unknown
        if step.state == "taken":
            return words.link_confirm.format(name=name, channel=step.channel, code=code), ()
        if step.state != "joined":
            told = {"own": words.link_own, "same": words.link_same, "conflict": words.link_conflict}
            return told.get(step.state, words.link_unknown), ()
        self._identities.forget()
        audit = Audit(
            at=self._clock.micros(),
            actor=step.person_id,
            via=f"chat:{event.channel}",
            action="people.link",
            target=step.person_id,
            detail={"was": step.was, "from": f"{account[0]}:{account[1]}", "with": step.channel},
        )
        return words.link_done.format(name=name, channel=step.channel), (AddAudit(audit=audit),)

    def _may_try(self, account: tuple[str, str]) -> bool:
        now = self._clock.monotonic()
        if len(self._tried) >= _KEPT_LIMIT:
            self._tried.clear()
        tried = self._tried.setdefault(account, deque(maxlen=_TRIES))
        if len(tried) == _TRIES and now - tried[0] < LINK_MINUTES * 60:
            return False
        tried.append(now)
        return True


def _typed(event: Event) -> str:
    """The code after the command, if there is one."""
    if event.kind == "command":
        return event.text.strip()
    return event.text.strip().partition(" ")[2].strip()
