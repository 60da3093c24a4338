"""The tool port: what agents, workflows and MCP clients ask for, and what the gateway answers.

A call is answered by a stream: any number of `Progress`, then exactly one of `Result`, `NeedsApproval`
or `NeedsInput`. Definitions, arguments and results are the raw dicts of the Model Context Protocol, so
fields this version does not know pass through unharmed.

Source: https://modelcontextprotocol.io/specification (Tool, CallToolResult, ElicitRequest)
"""

from __future__ import annotations

__all__ = [
    "FUNCTIONS",
    "RESULT_LIMIT_BYTES",
    "CallRecord",
    "CallStatus",
    "Client",
    "NeedsApproval",
    "NeedsInput",
    "Principal",
    "PrincipalKind",
    "Progress",
    "RecordedCall",
    "Result",
    "Tool",
    "ToolCall",
    "ToolClass",
    "ToolEvent",
    "ToolPort",
    "arguments_digest",
    "recorded",
    "result_body",
    "result_text",
    "without_payload",
]

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, Protocol, cast

import msgspec

from botkit.core.budgets import Charge
from botkit.core.data import Data
from botkit.core.payloads import SealedPayload

ToolClass = Literal["read-only", "write", "destructive", "unreviewed"]
PrincipalKind = Literal["person", "member", "service"]
RESULT_LIMIT_BYTES = 1_048_576
"""What a tool's result may measure when nobody says otherwise; longer text is cut and marked."""

CallStatus = Literal["ok", "error", "denied", "limited", "timeout", "unavailable", "invalid", "waiting", "cancelled"]


class Principal(Data):
    """On whose behalf a call is made. Rights are those of the person ∧ the bot ∧ the workspace."""

    kind: PrincipalKind = "person"
    id: str
    """Person id, member name or service name."""
    roles: tuple[str, ...] = ("guest",)
    bot: str = ""
    """The bot that acts for the person; its allow and deny lists narrow what the person may do."""
    via: tuple[str, ...] = ()
    """Bots that delegated, first one first; each narrows further."""
    token_id: str = ""
    """The member token used, for the call log."""
    allow: tuple[str, ...] | None = None
    """Tools or patterns the token is good for; None: all that the roles allow."""
    deny: tuple[str, ...] = ()
    """Tools or patterns the token is not good for; wins over `allow`."""
    within: tuple[tuple[str, ...], ...] = ()
    """Further lists of tools or patterns, each of which has to admit a call: of a node, of who delegated."""
    per_minute: int = 0
    """Calls a minute of this token's own plan; 0: the workspace's rule."""
    per_month: int = 0
    """Calls a calendar month of this token's own quota; 0: none."""
    person: str = ""
    """The person of the chat platforms whom a member is: the accounts that person connected are used."""
    taint: tuple[str, ...] = ()
    """Where what the bot has read came from, as far as others may have written it (`botkit.core.taint`). Takes no right
    away; some calls are then put to a person first."""


FUNCTIONS = "functions"
"""The server whose tools are the functions of `workspace/functions/`."""


class Tool(Data):
    """A tool as one principal may see it."""

    name: str
    """`server__tool`, at most 64 characters."""
    server: str
    upstream_name: str
    """The tool's own name on its server."""
    definition: dict[str, Any]
    """The MCP `Tool` object with `name` replaced: description, inputSchema, outputSchema, annotations …"""
    tool_class: ToolClass = "unreviewed"
    """As reviewed in bots.yaml; annotations of the server are hints and never believed."""
    idempotent: bool = False
    """Reviewed: repeating the same call changes nothing more."""
    approve: bool = False
    """A person must approve each call."""

    @property
    def description(self) -> str:
        return str(self.definition.get("description") or "")

    @property
    def input_schema(self) -> dict[str, Any]:
        schema = self.definition.get("inputSchema")
        return cast("dict[str, Any]", schema) if isinstance(schema, dict) else {"type": "object"}

    @property
    def repeatable(self) -> bool:
        """A lost answer may be mended by asking again."""
        return self.tool_class == "read-only" or self.idempotent


class Client(Data):
    """An MCP client at the other end of a call: what it can be asked, and what travels with its request."""

    capabilities: dict[str, Any] = {}
    """As the client declared them: `elicitation`, `sampling`, `roots`. Nothing else is asked of it."""
    meta: dict[str, Any] = {}
    """The request's `_meta` without what belongs to this connection, such as the progress token."""
    log_level: str = ""
    """Least severe log message it wants of this call; empty: none."""
    responses: dict[str, Any] = {}
    """Its answers to the `NeedsInput.requests` of an earlier attempt, by key."""
    refusals: dict[str, Any] = {}
    """JSON-RPC errors it gave instead of an answer, by key."""
    transparent: bool = False
    """It speaks with one server as if there were nothing between; that server checks the arguments itself."""
    era: Literal["", "handshake", "modern"] = ""
    """With `transparent`: the era to speak with the server too."""


class ToolCall(Data):
    """One request to run one tool, or one of the other requests that reach a server (`method`)."""

    id: str
    """Unique for this attempt; the call log's key."""
    workspace: str
    tool: str
    """`server__tool`."""
    arguments: dict[str, Any]
    principal: Principal
    run_id: str = ""
    step: str = ""
    """Path key of the step inside the run."""
    trace_id: str = ""
    idempotency_key: str = ""
    """Stable over attempts of the same step; passed to the server as `_meta["io.botkit/idempotency-key"]`."""
    approval: str = ""
    """Digest of the arguments a person approved; the call passes the gate only if it matches."""
    answers: dict[str, Any] | None = None
    """Answer to a `NeedsInput` of an earlier attempt."""
    state: str = ""
    """The opaque state that came with that `NeedsInput`."""
    timeout_s: float = 0.0
    """Less than the server's own timeout, or 0 to use that."""
    method: str = "tools/call"
    """Or `prompts/get` (`tool` is `server__prompt`), `resources/read`, `resources/subscribe`,
    `resources/unsubscribe` (`tool` is the URI), `completion/complete` (`tool` is the prompt or URI template)."""
    params: dict[str, Any] = {}
    """Parameters of the request beside name, arguments and `_meta`, passed on as they are."""
    client: Client | None = None
    """The MCP client that asks; None: botkit itself."""
    channel: str = ""
    """The channel of the run, for budgets of channels."""


class CallRecord(Data):
    """One row of the call log. Never holds arguments or results."""

    id: str
    at: int
    """Microseconds, UTC: when the call began."""
    workspace: str
    server: str = ""
    tool: str = ""
    principal_kind: PrincipalKind = "person"
    principal: str = ""
    bot: str = ""
    token_id: str = ""
    run_id: str = ""
    step: str = ""
    trace_id: str = ""
    status: CallStatus = "ok"
    code: str = ""
    """Error code where `status` is not `ok`."""
    duration_ms: float = 0.0
    result_bytes: int = 0
    method: str = "tools/call"
    """The MCP request; `tool` names its prompt or resource where it is another one."""
    tool_class: ToolClass | Literal[""] = ""
    """What the tool counted as when it was called; empty where no tool was found."""
    request_bytes: int = 0
    """Size of the arguments as JSON."""
    parent_span: str = ""
    """The span of an MCP client that this call belongs to, 16 hex digits. For traces; not stored."""
    charge: Charge | None = None
    """What the call is booked as, with this row, on the budgets it counts on. Not stored with it."""


class RecordedCall(CallRecord):
    """A row whose workspace keeps what the call carried: on the way to the store, which makes two rows of it."""

    payload: SealedPayload


class Progress(Data, tag="progress"):
    """The tool is still working."""

    message: str = ""
    progress: float = 0.0
    total: float = 0.0
    method: str = "notifications/progress"
    """Or `notifications/message`, only sent to a `Client` that wants logs."""
    params: dict[str, Any] = {}
    """The notification as the server sent it, redacted; empty without a `Client`."""


class NeedsApproval(Data, tag="approval"):
    """Nothing was sent. Ask a person, then repeat the call with `approval` set to `digest`."""

    tool: str
    server: str
    arguments: dict[str, Any]
    digest: str
    reason: str = ""
    approvers: tuple[str, ...] = ()
    """Roles or people who may decide; those of `settings.approvals` when empty."""
    taint: tuple[str, ...] = ()
    """Asked because of what was read before: its sources. Empty: this tool always needs approval."""
    record: CallRecord


class NeedsInput(Data, tag="input"):
    """The tool asks the person something (MCP elicitation). Repeat the call with `answers` and `state`."""

    message: str
    schema: dict[str, Any]
    """JSON Schema of the answer, a flat object."""
    state: str = ""
    requests: dict[str, Any] = {}
    """For a `Client`: everything asked, as MCP requests (`method`, `params`) by key, answered in
    `Client.responses`."""
    record: CallRecord


class Result(Data, tag="result"):
    """The call ended. Refusals and failures are results too, with `is_error`."""

    content: dict[str, Any]
    """The MCP `CallToolResult`: `content`, `structuredContent`, `isError`, `_meta`; redacted and bounded."""
    record: CallRecord
    """The call-log row; commit it with the step."""
    is_error: bool = False
    sent: bool = True
    """Whether the request reached the server. With a timeout or lost answer of a tool that cannot be
    repeated, `sent` and `record.status` in (`timeout`, `unavailable`) mean: the effect is unknown."""
    unknown: bool = False
    """The request was sent and no answer came: the effect may or may not have happened."""
    connect: str = ""
    """A private address where the person has to connect an account of theirs first; it is in `content` too. Nobody else
    may read it."""
    taint: str = ""
    """What `content` taints its reader with; empty: it comes from the operator's own tools."""
    rpc_error: dict[str, Any] | None = None
    """The JSON-RPC error (`code`, `message`, `data`) that an MCP client is answered with instead of `content`."""


ToolEvent = Progress | NeedsApproval | NeedsInput | Result


class ToolPort(Protocol):
    """The gateway, as everything inside botkit sees it."""

    async def list_tools(self, workspace: str, principal: Principal, *, room_tokens: int = 0) -> Sequence[Tool]:
        """Tools this principal may call, in a stable order. A dead server's tools are left out.

        Args:
            room_tokens: what their definitions may take where the workspace leaves it to that (`tools_mode: auto`); 0:
                as much as they want.
        """
        ...

    async def find_tool(self, workspace: str, principal: Principal, name: str) -> Tool | None:
        """One tool, or None when it does not exist or the principal may not know that it does."""
        ...

    def call(self, call: ToolCall) -> AsyncIterator[ToolEvent]:
        """Run a tool. Never raises for what the tool or its server did; closing the iterator cancels."""
        ...


def recorded(record: CallRecord, payload: SealedPayload) -> RecordedCall:
    """The row with what the call carried."""
    return RecordedCall(**_fields(record), payload=payload)


def without_payload(event: NeedsApproval | NeedsInput | Result) -> NeedsApproval | NeedsInput | Result:
    """The event to keep elsewhere, once its record was handed to the store."""
    if not isinstance(event.record, RecordedCall):
        return event
    return msgspec.structs.replace(event, record=CallRecord(**_fields(event.record)))


def _fields(record: CallRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in CallRecord.__struct_fields__}


def arguments_digest(tool: str, arguments: dict[str, Any]) -> str:
    """Bind an approval to exactly this call: SHA-256 over the tool and its canonical arguments."""
    canonical = msgspec.json.encode([tool, arguments], order="deterministic")
    return hashlib.sha256(canonical).hexdigest()


def result_text(content: dict[str, Any]) -> str:
    """The text a model reads: all text blocks joined, other blocks named by their type."""
    lines: list[str] = []
    blocks: list[Any] = content.get("content") or []
    for raw in blocks:
        if isinstance(raw, dict):
            block = cast("dict[str, Any]", raw)
            kind = block.get("type")
            lines.append(str(block.get("text", "")) if kind == "text" else f"[{kind}]")
    return "\n".join(lines)


def result_body(content: dict[str, Any]) -> str:
    """The text blocks, or where there are none, what is structured."""
    text = result_text(content)
    structured = content.get("structuredContent")
    if not text.strip() and structured is not None:
        return json.dumps(structured, ensure_ascii=False)
    return text
