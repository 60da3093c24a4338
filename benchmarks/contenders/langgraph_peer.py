# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeArgument=false, reportUnknownParameterType=false
# LangGraph is installed only where it is measured; its types are not ours to check.
"""LangGraph with its SQLite checkpointer: a graph of five nodes and a delivery, each checkpointed before the next.

It has no inbox, no order between messages and no recovery loop; what is measured is its checkpoints alone.

Source: https://docs.langchain.com/oss/python/langgraph/durable-execution
"""

from __future__ import annotations

__all__ = ["langgraph"]

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from benchmarks.contenders import STEPS, Absent, Turn, payload


class _State(TypedDict, total=False):
    text: str
    room: str
    result: dict[str, str]


@asynccontextmanager
async def langgraph(folder: Path) -> AsyncGenerator[Turn]:
    try:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
        from langgraph.graph import END, START, StateGraph
    except ImportError:
        raise Absent("not installed: uv sync --group bench") from None
    graph: Any = StateGraph(_State)
    names = [*(f"step-{number}" for number in range(STEPS)), "deliver"]
    for number, name in enumerate(names):
        graph.add_node(name, _node(number))
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    async with AsyncSqliteSaver.from_conn_string(str(folder / "langgraph.sqlite")) as saver:
        await saver.conn.execute("PRAGMA journal_mode=WAL")
        await saver.conn.execute("PRAGMA synchronous=FULL")
        compiled = graph.compile(checkpointer=saver)

        begun = 0

        async def turn(room: str, number: int) -> None:
            nonlocal begun
            begun += 1
            config = {"configurable": {"thread_id": f"{room}:{begun}"}}
            await compiled.ainvoke({"text": "hello " * 20, "room": room}, config, durability="sync")

        yield turn


def _node(number: int) -> Any:
    async def work(state: _State) -> _State:
        return {"result": payload(state.get("room", ""), number)}

    return work
