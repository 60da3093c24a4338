"""The redaction port: live secret values never leave in text, whole or streamed."""

from __future__ import annotations

__all__ = ["NoRedaction", "Redactor", "StreamRedactor"]

from typing import Protocol


class StreamRedactor(Protocol):
    """Redacts a text that arrives in pieces, holding back what may be the beginning of a secret."""

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        ...

    def flush(self) -> str:
        """The rest, at the end of the text."""
        ...


class Redactor(Protocol):
    def text(self, value: str) -> str: ...

    def stream(self) -> StreamRedactor: ...


class NoRedaction:
    """Nothing to hide: for tests and instances without secrets."""

    def text(self, value: str) -> str:
        return value

    def stream(self) -> StreamRedactor:
        return _Plain()


class _Plain:
    def feed(self, piece: str) -> str:
        return piece

    def flush(self) -> str:
        return ""
