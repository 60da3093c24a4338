"""Tool results in the prompt: as they are, outlined, or as a reference to where they are kept.

    whole      a result of moderate size, while there is room for it
    outlined   a large one: its shape and beginning, and how to read on
    referred   one of earlier rounds or turns: its first words, and how to read it again
    mentioned  the same without its first words, where even that is too much

Only results that are kept have a reference; others are cut in their middle instead.
"""

from __future__ import annotations

__all__ = ["Rounds", "Shown", "reader_of", "reference", "referred_rows", "remembered_text", "shown"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from botkit.agents.prompt import clip, tool_message
from botkit.agents.room import CHARS_PER_TOKEN, Room
from botkit.core.agent import AgentTask
from botkit.core.excerpts import outline
from botkit.core.journal import TranscriptRow
from botkit.core.models import RequestedCall
from botkit.core.own_tools import OWN_TOOLS, READ_RESULT, RESULTS
from botkit.core.tokens import estimate_json_tokens, estimate_tokens
from botkit.core.tools import Tool, ToolPort

Message = dict[str, Any]

_REFERRED_CHARS = 240
_UNKEPT_CHARS = 1_000
"""Of an earlier result that is kept nowhere."""
_MENTIONED_CHARS = 150
_WORTH_CHARS = 600
"""A result shorter than this is never referred to: the reference would be as long."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One result as a model reads it."""

    call: RequestedCall
    text: str
    """The whole of it."""
    ref: str = ""
    """Where it is kept; empty: nowhere that can be read."""
    shown: str = ""
    outlined: bool = False

    @property
    def message(self) -> Message:
        return tool_message(self.call.id, self.call.name, self.shown)

    @property
    def tokens(self) -> int:
        return estimate_json_tokens(self.message)

    def shortened(self, room_tokens: int) -> Shown:
        """Outlined, in about so many tokens."""
        return replace(self, shown=_outlined(self.text, self.ref, room_tokens * CHARS_PER_TOKEN), outlined=True)

    def referred(self) -> Shown:
        return replace(self, shown=_referred(self.text, self.ref, len(self.text), _UNKEPT_CHARS))

    def mentioned(self) -> Shown:
        """As little as can be said of it."""
        short = clip(self.text, _MENTIONED_CHARS)
        return replace(
            self, shown=reference(self.ref, len(self.text)) if self.ref and len(self.text) > _MENTIONED_CHARS else short
        )


async def reader_of(port: ToolPort, task: AgentTask) -> Tool | None:
    """The tool that reads kept results; None where there is none, or a server of that name stands in its place."""
    found = await port.find_tool(task.workspace, task.principal, READ_RESULT)
    ours = OWN_TOOLS[RESULTS][0].definition["description"]
    return found if found is not None and found.description == ours else None


def shown(call: RequestedCall, text: str, ref: str, room: Room) -> Shown:
    """A new result."""
    whole = Shown(call, text, ref, text)
    if estimate_tokens(text) <= room.inline:
        return whole
    return replace(whole, shown=_outlined(text, ref, room.outline_chars if ref else room.inline * 4), outlined=True)


def remembered_text(text: str, ref: str, limit_chars: int) -> str:
    """A result as the transcript keeps it for the next turn."""
    return text if len(text) <= limit_chars else _outlined(text, ref, limit_chars)


def referred_rows(rows: Sequence[TranscriptRow], person_id: str) -> Sequence[TranscriptRow]:
    """A history in which results of turns before the newest are references, where this person may read them."""
    newest = max((at for at, row in enumerate(rows) if row.role == "user"), default=0)
    out: list[TranscriptRow] = []
    asked_by = ""
    for at, row in enumerate(rows):
        if row.role == "user":
            asked_by = row.person_id
        ref = str(row.data.get("ref") or "")
        if at < newest and row.role == "tool" and ref and asked_by == person_id:
            chars = int(row.data.get("chars") or len(row.text))
            row = msgspec.structs.replace(row, text=_referred(row.text, ref, chars, len(row.text)))
        out.append(row)
    return out


def _outlined(text: str, ref: str, limit_chars: int) -> str:
    return f"{outline(text, limit_chars)}\n{reference(ref, len(text))}" if ref else clip(text, limit_chars)


def _referred(text: str, ref: str, chars: int, limit_chars: int) -> str:
    if not ref:
        return clip(text, limit_chars)
    if len(text) <= _WORTH_CHARS:
        return text
    return f"{text[:_REFERRED_CHARS]}…\n{reference(ref, chars)}"


def reference(ref: str, chars: int) -> str:
    """What tells a model how to read a kept result."""
    return f'[all {chars:,} characters are kept: {READ_RESULT} with ref "{ref}" shows any part of them]'


class Rounds:
    """What the model asked for and what tools answered in this turn, made to fit its share."""

    def __init__(self, room: Room):
        self._room = room
        self._rounds: list[tuple[Message, list[Shown]]] = []
        self.tokens = 0
        self.kept = False
        """Whether something in it has a reference."""

    def add(self, asked: Message, results: Sequence[Shown]) -> None:
        """A round. Beyond the share the oldest results become references, then the largest of this round outlines."""
        self._rounds.append((asked, list(results)))
        self.kept = self.kept or any(one.ref and one.outlined for one in results)
        self._count()
        for shorten in (Shown.referred, Shown.mentioned):
            for _, earlier in self._rounds[:-1]:
                if self.tokens <= self._room.tool_results:
                    return
                earlier[:] = map(shorten, earlier)
                self.kept = self.kept or any(one.ref for one in earlier)
                self._count()
        newest = self._rounds[-1][1]
        share = max(1, self._room.tool_results // max(1, len(newest)))
        for at in sorted(range(len(newest)), key=lambda at: (-newest[at].tokens, at)):
            if self.tokens <= self._room.tool_results or newest[at].tokens <= share:
                return
            newest[at] = newest[at].shortened(share // 2)
            self.kept = self.kept or bool(newest[at].ref)
            self._count()

    def messages(self) -> list[Message]:
        return [message for asked, results in self._rounds for message in (asked, *(one.message for one in results))]

    def _count(self) -> None:
        self.tokens = sum(map(estimate_json_tokens, self.messages()))
