"""Show what a run of a workflow did, node by node: edges, times, waits, retries, outputs, errors.

RUN is an id or an unambiguous beginning of one. `botkit workflows graph NAME --run RUN` draws the same.

Examples:

    botkit workflows trace run_0192f3
    botkit workflows trace run_0192f3 --steps
    botkit workflows trace run_0192f3 --json
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, clock_time

if TYPE_CHECKING:
    from botkit.app.workflow_trace import TraceNode, WorkflowTrace

_COLOURS = {"done": "green", "failed": "red", "waiting": "yellow", "begun": "cyan"}
_OUTPUT_CHARS = 120


@verb
@click.argument("run")
@click.option("--steps", is_flag=True, help="Show the journaled steps of each node too.")
async def command(out: Output, run: str, steps: bool) -> None:
    from botkit.app.workflow_trace import trace_of
    from botkit.cli.session import operations
    from botkit.core.clock import SystemClock
    from botkit.core.errors import NotFound

    async with operations() as ops:
        found = (await ops.runs.show(run=run)).trace.run
    if found.run.kind != "workflow":
        raise NotFound(f"{found.run.id} is not a run of a workflow; see `botkit runs show {found.run.id}`")
    trace = trace_of(found, SystemClock().micros())
    out.result(trace, list(_lines(trace, steps=steps)))


def _lines(trace: WorkflowTrace, *, steps: bool) -> Iterator[str]:
    state = f"{trace.state}, waiting for {trace.waiting_for}" if trace.waiting_for else trace.state
    yield f"{trace.workflow}  {trace.run_id}  ({state})"
    yield f"began {clock_time(trace.started_at)}{f', ended {clock_time(trace.ended_at)}' if trace.ended_at else ''}"
    for node in trace.nodes:
        yield from _node(node, "", steps=steps)
    if trace.error:
        yield click.style(f"{trace.error.get('code', '')}: {trace.error.get('message', '')}", fg="red")
    if trace.undone:
        yield f"undone: {', '.join(trace.undone)}"


def _node(node: TraceNode, indent: str, *, steps: bool) -> Iterator[str]:
    number = f"{node.n:>3}" if node.n else "  ·"
    edge = f" → {node.handle}" if node.handle else ""
    kind = f" ({node.type})" if node.type and node.type != node.node else ""
    took = f"  {node.ms:.0f} ms" if node.ms else ""
    tokens = f"  {node.tokens} tokens" if node.tokens else ""
    name = click.style(node.path, fg=_COLOURS[node.state])
    yield f"{number}  {indent}{name}{kind}{edge}{took}{tokens}{'' if node.state == 'done' else f'  [{node.state}]'}"
    below = f"     {indent}  "
    for why in node.failures:
        yield f"{below}tried again: {why}"
    for wait in node.waits:
        by = f" by {wait.by}" if wait.by else ""
        yield f"{below}waited {wait.seconds:.0f} s for {wait.kind}: {wait.state}{by}"
    for text in node.said:
        yield f"{below}“{_cut(text)}”"
    if node.error:
        yield click.style(f"{below}{node.error.get('code', '')}: {node.error.get('message', '')}", fg="red")
    if node.output:
        yield click.style(f"{below}{_cut(node.output)}", dim=True)
    for step in node.steps if steps else ():
        yield click.style(f"{below}{step.key}  {step.name}  {step.state}  {step.ms:.0f} ms", dim=True)
    for child in node.children:
        yield from _node(child, f"{indent}  ", steps=steps)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _OUTPUT_CHARS else f"{line[: _OUTPUT_CHARS - 1]}…"
