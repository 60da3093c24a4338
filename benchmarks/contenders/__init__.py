"""Who can carry out a durable turn: ours, the bare journal under it, and engines of others.

A turn is one message stored, five journaled steps of 1 KB, one reply stored. A contender is opened in a folder
of its own and then asked for turns; turns of one conversation never overlap.
"""

from __future__ import annotations

__all__ = ["CONTENDERS", "STEPS", "Absent", "Contender", "Turn", "payload"]

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

Turn: TypeAlias = Callable[[str, int], Awaitable[None]]
"""Carry out the n-th turn of a conversation, to the moment its reply is safe."""
Contender: TypeAlias = Callable[[Path], AbstractAsyncContextManager[Turn]]

STEPS = 5

CONTENDERS = {
    "engine": "benchmarks.contenders.engine:engine",
    "journal": "benchmarks.contenders.bare:journal",
    "engine-postgres": "benchmarks.contenders.engine:engine_postgres",
    "journal-postgres": "benchmarks.contenders.bare:journal_postgres",
    "engine-normal": "benchmarks.contenders.engine:engine_normal",
    "workflow": "benchmarks.contenders.workflow:workflow",
    "workflow-long": "benchmarks.contenders.workflow:workflow_long",
    "workflow-thinking": "benchmarks.contenders.workflow:workflow_thinking",
    "dbos-sqlite": "benchmarks.contenders.dbos_peer:dbos_sqlite",
    "dbos-postgres": "benchmarks.contenders.dbos_peer:dbos_postgres",
    "langgraph": "benchmarks.contenders.langgraph_peer:langgraph",
}
"""Name → where its `Contender` is. Modules are imported in the worker that needs them."""


class Absent(Exception):
    """A peer is not installed. The message says how to install it."""


def payload(conversation: str, step: int) -> dict[str, str]:
    """What a step returns: 1 KB of JSON."""
    return {"conversation": conversation, "step": str(step), "text": "x" * 950}
