"""The visible side of a model's answer while it is being written."""

from __future__ import annotations

__all__ = ["AnswerStream"]

from botkit.core.agent import ReplySink
from botkit.core.models import ModelDelta


class AnswerStream:
    """Passes pieces of text to whoever shows them, and takes them back when they turn out to be void.

    Nothing here is a fact: the outcome carries the final text.
    """

    def __init__(self, sink: ReplySink, *, show: bool):
        self._sink = sink
        self._show = show
        self._shown = False
        self.raw = ""
        """What the model has written since the last restart: for counting."""

    async def feed(self, delta: ModelDelta) -> None:
        if delta.reset:
            await self.restart()
        self.raw += delta.text
        if self._show and delta.text:
            self._shown = True
            await self._sink.write(delta.text)

    async def end(self, *, keep: bool) -> None:
        """The model call ended. Without `keep` the text was only a preamble to tool calls."""
        if not keep:
            await self.restart()

    async def restart(self) -> None:
        self.raw = ""
        if self._shown:
            self._shown = False
            await self._sink.restart()
