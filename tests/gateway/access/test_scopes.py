"""The scopes of a token and delegation narrow what a role may do, in any combination, and never widen it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from botkit.core.tools import Principal, Tool, ToolClass
from botkit.gateway.rights import may_call
from botkit.gateway.settings import BotRules, GatewaySettings, Review, ToolFilter, WorkspaceSettings

NAMES = ("orders__find", "orders__refund", "notes__list", "notes__delete")
PATTERNS = (*NAMES, "orders__*", "notes__*", "*", "*__delete")
CLASSES: tuple[ToolClass, ...] = ("read-only", "write", "destructive", "unreviewed")


def a_tool(name: str, tool_class: ToolClass) -> Tool:
    server = name.partition("__")[0]
    return Tool(name=name, server=server, upstream_name="x", definition={}, tool_class=tool_class)


def a_filter(allow: list[str] | None, deny: list[str]) -> ToolFilter:
    return ToolFilter(allow=None if allow is None else tuple(allow), deny=tuple(deny))


patterns = st.lists(st.sampled_from(PATTERNS), max_size=3)
filters = st.builds(a_filter, st.none() | patterns, patterns)
tools = st.builds(a_tool, st.sampled_from(NAMES), st.sampled_from(CLASSES))
roles = st.sampled_from(("admin", "developer", "read-only", "member", "guest", "unknown"))


@given(tool=tools, role=roles, token=filters, bots=st.lists(filters, max_size=2), narrowed=filters)
def test_what_is_allowed_is_allowed_by_everybody_on_the_way(
    tool: Tool, role: str, token: ToolFilter, bots: list[ToolFilter], narrowed: ToolFilter
) -> None:
    settings = GatewaySettings(
        workspaces={"desk": WorkspaceSettings(roles={role: narrowed})},
        bots={f"bot-{number}": BotRules(workspace="desk", tools=rules) for number, rules in enumerate(bots)},
    )
    plain = Principal(kind="member", id="mem_1", roles=(role,))
    scoped = replace(plain, allow=token.allow, deny=token.deny)
    chain = tuple(settings.bots)
    delegated = replace(scoped, via=chain[:-1], bot=chain[-1] if chain else "")
    review = Review()
    alone = may_call(settings, plain, "desk", tool, review)
    assert may_call(settings, scoped, "desk", tool, review) == (alone and token.admits(tool.name))
    everybody = alone and token.admits(tool.name) and all(rules.admits(tool.name) for rules in bots)
    assert may_call(settings, delegated, "desk", tool, review) == everybody
    if role == "read-only" and tool.tool_class != "read-only":
        assert not alone
