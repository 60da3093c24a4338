"""What the model reads in one turn, made to fit: system prompt, notes, history, the message, the rounds so far."""

from __future__ import annotations

__all__ = ["ReadingList"]

from collections.abc import Sequence
from typing import Any

import msgspec

from botkit.agents.asking import Asker
from botkit.agents.compaction import SUMMARY_INSTRUCTION, extract_facts, merge_summary, split_history, summary_request
from botkit.agents.prompt import (
    assistant_message,
    current_message,
    history_messages,
    stable_prompt,
    system_prompt,
    user_message,
)
from botkit.agents.results import Rounds, Shown, referred_rows
from botkit.agents.room import CHARS_PER_TOKEN, Room
from botkit.agents.tokens import estimate_json_tokens, estimate_tokens
from botkit.core.agent import AgentTask
from botkit.core.journal import TranscriptRow
from botkit.core.models import RequestedCall

Message = dict[str, Any]


class ReadingList:
    """Keeps the input of a turn within its room (`botkit.agents.room`).

    `summary` and `summary_seq` are the new summary of the session and the row it reaches to; 0 when the
    history was left as it is.

    Args:
        specs: of the tools.
        reader: the spec of the tool that reads kept results; shown when there is something for it to read.
        notes: the section of the prompt with what is remembered.
        stored_result_chars: of each result of the turn before; those of older turns are referred to.
    """

    def __init__(
        self,
        task: AgentTask,
        specs: tuple[Message, ...],
        room: Room,
        *,
        reader: Message | None = None,
        notes: str = "",
        stored_result_chars: int,
        group: bool,
    ):
        self._task = task
        self._room = room
        self._specs = specs
        self._reader = reader
        self._notes = notes
        self._stored_result_chars = stored_result_chars
        self._group = group
        self._rows: Sequence[TranscriptRow] = task.history
        self.left: tuple[TranscriptRow, ...] = ()
        """Rows that the summary took the place of."""
        self.summary = task.summary
        self.summary_seq = 0
        self._rounds = Rounds(room)
        self._current = current_message(task, group=group, limit_chars=room.message_chars)
        self._specs_tokens = sum(map(estimate_json_tokens, specs))
        self._notes_tokens = estimate_tokens(notes)
        self._current_tokens = estimate_json_tokens(self._current)
        self._assemble()

    def _assemble(self) -> None:
        task = msgspec.structs.replace(self._task, summary=self.summary)
        self._system = system_prompt(task, tools=bool(self._specs), notes=self._notes)
        self.stable_chars = len(stable_prompt(task, tools=bool(self._specs)))
        self._history = history_messages(self._shown_rows(), group=self._group, tool_chars=self._stored_result_chars)
        self._summary_tokens = estimate_tokens(self.summary)
        self._system_tokens = estimate_json_tokens({"role": "system", "content": self._system})
        self._history_tokens = sum(map(estimate_json_tokens, self._history))

    def _shown_rows(self) -> Sequence[TranscriptRow]:
        return self._rows if self._reader is None else referred_rows(self._rows, self._task.principal.id)

    @property
    def specs(self) -> tuple[Message, ...]:
        """The tools a model is shown now."""
        reads = self._reader is not None and (self._rounds.kept or any(row.data.get("ref") for row in self._rows))
        return (*self._specs, self._reader) if reads and self._reader is not None else self._specs

    @property
    def fits(self) -> bool:
        return self._history_tokens <= self._room.history(self._taken)

    @property
    def _taken(self) -> int:
        """By everything but the history, with room for what tools will answer."""
        results = self._room.tool_results if self._specs else 0
        return self._system_tokens + self._specs_tokens + self._current_tokens + results

    @property
    def has_history(self) -> bool:
        return bool(self._rows)

    async def shrink(self, key: str, asker: Asker, *, room_tokens: int = 0) -> None:
        """Summarise the older part of the history under the step `key`, and keep the rest word for word.

        Args:
            room_tokens: for summary and history together; 0: what the window leaves.
        """
        room = room_tokens or self._room.history(self._taken)
        cut = len(split_history(self._shown_rows(), keep_tokens=room // 2).old)
        old, self._rows = tuple(self._rows[:cut]), self._rows[cut:]
        if old:
            readable = max(1, min(room, self._room.window - 2 * estimate_tokens(SUMMARY_INSTRUCTION)))
            text = summary_request(self.summary, old, limit_chars=readable * CHARS_PER_TOKEN)
            written = await asker.summarise(key, SUMMARY_INSTRUCTION, text)
            facts = extract_facts(old)
            limit = min(self._room.summary, room // 2) * CHARS_PER_TOKEN
            self.summary = merge_summary(self.summary, written, facts, limit_chars=limit)
            self.summary_seq = max(row.seq for row in old)
            self.left += old
        self._assemble()

    async def shrink_again(self, key: str, asker: Asker) -> None:
        """The provider found the input too long after all: keep half of the history that is left."""
        await self.shrink(key, asker, room_tokens=max(1, self._history_tokens // 2))

    def add_round(self, text: str, calls: Sequence[RequestedCall], results: Sequence[Shown]) -> None:
        """What the model asked for and what it was answered."""
        self._rounds.add(assistant_message(text, calls), results)

    def messages(self, note: str = "") -> list[Message]:
        """Everything in order; `note` is a word from the system at the end."""
        system = {"role": "system", "content": self._system}
        messages = [system, *self._history, self._current, *self._rounds.messages()]
        return [*messages, user_message(note)] if note else messages

    def estimated(self) -> dict[str, int]:
        """Tokens of each part, by the names of `TokenBreakdown`."""
        return {
            "system_prompt": max(0, self._system_tokens - self._summary_tokens - self._notes_tokens),
            "tool_definitions": sum(map(estimate_json_tokens, self.specs)),
            "memory": self._notes_tokens,
            "summary": self._summary_tokens,
            "conversation_history": self._history_tokens,
            "current_message": self._current_tokens,
            "tool_results": self._rounds.tokens,
        }
