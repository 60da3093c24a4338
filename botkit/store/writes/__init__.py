"""One function for each kind of write; a new kind is one more function, in the module it belongs to.

Each gets the transaction, the write, and who writes when. It raises `Conflict` or `NotFound` when the write
contradicts what is stored; the commit it belongs to is then undone.
"""

from __future__ import annotations

# Importing a module registers its functions.
__all__ = [
    "Act",
    "apply_write",
    "budgets",
    "logs",
    "move",
    "notes",
    "outbox",
    "put_event",
    "repin",
    "runs",
    "sessions",
    "tags",
    "waits",
]

from botkit.store.writes import budgets, logs, move, notes, outbox, repin, runs, sessions, tags, waits
from botkit.store.writes.inbox import put_event
from botkit.store.writes.registry import Act, apply_write
