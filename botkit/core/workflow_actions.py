"""What the node `action` asks of botkit: small things done to a person or the outside."""

from __future__ import annotations

__all__ = ["WorkflowActions"]

from collections.abc import Sequence
from typing import Any, Protocol

from botkit.core.journal import Run


class WorkflowActions(Protocol):
    """Every method is safe to repeat: the same call leaves the same state."""

    async def tag(self, run: Run, person_id: str, tags: Sequence[str], *, remove: bool) -> list[str]:
        """Add or take tags of a person; all they have then."""
        ...

    async def emit(self, run: Run, name: str, data: Any, *, key: str) -> None:
        """Tell whoever listens that something happened.

        Args:
            key: the same for a repeat of the same occasion, which is told once.
        """
        ...
