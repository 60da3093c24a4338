"""The gateway: one way to every tool, for bots, workflows and MCP clients alike.

    authorise (person ∧ bot ∧ workspace) → limit → verified? → budget → check arguments → approve? → secrets → call
        → bound, clean, redact → one call-log record, and where a workspace says so, what the call carried, sealed

Every call ends in exactly one event that is not `Progress`, and that event carries the record of the call, also when it
was refused; whoever asked commits it together with what the result changes. Arguments are checked before anybody is
asked to approve them. What is forbidden answers like what does not exist.
"""

from __future__ import annotations

__all__ = ["Gateway", "StandIn"]

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
import structlog

from botkit.core.budgets import Payer, Spending
from botkit.core.clock import Clock
from botkit.core.errors import BotkitError, ToolUnavailable
from botkit.core.limits import Counters
from botkit.core.own_tools import OwnTools
from botkit.core.stores import CallLog
from botkit.core.tools import (
    CallRecord,
    NeedsApproval,
    NeedsInput,
    Principal,
    Progress,
    Result,
    Tool,
    ToolCall,
    ToolEvent,
    arguments_digest,
)
from botkit.core.tracing import traceparent
from botkit.gateway.admission import Admission, Verified
from botkit.gateway.approvals import CallDesk, wanted_wait_s
from botkit.gateway.catalog import ServerStatus
from botkit.gateway.composition import home_of
from botkit.gateway.conversation import Asked, Conversation, Final, News
from botkit.gateway.file_inputs import CallFiles, with_files
from botkit.gateway.fleet import Fleet
from botkit.gateway.limits import Limiter, SlidingWindow, quotas_for, rules_for
from botkit.gateway.methods import SUBSCRIPTIONS
from botkit.gateway.parking import Parking, read_ticket
from botkit.gateway.passage import Passage
from botkit.gateway.payloads import PayloadRecorder
from botkit.gateway.pool import SECRETS_META
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.search.showing import SYNTHETIC, mode_of, search, shown
from botkit.gateway.secrets import scopes_for
from botkit.gateway.session import ListKind, Manner
from botkit.gateway.settings import GatewaySettings, HostedSettings, WorkspaceSettings
from botkit.gateway.tainting import asks_first, taint_of
from botkit.gateway.views import Listed

StandIn = Callable[[ToolCall, Tool], Awaitable[dict[str, Any] | None]]
"""Answers a call that may be made, with an MCP `CallToolResult`, in place of the server; None: the server answers."""

_META = "io.botkit/"
_log = structlog.get_logger("botkit.gateway")


class Gateway:
    """Implements `botkit.core.tools.ToolPort`.

    Args:
        fleet: the servers; started and stopped with the gateway.
        call_log: receives the record of a call whose caller went away, and of no other.
        relay_trace: tell servers the span of their call, because it will be exported.
        files: what arguments that take files are read from, for bots.
        recorder: seals what calls carry, for workspaces that record it.
        spending: the budgets calls count on; the record of a call settles what was reserved for it.
        verified: what people proved of themselves, for tools that ask for it.
        stand_in: asked before every server, where something is only tried.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        redactor: SecretRedactor,
        clock: Clock,
        limiter: Limiter | None = None,
        counters: Counters | None = None,
        approvals: CallDesk | None = None,
        spending: Spending | None = None,
        call_log: CallLog | None = None,
        relay_trace: bool = False,
        files: CallFiles | None = None,
        recorder: PayloadRecorder | None = None,
        own: OwnTools | None = None,
        verified: Verified | None = None,
        stand_in: StandIn | None = None,
    ):
        self._stand_in = stand_in
        self._files = files
        self._recorder = recorder
        self._own = own
        self.fleet = fleet
        self._admission = Admission(fleet, verified)
        self._redactor = redactor
        self._clock = clock
        self._limiter = limiter or SlidingWindow(clock)
        self._counters = counters
        self._approvals = approvals
        self._spending = spending
        self._call_log = call_log
        self._relay_trace = relay_trace
        self._parking = Parking(clock)

    async def start(self, settings: GatewaySettings) -> None:
        """Begin to start the servers. `ready` waits for them."""
        await self.fleet.start(settings)

    async def ready(self, timeout_s: float = 30.0) -> None:
        """Wait for servers whose tools are not known yet; at most so long."""
        await self.fleet.ready(timeout_s)

    def apply(self, settings: GatewaySettings) -> None:
        """Use other settings from the next call on."""
        self.fleet.apply(settings)

    async def stop(self) -> None:
        """Give up parked calls and end every server."""
        await self._parking.stop()
        await self.fleet.stop()

    async def give_up(self, call: ToolCall) -> None:
        """Nobody will answer what a call asked (`state`): its server is told, and may go on."""
        park = self._parking.take(read_ticket(call).park)
        if park is not None:
            await park.leave("nobody is there to answer")

    def status(self) -> Sequence[ServerStatus]:
        """How each server is."""
        return self.fleet.status()

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> Sequence[Tool]:
        mode = mode_of(self.fleet.settings, workspace, principal)
        return shown(mode, self._admission.tools(workspace, principal), room_tokens=room_tokens)

    async def list_offers(self, workspace: str, principal: Principal, kind: ListKind) -> Sequence[dict[str, Any]]:
        """Resources, templates or prompts this principal may use, as MCP objects in a stable order."""
        return self._admission.offers(workspace, principal, kind)

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        return self._admission.tool(workspace, principal, name)

    async def call(self, call: ToolCall) -> AsyncGenerator[ToolEvent]:
        if call.tool in SYNTHETIC:
            call = self._admission.meant(call)
        run = Passage(call, self._clock, self._redactor)
        final: NeedsApproval | NeedsInput | Result | None = None
        try:
            try:
                async with aclosing(self._stages(call, run)) as events:
                    async for event in events:
                        if isinstance(event, Progress):
                            yield event
                        else:
                            final = event
            except BotkitError as error:
                final = run.refused(error)
            except Exception:
                _log.exception("call_failed", tool=call.tool, call_id=call.id)
                final = run.refused(BotkitError(f"{call.tool} failed inside botkit; see the log for call {call.id}."))
            final = final or run.refused(BotkitError(f"{call.tool} ended without an answer."))
            sent = isinstance(final, Result) and final.sent
            final = msgspec.structs.replace(final, record=run.settled(final.record, calls=int(sent)))
            if self._recorder is not None and self._admission.records(call, run.listed):
                final = msgspec.structs.replace(final, record=self._recorder.recorded(call, final.record, final))
            yield final
        finally:
            if final is None:  # the caller closed us or was cancelled
                sent = run.conversation is not None and run.conversation.sent
                record = run.settled(run.record("cancelled", "cancelled"), calls=int(sent))
                if self._recorder is not None and self._admission.records(call, run.listed):
                    record = self._recorder.recorded(call, record, None)
                await self._log_cancelled(record)

    async def _stages(
        self, call: ToolCall, run: Passage
    ) -> AsyncGenerator[Progress | NeedsApproval | NeedsInput | Result]:
        workspaces = self.fleet.settings.workspaces
        if call.tool in SYNTHETIC and self._admission.searches(call):
            await self._limiter.take(rules_for(workspaces[call.workspace], call.workspace, call.principal))
            yield run.found(search(self._admission.tools(call.workspace, call.principal), call.tool, call.arguments))
            return
        listed = run.listed = self._admission.authorise(call)
        if self._recorder is not None and self._admission.records(call, run.listed):
            self._recorder.ready()
        passed = {name: workspaces[name] for name in (call.workspace, *(one.workspace for one in listed.inner))}
        await self._limiter.take(
            [rule for name, one in passed.items() for rule in rules_for(one, name, call.principal)]
        )
        await self._admission.verify(call, listed, self._clock)
        await self._reserve(call, run, tuple(passed))
        if listed.definition is not None and not (call.client is not None and call.client.transparent):
            listed.definition.checker.check(call.tool, call.arguments)
        tainted = asks_first(self.fleet.settings, call.principal, call.workspace, listed)
        if listed.tool.approve or tainted:
            digest = arguments_digest(call.tool, call.arguments)
            if call.approval != digest:
                if call.principal.kind != "member" or self._approvals is None:
                    yield run.needs_approval(digest, tainted=tainted)
                    return
                async with aclosing(self._member_approval(self._approvals, run, digest)) as asking:
                    async for event in asking:
                        yield event
                        if isinstance(event, Result):
                            return
        for name, one in passed.items():
            await self._count(call, one, name)
        if self._stand_in is not None and (given := await self._stand_in(call, listed.tool)) is not None:
            yield run.answered(Final(given), taint_of(self.fleet.settings, call, listed))
            return
        if listed.own:
            if self._own is None:
                raise ToolUnavailable(f"{call.tool} is not available here.")
            said = await self._own.call(call, listed.tool.upstream_name)
            yield run.answered(Final(said.content), ", ".join(said.taint))
            return
        if call.method in SUBSCRIPTIONS:  # whoever asks hears of it from `Fleet.watching`
            yield run.answered(Final({}))
            return
        conversation = run.conversation = await self._conversation(await self._with_files(call, listed), listed)
        async with aclosing(conversation.events()) as events:
            async for event in events:
                if isinstance(event, News):
                    yield run.progress(event)
                elif isinstance(event, Asked):
                    yield run.needs_input(event)
                else:
                    yield run.answered(event, taint_of(self.fleet.settings, call, listed))

    async def _reserve(self, call: ToolCall, run: Passage, workspaces: Sequence[str]) -> None:
        """On every budget the call counts on, or none. Raises `BudgetUsedUp`."""
        if self._spending is None or not self._spending.active or call.method != "tools/call":
            return
        payer = Payer.of(call.principal, workspaces=workspaces, channel=call.channel)
        run.charge = await self._spending.reserve_tool(payer, run_id=call.run_id, step=call.idempotency_key or call.id)

    async def _with_files(self, call: ToolCall, listed: Listed) -> ToolCall:
        """As it is sent: with the files that a run names. Raises `InvalidArguments`."""
        inputs = listed.definition.files if listed.definition is not None else ()
        if not inputs or not call.run_id or self._files is None or call.method != "tools/call":
            return call
        arguments = await with_files(call.tool, call.arguments, inputs, self._files, run_id=call.run_id)
        return msgspec.structs.replace(call, arguments=arguments)

    async def _count(self, call: ToolCall, workspace: WorkspaceSettings, name: str) -> None:
        """Against the quotas of the month: what is about to be sent counts, what was refused before does not."""
        timezone = self.fleet.settings.timezone
        quotas = quotas_for(workspace, name, call.principal, now=self._clock.now(), timezone=timezone)
        if quotas and self._counters is not None:
            await self._counters.take(quotas)

    async def _member_approval(
        self, approvals: CallDesk, run: Passage, digest: str
    ) -> AsyncGenerator[Progress | Result]:
        """Nothing when this very call was approved, else the refusal that says what is to be waited for."""
        call, listed = run.call, run.listed
        assert listed is not None
        asked = run.needs_approval(digest)
        use = partial(
            approvals.use,
            call,
            listed.tool,
            digest=digest,
            arguments=asked.arguments,
            approvers=asked.approvers,
        )
        approval = await use()
        if approval.state == "open" and (wait_s := wanted_wait_s(call)):
            yield Progress(message=f"{call.tool} waits for the approval of a person.")
            await approvals.wait(approval, wait_s)
            approval = await use()
        if approval.state != "used":
            yield run.not_approved(approval)

    async def _conversation(self, call: ToolCall, listed: Listed) -> Conversation:
        """Find the process and put together what it is sent beside the arguments.

        Raises:
            SecretError: a secret is missing; nothing was sent.
        """
        server = listed.server
        person = call.principal.id if call.principal.kind == "person" else call.principal.person
        workspace = home_of(call.workspace, listed.inner)
        member = f"member:{call.principal.id}" if call.principal.kind == "member" else ""
        scopes = scopes_for(workspace=workspace, server=server.name, person=person or member)
        meta: dict[str, Any] = dict(call.client.meta) if call.client is not None else {}
        if self._relay_trace:
            meta["traceparent"] = traceparent(call.trace_id or call.id, call.id)
        if call.idempotency_key:
            meta[f"{_META}idempotency-key"] = call.idempotency_key
        if isinstance(server, HostedSettings):  # others need not know where they are used, and by whom
            meta[f"{_META}workspace"] = workspace
            meta[f"{_META}person"] = person
            if secrets := await self.fleet.pool.secrets_for_call(server, scopes, listed.tool.upstream_name):
                meta[SECRETS_META] = secrets
        timeout_s = listed.review.timeout_s or server.timeout_s
        return Conversation(
            call,
            listed.tool,
            lambda: self.fleet.pool.upstream(
                server, scopes, who=f"{call.principal.kind}:{call.principal.id}", manner=_manner(call)
            ),
            self._parking,
            self._clock,
            meta=meta,
            timeout_s=min(timeout_s, call.timeout_s) if call.timeout_s else timeout_s,
        )

    async def _log_cancelled(self, record: CallRecord) -> None:
        if self._call_log is None:
            return
        try:
            await self._call_log.append([record])
        except BotkitError as error:
            _log.warning("call_not_logged", call_id=record.id, error=str(error))


def _manner(call: ToolCall) -> Manner | None:
    """As whom to speak with the server; None: as botkit."""
    client = call.client
    if client is None or not client.era:
        return None
    if client.era == "modern":  # each request says for itself what its client can do
        return Manner(era="modern")
    return Manner(era="handshake", capabilities={key: client.capabilities[key] for key in sorted(client.capabilities)})
