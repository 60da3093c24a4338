"""`teams:`, several bots behind one name."""

from __future__ import annotations

__all__ = ["Router", "RouterRule", "Team", "TeamMember"]

from pydantic import Field, model_validator

from botkit.core.config.models.base import Bool, Float, Int, Model, ModelName, Name, OneOrMany, Slug, problem
from botkit.core.patterns import PatternError, compile_pattern


class TeamMember(Model, frozen=True):
    """A bot of the team, or a team inside it."""

    bot: Slug
    """Which bot or team."""
    description: str | None = None
    """What it is asked for; the bot's own description when absent."""
    examples: tuple[str, ...] = ()
    """Messages that belong to it."""


class RouterRule(Model, frozen=True):
    """Decides before anybody is asked. Everything that is set has to fit."""

    member: Slug
    """Who answers."""
    contains: OneOrMany[str] = ()
    """One of these is in the message; upper and lower case count as the same."""
    regex: str = ""
    """This pattern is found in the message."""
    command: str = ""
    """It is this command, such as `/billing`."""

    @model_validator(mode="after")
    def _says_when(self) -> RouterRule:
        if not (self.contains or self.regex or self.command):
            raise problem("a rule needs at least one of contains, regex and command")
        if self.regex:
            try:
                compile_pattern(self.regex)
            except PatternError as error:
                raise problem(f"regex: {error}") from None
        return self


class Router(Model, frozen=True):
    """How a message finds its member: by a rule, else by a model, or offline by the words it shares with members."""

    rules: tuple[RouterRule, ...] = ()
    """Looked at first, in their order."""

    model: ModelName | None = None
    """The model that chooses, a cheap one; the words decide when absent."""
    prompt: str = ""
    """Anything the chooser must know besides the descriptions."""
    min_confidence: Float = Field(default=0.5, ge=0, le=1)
    """Below it the member who is talking stays, else the default answers."""


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
    """Stay with a member until the subject clearly changes."""
    max_hops: Int = Field(default=3, ge=0, le=10)
    """Most delegations from bot to bot for one message."""
