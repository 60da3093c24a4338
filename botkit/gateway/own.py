"""The tools botkit itself brings, as workspaces offer them: nothing is started for them, everything else holds."""

from __future__ import annotations

__all__ = ["may_use_own", "own_tools"]

from collections.abc import Collection, Iterator

import msgspec

from botkit.core.own_tools import KNOWLEDGE, MEMORY, OWN_TOOLS, RESULTS
from botkit.core.tools import Principal
from botkit.gateway.definitions import Definition, read_definitions
from botkit.gateway.naming import tool_name
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.rights import review_of
from botkit.gateway.settings import BUILTIN_ROLES, GatewaySettings, HostedSettings, Review, WorkspaceSettings

_NOTHING_RUNS: dict[str, HostedSettings] = {name: HostedSettings(name=name, path="") for name in OWN_TOOLS}


def own_tools(
    settings: GatewaySettings, workspace: str, taken: Collection[str]
) -> Iterator[tuple[HostedSettings, Definition, Review]]:
    """What this workspace offers of them.

    Args:
        taken: servers of bots.yaml; one that has the name of ours stands in its place.
    """
    here = settings.workspaces[workspace]
    remembers = any(bot.memory and bot.workspace == workspace for bot in settings.bots.values())
    for name, wanted in ((MEMORY, remembers), (KNOWLEDGE, here.knowledge), (RESULTS, True)):
        if not wanted or name in taken or here.transparent:
            continue
        written = [tool.definition for tool in OWN_TOOLS[name]]
        if name == KNOWLEDGE and here.knows:
            written = [{**one, "description": f"{one['description']} It holds: {here.knows}."} for one in written]
        definitions, _ = read_definitions(written, SecretRedactor())
        classes = {str(tool.definition["name"]): tool.tool_class for tool in OWN_TOOLS[name]}
        for one in definitions:
            yield _NOTHING_RUNS[name], one, _review(settings, here, name, one.name, classes[one.name])


def may_use_own(settings: GatewaySettings, principal: Principal, server: str) -> bool:
    """Notes are for people who talk with a bot that keeps them, and only for themselves. Results are read on in runs,
    which members have none of."""
    if server == RESULTS:
        return principal.kind != "member"
    if server != MEMORY:
        return True
    rules = settings.bots.get(principal.bot)
    return principal.kind == "person" and bool(principal.id) and rules is not None and rules.memory


def _review(settings: GatewaySettings, workspace: WorkspaceSettings, server: str, name: str, tool_class: str) -> Review:
    """What was decided about a tool of ours; else whoever may talk with the bot may use it for themselves."""
    decided = review_of(workspace, tool_name(server, name))
    everybody = tuple({*BUILTIN_ROLES, *settings.roles})
    return msgspec.structs.replace(
        decided,
        tool_class=decided.tool_class or tool_class,
        idempotent=True if decided.idempotent is None else decided.idempotent,
        roles=everybody if decided.roles is None and server in (MEMORY, RESULTS) else decided.roles,
    )
