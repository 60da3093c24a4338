"""`/memory` and `/forget`: people see what is kept in mind of them, and end it."""

from __future__ import annotations

__all__ = ["MemoryCommands"]

from collections.abc import Sequence

from botkit.core.events import Event
from botkit.core.journal import EndSession, LaneContext, Write
from botkit.core.notebook import Notebook
from botkit.core.notes import DropNotes, Note, NoteKey, note_text
from botkit.engine.identity import Known
from botkit.engine.languages import Language

_SHOWN = 50
_VALUE_CHARS = 300
_ALL = frozenset({"all", "everything", "alle", "alles", "todo", "todos", "tout", "tudo"})
_YES = frozenset({"yes", "ja", "oui", "si", "sí", "sim"})


class MemoryCommands:
    """Answers for whoever asks, of what is theirs: in private their own notes and those of the conversation, where
    others read along those of the conversation alone."""

    def __init__(self, notebook: Notebook):
        self._notebook = notebook

    async def answer(
        self, name: str, event: Event, known: Known, lane: LaneContext, words: Language, *, now: int
    ) -> tuple[str, tuple[Write, ...]]:
        """What to say, and what to write with it."""
        keys = _keys(event, known)
        notes = [note for key in keys for note in await self._notebook.list(key)]
        # In the order in which they came: a new one leaves the numbers of the others as they were shown.
        notes.sort(key=lambda note: (note.scope != "person", note.created_at, note.name))
        group = event.conversation.kind == "group"
        if name == "memory":
            return _shown(notes, words, group=group), ()
        typed = _typed(event)
        if not typed:
            return words.forget_what, ()
        first, *rest = typed.casefold().split()
        if first in _ALL and set(rest) <= _YES:
            return self._all(notes, keys, known, _anew(lane, now), words, sure=bool(rest), group=group)
        note = _named(notes, typed)
        if note is None:
            return words.forget_unknown, ()
        drop = DropNotes(key=NoteKey(scope=note.scope, owner=note.owner), name=note.name)
        return words.forgotten.format(what=_plain(note.name)), (drop, *_anew(lane, now))

    def _all(
        self,
        notes: Sequence[Note],
        keys: Sequence[NoteKey],
        known: Known,
        anew: tuple[Write, ...],
        words: Language,
        *,
        sure: bool,
        group: bool,
    ) -> tuple[str, tuple[Write, ...]]:
        if not notes:
            return words.memory_none, ()
        if group and not known.is_admin:
            return words.forget_not_for_all, ()
        if not sure:
            return words.forget_sure.format(count=len(notes)), ()
        drops = tuple(DropNotes(key=key) for key in keys)
        return words.forgotten_all.format(count=len(notes)), (*drops, *anew)


def _keys(event: Event, known: Known) -> list[NoteKey]:
    chat = NoteKey(scope="chat", owner=event.conversation.key)
    if event.conversation.kind == "group":
        return [chat]
    return [NoteKey(scope="person", owner=known.person.id), chat]


def _typed(event: Event) -> str:
    """What stands behind the command, however the platform passes it on."""
    text = event.text.strip()
    if text[:1] in ("/", "!"):
        text = text.partition(" ")[2]
    return text.strip()


def _named(notes: Sequence[Note], typed: str) -> Note | None:
    """By number as `/memory` shows it, or by name."""
    number = typed.removeprefix("#").rstrip(".")
    if number.isdecimal() and len(number) < 6 and 1 <= int(number) <= len(notes):
        return notes[int(number) - 1]
    wanted = _plain(typed).casefold()
    return next((note for note in notes if _plain(note.name).casefold() == wanted), None)


def _anew(lane: LaneContext, now: int) -> tuple[Write, ...]:
    """What was said here would be kept in mind again as it leaves the history."""
    return (EndSession(session_id=lane.session.id, at=now),) if lane.session is not None else ()


def _shown(notes: Sequence[Note], words: Language, *, group: bool) -> str:
    private = [words.memory_in_group] if group else []
    if not notes:
        return "\n".join([words.memory_none, *private])
    lines = [f"{number}. {_line(note, words)}" for number, note in enumerate(notes[:_SHOWN], 1)]
    more = [words.memory_more.format(count=len(notes) - _SHOWN)] if len(notes) > _SHOWN else []
    return "\n".join([words.memory_list, "", *lines, *more, "", words.memory_how, *private])


def _line(note: Note, words: Language) -> str:
    value = _plain(note_text(note.value))
    if len(value) > _VALUE_CHARS:
        value = f"{value[:_VALUE_CHARS]}…"
    where = f" ({words.memory_of_chat})" if note.scope == "chat" else ""
    name = _plain(note.name)
    return f"{value}{where}" if value.startswith(name.rstrip("…")) else f"{name}: {value}{where}"


def _plain(text: str) -> str:
    """A note's words on one line, without formatting."""
    return " ".join("".join(" " if char in "*_`~|<>[]" else char for char in text).split())
