"""Show one workflow as the graph it compiles to.

Examples:

    botkit workflows show refund
    botkit workflows show refund --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("name")
def command(out: Output, name: str) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.workflows import described
    from botkit.core.config import load_config
    from botkit.workflows.define import compile_workflow

    graph = compile_workflow(load_config(load_environment().config), name)
    out.result(graph, described(graph))
