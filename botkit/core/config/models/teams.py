"""`teams:`, several bots behind one name."""

from __future__ import annotations

__all__ = ["Router", "Team", "TeamMember"]

from pydantic import Field

from botkit.core.config.models.base import Bool, Float, Int, Model, ModelName, Name, Slug


class TeamMember(Model, frozen=True):
    """A bot of the team."""

    bot: Slug
    """Which bot."""
    description: str | None = None
    """What it is asked for; the bot's own description when absent."""
    examples: tuple[str, ...] = ()
    """Messages that belong to it."""


class Router(Model, frozen=True):
    """How a message finds its member."""

    model: ModelName | None = None
    """The model that chooses; the default member's when absent."""
    prompt: str = ""
    """Anything the chooser must know besides the descriptions."""
    min_confidence: Float = Field(default=0.5, ge=0, le=1)
    """Below it the default member answers."""


class Team(Model, frozen=True):
    """Several bots behind one name: a reception that passes a message to the right one."""

    name: Name | None = None
    """What people call it; the key is used when absent."""
    description: str = ""
    """What it is for."""
    members: tuple[TeamMember, ...] = Field(min_length=1)
    """Its bots."""
    default: Slug
    """The member that answers when no other fits."""
    router: Router = Router()
    """How a message finds its member."""
    sticky: Bool = True
    """Stay with a member until the subject changes."""
    max_hops: Int = Field(default=3, ge=0, le=10)
    """Most delegations from bot to bot for one message."""
