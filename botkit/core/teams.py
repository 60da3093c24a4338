"""Teams: who is asked, how a message finds its member, and what passes between them."""

from __future__ import annotations

__all__ = ["ASK", "HAND_OVER", "Colleague", "Delegated", "RouteRequest", "RouteRule", "Routed"]

from typing import Literal

from botkit.core.data import Data
from botkit.core.models import Usage

ASK = "team__ask"
"""Tool: put a question to a colleague and go on with the answer."""
HAND_OVER = "team__hand_over"
"""Tool: let a colleague answer the person from here on."""


class Colleague(Data):
    """A member of a team as its router and the other members see it."""

    name: str
    """Key of the bot (or of a team inside the team) in bots.yaml."""
    description: str = ""
    examples: tuple[str, ...] = ()
    """Messages that belong to it."""


class RouteRule(Data):
    """Decides before anybody is asked."""

    member: str
    contains: tuple[str, ...] = ()
    """One of these is in the text; upper and lower case count as the same."""
    regex: str = ""
    command: str = ""


class RouteRequest(Data):
    """Everything the choice depends on."""

    team: str
    members: tuple[Colleague, ...]
    default: str
    text: str
    command: str = ""
    rules: tuple[RouteRule, ...] = ()
    current: str = ""
    """The member the person is talking with; empty when the team is not sticky, or nobody is."""
    said: tuple[str, ...] = ()
    """`name: text` of what was said last, oldest first."""
    model: str = ""
    """Who chooses; empty: the words do, offline."""
    workspace: str = ""
    """On whose behalf it is asked: its own keys are used."""
    person_id: str = ""
    note: str = ""
    min_confidence: float = 0.5
    timeout_s: float = 20.0


class Routed(Data):
    """Who answers, and why. A journaled step of the run."""

    member: str
    by: Literal["rule", "model", "words", "sticky", "default", "hand_over", "only"]
    confidence: float = 1.0
    reason: str = ""
    usage: Usage = Usage()
    ms: float = 0.0


class Delegated(Data):
    """What a colleague answered."""

    text: str
    ok: bool = True
    bot: str = ""
    """Who answered; empty when nobody was asked."""
    usage: Usage = Usage()
    ms: float = 0.0
    """Working time."""
    taint: tuple[str, ...] = ()
    """Where what it read came from (`botkit.core.taint`)."""
