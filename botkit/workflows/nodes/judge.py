"""Score a value against a rubric and take the edge of its band."""

from __future__ import annotations

__all__ = ["Judge"]

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from botkit.core.judging import BANDS, JUDGE, Band, Criterion, Verdict, judge_prompt, verdict_of, verdict_schema
from botkit.sdk.nodes import ModelAlias, Node, NodeContext, Outcome, node
from botkit.workflows.nodes._bands import edges_of


@node("judge")
class Judge(Node):
    """Score a value against a rubric by a model, and go on by how good it is."""

    category = "ai"
    handles: ClassVar[Mapping[str, str]] = {band.name: f"a score of {band.at_least} or more" for band in BANDS}
    output: ClassVar[Any] = Verdict
    onward: ClassVar[tuple[str, ...]] = ("*",)

    value: Any
    """What is judged: a text, or any value."""
    rubric: list[Criterion] = Field(min_length=1, max_length=20)
    """What is looked at."""
    bands: list[Band] = Field(default=list(BANDS), min_length=1, max_length=10)
    """Names of the edges by score. A score below all of them belongs to the lowest."""
    model: ModelAlias = ""
    """An alias of `models` or a LiteLLM name; that of the bot when empty."""
    about: str = Field(default="", max_length=20_000)
    """What the value was meant to be: the question, the order, the source."""

    @classmethod
    def handles_of(cls, data: Mapping[str, Any]) -> Mapping[str, str]:
        """One edge for each band."""
        return edges_of(data.get("bands"), cls.handles)

    async def run(self, ctx: NodeContext) -> Outcome:
        answer = await ctx.ask_model(
            "judge",
            judge_prompt(self.value, self.rubric, self.about),
            system=JUDGE,
            model=self.model,
            schema=verdict_schema(self.rubric),
            temperature=0.0,
        )
        verdict = verdict_of(answer.data, self.rubric, self.bands)
        return Outcome(verdict["band"], verdict)
