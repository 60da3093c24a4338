"""The gateway: one way to every tool, for bots, workflows and MCP clients alike.

    authorise (person ∧ bot ∧ workspace) → limit → budget → check arguments → approve? → secrets → call
        → bound, clean, redact → one call-log record, and where a workspace says so, what the call carried, sealed

Every call ends in exactly one event that is not `Progress`, and that event carries the record of the call, also when it
was refused; whoever asked commits it together with what the result changes. Arguments are checked before anybody is
asked to approve them. What is forbidden answers like what does not exist.
"""

from __future__ import annotations

__all__ = ["Gateway"]

import difflib
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
import structlog

from botkit.core.call_approvals import CallApproval
from botkit.core.clock import Clock
from botkit.core.errors import (
    BotkitError,
    Denied,
    InvalidArguments,
    LimitReached,
    NotFound,
    ToolTimeout,
    ToolUnavailable,
)
from botkit.core.limits import Counters
from botkit.core.stores import CallLog
from botkit.core.tool_search import unwrapped
from botkit.core.tools import (
    CallRecord,
    CallStatus,
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
from botkit.core.tracing import parse_traceparent, traceparent
from botkit.gateway.approvals import CallDesk, approval_error, wanted_wait_s
from botkit.gateway.catalog import Listed, ServerStatus
from botkit.gateway.composition import home_of
from botkit.gateway.connect import NotConnected
from botkit.gateway.conversation import Asked, Conversation, Final, News
from botkit.gateway.file_inputs import CallFiles, described, with_files
from botkit.gateway.fleet import Fleet
from botkit.gateway.limits import Budget, Limiter, NoBudget, SlidingWindow, quotas_for, rules_for
from botkit.gateway.methods import SUBSCRIPTIONS, kind_of
from botkit.gateway.parking import Parking, read_ticket
from botkit.gateway.payloads import PayloadRecorder
from botkit.gateway.pool import SECRETS_META
from botkit.gateway.redact import SecretRedactor
from botkit.gateway.results import clean_object, clean_result, error_result
from botkit.gateway.rights import may_call, may_enter, may_pass
from botkit.gateway.search.showing import SYNTHETIC, mode_of, search, shown
from botkit.gateway.secrets import scopes_for
from botkit.gateway.session import ListKind, Manner
from botkit.gateway.settings import GatewaySettings, HostedSettings, WorkspaceSettings
from botkit.gateway.wire import INTERNAL_ERROR, RpcError, SpoiledAnswer

_META = "io.botkit/"
INVALID_PARAMS = -32602
RESOURCE_NOT_FOUND = -32002
"""Of the handshake era; the modern one says `INVALID_PARAMS`."""
LIMITED = -32029
"""A limit of ours is reached; `data.retryAfter` says in how many seconds it is not."""
_log = structlog.get_logger("botkit.gateway")

_STATUS: tuple[tuple[type[BotkitError], CallStatus], ...] = (
    (Denied, "denied"),
    (LimitReached, "limited"),
    (InvalidArguments, "invalid"),
    (ToolTimeout, "timeout"),
    (ToolUnavailable, "unavailable"),
)


class Gateway:
    """Implements `botkit.core.tools.ToolPort`.

    Args:
        fleet: the servers; started and stopped with the gateway.
        call_log: receives the record of a call whose caller went away, and of no other.
        relay_trace: tell servers the span of their call, because it will be exported.
        files: what arguments that take files are read from, for bots.
        recorder: seals what calls carry, for workspaces that record it.
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
        budget: Budget | None = None,
        call_log: CallLog | None = None,
        relay_trace: bool = False,
        files: CallFiles | None = None,
        recorder: PayloadRecorder | None = None,
    ):
        self._files = files
        self._recorder = recorder
        self.fleet = fleet
        self._redactor = redactor
        self._clock = clock
        self._limiter = limiter or SlidingWindow(clock)
        self._counters = counters
        self._approvals = approvals
        self._budget = budget or NoBudget()
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

    async def list_tools(self, workspace: str, principal: Principal) -> Sequence[Tool]:
        return shown(mode_of(self.fleet.settings, workspace, principal), self._callable(workspace, principal))

    def _callable(self, workspace: str, principal: Principal) -> Sequence[Tool]:
        """Every tool this principal may call, as it is."""
        settings = self.fleet.settings
        if not may_enter(settings, principal, workspace):
            return []
        view = self.fleet.catalogue.view(workspace)
        offered = {listed.server.name for listed in view.values()}
        offered = {server for server in offered if self.fleet.catalogue.is_offered(server)}
        return [
            _for(principal, listed)
            for listed in view.values()
            if listed.server.name in offered and self._may(workspace, principal, listed)
        ]

    async def list_offers(self, workspace: str, principal: Principal, kind: ListKind) -> Sequence[dict[str, Any]]:
        """Resources, templates or prompts this principal may use, as MCP objects in a stable order."""
        catalogue = self.fleet.catalogue
        if not may_enter(self.fleet.settings, principal, workspace):
            return []
        listed = catalogue.listed_offers(workspace, kind)
        offered = {server for server in {one.server.name for _, one in listed} if catalogue.is_offered(server)}
        return [raw for raw, one in listed if one.server.name in offered and self._may(workspace, principal, one)]

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        if name in SYNTHETIC and mode_of(self.fleet.settings, workspace, principal) == "search":
            return SYNTHETIC[name]
        listed = self.fleet.catalogue.view(workspace).get(name)
        if listed is None or not self._may(workspace, principal, listed):
            return None
        return _for(principal, listed)

    async def call(self, call: ToolCall) -> AsyncGenerator[ToolEvent]:
        if call.tool in SYNTHETIC:
            call = self._meant(call)
        run = _Run(call, self._clock, self._redactor)
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
            await self._settle(run, final.record)
            if self._recorder is not None and self._records(run):
                final = msgspec.structs.replace(final, record=self._recorder.recorded(call, final.record, final))
            yield final
        finally:
            if final is None:  # the caller closed us or was cancelled
                record = run.record("cancelled", "cancelled")
                await self._settle(run, record)
                if self._recorder is not None and self._records(run):
                    record = self._recorder.recorded(call, record, None)
                await self._log_cancelled(record)

    async def _stages(
        self, call: ToolCall, run: _Run
    ) -> AsyncGenerator[Progress | NeedsApproval | NeedsInput | Result]:
        workspaces = self.fleet.settings.workspaces
        if call.tool in SYNTHETIC and self._searches(call):
            await self._limiter.take(rules_for(workspaces[call.workspace], call.workspace, call.principal))
            yield run.found(search(self._callable(call.workspace, call.principal), call.tool, call.arguments))
            return
        listed = run.listed = self._authorise(call)
        if self._recorder is not None and self._records(run):
            self._recorder.ready()
        passed = {name: workspaces[name] for name in (call.workspace, *(one.workspace for one in listed.inner))}
        await self._limiter.take(
            [rule for name, one in passed.items() for rule in rules_for(one, name, call.principal)]
        )
        run.reservation = await self._budget.reserve(call)
        if listed.definition is not None and not (call.client is not None and call.client.transparent):
            listed.definition.checker.check(call.tool, call.arguments)
        if listed.tool.approve:
            digest = arguments_digest(call.tool, call.arguments)
            if call.approval != digest:
                if call.principal.kind != "member" or self._approvals is None:
                    yield run.needs_approval(digest)
                    return
                async with aclosing(self._member_approval(self._approvals, run, digest)) as asking:
                    async for event in asking:
                        yield event
                        if isinstance(event, Result):
                            return
        for name, one in passed.items():
            await self._count(call, one, name)
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
                    yield run.answered(event)

    def _records(self, run: _Run) -> bool:
        """Whether what this call carries is kept: a workspace it passes says so now, and its caller may be there."""
        workspaces, call = self.fleet.settings.workspaces, run.call
        inner = run.listed.inner if run.listed is not None else ()
        return any(
            (found := workspaces.get(name)) is not None and found.record_payloads
            for name in (call.workspace, *(one.workspace for one in inner))
        ) and may_enter(self.fleet.settings, call.principal, call.workspace)

    def _searches(self, call: ToolCall) -> bool:
        settings = self.fleet.settings
        return (
            call.method == "tools/call"
            and may_enter(settings, call.principal, call.workspace)
            and mode_of(settings, call.workspace, call.principal) == "search"
        )

    def _meant(self, call: ToolCall) -> ToolCall:
        """The call inside a `call_tool`: from here on nothing knows that it was wrapped."""
        inner = unwrapped(call.tool, call.arguments) if self._searches(call) else None
        return msgspec.structs.replace(call, tool=inner[0], arguments=inner[1]) if inner is not None else call

    def _authorise(self, call: ToolCall) -> Listed:
        """Raises `NotFound` and `Denied` with the same sentence."""
        settings = self.fleet.settings
        if call.method != "tools/call":
            return self._authorise_other(call)
        view = self.fleet.catalogue.view(call.workspace)
        listed = view.get(call.tool)
        if listed is None and call.client is not None and call.client.transparent:
            listed = self.fleet.catalogue.unlisted(call.workspace, call.tool)
        if listed is not None and self._may(call.workspace, call.principal, listed):
            return listed
        known = [one.tool.name for one in view.values() if self._may(call.workspace, call.principal, one)]
        near = difflib.get_close_matches(call.tool, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        kind = NotFound if listed is None and call.workspace in settings.workspaces else Denied
        raise kind(f"There is no tool {call.tool[:200]} in this workspace.{hint}")

    def _authorise_other(self, call: ToolCall) -> Listed:
        """For prompts and resources, which are only read. Raises as `_authorise`."""
        found = self.fleet.catalogue.find(call.workspace, kind_of(call.method, call.params), call.tool)
        if found is not None and self._may(call.workspace, call.principal, found):
            return found
        what = "prompt" if kind_of(call.method, call.params) == "prompt" else "resource"
        raise NotFound(f"There is no {what} {call.tool[:200]} in this workspace.")

    def _may(self, workspace: str, principal: Principal, listed: Listed) -> bool:
        settings = self.fleet.settings
        return may_call(settings, principal, workspace, listed.tool, listed.review) and all(
            may_pass(settings, principal, one.workspace, one.tool, one.review) for one in listed.inner
        )

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

    async def _member_approval(self, approvals: CallDesk, run: _Run, digest: str) -> AsyncGenerator[Progress | Result]:
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
            if secrets := await self.fleet.pool.secrets_for_call(server, scopes):
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

    async def _settle(self, run: _Run, record: CallRecord) -> None:
        if not run.reservation:
            return
        try:
            await self._budget.settle(run.reservation, record)
        except BotkitError as error:
            _log.warning("budget_not_settled", call_id=record.id, error=str(error))


def _for(principal: Principal, listed: Listed) -> Tool:
    """A tool as this principal sees it: bots name files by their id."""
    if not principal.bot or listed.definition is None or not listed.definition.files:
        return listed.tool
    definition = described(listed.tool.definition, listed.definition.files)
    return msgspec.structs.replace(listed.tool, definition=definition)


class _Run:
    """What is known about a call while it passes the stages, and the events made of it."""

    def __init__(self, call: ToolCall, clock: Clock, redactor: SecretRedactor):
        self.call = call
        self.listed: Listed | None = None
        self.conversation: Conversation | None = None
        self.reservation = ""
        self._clock = clock
        self._redactor = redactor
        self._at = clock.micros()
        self._begun = clock.monotonic()

    def record(self, status: CallStatus, code: str = "", result_bytes: int = 0) -> CallRecord:
        call, principal = self.call, self.call.principal
        return CallRecord(
            id=call.id,
            at=self._at,
            workspace=call.workspace,
            server=self.listed.server.name if self.listed else "",
            tool=call.tool[:200],
            principal_kind=principal.kind,
            principal=principal.id,
            bot=principal.bot,
            token_id=principal.token_id,
            run_id=call.run_id,
            step=call.step,
            trace_id=call.trace_id,
            status=status,
            code=code,
            duration_ms=round((self._clock.monotonic() - self._begun) * 1000, 3),
            result_bytes=result_bytes,
            method=call.method,
            tool_class=self.listed.tool.tool_class if self.listed else "",
            request_bytes=_size(call.arguments),
            parent_span=_parent_span(call),
        )

    def progress(self, news: News) -> Progress:
        params = news.params
        raw: dict[str, Any] = self._redactor.value(dict(params)) if self.call.client is not None else {}
        return Progress(
            method=news.method,
            params=raw,
            message=self._redactor.text(str(params.get("message") or "")[:1000]),
            progress=_number(params.get("progress")),
            total=_number(params.get("total")),
        )

    def found(self, content: dict[str, Any]) -> Result:
        """What a search found: definitions, which were cleaned and redacted when they were listed."""
        return Result(content=content, record=self.record("ok", result_bytes=_size(content)), sent=False)

    def needs_approval(self, digest: str) -> NeedsApproval:
        assert self.listed is not None
        return NeedsApproval(
            tool=self.call.tool,
            server=self.listed.server.name,
            arguments=self._redactor.value(self.call.arguments),
            digest=digest,
            reason=f"{self.call.tool} needs the approval of a person.",
            approvers=self.listed.review.approvers or (),
            record=self.record("waiting", "approval"),
        )

    def not_approved(self, approval: CallApproval) -> Result:
        error = approval_error(approval)
        waits = approval.state == "open"
        record = self.record("waiting" if waits else "denied", "approval" if waits else f"approval_{approval.state}")
        return Result(content=error_result(error["message"]), record=record, is_error=True, sent=False, rpc_error=error)

    def needs_input(self, asked: Asked) -> NeedsInput:
        return NeedsInput(
            message=self._redactor.text(asked.question.message),
            schema=self._redactor.value(asked.question.schema),
            state=asked.state,
            requests=self._redactor.value(asked.requests),
            record=self.record("waiting", "input"),
        )

    def answered(self, final: Final) -> Result:
        assert self.listed is not None
        limit_bytes = self.listed.server.result_limit_bytes
        if self.call.method != "tools/call":
            content, size = clean_object(final.result, limit_bytes=limit_bytes, redactor=self._redactor)
            return Result(content=content, record=self.record("ok", result_bytes=size))
        content, size = clean_result(final.result, limit_bytes=limit_bytes, redactor=self._redactor)
        failed = content.get("isError") is True
        record = self.record("error" if failed else "ok", "tool" if failed else "", size)
        return Result(content=content, record=record, is_error=failed)

    def refused(self, error: BotkitError) -> Result:
        """A result for whatever went wrong on the way."""
        status = _status(error)
        conversation = self.conversation
        unknown = conversation is not None and conversation.in_flight
        if isinstance(error, SpoiledAnswer) and self.listed is not None:
            unknown = not self.listed.tool.repeatable  # it did something, and nobody can read what
        message = self._redactor.text(str(error))
        return Result(
            content=error_result(message),
            record=self.record(status, error.code, len(message)),
            is_error=True,
            sent=conversation is not None and conversation.sent,
            unknown=unknown,
            connect=error.link if isinstance(error, NotConnected) else "",
            rpc_error=self._rpc_error(error, message) if self.call.client is not None else None,
        )

    def _rpc_error(self, error: BotkitError, message: str) -> dict[str, Any] | None:
        """What an MCP client is told; None where it gets a result that says what went wrong, for its model to read."""
        if isinstance(error, RpcError) and error.number:
            data = {} if error.data is None else {"data": self._redactor.value(error.data)}
            return {"code": error.number, "message": message, **data}
        if isinstance(error, NotFound | Denied):
            if self.call.method == "tools/call" or self.call.method.startswith("prompts/"):
                return {"code": INVALID_PARAMS, "message": message}
            return {"code": RESOURCE_NOT_FOUND, "message": message, "data": {"uri": self.call.tool[:4096]}}
        if isinstance(error, LimitReached):
            facts = {"retryAfter": math.ceil(error.retry_after_s)} if error.retry_after_s else {}
            return {"code": LIMITED, "message": message, "data": facts}
        if self.call.method == "tools/call":
            return None
        return {"code": INVALID_PARAMS if isinstance(error, InvalidArguments) else INTERNAL_ERROR, "message": message}


def _manner(call: ToolCall) -> Manner | None:
    """As whom to speak with the server; None: as botkit."""
    client = call.client
    if client is None or not client.era:
        return None
    if client.era == "modern":  # each request says for itself what its client can do
        return Manner(era="modern")
    return Manner(era="handshake", capabilities={key: client.capabilities[key] for key in sorted(client.capabilities)})


def _status(error: BotkitError) -> CallStatus:
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return "error"


def _parent_span(call: ToolCall) -> str:
    parsed = parse_traceparent(call.client.meta.get("traceparent")) if call.client is not None else None
    return parsed[1] if parsed is not None else ""


def _size(arguments: dict[str, Any]) -> int:
    try:
        return len(msgspec.json.encode(arguments))
    except (TypeError, ValueError, RecursionError):  # they were refused for what they are
        return 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
