"""Node types for tests of definitions, so that they need none of botkit's own."""

from __future__ import annotations

__all__ = ["REGISTRY", "graph", "only", "problems_of", "read"]

from collections.abc import Mapping
from textwrap import dedent
from typing import Any, ClassVar, Literal, TypedDict, cast

from pydantic import AliasChoices, BaseModel, Field

from botkit.core.config.models.base import Model
from botkit.sdk.nodes import BotName, ChannelName, Expression, ModelAlias, Node, Raw, SecretName, ToolName, WorkflowName
from botkit.sdk.nodes import node as node_type
from botkit.workflows.define import Written, read_text
from botkit.workflows.define.compile import graph_of
from botkit.workflows.graph import Graph
from botkit.workflows.registry import Registry
from botkit.workflows.wiring import check_wiring


@node_type("start")
class Start(Node):
    """Where runs begin."""

    entry = True


@node_type("say")
class Say(Node):
    """Say something."""

    text: str = ""
    times: int = 1
    max_length: int | None = None


class Found(TypedDict):
    """What was found."""

    text: str
    score: float


@node_type("look")
class Look(Node):
    """Look something up."""

    output: ClassVar[Any] = Found

    query: str = Field(validation_alias=AliasChoices("query", "searchFor"))
    kind: Literal["fast", "slow"] = "fast"


class Case(BaseModel):
    """One way."""

    name: str
    when: Expression


@node_type("choose")
class Choose(Node):
    """Choose between two ways, or between cases."""

    handles: ClassVar[Mapping[str, str]] = {"true": "it holds", "false": "it does not"}
    onward = ("*",)

    when: Expression = ""
    cases: list[Case] = []

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        cases = cast("list[dict[str, Any]]", data.get("cases") or [])
        return {str(case["name"]): "its case" for case in cases} or cls.handles


@node_type("gate")
class Gate(Node):
    """Let somebody through, or not."""

    handles: ClassVar[Mapping[str, str]] = {"verified": "through", "failed": "not", "timeout": "nobody came"}


@node_type("repeat")
class Repeat(Node):
    """Repeat the body."""

    handles: ClassVar[Mapping[str, str]] = {"body": "each round", "done": "after all", "limit": "too often"}
    each: list[Any] | None = None

    @classmethod
    def bodies_of(cls, data: Mapping[str, Any]) -> tuple[str, ...]:
        return ("body",)


@node_type("fork")
class Fork(Node):
    """Do all at once."""

    handles: ClassVar[Mapping[str, str]] = {"done": "joined"}
    branches: list[str]

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        names = cast("list[str]", data.get("branches") or [])
        return {**dict.fromkeys(names, "a branch"), **cls.handles}

    @classmethod
    def bodies_of(cls, data: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(name for name in cls.handles_of(data) if name != "done")


class Reach(Model, frozen=True):
    """Where to."""

    channel: ChannelName = ""


@node_type("use")
class Use(Node):
    """Name everything that can be named."""

    tool: ToolName = ""
    tools: list[ToolName] = []
    model: ModelAlias = ""
    bot: BotName | None = None
    workflow: WorkflowName | None = None
    secret: SecretName = ""
    headers: dict[str, Any] = {}
    to: Reach = Reach()
    code: Raw[str] = ""


REGISTRY = Registry([Start, Say, Look, Choose, Gate, Repeat, Fork, Use])


def read(text: str, *, file: str = "flow.yaml") -> Written:
    """Read a text and look at its wiring."""
    written = read_text(dedent(text), REGISTRY, file=file)
    if not written.report.problems:
        check_wiring(written, REGISTRY)
    return written


def graph(text: str, *, file: str = "flow.yaml") -> Graph:
    return graph_of(read(text, file=file))


def problems_of(text: str, *, file: str = "flow.yaml") -> list[str]:
    """As printed, without the file."""
    return [str(problem).removeprefix(f"{file}:") for problem in read(text, file=file).report.problems]


def only(text: str, *, file: str = "flow.yaml") -> str:
    """The one problem of a text."""
    (problem,) = problems_of(text, file=file)
    return problem
