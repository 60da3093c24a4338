"""`bots.*.context`: how the room in a model's input is shared out."""

from __future__ import annotations

__all__ = ["Context"]

from pydantic import Field, model_validator

from botkit.core.config.models.base import Float, Int, Model, problem


class Context(Model, frozen=True):
    """How the room in a model's input is shared out. Instructions and the message come first; the history gets what the
    others leave, a quarter at least."""

    max_tokens: Int | None = Field(default=None, ge=1_000, le=10_000_000)
    """Most tokens of one input. Absent: three quarters of the model's window, less the longest answer."""
    tool_definitions: Float = Field(default=0.25, gt=0, le=0.6)
    """Share of tool definitions. Beyond it, `tools_mode: auto` shows them in short, and then by search."""
    memory: Float = Field(default=0.1, ge=0, le=0.5)
    """Share of notes, the most relevant first; `0`: none are shown unasked."""
    summary: Float = Field(default=0.2, gt=0, le=0.5)
    """Share of the summary of what came before the history; beyond it the oldest facts go."""
    tool_results: Float = Field(default=0.35, gt=0, le=0.6)
    """Share of tool results of one message; a large one is outlined, older ones become references that the bot can
    read on from."""

    @model_validator(mode="after")
    def _leave_room(self) -> Context:
        if self.tool_definitions + self.memory + self.summary + self.tool_results > 1:
            raise problem("the shares add up to more than 1; leave a rest for the history")
        return self
