"""Draw a workflow: Mermaid text, or an SVG file.

With --run, the way of that run is marked, in the graph as it was then.

Examples:

    botkit workflows graph refund
    botkit workflows graph refund --svg refund.svg
    botkit workflows graph refund --run run_0192f3 --svg run.svg
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("name")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write an SVG drawing to this file.")
@click.option("--run", help="Mark the way of this run: an id or an unambiguous beginning of one.")
async def command(out: Output, name: str, svg: Path | None, run: str | None) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.workflows import graph_and_trail
    from botkit.cli.session import operations
    from botkit.core.config import load_config
    from botkit.workflows import picture

    file = load_environment().config
    if run is None:
        graph, trail = graph_and_trail(load_config(file), name)
    else:
        async with operations() as ops:
            trace = (await ops.runs.show(run=run)).trace
            then = await ops.config.revision(revision=trace.run.run.revision)
        graph, trail = graph_and_trail(load_config(file, files=then.files if then else None), name, trace.run)
    text = picture.mermaid(graph, trail)
    if svg is not None:
        await asyncio.to_thread(svg.write_text, picture.svg(graph, trail), encoding="utf-8")
        out.result({"name": name, "file": str(svg), "mermaid": text}, f"Written to {svg}.")
    else:
        out.result({"name": name, "mermaid": text}, text.rstrip())
