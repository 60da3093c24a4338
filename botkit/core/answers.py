"""Answers kept for identical model calls."""

from __future__ import annotations

__all__ = ["AnswerStore", "KeptAnswer"]

from typing import Protocol

from botkit.core.data import Data
from botkit.core.models import ModelReply


class KeptAnswer(Data):
    """An answer, and whose it is."""

    key: str
    """Hash of everything the answer follows from, of whom it was for and of whose key paid."""
    reply: ModelReply
    model: str = ""
    """Alias or LiteLLM name it was asked under: the number of answers is limited for each."""
    workspace: str = ""
    person_id: str = ""
    """For whom it was asked; erased with them."""
    trace_id: str = ""
    """Of the run that asked."""
    at: int = 0
    """Microseconds, UTC; as the next one."""
    expires_at: int = 0


class AnswerStore(Protocol):
    async def get(self, key: str, *, now: int) -> KeptAnswer | None: ...

    async def put(self, answer: KeptAnswer, *, most: int) -> None:
        """Keep an answer, in place of an earlier one with the same key.

        Args:
            most: answers of this model; the oldest beyond that go.
        """
        ...
