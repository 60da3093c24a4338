"""Measure botkit: `python -m benchmarks [SUITE …] [--write-docs]`.

A suite measures one of the budgets, beside its peer and in the same minutes; read the ratios. With `--write-docs`
what it finds is kept in `benchmarks/results.json` and the table in `docs/performance.md` is written anew.
"""

from __future__ import annotations

__all__ = ["SUITES", "main"]

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from benchmarks.figures import Figure, load_results, save_results, this_run, write_page

SUITES = (
    "turns",
    "workflows",
    "scale",
    "recovery",
    "memory",
    "startup",
    "knowledge",
    "pipeline",
    "context",
    "teams",
    "gateway",
)
"""Modules of this package with a function `figures`."""

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all of them")
    parser.add_argument("--write-docs", action="store_true", help="keep the results and write docs/performance.md")
    args = parser.parse_args()
    if unknown := set(args.suites) - set(SUITES):
        parser.error(f"no suite is called {', '.join(sorted(unknown))}")
    results = load_results()
    for name in args.suites or SUITES:
        measure = cast("Callable[[], Sequence[Figure]]", import_module(f"benchmarks.{name}").figures)
        run = this_run(measure())
        for figure in run.figures:
            budget = f"must {figure.must}, aim {figure.aim}" if figure.must else ""
            mark = "" if figure.ok is None else "kept" if figure.ok else "MISSED"
            print(f"{name:9} {figure.what}: {figure.measured}   {budget} {mark}".rstrip(), flush=True)
        results[name] = run
        if args.write_docs:
            ordered = {suite: results[suite] for suite in SUITES if suite in results}
            save_results(ordered)
            write_page(PAGE, ordered)


if __name__ == "__main__":
    main()
