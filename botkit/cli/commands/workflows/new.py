"""Write a workflow from a template: its graph, its test cases, and the sample tools it uses.

Examples:

    botkit workflows new --list
    botkit workflows new status --template order-status
    botkit workflows new tickets --template triage --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
@click.argument("name", required=False, default="")
@click.option("--template", default="", help="What to begin with; --list shows them.")
@click.option("--list", "listed", is_flag=True, help="Show the templates.")
def command(out: Output, name: str, template: str, listed: bool) -> None:
    from botkit.app.environment import load_environment
    from botkit.app.templates.write import TEMPLATES, write_workflow

    if listed:
        rows = [(one.name, ", ".join(one.servers), one.about) for one in TEMPLATES.values()]
        out.result(list(TEMPLATES.values()), Table(("TEMPLATE", "TOOLS OF", ""), rows))
        return
    if not name or not template:
        raise click.UsageError("give a name and a --template; --list shows the templates")
    written = write_workflow(load_environment().config.parent.resolve(), name, template)
    chosen = TEMPLATES[template]
    how = chosen.trigger or f'-m "{chosen.say}"'
    lines = [*(f"Written: {path}" for path in written.files), *(f"There already: {path}" for path in written.kept)]
    lines += ["", "Next:", "  botkit check", f"  botkit workflows test {name}", f"  botkit workflows run {name} {how}"]
    if chosen.review:
        lines += ["", "For others than you, say in bots.yaml what its tools do:", "  workspaces:", "    default:"]
        lines += ['      servers: "*"', "      tools:", *(f"        {line}" for line in chosen.review)]
    lines += ["", f"A bot answers by it with `workflow: {name}`."] if not chosen.trigger else []
    lines += [f"Before others use it: {chosen.hint}."] if chosen.hint else []
    out.result(written, lines)
