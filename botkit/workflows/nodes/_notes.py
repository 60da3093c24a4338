"""Whose notes a node works on: never those of somebody else than the run is for."""

from __future__ import annotations

__all__ = ["forget", "keep", "notebook_of", "notes_of"]

from datetime import datetime
from typing import Any

from botkit.core.errors import InvalidArguments, LimitReached
from botkit.core.notebook import Notebook
from botkit.core.notes import DropNotes, NoteKey, NoteScope
from botkit.runs.context import StepScope
from botkit.sdk.nodes import NodeFailed
from botkit.workflows.context import NodeRun


def notebook_of(ctx: NodeRun) -> Notebook:
    """Raises `NodeFailed` where notes are not available."""
    if ctx.services.notes is None:
        raise NodeFailed("notes are not available here", code="unavailable")
    return ctx.services.notes


def notes_of(ctx: NodeRun, scope: NoteScope) -> NoteKey:
    """The owner that this run may read and write. Raises `NodeFailed` where there is none."""
    run = ctx.ctx.run
    if scope == "person":
        if not run.person_id or run.person_id.startswith("@"):
            raise NodeFailed("nobody talks in this run: there is no person to remember", code="no_person")
        return NoteKey(scope="person", owner=run.person_id)
    if scope == "chat":
        if not run.conversation or run.channel.startswith("@"):
            raise NodeFailed("nobody talks in this run: there is no chat to remember", code="no_conversation")
        return NoteKey(scope="chat", owner=run.conversation)
    return NoteKey(scope="team", owner=run.bot or f"workflow:{ctx.task.workflow}")


async def keep(
    ctx: NodeRun, scope: StepScope, key: NoteKey, name: str, value: Any, until: datetime | None = None
) -> Any:
    """Write a note with the step; the value as it is kept. Raises `NodeFailed`."""
    run = ctx.ctx.run
    by = f"workflow:{ctx.task.workflow}/{ctx.node_id}"
    try:
        write = await notebook_of(ctx).written(
            key, name, value, by=by, run_id=run.id, until=until, taint=ctx.principal.taint
        )
    except InvalidArguments as error:
        raise NodeFailed(str(error), code="invalid_note") from error
    except LimitReached as error:
        raise NodeFailed(str(error), code="memory_full") from error
    scope.write(write)
    return write.note.value


def forget(scope: StepScope, key: NoteKey, name: str) -> None:
    scope.write(DropNotes(key=key, name=name))
