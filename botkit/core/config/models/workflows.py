"""`workflows:`, graphs of steps; each stands in a file of its own or here.

What stands in the file of a workflow is read as if it stood in `bots.yaml`, so both have the same keys. Steps,
nodes and edges are plain values here: which types of nodes there are, and what each takes, is known higher up.
"""

from __future__ import annotations

__all__ = ["Workflow"]

from collections.abc import Mapping

from pydantic import Field, model_validator

from botkit.core.config.models.base import Float, Int, Json, Model, Name, ProjectPath, Slug, problem


class Workflow(Model, frozen=True):
    """A graph of steps, written here or in a file. A bare path is short for `{file: path}`."""

    name: Name | None = None
    """For people; the key is used when absent."""
    description: str = ""
    """What it does."""
    file: ProjectPath | None = None
    """The graph's file, relative to the project. Files in `workspace/workflows/` need not be listed."""
    steps: tuple[Json, ...] = ()
    """The short form: steps one after the other, branches below them. See the page about workflows."""
    nodes: tuple[Json, ...] = ()
    """The full form: every node as `{id, type, data}`, with `label`, `output`, `timeout_s`, `retry`, `compensate`."""
    edges: tuple[Json, ...] = ()
    """The full form: every way as `{source, target, handle}`."""
    workspace: Slug | None = None
    """Where its tools come from; that of the bot that runs it when absent."""
    inputs: Mapping[str, Json] = {}
    """What it is started with: a JSON Schema, or short `{order: string, amount: number}`."""
    variables: Mapping[str, Json] = {}
    """Variables it begins with."""
    reply: str = ""
    """Template of the answer at the end, when no step said anything."""
    max_nodes: Int = Field(default=50, ge=1, le=10_000)
    """Most nodes in one run; rounds of a loop count."""
    timeout_s: Float | None = Field(default=None, gt=0)
    """Seconds one run may work; waiting for people does not count."""

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_graph(self) -> Workflow:
        if self.steps and self.nodes:
            raise problem("a workflow has either steps or nodes and edges, not both")
        if not self.steps and not self.nodes:
            raise problem("a workflow needs a file, steps or nodes")
        return self
