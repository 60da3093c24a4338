"""List the workflows of this project.

Examples:

    botkit workflows list
    botkit workflows list --json
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
def command(out: Output) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.workflows import workflow_rows
    from botkit.core.config import load_config

    found = workflow_rows(load_config(load_environment().config))
    rows = [
        (info.name, info.file or "in bots.yaml", info.nodes, ", ".join(info.bots), info.error or info.description)
        for info in found
    ]
    empty = "There is no workflow. Write one into workspace/workflows/, such as refund.yaml."
    out.result(found, Table(("NAME", "FILE", "NODES", "BOTS", ""), rows, empty=empty))
