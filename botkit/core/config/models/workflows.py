"""`workflows:`, graphs of steps; each stands in a file of its own or here."""

from __future__ import annotations

__all__ = ["Workflow", "WorkflowEdge", "WorkflowNode"]

from collections.abc import Mapping

from pydantic import Field, model_validator

from botkit.core.config.models.base import Float, Int, Json, Model, Name, ProjectPath, Slug, problem


class WorkflowNode(Model, frozen=True):
    """One step of the graph. Its `data` is checked against the node type by `botkit check`."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Its name in the graph."""
    type: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    """Which kind of step, such as `llm_call`."""
    data: Mapping[str, Json] = {}
    """Its configuration."""


class WorkflowEdge(Model, frozen=True):
    """A way from one step to another."""

    source: str
    """The step it leaves."""
    target: str
    """The step it enters."""
    source_handle: str | None = Field(default=None, alias="sourceHandle")
    """The outcome that takes this way; the only one when absent."""


class Workflow(Model, frozen=True):
    """A graph of steps. A bare path is short for `{file: path}`."""

    name: Name | None = None
    """For people; the key is used when absent."""
    description: str = ""
    """What it does."""
    file: ProjectPath | None = None
    """The graph's file, relative to the project, such as `workspace/workflows/refund.yaml`."""
    nodes: tuple[WorkflowNode, ...] = ()
    """The steps, when they stand here."""
    edges: tuple[WorkflowEdge, ...] = ()
    """The ways between them, when they stand here."""
    workspace: Slug | None = None
    """Where its tools come from, unless a bot runs it."""
    max_nodes: Int = Field(default=50, ge=1, le=10_000)
    """Most steps in one run."""
    timeout_s: Float | None = Field(default=None, gt=0)
    """Seconds one run may work; waiting for people does not count."""

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_graph(self) -> Workflow:
        if (self.file is None) == (not self.nodes):
            raise problem("a workflow needs either file or nodes")
        return self
