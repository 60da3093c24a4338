"""Addresses to answer an interaction at, without a token.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

__all__ = ["Responses"]

from dataclasses import dataclass
from typing import Any

from botkit.testing.slack.world import ApiError, FakeMessage, FakePerson, FakeRoom, World

USES = 5
LIFE_S = 1800.0


@dataclass(slots=True)
class _Response:
    room: FakeRoom
    person: FakePerson
    until: float
    uses: int = USES


class Responses:
    """Those that were given out; each works five times within half an hour, also where the app is no member."""

    def __init__(self, world: World):
        self.world = world
        self.answered = 0
        """Messages that came this way."""
        self._given: dict[str, _Response] = {}

    def open(self, room: FakeRoom, person: FakePerson) -> str:
        """The address for what somebody just did."""
        number = str(self.world.number())
        self._given[number] = _Response(room, person, self.world.clock.now().timestamp() + LIFE_S)
        return f"{self.world.base}/respond/{number}"

    def forget(self) -> None:
        """No address that was given out works any more."""
        self._given.clear()

    def use(self, number: str, body: dict[str, Any]) -> None:
        """Raises `ApiError`: unknown, used up or expired."""
        given = self._given.get(number)
        if given is None:
            raise ApiError("no_such_url")
        if self.world.clock.now().timestamp() > given.until:
            raise ApiError("expired_url")
        if not given.uses:
            raise ApiError("used_url")
        given.uses -= 1
        self.answered += 1
        message = FakeMessage(self.world.ts(), given.room, self.world.app, text=str(body.get("text") or ""))
        message.blocks = list(body.get("blocks") or [])
        message.seen_by = given.person.id if body.get("response_type", "ephemeral") == "ephemeral" else ""
        self.world.messages.append(message)
