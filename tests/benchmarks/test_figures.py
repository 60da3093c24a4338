"""The page of figures is written from results, never by hand."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.__main__ import PAGE, SUITES
from benchmarks.figures import (
    BEGIN,
    END,
    Figure,
    Run,
    load_results,
    render,
    save_results,
    this_run,
    write_page,
)

SAMPLE = {
    "turns": Run(
        at="2026-11-21",
        machine="2 cores x86_64, Linux",
        versions="CPython 3.11.7, SQLite 3.40.1",
        figures=(
            Figure(what="durable turns", must="≥ 30 %", aim="60 %", measured="45 % (2,000 turns/s)", ok=True),
            Figure(what="idle latency", must="≤ 3×", aim="2×", measured="4.0×", ok=False),
            Figure(what="CPU of one", measured="0.3 ms"),
        ),
    )
}


def test_a_result_becomes_a_table_that_says_what_was_kept():
    assert render(SAMPLE).splitlines() == [
        "| what | must | aim | measured | |",
        "|---|---|---|---|---|",
        "| durable turns | ≥ 30 % | 60 % | 45 % (2,000 turns/s) | kept |",
        "| idle latency | ≤ 3× | 2× | 4.0× | **missed** |",
        "| CPU of one |  |  | 0.3 ms |  |",
        "",
        "- `turns`: 2026-11-21, 2 cores x86_64, Linux; CPython 3.11.7, SQLite 3.40.1.",
    ]


def test_results_are_kept_between_runs(tmp_path: Path):
    save_results(SAMPLE, tmp_path / "results.json")
    assert load_results(tmp_path / "results.json") == SAMPLE
    assert load_results(tmp_path / "none.json") == {}


def test_a_run_says_where_and_with_what_it_was_made():
    run = this_run([Figure(what="x", measured="1")])
    assert "cores" in run.machine
    assert "CPython" in run.versions
    assert "SQLite" in run.versions


def test_only_what_is_between_the_markers_is_written(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(page, SAMPLE)
    assert page.read_text() == f"before\n{BEGIN}\n{render(SAMPLE)}\n{END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(ValueError, match="figures: begin"):
        write_page(page, SAMPLE)


def test_the_page_shows_the_newest_results_of_every_suite():
    results = load_results()
    assert list(results) == [suite for suite in SUITES if suite in results]
    assert set(results) == set(SUITES)
    assert f"{BEGIN}\n{render(results)}\n{END}" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_can_be_asked_for_figures(suite: str):
    assert callable(import_module(f"benchmarks.{suite}").figures)
