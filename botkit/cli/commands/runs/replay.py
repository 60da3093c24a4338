"""Answer the message of a past run again, with the tool results that were recorded.

No tool is called, nothing is sent, nothing is stored but what the model costs. It shows what the prompt of now, or
another model, makes of the same facts.

Examples:

    botkit runs replay run_0192f3
    botkit runs replay run_0192f3 --model openai/gpt-5-mini --json
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from botkit.cli.command import verb
from botkit.cli.output import Output

if TYPE_CHECKING:
    from botkit.core.agent import ToolTrace


@verb
@click.argument("run")
@click.option("--model", default="", help="An alias of bots.yaml or a LiteLLM name, instead of the bot's.")
async def command(out: Output, run: str, model: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        report = await ops.runs.replay(run=run, model=model)
    lines = [f"> {report.message}", "", click.style("Then", bold=True), *_calls(report.calls_before), report.before]
    lines += ["", click.style(f"Now, by {report.model}", bold=True), *_calls(report.calls_after), report.after]
    if report.unrecorded:
        lines += ["", f"Not recorded, so not answered: {', '.join(report.unrecorded)}"]
    out.result(report, [*lines, "", "The answer is the same." if report.same else "The answer differs."])


def _calls(calls: tuple[ToolTrace, ...]) -> list[str]:
    return [click.style(f"→ {call.tool_name}: {' '.join(call.result.split())[:120]}", dim=True) for call in calls]
