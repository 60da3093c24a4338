"""Look something up in the files of the workspace."""

from __future__ import annotations

__all__ = ["KnowledgeSearch"]

from typing import Any, ClassVar, TypedDict

import msgspec
from pydantic import Field

from botkit.core.budgets import Payer
from botkit.core.errors import NotFound
from botkit.core.knowledge import Asker, cited, material
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
    """Share of the query's words that it holds or its likeness to the query, whichever is more; 0 to 1."""
    found_by: list[str]
    """`words`, `meaning`."""
    id: str
    """What a model cites it by; the filter `cited` makes readable sources of these."""
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
    """The passages for a prompt: with their ids and sources, marked as material and not instructions."""
    citations: str
    """The sources as a numbered list, for people."""
    notice: str
    """What did not work, such as a search by meaning whose model did not answer; else empty."""


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
    """Leave out passages whose score is smaller."""

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        knowledge = ctx.services.knowledge
        if knowledge is None:
            raise NodeFailed("knowledge is not available here", code="unavailable")

        async def search(scope: StepScope) -> KnowledgeOutput:
            run, principal = ctx.ctx.run, ctx.principal
            payer = Payer.of(principal, workspaces=(ctx.workspace,), channel=run.channel, bot=run.bot)
            asker = Asker(
                bot=principal.bot or run.bot,
                roles=principal.roles,
                payer=payer,
                run_id=run.id,
                step=scope.key,
                trace_id=run.trace_id,
            )
            try:
                found = await knowledge.search(
                    ctx.workspace,
                    self.query,
                    asker=asker,
                    sources=self.sources,
                    top_k=self.top_k,
                    min_score=self.min_score,
                )
            except NotFound as error:
                raise NodeFailed(str(error), code="no_source") from error
            passages: list[Any] = [{**msgspec.to_builtins(one), "citation": one.citation} for one in found.passages]
            return {
                "found": bool(found.passages),
                "passages": [{key: value for key, value in one.items() if key != "title"} for one in passages],  # pyright: ignore[reportReturnType] - the keys of a passage
                "text": ctx.services.redactor.text(material(found.passages, found.notice)),
                "citations": cited(found.passages),
                "notice": found.notice,
            }

        return Outcome(output=await ctx.scoped("search", search))
