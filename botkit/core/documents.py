"""Documents people send, as text."""

from __future__ import annotations

__all__ = ["DocumentTexts"]

from typing import Protocol


class DocumentTexts(Protocol):
    """Reads what stands in documents, within limits of time and memory."""

    def takes(self, name: str, mime: str) -> bool:
        """Whether a file of this name or kind is a document it reads."""
        ...

    async def text(self, name: str, mime: str, data: bytes, *, limit_chars: int) -> str:
        """The text of a document, its beginning where it is longer; empty where there is only a picture of text.

        Raises:
            BotkitError: it cannot be read; the message is the end of a sentence about it.
        """
        ...
