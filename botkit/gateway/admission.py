"""Who may see and call what, as the settings say at this moment: rights of the person, of bots, and of all workspaces
that a tool comes through. What is forbidden is not there.
"""

from __future__ import annotations

__all__ = ["Admission", "Verified"]

import difflib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from botkit.core.clock import Clock
from botkit.core.errors import Denied, NotFound
from botkit.core.identity import NotVerified, Verification
from botkit.core.own_tools import RESULTS
from botkit.core.tool_search import unwrapped
from botkit.core.tools import Principal, Tool, ToolCall
from botkit.gateway.file_inputs import described
from botkit.gateway.fleet import Fleet
from botkit.gateway.methods import kind_of
from botkit.gateway.own import may_use_own
from botkit.gateway.rights import may_call, may_enter, may_pass, proves
from botkit.gateway.search.showing import SYNTHETIC, may_search
from botkit.gateway.session import ListKind
from botkit.gateway.tainting import asks_first
from botkit.gateway.views import Listed

Verified = Callable[[str], Awaitable[Sequence[Verification]]]
"""What a person proved and counts now, by their id."""


class Admission:
    """What principals find in workspaces.

    Args:
        verified: None: nobody proved anything.
    """

    def __init__(self, fleet: Fleet, verified: Verified | None = None):
        self._fleet = fleet
        self._verified = verified

    def tools(self, workspace: str, principal: Principal) -> Sequence[Tool]:
        """Every tool this principal may call, as it is."""
        settings = self._fleet.settings
        if not may_enter(settings, principal, workspace):
            return []
        view = self._fleet.catalogue.view(workspace)
        offered = {listed.server.name for listed in view.values()}
        offered = {server for server in offered if self._fleet.catalogue.is_offered(server)}
        return [
            self._shown(workspace, principal, listed)
            for listed in view.values()
            if listed.server.name in offered and not _reads_on(listed) and self._may(workspace, principal, listed)
        ]

    def _shown(self, workspace: str, principal: Principal, listed: Listed) -> Tool:
        """A tool as this principal sees it now, also whether its call is put to a person first."""
        tool = _for(principal, listed)
        if tool.approve or not asks_first(self._fleet.settings, principal, workspace, listed):
            return tool
        return msgspec.structs.replace(tool, approve=True)

    def offers(self, workspace: str, principal: Principal, kind: ListKind) -> Sequence[dict[str, Any]]:
        """Resources, templates or prompts this principal may use, as MCP objects in a stable order."""
        catalogue = self._fleet.catalogue
        if not may_enter(self._fleet.settings, principal, workspace):
            return []
        listed = catalogue.listed_offers(workspace, kind)
        offered = {server for server in {one.server.name for _, one in listed} if catalogue.is_offered(server)}
        return [raw for raw, one in listed if one.server.name in offered and self._may(workspace, principal, one)]

    def tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        """One tool, or None when it does not exist or the principal may not know that it does."""
        if name in SYNTHETIC and may_search(self._fleet.settings, workspace, principal):
            return SYNTHETIC[name]
        listed = self._fleet.catalogue.view(workspace).get(name)
        if listed is None or not self._may(workspace, principal, listed):
            return None
        return self._shown(workspace, principal, listed)

    def searches(self, call: ToolCall) -> bool:
        """Whether whoever calls is shown the two tools that find the others."""
        settings = self._fleet.settings
        return (
            call.method == "tools/call"
            and may_enter(settings, call.principal, call.workspace)
            and may_search(settings, call.workspace, call.principal)
        )

    def meant(self, call: ToolCall) -> ToolCall:
        """The call inside a `call_tool`: from here on nothing knows that it was wrapped."""
        inner = unwrapped(call.tool, call.arguments) if self.searches(call) else None
        return msgspec.structs.replace(call, tool=inner[0], arguments=inner[1]) if inner is not None else call

    def authorise(self, call: ToolCall) -> Listed:
        """What the call is for. Raises `NotFound` and `Denied` with the same sentence."""
        settings = self._fleet.settings
        if call.method != "tools/call":
            return self._authorise_other(call)
        view = self._fleet.catalogue.view(call.workspace)
        listed = view.get(call.tool)
        if listed is None and call.client is not None and call.client.transparent:
            listed = self._fleet.catalogue.unlisted(call.workspace, call.tool)
        if listed is not None and self._may(call.workspace, call.principal, listed):
            return listed
        known = [one.tool.name for one in view.values() if self._may(call.workspace, call.principal, one)]
        near = difflib.get_close_matches(call.tool, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        kind = NotFound if listed is None and call.workspace in settings.workspaces else Denied
        raise kind(f"There is no tool {call.tool[:200]} in this workspace.{hint}")

    async def verify(self, call: ToolCall, listed: Listed, clock: Clock) -> None:
        """Whether the person proved who they are, where the tool or a workspace it passes asks for it.

        Raises:
            NotVerified: they did not, or too long ago; nothing was sent.
        """
        asking = [one for one in (listed.review, *(inner.review for inner in listed.inner)) if one.requires]
        if not asking:
            return
        principal = call.principal
        person = principal.id if principal.kind == "person" else principal.person
        found = await self._verified(person) if person and self._verified is not None else ()
        if all(proves(review, found, clock.micros()) for review in asking):
            return
        how = {"verified_email": " by mail", "verified_phone": " by telephone"}.get(asking[0].requires or "", "")
        raise NotVerified(
            f"{call.tool} is only for people who have proved who they are{how}, and this person has not, or too long "
            "ago. Nothing was done. It is proved in a workflow with an `auth_gate` step, not by what is said here.",
            tool=call.tool,
        )

    def _authorise_other(self, call: ToolCall) -> Listed:
        """For prompts and resources, which are only read. Raises as `authorise`."""
        found = self._fleet.catalogue.find(call.workspace, kind_of(call.method, call.params), call.tool)
        if found is not None and self._may(call.workspace, call.principal, found):
            return found
        what = "prompt" if kind_of(call.method, call.params) == "prompt" else "resource"
        raise NotFound(f"There is no {what} {call.tool[:200]} in this workspace.")

    def _may(self, workspace: str, principal: Principal, listed: Listed) -> bool:
        settings = self._fleet.settings
        if listed.own and not may_use_own(settings, principal, listed.server.name):
            return False
        if _reads_on(listed):  # whoever got a result may read it
            return may_enter(settings, principal, workspace)
        return may_call(settings, principal, workspace, listed.tool, listed.review) and all(
            may_pass(settings, principal, one.workspace, one.tool, one.review) for one in listed.inner
        )

    def records(self, call: ToolCall, listed: Listed | None) -> bool:
        """Whether what this call carries is kept: a workspace it passes says so now, and its caller may be there."""
        workspaces = self._fleet.settings.workspaces
        inner = listed.inner if listed is not None else ()
        return any(
            (found := workspaces.get(name)) is not None and found.record_payloads
            for name in (call.workspace, *(one.workspace for one in inner))
        ) and may_enter(self._fleet.settings, call.principal, call.workspace)


def _reads_on(listed: Listed) -> bool:
    return listed.own and listed.server.name == RESULTS


def _for(principal: Principal, listed: Listed) -> Tool:
    """A tool as this principal calls it: bots name files by their id."""
    if not principal.bot or listed.definition is None or not listed.definition.files:
        return listed.tool
    definition = described(listed.tool.definition, listed.definition.files)
    return msgspec.structs.replace(listed.tool, definition=definition)
