"""`people:`, `settings.roles` and `budgets:`, who may do what for how much."""

from __future__ import annotations

__all__ = ["BUILTIN_ROLES", "Budget", "Group", "Person", "Role", "roles_of"]

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from botkit.core.config.models.base import (
    Float,
    Int,
    Locale,
    Model,
    Money,
    Name,
    OneOrMany,
    PlatformId,
    TimeZone,
    problem,
)
from botkit.core.config.models.workspaces import ToolClass, ToolRules


class Person(Model, frozen=True):
    """One human being, with all their accounts."""

    name: Name | None = None
    """What bots call them; their name on the platform when absent."""
    roles: OneOrMany[str] = ("member",)
    """`admin`, `developer`, `member`, `read-only`, `guest` or roles of `settings.roles`. Rights add up."""
    groups: OneOrMany[str] = ()
    """Groups of `settings.groups` they belong to."""
    identities: Mapping[str, OneOrMany[PlatformId]] = {}
    """Channel or platform → their id there. Ids, not user names: names change hands."""
    timezone: TimeZone | None = None
    """Where they live; as their platform says, else `settings.timezone`, when absent."""
    locale: Locale | None = None
    """Their language; as their platform says when absent."""


class Group(Model, frozen=True):
    """People who belong together. Its name stands for all of them wherever a role does."""

    description: str = ""
    """For people: who is in it."""
    roles: OneOrMany[str] = ()
    """Roles that everybody in it has, beside their own."""


class Role(Model, frozen=True):
    """What people with this role may do with tools."""

    description: str = ""
    """For people: who has it."""
    classes: OneOrMany[ToolClass] = ("read-only", "write")
    """Classes of tools it may call."""
    tools: ToolRules = ToolRules()
    """Tools or patterns within these classes."""


BUILTIN_ROLES: Mapping[str, Role] = {
    "admin": Role(
        description="Everything, also decisions on approvals.",
        classes=("read-only", "write", "destructive"),
    ),
    "developer": Role(
        description="Builds and tests: every class of tools.",
        classes=("read-only", "write", "destructive"),
    ),
    "read-only": Role(
        description="Looks only: tools of the class `read-only`, and how tools are used.", classes=("read-only",)
    ),
    "member": Role(description="Known people: reads and writes.", classes=("read-only", "write")),
    "guest": Role(description="Unknown people: reviewed read-only tools.", classes=("read-only",)),
}
"""Roles that exist without being declared. `settings.roles` may redefine them."""


def roles_of(person: Person, groups: Mapping[str, Group]) -> tuple[str, ...]:
    """What a person is by their entry: their roles, their groups, and the roles of these, each once."""
    given = [role for name in person.groups if name in groups for role in groups[name].roles]
    return tuple(dict.fromkeys([*person.roles, *person.groups, *given]))


class Budget(Model, frozen=True):
    """A limit on spending or use. Of what it names, everything has to fit a call; all budgets that fit apply.

    One that names nothing counts everything.
    """

    description: str = ""
    """For people: why."""
    bots: OneOrMany[str] = ()
    """Bots it counts, or `"*"`; each bot has its own count unless `shared`. So it is for all that follow."""
    teams: OneOrMany[str] = ()
    """Teams whose bots it counts, or `"*"`."""
    workspaces: OneOrMany[str] = ()
    """Workspaces it counts, or `"*"`."""
    channels: OneOrMany[str] = ()
    """Channels it counts, or `"*"`."""
    people: OneOrMany[str] = ()
    """People it counts, or `"*"` for each person."""
    roles: OneOrMany[str] = ()
    """People with these roles; each has their own count."""
    shared: bool = False
    """One count for all it names together, instead of one each."""
    per: Literal["hour", "day", "week", "month", "lifetime"] = "month"
    """When the count starts anew, in `settings.timezone`."""
    spend: Money | None = None
    """Most money for models."""
    tokens: Int | None = Field(default=None, ge=1)
    """Most model tokens, in and out."""
    tool_calls: Int | None = Field(default=None, ge=1)
    """Most tool calls."""
    warn_at: Float = Field(default=0.8, gt=0, le=1)
    """Fraction of the limit at which approvers are warned, and the person whose own count it is."""

    @model_validator(mode="after")
    def _limits_something(self) -> Budget:
        if self.spend is None and self.tokens is None and self.tool_calls is None:
            raise problem("a budget needs at least one of spend, tokens or tool_calls")
        return self
