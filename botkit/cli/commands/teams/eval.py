"""Measure how often a team's router finds the right member, on messages whose member is known.

FILE is YAML: `team: NAME` and `cases: {MEMBER: [message, …], …}`. Exits with 1 when fewer are right than --at-least.

Examples:

    botkit teams eval workspace/evals/support-routing.yaml
    botkit teams eval workspace/evals/support-routing.yaml --at-least 0.9 --json
"""

from __future__ import annotations

from pathlib import Path

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output, Table


@verb
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at-least", type=click.FloatRange(0, 1), default=0.0, help="Fraction that has to be right.")
async def command(out: Output, file: Path, at_least: float) -> int:
    from botkit.app.operations.teams import read_cases
    from botkit.cli.session import operations

    team, cases = read_cases(file)
    async with operations() as ops:
        report = await ops.teams.evaluate(team=team, cases=cases)
    rows = [(wrong.text, wrong.expected, wrong.chosen, f"{wrong.confidence:.2f}", wrong.by) for wrong in report.wrong]
    right = f"{report.right} of {report.total} right ({report.accuracy:.0%}), {report.cost_cents:g} ¢"
    out.result(report, [right, Table(("MESSAGE", "EXPECTED", "CHOSEN", "SURE", "BY"), rows, empty="No mistakes.")])
    return 0 if report.accuracy >= at_least else EXIT_FAILED
