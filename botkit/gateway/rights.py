"""Who may call what: the rights of the person ∧ the bot ∧ the workspace, decided anew at each call.

Pure functions over settings. A person has several roles and their rights add up; each bot in the chain of delegation
and the workspace can only take away. A review that names roles says who may call that tool, whatever its class. The
scopes of a token narrow what its member may do, and never widen it.
"""

from __future__ import annotations

__all__ = ["may_call", "may_enter", "may_pass", "proves", "review_of"]

from collections.abc import Sequence

from botkit.core.identity import Verification
from botkit.core.tools import Principal, Tool
from botkit.gateway.settings import (
    BUILTIN_ROLES,
    BotRules,
    GatewaySettings,
    Review,
    RoleRules,
    ToolFilter,
    WorkspaceSettings,
)

_NO_CLASSES = RoleRules(classes=())
"""A role nobody declared has the rights reviews give it, and no others."""


def review_of(workspace: WorkspaceSettings, tool: str) -> Review:
    """Everything decided about a tool: each field from the most exact pattern that decides it."""
    from fnmatch import fnmatchcase

    exact = workspace.reviews.get(tool)
    patterns = [
        (pattern, review)
        for pattern, review in workspace.reviews.items()
        if pattern != tool and fnmatchcase(tool, pattern)
    ]
    # More plain characters say more about the tool; on a draw, the order of the file.
    patterns.sort(key=lambda item: -len(item[0].replace("*", "").replace("?", "")))
    ranked = ([exact] if exact is not None else []) + [review for _, review in patterns]

    def first(field: str) -> object:
        return next((value for one in ranked if (value := getattr(one, field)) is not None), None)

    return Review(**{field: first(field) for field in Review.__struct_fields__})  # pyright: ignore[reportArgumentType]  # each value comes from the field of the same name


def may_enter(settings: GatewaySettings, principal: Principal, workspace: str) -> bool:
    """Whether the principal's bot belongs to this workspace, and those that delegated to it still exist.

    A principal without a bot brings its own token.
    """
    if workspace not in settings.workspaces or any(bot not in settings.bots for bot in principal.via):
        return False
    rules = settings.bots.get(principal.bot)
    return not principal.bot or (rules is not None and rules.workspace == workspace)


def may_call(settings: GatewaySettings, principal: Principal, workspace: str, tool: Tool, review: Review) -> bool:
    """Whether this principal may call this tool now."""
    if review.enabled is False or not may_enter(settings, principal, workspace):
        return False
    scoped = principal.allow is not None or principal.deny
    if scoped and not ToolFilter(allow=principal.allow, deny=principal.deny).admits(tool.name):
        return False
    if not all(ToolFilter(allow=allow).admits(tool.name) for allow in principal.within):
        return False
    if principal.bot and not settings.bots[principal.bot].tools.admits(tool.name):
        return False
    if not all(_delegates(settings.bots[bot], workspace, tool) for bot in principal.via):
        return False
    return any(_role_admits(settings, role, workspace, tool, review) for role in principal.roles)


def may_pass(settings: GatewaySettings, principal: Principal, workspace: str, tool: Tool, review: Review) -> bool:
    """Whether a workspace lets this principal's roles call a tool of its own from another workspace."""
    if review.enabled is False or workspace not in settings.workspaces:
        return False
    return any(_role_admits(settings, role, workspace, tool, review) for role in principal.roles)


def _role_admits(settings: GatewaySettings, role: str, workspace: str, tool: Tool, review: Review) -> bool:
    rules = settings.roles.get(role) or BUILTIN_ROLES.get(role) or _NO_CLASSES
    if not rules.tools.admits(tool.name):
        return False
    narrowed = settings.workspaces[workspace].roles.get(role)
    if narrowed is not None and not narrowed.admits(tool.name):
        return False
    if review.roles is None:
        counted = "destructive" if tool.tool_class == "unreviewed" else tool.tool_class
        return counted in rules.classes
    # Roles named in a review are a decision about this very tool and count more than classes, but only as
    # long as the tool is the one that was reviewed.
    return role in review.roles and (tool.tool_class != "unreviewed" or "destructive" in rules.classes)


def proves(review: Review, found: Sequence[Verification], now: int) -> bool:
    """Whether what a person proved is what a review asks for. `now` in microseconds."""
    since = now - int(review.verified_within_s * 1_000_000) if review.verified_within_s else 0
    wanted = (review.requires or "").removeprefix("verified").removeprefix("_")
    return any(
        (not wanted or one.kind == wanted) and one.verified_at >= since and one.verified_at <= now < one.expires_at
        for one in found
    )


def _delegates(bot: BotRules, workspace: str, tool: Tool) -> bool:
    """Whether a bot that delegated lets this happen on its behalf.

    What it may not do, nobody does for it. The tools it is limited to are those of its own workspace: in another one,
    the limits of the bot it delegated to count.
    """
    rules = bot.tools if bot.workspace == workspace else ToolFilter(deny=bot.tools.deny)
    return rules.admits(tool.name)
