"""Messages that may hold a code of `auth_gate`: sealed before they are stored, opened only where they are used."""

from __future__ import annotations

__all__ = ["CodeSeal", "Sealing", "is_sealed"]

import unicodedata
from typing import TYPE_CHECKING, Protocol

import msgspec

from botkit.core.events import Event
from botkit.core.journal import InboxRow, Journal
from botkit.runs.lanes import LaneRuntime

if TYPE_CHECKING:
    from botkit.core.config import Config

_HIDDEN = "••••••"
"""What stands in place of the text."""
_TEXT_LIMIT = 200
_DIGITS = 4
_KINDS = ("message", "edit")


class CodeSeal(Protocol):
    """As of `IdentityDesk`."""

    def seal(self, text: str) -> str: ...

    def unseal(self, sealed: str) -> str | None: ...


class Sealing:
    """Decides which messages are sealed: short ones, where somebody is being asked for a code.

    Args:
        seal: None: nobody is ever asked for codes.
    """

    def __init__(self, seal: CodeSeal | None):
        self._seal = seal
        self._gated: tuple[str, bool] = ("", False)

    async def sealed(self, event: Event, lane: str, journal: Journal, lanes: LaneRuntime, config: Config) -> Event:
        """The event as it is stored. Raises `StoreError`."""
        if event.kind not in _KINDS or self._seal is None:
            return event
        if is_sealed(event):  # that word is ours alone
            event = msgspec.structs.replace(event, signal=None)
        gated = self._has_gate(config)
        if not _may_be_code(event.text) or not (gated or _digits(event.text) >= _DIGITS):
            return event
        # While a turn runs, a code may have left whose question is not stored yet.
        asked = gated and (lanes.scope(lane) is not None or not lanes.started)
        if not asked:
            context = await journal.context(lane, history_limit=0)
            asked = any(wait.kind == "identity" for wait in context.waits)
        if not asked:
            return event
        return msgspec.structs.replace(event, text=_HIDDEN, signal={"sealed": self._seal.seal(event.text)})

    def opened(self, row: InboxRow) -> InboxRow:
        """As the person wrote it."""
        event = row.event
        if self._seal is None or not is_sealed(event):
            return row
        text = self._seal.unseal(str((event.signal or {})["sealed"])) or ""
        return msgspec.structs.replace(row, event=msgspec.structs.replace(event, text=text, signal=None))

    def seal(self, text: str) -> str:
        """An answer as it is stored with its question."""
        assert self._seal is not None, "nobody asks for codes here"
        return self._seal.seal(text)

    def _has_gate(self, config: Config) -> bool:
        if self._gated[0] != config.revision or not config.revision:
            self._gated = (config.revision, "auth_gate" in repr(config.workflows))
        return self._gated[1]


def is_sealed(event: Event) -> bool:
    return event.kind in _KINDS and event.signal is not None and "sealed" in event.signal


def _may_be_code(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _TEXT_LIMIT and text.lstrip()[:1] not in ("/", "!")


def _digits(text: str) -> int:
    return sum(unicodedata.digit(char, None) is not None for char in text)
