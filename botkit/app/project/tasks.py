# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<2.4"]
# ///
"""The team's tasks, in one SQLite file. Start here for tools of your own: a function with a docstring is a tool."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

server = MCPServer("tasks", instructions="Keeps the team's tasks.", version="1.0.0", log_level="WARNING")


class Task(BaseModel):
    id: int
    text: str
    done: bool


@server.tool()
def add_task(text: str) -> Task:
    """Write down a task."""
    with _database() as database:
        row = database.execute("INSERT INTO tasks (text) VALUES (?) RETURNING id, text, done", (text,)).fetchone()
    return _task(row)


@server.tool()
def list_tasks(include_done: bool = False) -> list[Task]:
    """The open tasks, oldest first; with `include_done` all of them."""
    with _database() as database:
        rows = database.execute("SELECT id, text, done FROM tasks WHERE done <= ? ORDER BY id", (include_done,))
        return [_task(row) for row in rows.fetchall()]


@server.tool()
def complete_task(id: int) -> Task:  # noqa: A002 - the argument's name is what models and people see
    """Mark a task as done. Doing it twice changes nothing more."""
    with _database() as database:
        row = database.execute("UPDATE tasks SET done = 1 WHERE id = ? RETURNING id, text, done", (id,)).fetchone()
    return _task(row)


@server.tool()
def delete_task(id: int) -> str:  # noqa: A002 - as above
    """Delete a task for good."""
    with _database() as database:
        if database.execute("DELETE FROM tasks WHERE id = ?", (id,)).rowcount == 0:
            raise ToolError(f"There is no task {id}.")
    return f"Task {id} is deleted."


def _task(row: tuple[int, str, int] | None) -> Task:
    if row is None:
        raise ToolError("There is no such task; list them first.")
    return Task(id=row[0], text=row[1], done=bool(row[2]))


def _database() -> sqlite3.Connection:
    folder = Path(os.environ.get("BOTKIT_SERVER_DATA", ".botkit/servers/tasks"))
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "tasks.db")
    database.execute(
        "CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, text TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0)"
    )
    return database


if __name__ == "__main__":
    server.run()
