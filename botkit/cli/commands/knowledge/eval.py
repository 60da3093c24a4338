"""Measure how well questions find the file that answers them: by words, and by meaning where vectors are made.

FILE is YAML: `sources: NAME` and `cases: {FILE: [question, …], …}`. A question counts when its file is among the first
five passages. Exits with 1 when fewer than `at_least` do, in the file or as --at-least.

Examples:

    botkit knowledge eval workspace/knowledge/questions.yaml
    botkit knowledge eval workspace/knowledge/questions.yaml --at-least 0.9 --json
"""

from __future__ import annotations

from pathlib import Path

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output, Table


@verb
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at-least", type=click.FloatRange(0, 1), default=None, help="Share that has to be found.")
async def command(out: Output, file: Path, at_least: float | None) -> int:
    from botkit.app.operations.knowledge import read_questions
    from botkit.cli.session import operations

    given = read_questions(file)
    async with operations() as ops:
        scores = await ops.knowledge.evaluate(cases=given.cases, sources=list(given.sources))
    lines = [f"by {one.by}: {one.recall:.1%} among the first five, {one.first:.1%} first" for one in scores]
    best = scores[-1]
    rows = [(one.text, one.expected, ", ".join(one.found)) for one in best.missed]
    lines = [f"{best.total} questions", *lines]
    out.result(scores, ["\n".join(lines), Table(("QUESTION", "EXPECTED", "FOUND"), rows, empty="All are found.")])
    return 0 if best.recall >= (given.at_least if at_least is None else at_least) else EXIT_FAILED
