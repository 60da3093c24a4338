"""Catch what other nodes of this workflow fail with."""

from __future__ import annotations

__all__ = ["ErrorHandler"]

from pydantic import BaseModel, ConfigDict, Field

from botkit.sdk.nodes import Node, NodeContext, NodeId, Outcome, node


class RetryRule(BaseModel):
    """When a covered node that has no rule of its own is tried again."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    attempts: int = Field(default=0, ge=0, le=20)
    """How often again."""
    delay_s: float = Field(default=1.0, ge=0)
    """Seconds before the first time again."""
    factor: float = Field(default=2.0, ge=1)
    """Each further delay is this many times longer."""
    max_delay_s: float = Field(default=300.0, ge=0)
    """Longest delay in seconds."""
    codes: list[str] = []
    """Only for these error codes; all errors that may pass by themselves when empty."""


@node("error_handler")
class ErrorHandler(Node):
    """Catch what other nodes fail with when they have no `error` edge of their own.

    The first failure in its reach comes here, with `{{ error.code }}`, `{{ error.message }}` and `{{ error.node }}`;
    a second one fails the run. With `retry`, the nodes it covers are tried again before that.
    """

    category = "flow"
    entry = True
    handles = {
        "handled": "a node failed for good",
        "retry_ok": "a node succeeded after it was tried again; its own edges are followed too",
    }

    covers: list[NodeId] = []
    """Ids of the nodes whose failures come here; all when empty."""
    retry: RetryRule = RetryRule()
    """When they are tried again first."""

    async def run(self, ctx: NodeContext) -> Outcome:
        return Outcome("handled", ctx.variables.get("error"))
