"""Room in the input of a model: how many tokens each part of it may take.

    window, less the longest answer
        instructions, current message    what they need; a message is cut in its middle beyond half the window
        tool definitions                 beyond their share: in short, then by search
        notes                            the most relevant that fit their share
        summary                          beyond its share the oldest facts go
        tool results                     a large one is outlined; beyond their share older ones become references
        history                          the rest, a quarter at least; what does not fit is summarised

Each overflow is met in that part alone, in this order, and every cut says in the input itself what was left out and
how to get it. The same task and window give the same room.
"""

from __future__ import annotations

__all__ = ["CHARS_PER_TOKEN", "Room", "room_of", "window_of"]

from dataclasses import dataclass

from botkit.core.agent import AgentTask, ContextShares

CHARS_PER_TOKEN = 4
_UNKNOWN_WINDOW_TOKENS = 16_000
_WINDOW_SHARE = 0.75
"""Of a model's window: estimates are good to some 20 %."""
_INLINE_TOKENS = 4_000
"""Of one result that is shown as it is, where there is room for it."""
_INLINE_LEAST = 250
_HISTORY_SHARE = 4
"""Of the window, a part of it: what the history keeps however much else there is."""


@dataclass(frozen=True, slots=True)
class Room:
    """In tokens, but for what says otherwise."""

    window: int
    tool_definitions: int
    memory: int
    summary: int
    tool_results: int
    inline: int
    """Of one result; a larger one is outlined."""

    @property
    def message_chars(self) -> int:
        return self.window * CHARS_PER_TOKEN // 2

    @property
    def outline_chars(self) -> int:
        return min(self.inline, 1_500) * CHARS_PER_TOKEN

    @property
    def summary_chars(self) -> int:
        return self.summary * CHARS_PER_TOKEN

    def history(self, taken: int) -> int:
        """What is left beside parts that take so much."""
        return max(self.window - taken, self.window // _HISTORY_SHARE)


def window_of(known_tokens: int, max_output_tokens: int) -> int:
    """What of a model's window its input may take; 0: the window is not known."""
    if not known_tokens:
        return _UNKNOWN_WINDOW_TOKENS
    return max(int(known_tokens * _WINDOW_SHARE) - max_output_tokens, known_tokens // 4)


def room_of(task: AgentTask, window_tokens: int) -> Room:
    """The room of a turn in so large a window."""
    shares: ContextShares = task.shares
    results = int(window_tokens * shares.tool_results)
    return Room(
        window=window_tokens,
        tool_definitions=int(window_tokens * shares.tool_definitions),
        memory=int(window_tokens * shares.memory) if task.notes else 0,
        summary=int(window_tokens * shares.summary),
        tool_results=results,
        inline=max(_INLINE_LEAST, min(_INLINE_TOKENS, results // 2)),
    )
