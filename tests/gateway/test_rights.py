"""Rights: who may call what, as a pure function."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.core.tools import Principal, Tool, ToolClass
from botkit.gateway.rights import may_call, may_enter, review_of
from botkit.gateway.settings import BotRules, GatewaySettings, Review, RoleRules, ToolFilter, WorkspaceSettings


def tool(tool_class: ToolClass, name: str = "s__t") -> Tool:
    return Tool(name=name, server="s", upstream_name="t", definition={}, tool_class=tool_class)


def settings(**fields: Any) -> GatewaySettings:
    fields.setdefault("workspaces", {"main": WorkspaceSettings(servers=("*",))})
    return GatewaySettings(**fields)


def allowed(role: str, tool_class: ToolClass, given: GatewaySettings | None = None, **review: Any) -> bool:
    principal = Principal(id="p", roles=(role,))
    return may_call(given or settings(), principal, "main", tool(tool_class), Review(**review))


@pytest.mark.parametrize(
    ("role", "classes"),
    [
        ("guest", {"read-only"}),
        ("member", {"read-only", "write"}),
        ("developer", {"read-only", "write", "destructive", "unreviewed"}),
        ("admin", {"read-only", "write", "destructive", "unreviewed"}),
        ("nobody-ever-declared-this", set[str]()),
    ],
)
def test_builtin_roles(role: str, classes: set[str]) -> None:
    every: tuple[ToolClass, ...] = ("read-only", "write", "destructive", "unreviewed")
    assert {one for one in every if allowed(role, one)} == classes


def test_roles_add_up_and_custom_ones_may_replace_the_builtin() -> None:
    cashier = RoleRules(classes=("destructive",), tools=ToolFilter(allow=("orders__*",)))
    custom = settings(roles={"cashier": cashier, "guest": RoleRules(classes=())})
    both = Principal(id="p", roles=("member", "cashier"))
    assert may_call(custom, both, "main", tool("destructive", "orders__refund"), Review())
    assert may_call(custom, both, "main", tool("write"), Review())
    assert not may_call(custom, both, "main", tool("destructive"), Review())
    assert not allowed("guest", "read-only", custom)


def test_a_review_names_who_may_whatever_the_class() -> None:
    assert allowed("guest", "destructive", roles=("guest", "admin"))
    assert not allowed("member", "read-only", roles=("guest", "admin"))
    assert not allowed("guest", "unreviewed", roles=("guest", "admin"))  # it is no longer what was reviewed
    assert allowed("admin", "unreviewed", roles=("guest", "admin"))


def test_what_a_workspace_takes_from_a_role_a_review_does_not_give_back() -> None:
    narrowed = WorkspaceSettings(servers=("*",), roles={"guest": ToolFilter(deny=("s__*",))})
    assert not allowed("guest", "read-only", settings(workspaces={"main": narrowed}), roles=("guest",))


@given(
    roles=st.lists(st.sampled_from(["guest", "member", "admin", "x"]), max_size=3),
    tool_class=st.sampled_from(["read-only", "write", "destructive", "unreviewed"]),
    deny=st.booleans(),
    via=st.lists(st.sampled_from(["a", "b", "gone"]), max_size=3),
)
def test_delegation_never_adds_a_right(roles: list[str], tool_class: ToolClass, deny: bool, via: list[str]) -> None:
    bots = {
        "a": BotRules(workspace="main", tools=ToolFilter(deny=("s__*",) if deny else ())),
        "b": BotRules(workspace="main"),
    }
    given_settings = settings(bots=bots)
    alone = Principal(id="p", roles=tuple(roles), bot="b")
    delegated = Principal(id="p", roles=tuple(roles), bot="b", via=tuple(via))
    may = may_call(given_settings, delegated, "main", tool(tool_class), Review())
    assert not may or may_call(given_settings, alone, "main", tool(tool_class), Review())
    if "gone" in via or (deny and "a" in via):
        assert not may


def test_an_unknown_workspace_admits_nobody() -> None:
    assert not may_enter(settings(), Principal(id="p", roles=("admin",)), "elsewhere")


def test_the_most_exact_review_wins_field_by_field() -> None:
    workspace = WorkspaceSettings(
        reviews={
            "*": Review(tool_class="write", approve=True, timeout_s=9.0),
            "orders__*": Review(approve=False),
            "orders__get_*": Review(tool_class="read-only"),
            "orders__get_all": Review(enabled=False),
        }
    )
    assert review_of(workspace, "orders__get_all") == Review(
        tool_class="read-only", approve=False, enabled=False, timeout_s=9.0
    )
    assert review_of(workspace, "orders__refund") == Review(tool_class="write", approve=False, timeout_s=9.0)
    assert review_of(workspace, "other") == Review(tool_class="write", approve=True, timeout_s=9.0)
    assert review_of(WorkspaceSettings(), "x") == Review()


def test_deny_wins_over_allow_and_an_empty_allow_admits_nothing() -> None:
    assert ToolFilter().admits("a__b")
    assert not ToolFilter(allow=()).admits("a__b")
    assert not ToolFilter(allow=("a__*",), deny=("*__b",)).admits("a__b")
    assert ToolFilter(allow=("a__*",), deny=("*__b",)).admits("a__c")
