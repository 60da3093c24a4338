"""What is known of a story that went wrong, so that it can be read where it cannot be repeated."""

from __future__ import annotations

__all__ = ["report"]

import sqlite3
from collections.abc import Iterable
from pathlib import Path

_TABLES = {
    "inbox": "SELECT kind, outcome, done_at > 0, run_id FROM inbox ORDER BY seq",
    "runs": "SELECT id, state, waiting_for, error FROM runs ORDER BY started_at",
    "steps": "SELECT run_id, key, name, state FROM steps ORDER BY seq",
    "waits": "SELECT run_id, key, kind, state, decided_via FROM waits ORDER BY created_at",
    "timers": "SELECT lane, at FROM timers ORDER BY at",
    "parts": "SELECT run_id, channel, state, attempts, error, substr(text, 1, 60) FROM parts ORDER BY seq",
}


def report(database: Path, said: Iterable[str], boundaries: Iterable[str]) -> str:
    """Lines: the nodes recorded, the rows of the database, everything the process said."""
    lines = ["recorded:", *(f"  {line}" for line in boundaries)]
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5) as db:
            for table, query in _TABLES.items():
                lines += [f"{table}:", *(f"  {row}" for row in db.execute(query))]
        db.close()
    except sqlite3.Error as error:
        lines.append(f"{database}: {error}")
    return "\n".join([*lines, "said:", *(f"  {line}" for line in said)])
