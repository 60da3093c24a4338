"""Keep something in mind, and find it again in another run."""

from __future__ import annotations

__all__ = ["Memory"]

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal, TypedDict

from pydantic import Field

from botkit.core.notes import NAME_LIMIT, Note, NoteScope, note_text
from botkit.runs.context import StepScope
from botkit.sdk.nodes import Node, Outcome, node
from botkit.workflows.context import NodeRun
from botkit.workflows.nodes._notes import forget, keep, notebook_of, notes_of
from botkit.workflows.nodes._times import duration_s

_NEEDS = {"get": ("name",), "set": ("name", "value"), "forget": ("name",), "search": ("query",), "list": ()}


class Remembered(TypedDict):
    """One note."""

    name: str
    value: Any
    score: float
    """How well it fits the query; 0 where nothing was searched for."""


class MemoryOutput(TypedDict):
    """What there is, after the operation."""

    found: bool
    """Whether there was a note to get, to forget, or any to list."""
    value: Any
    """Of `get` and `set`: the note; `default` where there is none."""
    notes: list[Remembered]
    """Of `list` and `search`."""
    text: str
    """The notes as lines `name: value`, for a prompt."""


@node("memory")
class Memory(Node):
    """Keep a note about the person, the chat or for the whole team; get it, search, list, or forget it.

    Notes outlive the run and the conversation. Those of a person follow them over all their chats, and are
    part of `botkit data export` and `botkit data erase`. A run reaches the notes of its own person and chat, and
    no others. A note is written together with the step: a crash neither loses nor doubles it.
    """

    category = "data"
    output: ClassVar[Any] = MemoryOutput

    operation: Literal["get", "set", "forget", "search", "list"] = "get"
    """What to do."""
    name: str = Field(default="", max_length=NAME_LIMIT)
    """Name of the note. With `forget`, `*` forgets all of this scope."""
    value: Any = None
    """With `set`: any value of at most 8 KiB."""
    scope: NoteScope = "person"
    """`person`: of whoever the run is for; `chat`: of the conversation; `team`: of the bot and all it works for."""
    default: Any = None
    """With `get`: the value when there is no such note."""
    query: str = Field(default="", max_length=1000)
    """With `search`: some words."""
    limit: int = Field(default=10, ge=1, le=500)
    """Most notes that `search` and `list` give."""
    keep_for: str = ""
    """With `set`: how long, such as `30d`; until it is forgotten when empty."""

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What each operation cannot do without."""
        operation = str(data.get("operation") or "get")
        return [
            (name, f"`{operation}` needs {name}")
            for name in _NEEDS.get(operation, ())
            if name not in data or data[name] == ""
        ]

    async def run(self, ctx: NodeRun) -> Outcome:  # pyright: ignore[reportIncompatibleMethodOverride] - a node of botkit's own
        key, notebook = notes_of(ctx, self.scope), notebook_of(ctx)

        async def work(scope: StepScope) -> MemoryOutput:
            if self.operation == "set":
                until = ctx.now() + timedelta(seconds=duration_s(self.keep_for)) if self.keep_for else None
                return _output(True, await keep(ctx, scope, key, self.name, self.value, until))
            if self.operation == "get":
                note = await notebook.get(key, self.name)
                ctx.has_read(*(note.taint if note is not None else ()))
                return _output(note is not None, self.default if note is None else note.value)
            if self.operation == "forget":
                kept = await notebook.list(key)
                gone = [note for note in kept if self.name in ("*", note.name)]
                forget(scope, key, "" if self.name == "*" else self.name)
                return _output(bool(gone))
            if self.operation == "search":
                found = await notebook.search(key, self.query, limit=self.limit)
                ctx.has_read(*(source for one in found for source in one.note.taint))
                return _listed([(one.note, one.score) for one in found])
            listed = (await notebook.list(key))[: self.limit]
            ctx.has_read(*(source for note in listed for source in note.taint))
            return _listed([(note, 0.0) for note in listed])

        return Outcome(output=await ctx.scoped(self.operation, work))


def _output(found: bool, value: Any = None) -> MemoryOutput:
    return {"found": found, "value": value, "notes": [], "text": ""}


def _listed(notes: list[tuple[Note, float]]) -> MemoryOutput:
    return {
        "found": bool(notes),
        "value": None,
        "notes": [{"name": note.name, "value": note.value, "score": round(score, 4)} for note, score in notes],
        "text": "\n".join(f"{note.name}: {note_text(note.value)}" for note, _ in notes),
    }
