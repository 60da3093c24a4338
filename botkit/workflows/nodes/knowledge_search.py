"""Look something up in the files of the workspace."""

from __future__ import annotations

__all__ = ["KnowledgeSearch"]

from typing import Any, ClassVar, TypedDict

import msgspec
from pydantic import Field

from botkit.core.errors import NotFound
from botkit.core.knowledge import cited, material
from botkit.runs.context import StepScope
from botkit.sdk.nodes import Node, NodeFailed, Outcome, node
from botkit.workflows.context import NodeRun


class FoundPassage(TypedDict):
    """One passage."""

    text: str
    source: str
    """Name in `knowledge:`."""
    file: str
    heading: str
    line: int
    line_end: int
    page: int
    score: float
    """Share of the query's words that it holds, 0 to 1."""
    citation: str
    """Where it stands, such as `docs/refunds.md, Refunds, lines 12-18`."""
    suspicious: bool
    """It reads like an attempt to steer a model."""


class KnowledgeOutput(TypedDict):
    """What was found."""

    found: bool
    passages: list[FoundPassage]
    """The best first."""
    text: str
    """The passages for a prompt: numbered, with their sources, marked as material and not instructions."""
    citations: str
    """The sources as a numbered list, for people."""


@node("knowledge_search")
class KnowledgeSearch(Node):
    """Find passages in the knowledge of the workspace, with the places they stand at.

    Files are read again when they have changed. What is found is material: `text` says so to the model it is shown to.
    """

    category = "data"
    output: ClassVar[Any] = KnowledgeOutput

    query: str = Field(max_length=2000)
    """The question, or words."""
    sources: list[str] = Field(default=[], max_length=50)
    """Names from `knowledge`; all that the workspace names when empty."""
    top_k: int = Field(default=5, ge=1, le=50)
    """Most passages."""
    min_score: float = Field(default=0.0, ge=0, le=1)
    """Leave out passages that hold a smaller share of the query's words."""

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        knowledge = ctx.services.knowledge
        if knowledge is None:
            raise NodeFailed("knowledge is not available here", code="unavailable")

        async def search(_: StepScope) -> KnowledgeOutput:
            try:
                found = await knowledge.search(
                    ctx.workspace, self.query, sources=self.sources, top_k=self.top_k, min_score=self.min_score
                )
            except NotFound as error:
                raise NodeFailed(str(error), code="no_source") from error
            passages: list[Any] = [{**msgspec.to_builtins(one), "citation": one.citation} for one in found]
            return {
                "found": bool(found),
                "passages": [{key: value for key, value in one.items() if key != "title"} for one in passages],  # pyright: ignore[reportReturnType] - the keys of a passage
                "text": ctx.services.redactor.text(material(found)),
                "citations": cited(found),
            }

        return Outcome(output=await ctx.scoped("search", search))
