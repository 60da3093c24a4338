"""Try a workflow in memory by its test cases: a dry run, in which tools, models, people, requests and time are mocked.

The cases stand in workspace/workflows/NAME.test.yaml, or in workspace/evals/. Nothing is sent, called or stored.
With --step, what each node did and which variables it changed is printed as it finishes; in a terminal it stops there
until Enter is pressed. `v` shows all variables, `c` goes on to the end, `q` ends it.

Examples:

    botkit workflows test refund
    botkit workflows test --all --junit report.xml
    botkit workflows test refund --case large --step
    botkit workflows test refund --file try.yaml --json
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.app.rehearsal.cases import Case
    from botkit.app.rehearsal.expecting import CaseReport
    from botkit.core.workflows import Visit


@verb
@click.argument("name", required=False, default="")
@click.option("--all", "everything", is_flag=True, help="The cases of every workflow.")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="Cases of this file.")
@click.option("--case", "wanted", default="", help="Only cases with this in their name.")
@click.option("--step", is_flag=True, help="Stop after each node, and show what it did and the variables after it.")
@click.option("--junit", "report_file", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML.")
async def command(
    out: Output, name: str, everything: bool, file: Path | None, wanted: str, step: bool, report_file: Path | None
) -> int:
    from botkit.app.rehearsal.expecting import rehearse
    from botkit.app.rehearsal.junit import junit
    from botkit.app.rehearsal.stage import Stage

    if not (name or everything or file):
        raise click.UsageError("name a workflow, or use --all or --file")
    config, cases = _cases(name, file, wanted)
    reports: list[CaseReport] = []
    asks = sys.stdin.isatty() and sys.stdout.isatty()
    async with Stage(config) as stage:
        for case in cases:
            told = _Steps(case, read=_read if asks else None) if step and not out.json else None
            reports.append(await rehearse(config, case, stage=stage, told=told))
            if not out.json:
                for line in _described(reports[-1]):
                    click.echo(line)
    if report_file is not None:
        await asyncio.to_thread(report_file.write_text, junit(reports), encoding="utf-8")
    failed = sum(not report.ok for report in reports)
    told_all = f"{len(reports)} cases passed." if not failed else f"{failed} of {len(reports)} cases failed."
    out.result({"cases": reports, "failed": failed}, told_all)
    return EXIT_FAILED if failed else 0


def _cases(name: str, file: Path | None, wanted: str) -> tuple[Any, list[Case]]:
    from botkit.app.environment import load_environment
    from botkit.app.rehearsal.cases import case_files, read_cases
    from botkit.app.workflows import load_project
    from botkit.core.errors import NotFound

    environment = load_environment()
    config = load_project(environment.config)
    root = environment.config.parent.resolve()
    files = [file.resolve()] if file is not None else case_files(root, name)
    if name and file is None and name not in config.workflows:
        raise NotFound(f"there is no workflow called {name}; see `botkit workflows list`")
    cases = [
        case for path in files for case in read_cases(path, root).cases if wanted.casefold() in case.name.casefold()
    ]
    if not cases:
        where = f"workspace/workflows/{name or 'NAME'}.test.yaml"
        raise NotFound(f"there is no case{f' called {wanted}' if wanted else ''}; write one into {where}")
    return config, cases


def _read() -> str:
    return input(click.style("  Enter: next · v: variables · c: to the end · q: quit  ", fg="yellow"))


class _Steps:
    """Prints each visit, and the variables that changed by it.

    Args:
        read: asks how to go on after each visit; None: nobody is asked.
    """

    def __init__(self, case: Case, *, read: Callable[[], str] | None = None):
        self._known: dict[str, Any] = {}
        self._read = read
        click.echo(click.style(f"{case.workflow}: {case.name}", bold=True))

    def __call__(self, path: str, visit: Visit, variables: Mapping[str, Any]) -> None:
        failed = f"  ✗ {visit.error['code']}: {visit.error['message']}" if visit.error else ""
        click.echo(f"  {visit.n:>3}  {path} → {visit.handle}{click.style(failed, fg='red')}")
        for text in visit.said:
            click.echo(click.style(f"         “{_short(text)}”", fg="cyan"))
        now = dict(variables)
        for name, value in now.items():
            if name not in self._known or self._known[name] != value:
                click.echo(click.style(f"         {name} = {_short(_json(value))}", dim=True))
        self._known = now
        self._stop()

    def _stop(self) -> None:
        """Wait for a word, while nothing else happens: the whole run stands in this process."""
        while self._read is not None:
            try:
                word = self._read().strip().lower()
            except EOFError:
                word = "c"
            if word in ("q", "quit"):
                raise SystemExit(EXIT_FAILED)
            if word in ("c", "continue"):
                self._read = None
            elif word in ("v", "variables"):
                for name, value in self._known.items():
                    click.echo(f"         {name} = {_json(value)}")
            else:
                return


def _described(report: CaseReport) -> list[str]:
    from botkit.cli.diffs import coloured

    mark, colour = ("✓", "green") if report.ok else ("✗", "red")
    nodes = len(report.performance.path)
    lines = [f"{click.style(mark, fg=colour)} {report.workflow}: {report.name}  ({nodes} nodes)"]
    for one in report.differences:
        lines.append(f"    {one.what}")
        lines.append(coloured("\n".join(one.lines)).replace("\n", "\n      ").join(("      ", "")))
    return lines


def _json(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value, enc_hook=str).decode()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:159]}…"
