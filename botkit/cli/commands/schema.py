"""Print the JSON Schema of bots.yaml, of workflow files, or of evaluations, for editors.

Name it in the first line of the file: # yaml-language-server: $schema=./docs/bots.schema.json

Examples:

    botkit schema
    botkit schema --output docs/bots.schema.json
    botkit schema --workflow --output workflow.schema.json
    botkit schema --evals --output evals.schema.json
"""

from __future__ import annotations

from pathlib import Path

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
@click.option("--workflow", is_flag=True, help="Of the files in workspace/workflows/, with every node type.")
@click.option("--evals", is_flag=True, help="Of the files in workspace/evals/.")
def command(out: Output, output: Path | None, workflow: bool, evals: bool) -> None:
    import msgspec

    if workflow and evals:
        raise click.UsageError("--workflow and --evals are two schemas: ask for one")
    if evals:
        from botkit.core.evals.reference import eval_schema

        schema = eval_schema()
    elif workflow:
        from botkit.workflows.reference import workflow_schema
        from botkit.workflows.registry import builtin_registry

        schema = workflow_schema(builtin_registry())
    else:
        from botkit.core.config.schema import config_schema

        schema = config_schema()
    text = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
        out.result({"file": str(output)}, f"Written to {output}.")
