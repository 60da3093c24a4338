"""What members may do, as one table: `docs/guides/access.md` shows it and is tested against it.

Calling tools is decided by the class of each tool (`botkit.gateway.settings.BUILTIN_ROLES`), for members and for people
in chats alike; everything else is an action of this table.
"""

from __future__ import annotations

__all__ = ["ACTIONS", "Action", "may", "permission_table"]

from collections.abc import Mapping
from typing import Literal, get_args

from botkit.core.members import MEMBER_ROLES, MemberRole
from botkit.gateway.settings import BUILTIN_ROLES

Action = Literal[
    "analytics.view",
    "logs.view",
    "members.list",
    "tokens.own",
    "servers.manage",
    "bots.manage",
    "workflows.manage",
    "secrets.set",
    "approvals.decide",
    "members.manage",
    "tokens.manage",
    "secrets.manage",
    "workspace.manage",
    "audit.view",
]

_ALL = frozenset(MEMBER_ROLES)
_BUILDERS: frozenset[MemberRole] = frozenset({"admin", "developer"})
_ADMINS: frozenset[MemberRole] = frozenset({"admin"})

ACTIONS: Mapping[Action, tuple[frozenset[MemberRole], str]] = {
    "analytics.view": (_ALL, "see how tools are used"),
    "logs.view": (_BUILDERS, "see the log of calls"),
    "members.list": (_BUILDERS, "see who the members are"),
    "tokens.own": (_BUILDERS, "make, list and revoke tokens of one's own"),
    "servers.manage": (_BUILDERS, "add, change and test servers"),
    "bots.manage": (_BUILDERS, "add and change bots"),
    "workflows.manage": (_BUILDERS, "add and change workflows"),
    "secrets.set": (_BUILDERS, "store a secret; nobody ever reads one"),
    "approvals.decide": (_ADMINS, "approve and reject calls"),
    "members.manage": (_ADMINS, "invite, remove and give roles"),
    "tokens.manage": (_ADMINS, "make and revoke tokens of others"),
    "secrets.manage": (_ADMINS, "delete secrets and rotate keys"),
    "workspace.manage": (_ADMINS, "rename the workspace, set its limits, review its tools, remove it"),
    "audit.view": (_ADMINS, "see what administrators did"),
}
"""Action → the roles that may, and what it is."""

assert set(ACTIONS) == set(get_args(Action))


def may(role: MemberRole, action: Action) -> bool:
    """Whether a member with this role may do that in their workspace."""
    return role in ACTIONS[action][0]


def permission_table() -> str:
    """The whole table in Markdown: actions, then classes of tools."""
    head = ["| | " + " | ".join(MEMBER_ROLES) + " |", "|---|" + "---|" * len(MEMBER_ROLES)]
    rows = [
        _row(f"call `{kind}` tools", {r for r in MEMBER_ROLES if kind in BUILTIN_ROLES[r].classes}) for kind in _CLASSES
    ]
    rows += [_row(f"{what} (`{action}`)", roles) for action, (roles, what) in ACTIONS.items()]
    return "\n".join([*head, *rows])


_CLASSES = ("read-only", "write", "destructive")


def _row(what: str, roles: frozenset[MemberRole] | set[MemberRole]) -> str:
    return f"| {what} | " + " | ".join("yes" if role in roles else "–" for role in MEMBER_ROLES) + " |"
