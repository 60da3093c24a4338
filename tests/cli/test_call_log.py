"""`botkit logs` and `botkit analytics` over a log with rows in it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from botkit.cli.spreadsheet import csv_line
from botkit.core.tools import CallRecord
from botkit.store.open import open_store

Ask = Callable[..., Any]
Cli = Callable[..., Result]


@pytest.fixture
def logged(project: Path, ask: Ask) -> list[CallRecord]:
    """Calls of a member and of a person, one with a name that a spreadsheet would run."""
    ask("logs")  # makes the home
    now = time.time_ns() // 1000
    records = [
        CallRecord(
            id=f"call_{n}",
            at=now - 1_000_000 * (10 - n),
            workspace="desk" if n < 6 else "shop",
            server="notes",
            tool="notes__add" if n % 2 else '=HYPERLINK("http://evil")',
            principal_kind="member" if n < 4 else "person",
            principal="mem_1" if n < 4 else "ada",
            token_id="tok_1",
            trace_id=f"trc_{n}",
            status="limited" if n == 3 else "error" if n == 5 else "ok",
            code="limit_reached" if n == 3 else "",
            duration_ms=float(n),
            result_bytes=100,
            request_bytes=10,
            tool_class="write",
        )
        for n in range(8)
    ]

    async def write() -> None:
        async with open_store(project / ".botkit") as store:
            await store.calls.append(records)

    asyncio.run(write())
    return records


def test_totals_equal_the_rows(ask: Ask, logged: list[CallRecord]) -> None:
    report = ask("analytics")
    assert report["total"]["calls"] == len(ask("logs")) == len(logged)
    assert (report["total"]["errors"], report["total"]["statuses"]) == (2, {"ok": 6, "error": 1, "limited": 1})
    assert [(hit["user"], hit["calls"]) for hit in report["limits"]] == [("mem_1", 1)]
    assert ask("analytics", "--workspace", "shop")["total"]["calls"] == 2
    assert ask("analytics", "--member", "ada")["total"]["calls"] == 4
    assert ask("analytics", "--tool", "notes__add")["total"]["calls"] == 4
    assert ask("analytics", "--server", "orders")["total"]["calls"] == 0
    timed = {(one["workspace"], one["tool"]): one for one in report["tools"]}
    add = timed["desk", "notes__add"]
    assert (add["calls"], add["p50_ms"], add["p95_ms"], add["max_ms"]) == (3, 1.0, 5.0, 5.0)


def test_people_see_users_tools_calls_and_when(cli: Cli, logged: list[CallRecord]) -> None:
    shown = cli("analytics").output
    first = shown.splitlines()[0].split()
    assert [first[0], first[1], first[2], *first[-2:]] == ["USER", "TOOL", "CALLS", "LAST", "USED"]
    for title in ("Slowest tools", "Who hit limits", "8 calls by 2 users, 25.0% failed."):
        assert title in shown


def test_logs_are_filtered(ask: Ask, logged: list[CallRecord]) -> None:
    def ids(*args: str) -> set[str]:
        return {row["id"] for row in ask("logs", *args)}

    assert ids("--status", "limited") == {"call_3"}
    assert ids("--trace", "trc_2") == {"call_2"}
    assert ids("--workspace", "shop") == {"call_6", "call_7"}
    assert ids("--member", "ada", "--status", "error") == {"call_5"}
    assert ids("--class", "read-only") == set()
    assert len(ids("--token", "tok_1", "--method", "tools/call", "--class", "write")) == 8


def test_every_row_is_exported_and_no_cell_is_a_formula(cli: Cli, logged: list[CallRecord]) -> None:
    found = list(csv.DictReader(io.StringIO(cli("logs", "--csv", "--limit", "1").stdout)))
    assert [row["id"] for row in found] == [record.id for record in logged]
    assert found[0]["tool"] == "'" + logged[0].tool
    assert found[5]["duration_ms"] == "5.0"
    lines = [json.loads(line) for line in cli("logs", "--jsonl", "--workspace", "desk").stdout.splitlines()]
    assert [line["id"] for line in lines] == [record.id for record in logged[:6]]
    assert lines[0]["tool"] == logged[0].tool
    uses = list(csv.DictReader(io.StringIO(cli("analytics", "--csv").stdout)))
    assert sum(int(use["calls"]) for use in uses) == len(logged)
    assert all(not use["tool"].startswith("=") for use in uses)


@pytest.mark.parametrize("begin", ["=1+1", "+1", "-1", "@SUM", "\t=1", "\r=1", "  =1", "\n=1"])
def test_cells_that_begin_like_a_formula_are_text(begin: str) -> None:
    (cell,) = next(csv.reader(io.StringIO(csv_line([begin]), newline="")))
    assert cell == f"'{begin}"


def test_numbers_stay_numbers() -> None:
    assert csv_line([-1.5, 3, None, 'a"b', "x,y"]) == '-1.5,3,,"a""b","x,y"'


def test_an_export_goes_alone(cli: Cli, project: Path) -> None:
    assert cli("logs", "--csv", "--follow").exit_code == 2
    assert cli("logs", "--admin", "--jsonl").exit_code == 2
    assert cli("analytics", "--csv", "--json").exit_code == 2
