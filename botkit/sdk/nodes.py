"""The contract of a workflow node: one class, one file, found by its decorator.

    @node("wait_for_call")
    class WaitForCall(Node):
        '''Ask for a number and wait for it.'''

        handles = {"given": "a number came", "timeout": "nobody answered in time"}

        question: str
        '''What the person is asked.'''
        within_s: float = 3600.0
        '''Seconds to wait.'''

        async def run(self, ctx: NodeContext) -> Outcome | Wait:
            return Wait.reply(self.question, expires_s=self.within_s)

        async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome | Wait:
            if signal.expired:
                return Outcome("timeout")
            return Outcome("given", {"number": signal.text})

The fields of the class are its configuration: `{{ … }}` in them is filled in before the node is made, so they
have their real types. A node that waits is a state machine, not a coroutine that sleeps: `run` ends by returning
a `Wait`, and `resume` goes on, perhaps in another process, days later. Whatever a node does to the world goes
through `ctx.step`, `ctx.call_tool`, `ctx.ask_model` or `ctx.say`, which do it once and remember the result.
"""

from __future__ import annotations

__all__ = [
    "EXPRESSION",
    "RAW",
    "BotName",
    "ChannelName",
    "Expression",
    "FunctionName",
    "Mark",
    "ModelAlias",
    "ModelAnswer",
    "Node",
    "NodeContext",
    "NodeFailed",
    "NodeId",
    "Outcome",
    "Raw",
    "RunFacts",
    "SecretName",
    "Signal",
    "StepHandle",
    "ToolAnswer",
    "ToolName",
    "ToolPatterns",
    "Wait",
    "WorkflowName",
    "node",
    "node_types_of",
]

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from botkit.core.errors import BotkitError
from botkit.core.events import Attachment
from botkit.core.messages import OutMessage

T = TypeVar("T")


class Mark(str):
    """Says what the text of a field is, to checks, editors and pages. Reaches the JSON Schema as `x-botkit`."""

    __slots__ = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "x-botkit": str(self)}


EXPRESSION = Mark("expression")
RAW = Mark("raw")

Expression = Annotated[str, EXPRESSION]
"""A field that is evaluated by the node itself (`ctx.evaluate`), such as a condition: written without braces."""
Raw = Annotated[T, RAW]
"""A field whose text is handed to the node as it stands, braces and all, such as code."""

ToolName = Annotated[str, Mark("tool")]
"""A tool of the workspace, `server__tool`. Like the names below: checked before anything runs, also inside lists."""
ToolPatterns = Annotated[str, Mark("tools")]
"""A tool, or a pattern such as `orders__*`."""
ModelAlias = Annotated[str, Mark("model")]
"""An alias of `models`, or a LiteLLM name with a slash."""
BotName = Annotated[str, Mark("bot")]
"""A bot or a team."""
WorkflowName = Annotated[str, Mark("workflow")]
ChannelName = Annotated[str, Mark("channel")]
FunctionName = Annotated[str, Mark("function")]
"""A function of `workspace/functions/`."""
SecretName = Annotated[str, Mark("secret")]
"""A stored secret, by name."""
NodeId = Annotated[str, Mark("node")]
"""Another node of the same graph."""

WaitKind = Literal["approval", "reply", "identity", "timer", "schedule", "webhook", "takeover"]


class NodeFailed(BotkitError):
    """The node could not do its work. Takes the `error` edge, or fails the run.

    Args:
        code: stable identifier, such as `http_status`; readable as `{{ error.code }}`.
        retryable: whether the node's retry policy applies.
    """

    code = "node_failed"

    def __init__(self, message: str, *, code: str = "node_failed", retryable: bool = False, **facts: Any):
        super().__init__(message, **facts)
        self.code = code
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Outcome:
    """A node is done."""

    handle: str = "default"
    """Which edges to follow; one of the class's `handles`."""
    output: Any = None
    """Plain JSON: becomes the node's variable."""
    set: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Further variables to write."""
    end: bool = False
    """End the whole run here."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A node pauses: its run becomes a row that costs nothing until the answer, the deadline or the event comes."""

    kind: WaitKind
    message: OutMessage | None = None
    """What the person of the conversation is told or asked."""
    expires_s: float = 0.0
    """Seconds from now until `resume` is called with `signal.expired`; 0: never."""
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What deciders see (`approval`): `{"title", "reason", "variables", "edit"}`. Stored and shown: never a secret."""
    approvers: tuple[str, ...] = ()
    """Roles or person ids that may decide an `approval`; those of `settings.approvals` when empty."""
    person_id: str = ""
    """Who was asked; the person of the run when empty."""
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Comes back as `Signal.state`: what `resume` needs to know."""

    @classmethod
    def reply(cls, message: str | OutMessage = "", *, expires_s: float = 0.0, **state: Any) -> Wait:
        """Ask the person and wait for the next message, button or form."""
        asked = OutMessage(text=message) if isinstance(message, str) else message
        return cls("reply", asked if asked.text else None, expires_s=expires_s, state=state)

    @classmethod
    def timer(cls, seconds: float, **state: Any) -> Wait:
        """Go on after that time."""
        return cls("timer", expires_s=max(0.001, seconds), state=state)


@dataclass(frozen=True, slots=True)
class Signal:
    """Why a waiting node goes on."""

    state: Mapping[str, Any]
    """`Wait.state`."""
    expired: bool = False
    cancelled: bool = False
    """Somebody called the question off (`/reset`)."""
    approved: bool = False
    text: str = ""
    """What the person wrote."""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Values of a form or a choice."""
    attachments: tuple[Attachment, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The whole answer: of a webhook its body, of an approval `{"approved", "comment", "edited"}`."""
    by: str = ""
    via: str = ""
    number: int = 0
    """0 for the first wait of this node, 1 for the second …"""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a node may know about its run."""

    id: str
    trace_id: str
    workflow: str
    bot: str
    channel: str
    conversation: str
    """Conversation key; empty when nobody talks (webhooks, schedules)."""
    person_id: str
    session_id: str
    workspace: str
    started_at: datetime
    timezone: str = "UTC"
    locale: str = ""
    dry: bool = False
    """A rehearsal: effects are mocked."""


class StepHandle(Protocol):
    """One execution of one step."""

    @property
    def idempotency_key(self) -> str:
        """The same at every attempt of this step, also after a crash: pass it on where a service takes one."""
        ...


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool of the workspace gave back."""

    text: str
    data: Any = None
    """`structuredContent`, or the text read as JSON where it is JSON."""
    is_error: bool = False
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The whole MCP result."""
    declined: bool = False
    """A person declined the call, or nobody approved it in time; nothing was sent."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model wrote."""

    text: str
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    data: Any = None
    """The object, when a schema was asked for."""


class NodeContext(Protocol):
    """What botkit offers a node. Keys of steps are unique within one node; the same name on every replay."""

    @property
    def node_id(self) -> str: ...

    @property
    def attempt(self) -> int:
        """0 at the first try, 1 at the first retry …"""
        ...

    @property
    def run(self) -> RunFacts: ...

    @property
    def variables(self) -> Mapping[str, Any]:
        """All variables as they are now."""
        ...

    def now(self) -> datetime:
        """The time, aware and in UTC. Another one on a replay: put it into `Wait.state` or take it in a step."""
        ...

    def evaluate(self, expression: str, **extra: Any) -> Any:
        """The value of an expression; `extra` adds variables. Raises `NodeFailed` with place and reason."""
        ...

    def render(self, template: str, **extra: Any) -> Any:
        """A template filled in; a template that is one expression keeps its type."""
        ...

    async def step(
        self, name: str, run: Callable[[StepHandle], Awaitable[T]], *, kind: type[T] | Any = Any, once: bool = False
    ) -> T:
        """Do something to the world and remember what came of it; on a replay, only remember.

        Args:
            run: does the work and returns plain JSON or a record.
            kind: the type to read a remembered result back as.
            once: it must not happen twice: when its answer is lost, an operator decides.
        """
        ...

    async def call_tool(
        self, name: str, tool: str, arguments: Mapping[str, Any], *, timeout_s: float = 0.0
    ) -> ToolAnswer:
        """Call `server__tool` through the gateway, with the rights of the run's person and bot; waits for approval.

        Args:
            name: of the step.
        """
        ...

    async def ask_model(
        self,
        name: str,
        prompt: str,
        *,
        system: str = "",
        model: str = "",
        schema: Mapping[str, Any] | None = None,
        temperature: float | None = None,
        max_output_tokens: int = 0,
        timeout_s: float = 60.0,
        files: bool = False,
    ) -> ModelAnswer:
        """One model call. With `schema`, an object that fits it; broken JSON is repaired, then asked for again once.

        Args:
            files: what came with the message too: pictures and sound the model takes, text of documents.

        Raises:
            ModelError: no model answered.
            NodeFailed (`schema`): the answer does not fit.
        """
        ...

    async def say(self, name: str, message: OutMessage | str, *, to: str = "") -> str:
        """Send a message, once; returns the id of its first part.

        Args:
            to: a conversation key; the run's own conversation when empty.
        """
        ...

    def note(self, text: str, **facts: Any) -> None:
        """A line in the trace of this run. Never a secret."""
        ...


class Node(BaseModel):
    """Base of every node. Unknown fields are refused; `camelCase` names are understood."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        alias_generator=to_camel,
        populate_by_name=True,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,  # `{{ order.total }}` may be all of a text
        regex_engine="python-re",
    )

    type: ClassVar[str] = ""
    """Set by the decorator."""
    category: ClassVar[Literal["flow", "ai", "tools", "people", "data", "own"]] = "own"
    handles: ClassVar[Mapping[str, str]] = {"default": "done"}
    """Name of each edge it may take → when. `error` is added for every node."""
    output: ClassVar[Any] = Any
    """Type of `Outcome.output`, for checks and documentation: a TypedDict, a builtin, or `Any`."""
    entry: ClassVar[bool] = False
    """Runs begin here: it has no incoming edge."""
    onward: ClassVar[tuple[str, ...]] = ()
    """Edges that lead to the next step when the short form of a workflow says nothing about them; `*`: all.
    Empty: `default`, else `done`, else the first of `handles`."""

    @classmethod
    def bodies_of(cls, data: Mapping[str, Any]) -> tuple[str, ...]:
        """Handles whose steps this node walks itself, such as the `body` of a loop: they lead back to it, and
        nothing after the node may be reached from them.

        Args:
            data: as written, `{{ … }}` not filled in.
        """
        return ()

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        """The edges a node with this configuration may take; the class's `handles` unless they depend on it.

        Args:
            data: as written, `{{ … }}` not filled in.
        """
        return cls.handles

    @classmethod
    def writes_of(cls, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Variables it writes besides its output (`Outcome.set`) → JSON Schema of each, `{}` when anything.
        The name `*` says that there may be others.

        Args:
            data: as written, `{{ … }}` not filled in.
        """
        return {}

    @classmethod
    def names_in(cls, field: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Names that only the expressions of this field see beside the variables, which the node gives to
        `ctx.evaluate` → JSON Schema of each, `{}` when anything.

        Args:
            data: as written, `{{ … }}` not filled in.
        """
        return {}

    def vouches(self, handle: str) -> bool:
        """Whether taking this edge means that somebody has looked at what the run read from others, so that calls
        after it need no approval for that reason."""
        return False

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What is wrong with a configuration beyond the types of its fields: (field, message)."""
        return []

    async def run(self, ctx: NodeContext) -> Outcome | Wait:
        """Do the work.

        Raises:
            NodeFailed, BotkitError: takes the `error` edge after the node's retries.
        """
        raise NotImplementedError

    async def resume(self, ctx: NodeContext, signal: Signal) -> Outcome | Wait:
        """Go on after a `Wait`. Nothing is kept in `self`: the node is made anew."""
        raise NodeFailed(f"a `{self.type}` node does not wait", code="internal")


_N = TypeVar("_N", bound=type[Node])


def node(name: str) -> Callable[[_N], _N]:
    """Register a class as the node type `name`: lower-case letters, digits and underscores."""

    def register(cls: _N) -> _N:
        cls.type = name
        return cls

    return register


def node_types_of(module: ModuleType) -> dict[str, type[Node]]:
    """The nodes a module defines, by type."""
    found = (value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Node))
    return {cls.type: cls for cls in found if cls.type and cls.__module__ == module.__name__}
