# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportUntypedBaseClass=false
# DBOS is installed only where it is measured; its types are not ours to check.
"""DBOS in its quickest form for this: workflows started directly, JSON instead of pickle, SQLite with WAL.

Source: https://docs.dbos.dev/python/reference/dbos-class
"""

from __future__ import annotations

__all__ = ["dbos_postgres", "dbos_sqlite"]

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.contenders import STEPS, Absent, Turn, payload
from benchmarks.contenders.server import postgres


@asynccontextmanager
async def dbos_sqlite(folder: Path) -> AsyncGenerator[Turn]:
    try:
        import sqlalchemy
    except ImportError:
        raise Absent("not installed: uv sync --group bench") from None
    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/dbos.sqlite", pool_size=5)

    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    sqlalchemy.event.listen(engine, "connect", connected)
    async with _dbos(system_database_engine=engine) as turn:
        yield turn


@asynccontextmanager
async def dbos_postgres(folder: Path) -> AsyncGenerator[Turn]:
    with postgres(folder) as url:
        async with _dbos(system_database_url=url) as turn:
            yield turn


@asynccontextmanager
async def _dbos(**database: Any) -> AsyncGenerator[Turn]:
    try:
        import dbos
    except ImportError:
        raise Absent("not installed: uv sync --group bench") from None
    logging.getLogger("dbos").setLevel(logging.ERROR)

    class Json(dbos.Serializer):
        def serialize(self, data: Any) -> str:
            return json.dumps(data)

        def deserialize(self, serialized_data: str) -> Any:
            return json.loads(serialized_data)

        def name(self) -> str:
            return "json"

    config: Any = {"name": "bench", "serializer": Json(), "run_migrations": True, "log_level": "ERROR", **database}
    dbos.DBOS(config=config)

    async def work(room: str, step: int) -> dict[str, str]:
        return payload(room, step)

    async def deliver(room: str) -> dict[str, str]:
        return {"text": "done"}

    @dbos.DBOS.workflow()
    async def answer(room: str, text: str) -> str:
        for step in range(STEPS):
            await dbos.DBOS.run_step_async({"name": f"step-{step}"}, work, room, step)
        await dbos.DBOS.run_step_async({"name": "deliver"}, deliver, room)
        return "done"

    dbos.DBOS.launch()
    logging.getLogger("dbos").setLevel(logging.ERROR)
    begun = 0

    async def turn(room: str, number: int) -> None:
        nonlocal begun
        begun += 1
        with dbos.SetWorkflowID(f"in:{room}:{begun}"):
            handle = await dbos.DBOS.start_workflow_async(answer, room, "hello " * 20)
        await handle.get_result(polling_interval_sec=0.005)

    try:
        yield turn
    finally:
        dbos.DBOS.destroy(destroy_registry=True)
