"""Ask a model once."""

from __future__ import annotations

__all__ = ["LlmCall"]

from typing import Any, ClassVar, TypedDict

from pydantic import Field

from botkit.sdk.nodes import ModelAlias, Node, NodeContext, Outcome, node


class LlmOutput(TypedDict):
    """What the model wrote."""

    text: str
    """Its answer."""
    json: Any
    """The answer as an object, with `schema`."""
    model: str
    """The one that answered, after fallbacks."""


@node("llm_call")
class LlmCall(Node):
    """Ask a model once, without tools.

    With `schema`, the answer is an object that fits it: what is nearly JSON is mended, and a model that misses it is
    told what is wrong and asked once more.
    """

    category = "ai"
    output: ClassVar[Any] = LlmOutput

    prompt: str = Field(min_length=1, max_length=200_000)
    """What is asked, with everything the model has to read."""
    system: str = Field(default="", max_length=40_000)
    """How it should behave."""
    model: ModelAlias = ""
    """An alias of `models` or a LiteLLM name; that of the bot when empty."""
    files: bool = False
    """Show it what came with the message too: pictures and sound as far as the model takes them, text of documents."""
    answer_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    """JSON Schema of the answer."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Sampling temperature; the model's own when absent."""
    max_output_tokens: int = Field(default=2048, ge=1, le=1_000_000)
    """Most tokens of the answer."""
    time_limit_s: float = Field(default=60.0, gt=0, le=600)
    """Seconds it may take."""

    async def run(self, ctx: NodeContext) -> Outcome:
        answer = await ctx.ask_model(
            "model",
            self.prompt,
            system=self.system,
            model=self.model,
            schema=self.answer_schema,
            temperature=self.temperature,
            max_output_tokens=self.max_output_tokens,
            timeout_s=self.time_limit_s,
            files=self.files,
        )
        output: LlmOutput = {"text": answer.text, "json": answer.data, "model": answer.model}
        return Outcome(output=output)
