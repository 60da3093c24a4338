"""Walk a recorded run again, through the workflow as it is now: nothing is called, sent or stored.

What was recorded stands for every step, by its path. It shows what an edit makes of a run that happened: which way it
takes, what is said, which tools are called; and which steps the edited graph wants that the run did not record.

Examples:

    botkit workflows replay run_0192f3
    botkit workflows replay run_0192f3 --against workspace/workflows/refund_new.yaml
    botkit workflows replay run_0192f3 --json
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.cli.command import verb
from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.core.config import Config
    from botkit.workflows.graph import Graph


@verb
@click.argument("run")
@click.option(
    "--against",
    default="current",
    show_default=True,
    metavar="FILE|current",
    help="A workflow's file; `current` is the one on disk.",
)
async def command(out: Output, run: str, against: str) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.rehearsal.replaying import replay_run
    from botkit.app.workflows import load_project
    from botkit.cli.diffs import coloured
    from botkit.cli.session import operations

    config = load_project(load_environment().config)
    async with operations() as ops:
        opened = (await ops.runs.show(run=run)).trace.run
    graph = None if against == "current" else _graph(config, Path(against), str(opened.run.input.get("workflow") or ""))
    report = await replay_run(config, opened, graph)
    lines = [f"{report.workflow}  {report.run_id}: {report.state_before} then, {report.state_after} now"]
    for what in ("path", "messages", "calls"):
        found = getattr(report, what)
        lines += ["", what, *(f"  {coloured(line)}" for line in found)] if found else []
    lines += ["", f"it waits at {report.waits_at} now"] if report.waits_at and not report.same else []
    if report.missing:
        lines += ["", "not recorded, so not done:", *(f"  {step}" for step in report.missing)]
    if report.error:
        lines += ["", f"{report.error.get('code')}: {report.error.get('message')}"]
    lines += ["Nothing differs."] if report.same else []
    out.result(report, lines)


def _graph(config: Config, file: Path, slug: str) -> Graph:
    from botkit.core.errors import ConfigError, Problem
    from botkit.workflows.define.compile import graph_of
    from botkit.workflows.define.read import read_text
    from botkit.workflows.own.describing import registry_of
    from botkit.workflows.wiring import check_wiring

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", (Problem("cannot be read", str(file)),)) from error
    registry = registry_of(config)
    written = read_text(text, registry, file=str(file), slug=slug)
    if not written.report.problems:
        check_wiring(written, registry)
    return graph_of(written)
