"""Redaction of a text that arrives in pieces."""

from __future__ import annotations

__all__ = ["Screen"]

from collections.abc import Collection

from botkit.core.screening.forms import LONGEST, redacted, screen


class Screen:
    """Implements `StreamRedactor`: shows what can no longer become part of a finding, and redacts the rest later.

    The pieces it shows, joined, are `redacted(text, screen(text, kinds))` of the whole text.
    """

    def __init__(self, kinds: Collection[str]):
        self._kinds = tuple(kinds)
        self._seen = ""
        """What was shown last, as it was: what stands before a form decides whether it is one."""
        self._held = ""
        self.found: set[str] = set()
        """Kinds that were found so far."""

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        self._held += piece
        return self._shown(len(self._held) - LONGEST)

    def flush(self) -> str:
        """The rest, at the end of the text."""
        return self._shown(len(self._held))

    def _shown(self, cut: int) -> str:
        if cut <= 0:
            return ""
        before = len(self._seen)
        whole = self._seen + self._held
        findings = [each for each in screen(whole, self._kinds) if each.end > before]
        end = before + cut
        for each in findings:
            if each.start < end < each.end or (each.end == end < len(whole)):
                end = max(before, each.start)
        done = [each for each in findings if each.end <= end and each.start >= before]
        self.found |= {each.kind for each in done}
        shown = redacted(whole[:end], done)[before:]
        self._seen, self._held = whole[max(0, end - LONGEST) : end], whole[end:]
        return shown
