"""Why somebody may call a tool or not: the rule that decides, in a sentence."""

from __future__ import annotations

__all__ = ["explain"]

from botkit.core.tools import Principal
from botkit.gateway.rights import may_call, may_pass
from botkit.gateway.settings import BUILTIN_ROLES, GatewaySettings, RoleRules
from botkit.gateway.views import Listed


def explain(settings: GatewaySettings, principal: Principal, workspace: str, listed: Listed) -> tuple[bool, str]:
    """(allowed, why). The decision is that of `may_call` and `may_pass`; only its reason is worked out here."""
    tool, review = listed.tool, listed.review
    if not may_call(settings, principal, workspace, tool, review):
        return False, _why_not(settings, principal, workspace, listed)
    for one in listed.inner:
        if not may_pass(settings, principal, one.workspace, one.tool, one.review):
            return False, f"the workspace {one.workspace}, which it comes from, does not let these roles call it"
    if review.roles is not None and (named := [role for role in principal.roles if role in review.roles]):
        return True, f"its review names {named[0]}"
    counted = "destructive" if tool.tool_class == "unreviewed" else tool.tool_class
    able = [role for role in principal.roles if counted in _rules(settings, role).classes]
    return True, f"{able[0] if able else principal.roles[0]} may call {counted} tools"


def _why_not(settings: GatewaySettings, principal: Principal, workspace: str, listed: Listed) -> str:
    tool, review = listed.tool, listed.review
    if review.enabled is False:
        return "its review says `enabled: false`"
    if review.roles is not None and not set(principal.roles) & set(review.roles):
        return f"its review names {', '.join(review.roles) or 'nobody'}"
    counted = "destructive" if tool.tool_class == "unreviewed" else tool.tool_class
    able = [role for role in principal.roles if counted in _rules(settings, role).classes]
    if review.roles is None and not able:
        reviewed = f"{counted} tools" if tool.tool_class != "unreviewed" else "tools nobody reviewed"
        return f"none of {', '.join(principal.roles)} may call {reviewed}"
    narrowed = [role for role in principal.roles if role in settings.workspaces[workspace].roles]
    if narrowed:
        return f"`roles` of the workspace narrows {', '.join(narrowed)}"
    return "the `tools` of its roles do not admit it"


def _rules(settings: GatewaySettings, role: str) -> RoleRules:
    return settings.roles.get(role) or BUILTIN_ROLES.get(role) or RoleRules(classes=())
