# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""Notes and tasks for a small team, in one SQLite file.

    python workspace/servers/notes.py        # speaks MCP over stdin and stdout

Data lives in `$BOTKIT_SERVER_DATA/notes.db` (default: `.botkit/servers/notes` under the working folder). Each
workspace sees its own entries: the gateway names it in `_meta["io.botkit/workspace"]`. Adding with the same
`_meta["io.botkit/idempotency-key"]` twice gives the first entry again, so a repeated call adds nothing.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

__all__ = ["Entries", "Entry", "server"]

server = MCPServer(
    "notes",
    title="Notes and tasks",
    instructions="Keeps the team's notes and tasks. Search before adding, so nothing is written down twice.",
    version="1.0.0",
    log_level="WARNING",
)

READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
DELETES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('note', 'task')),
    text TEXT NOT NULL,
    tags TEXT NOT NULL DEFAULT '',
    due TEXT,
    created_at TEXT NOT NULL,
    done_at TEXT,
    request TEXT,
    UNIQUE (workspace, request)
);
CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (workspace, kind, id);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    text, tags, content='entries', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
);
CREATE TRIGGER IF NOT EXISTS entries_added AFTER INSERT ON entries BEGIN
    INSERT INTO words (rowid, text, tags) VALUES (new.id, new.text, new.tags);
END;
CREATE TRIGGER IF NOT EXISTS entries_deleted AFTER DELETE ON entries BEGIN
    INSERT INTO words (words, rowid, text, tags) VALUES ('delete', old.id, old.text, old.tags);
END;
"""


class Entry(BaseModel):
    """One note or task."""

    id: int = Field(description="Number to use when completing or deleting")
    kind: Literal["note", "task"]
    text: str
    tags: list[str] = Field(description="Lower-case labels, sorted")
    created_at: str = Field(description="ISO 8601, UTC")
    due: str | None = Field(None, description="Date a task is due, YYYY-MM-DD")
    done: bool = Field(False, description="Whether a task was completed")


class Entries(BaseModel):
    """A list of notes or tasks and how many there are in all."""

    entries: list[Entry]
    total: int = Field(description="Matching entries, also those beyond the limit")


Text = Annotated[str, Field(description="What to remember, in full sentences", min_length=1, max_length=20_000)]
Tags = Annotated[list[str] | None, Field(description='Short labels such as ["sales", "urgent"]', max_length=20)]
Due = Annotated[date | None, Field(description="Day the task is due, YYYY-MM-DD")]
Number = Annotated[int, Field(description="The entry's number, as shown by list or search", ge=1)]
Limit = Annotated[int, Field(description="Most entries to return", ge=1, le=100)]


@contextmanager
def _database() -> Generator[sqlite3.Connection]:
    """Open the database for one call, commit at the end.

    A connection per call keeps threads apart and lets somebody replace or remove the file while we run.
    """
    folder = Path(os.environ.get("BOTKIT_SERVER_DATA") or ".botkit/servers/notes")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        db = sqlite3.connect(folder / "notes.db", timeout=10)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode=WAL")
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'entries_deleted'").fetchone():
                db.executescript(SCHEMA)
            with db:
                yield db
        finally:
            db.close()
    except sqlite3.OperationalError as error:
        raise ToolError(f"The notes database in {folder} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise ToolError(
            f"The notes database in {folder} is damaged: {error}. Restore notes.db from a backup or move it away."
        ) from error


def _meta(ctx: Context[Any, Any], key: str) -> str:
    """A value the gateway sent beside the arguments, or an empty string."""
    meta: Any = ctx.request_context.meta or {}
    return str(meta.get(key) or "")


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        id=row["id"],
        kind=row["kind"],
        text=row["text"],
        tags=row["tags"].split(),
        created_at=row["created_at"],
        due=row["due"],
        done=row["done_at"] is not None,
    )


def _labels(tags: list[str] | None) -> str:
    """Lower-case, without spaces, sorted, each once: `["Big Deal"]` becomes `big-deal`."""
    found = {re.sub(r"[\s,]+", "-", tag.strip().lower().lstrip("#")) for tag in tags or []}
    return " ".join(sorted(found - {""}))


def _insert(ctx: Context[Any, Any], kind: str, text: str, tags: list[str] | None, due: date | None = None) -> Entry:
    if not text.strip():
        raise ToolError("The text is empty; say what to remember.")
    workspace = _meta(ctx, "io.botkit/workspace")
    request = _meta(ctx, "io.botkit/idempotency-key") or None
    with _database() as db:
        db.execute(
            "INSERT INTO entries (workspace, kind, text, tags, due, created_at, request) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (workspace, request) DO NOTHING",
            (
                workspace,
                kind,
                text.strip(),
                _labels(tags),
                due.isoformat() if due else None,
                datetime.now(UTC).isoformat(timespec="seconds"),
                request,
            ),
        )
        row = db.execute(
            "SELECT * FROM entries WHERE workspace = ? AND request IS ? ORDER BY id DESC LIMIT 1",
            (workspace, request),
        ).fetchone()
    return _entry(row)


def _select(ctx: Context[Any, Any], condition: str, values: list[Any], order: str, limit: int) -> Entries:
    values = [_meta(ctx, "io.botkit/workspace"), *values]
    with _database() as db:
        # Only literals of this file are joined into the statement; everything from outside is a parameter.
        where = f"FROM entries WHERE workspace = ? AND {condition}"
        total = db.execute(f"SELECT count(*) {where}", values).fetchone()[0]
        rows = db.execute(f"SELECT * {where} ORDER BY {order} LIMIT ?", [*values, limit])
        return Entries(entries=[_entry(row) for row in rows], total=total)


def _by_tag(tag: str | None) -> tuple[str, list[Any]]:
    label = _labels([tag] if tag else None)
    return ("instr(' ' || tags || ' ', ?) > 0", [f" {label} "]) if label else ("1", [])


@server.tool(title="Add a note", annotations=ADDS)
def add(text: Text, ctx: Context[Any, Any], tags: Tags = None) -> Entry:
    """Write down a note so that the team finds it later. Returns it with its number."""
    return _insert(ctx, "note", text, tags)


@server.tool(title="Add a task", annotations=ADDS)
def add_task(text: Text, ctx: Context[Any, Any], due: Due = None, tags: Tags = None) -> Entry:
    """Put a task on the list, with a due date where there is one. Returns it with its number."""
    return _insert(ctx, "task", text, tags, due)


@server.tool(name="list", title="List notes", annotations=READS)
def list_notes(
    ctx: Context[Any, Any],
    tag: Annotated[str | None, Field(description="Only notes with this label")] = None,
    limit: Limit = 20,
) -> Entries:
    """List the notes, newest first, or only those with one label."""
    condition, values = _by_tag(tag)
    return _select(ctx, f"kind = 'note' AND {condition}", values, "id DESC", limit)


@server.tool(title="List tasks", annotations=READS)
def list_tasks(
    ctx: Context[Any, Any],
    status: Annotated[Literal["open", "done", "all"], Field(description="Which tasks to list")] = "open",
    due_by: Annotated[date | None, Field(description="Only tasks due on or before this day, YYYY-MM-DD")] = None,
    tag: Annotated[str | None, Field(description="Only tasks with this label")] = None,
    limit: Limit = 20,
) -> Entries:
    """List tasks: those due first on top, those without a date last."""
    condition, values = _by_tag(tag)
    condition = f"kind = 'task' AND {condition}"
    if status != "all":
        condition += f" AND done_at IS {'NULL' if status == 'open' else 'NOT NULL'}"
    if due_by is not None:
        condition += " AND due <= ?"
        values = [*values, due_by.isoformat()]
    return _select(ctx, condition, values, "due IS NULL, due, id", limit)


@server.tool(title="Search notes and tasks", annotations=READS)
def search(
    query: Annotated[
        str, Field(description="Words to look for; all must occur, the last may be cut short", min_length=1)
    ],
    ctx: Context[Any, Any],
    limit: Limit = 20,
) -> Entries:
    """Find notes and tasks that contain all of the words, newest first."""
    words = re.findall(r"\w+", query)
    if not words:
        raise ToolError("The query holds no words to look for.")
    match = " ".join(f'"{word}"' for word in words) + "*"
    condition = "id IN (SELECT rowid FROM words WHERE words MATCH ?)"
    return _select(ctx, condition, [match], "id DESC", limit)


@server.tool(title="Complete a task", annotations=CHANGES)
def complete(id: Number, ctx: Context[Any, Any]) -> Entry:  # noqa: A002 - the name callers see
    """Mark a task as done. Completing a finished task changes nothing."""
    with _database() as db:
        row = _find(db, ctx, id)
        if row["kind"] != "task":
            raise ToolError(f"Number {id} is a note, not a task; only tasks can be completed.")
        db.execute(
            "UPDATE entries SET done_at = coalesce(done_at, ?) WHERE id = ?",
            (datetime.now(UTC).isoformat(timespec="seconds"), id),
        )
        return _entry(_find(db, ctx, id))


@server.tool(title="Delete a note or task", annotations=DELETES)
def delete(id: Number, ctx: Context[Any, Any]) -> Entry:  # noqa: A002 - the name callers see
    """Delete a note or task for good. Returns what was deleted, so that it can be added again."""
    with _database() as db:
        row = _find(db, ctx, id)
        db.execute("DELETE FROM entries WHERE id = ?", (id,))
    return _entry(row)


def _find(db: sqlite3.Connection, ctx: Context[Any, Any], number: int) -> sqlite3.Row:
    row = db.execute(
        "SELECT * FROM entries WHERE workspace = ? AND id = ?", (_meta(ctx, "io.botkit/workspace"), number)
    ).fetchone()
    if row is None:
        raise ToolError(f"There is no note or task number {number}; list or search to see the numbers.")
    return row


if __name__ == "__main__":
    server.run("stdio")
