"""What the model reads in one turn, made to fit: system prompt, history, the message, the rounds so far."""

from __future__ import annotations

__all__ = ["ReadingList"]

from collections.abc import Sequence
from typing import Any

import msgspec

from botkit.agents.asking import Asker
from botkit.agents.compaction import SUMMARY_INSTRUCTION, extract_facts, merge_summary, split_history, summary_request
from botkit.agents.prompt import current_message, history_messages, system_prompt, user_message
from botkit.agents.tokens import estimate_json_tokens, estimate_tokens
from botkit.core.agent import AgentTask
from botkit.core.journal import TranscriptRow

Message = dict[str, Any]

_CHARS_PER_TOKEN = 4
_LEAST_SHARE = 4
"""Of the window: what history keeps however much else there is."""


class ReadingList:
    """Keeps the input of a turn within a number of tokens by summarising the older part of the history.

    `summary` and `summary_seq` are the new summary of the session and the row it reaches to; 0 when the
    history was left as it is.
    """

    def __init__(
        self, task: AgentTask, specs: tuple[Message, ...], *, window_tokens: int, stored_result_chars: int, group: bool
    ):
        self._task = task
        self._window_tokens = window_tokens
        self._stored_result_chars = stored_result_chars
        self._group = group
        self._rows: Sequence[TranscriptRow] = task.history
        self.specs = specs
        self.summary = task.summary
        self.summary_seq = 0
        self.round: list[Message] = []
        """Messages since the person's: what the model asked for and what tools answered."""
        self._current = current_message(task, group=group, limit_chars=window_tokens * _CHARS_PER_TOKEN // 2)
        self._specs_tokens = sum(map(estimate_json_tokens, specs))
        self._current_tokens = estimate_json_tokens(self._current)
        self._assemble()

    def _assemble(self) -> None:
        self._system = system_prompt(msgspec.structs.replace(self._task, summary=self.summary), tools=bool(self.specs))
        self._history = history_messages(self._rows, group=self._group, tool_chars=self._stored_result_chars)
        self._system_tokens = estimate_tokens(self._system)
        self._history_tokens = sum(map(estimate_json_tokens, self._history))

    @property
    def fits(self) -> bool:
        return self._fixed_tokens + self._history_tokens <= self._window_tokens

    @property
    def _fixed_tokens(self) -> int:
        return self._system_tokens + self._specs_tokens + self._current_tokens

    @property
    def has_history(self) -> bool:
        return bool(self._rows)

    async def shrink(self, key: str, asker: Asker, *, room_tokens: int = 0) -> None:
        """Summarise the older part of the history under the step `key`, and keep the rest word for word.

        Args:
            room_tokens: for summary and history together; 0: what the window leaves.
        """
        room = room_tokens or max(self._window_tokens - self._fixed_tokens, self._window_tokens // _LEAST_SHARE)
        split = split_history(self._rows, keep_tokens=room // 2)
        if split.old:
            text = summary_request(self.summary, split.old, limit_chars=room * _CHARS_PER_TOKEN)
            written = await asker.summarise(key, SUMMARY_INSTRUCTION, text)
            self.summary = merge_summary(self.summary, written, extract_facts(split.old))
            self.summary_seq = max(row.seq for row in split.old)
        self._rows = split.recent
        self._assemble()

    async def shrink_again(self, key: str, asker: Asker) -> None:
        """The provider found the input too long after all: keep half of the history that is left."""
        await self.shrink(key, asker, room_tokens=max(1, self._history_tokens // 2))

    def messages(self, note: str = "") -> list[Message]:
        """Everything in order; `note` is a word from the system at the end."""
        messages = [{"role": "system", "content": self._system}, *self._history, self._current, *self.round]
        return [*messages, user_message(note)] if note else messages

    def estimated(self) -> dict[str, int]:
        """Tokens of each part, by the names of `TokenBreakdown`."""
        return {
            "system_prompt": self._system_tokens,
            "tool_definitions": self._specs_tokens,
            "conversation_history": self._history_tokens,
            "current_message": self._current_tokens,
            "tool_results": sum(map(estimate_json_tokens, self.round)),
        }
