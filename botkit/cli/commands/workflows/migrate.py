"""Let paused runs go on with the workflow as it is now.

A run is pinned to the graph it began with. Moving it is checked: every node it finished must be there still, with the
same type, or under a new name given with --map, and the node it waits at must be reached. Otherwise it is refused,
with the reasons, and nothing changes. Each move is in the audit log.

Examples:

    botkit workflows migrate run_0192f3 --dry-run
    botkit workflows migrate --all --workflow refund
    botkit workflows migrate --all --workflow refund --map boss=manager
"""

from __future__ import annotations

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output, Table


@verb
@click.argument("run", required=False, default="")
@click.option("--all", "everything", is_flag=True, help="Every paused run of --workflow.")
@click.option("--workflow", default="", help="Whose runs, with --all.")
@click.option("--map", "renamed", multiple=True, metavar="OLD=NEW", help="A node that got another name.")
@click.option("--dry-run", is_flag=True, help="Only tell what would happen.")
async def command(
    out: Output, run: str, everything: bool, workflow: str, renamed: tuple[str, ...], dry_run: bool
) -> int:
    from botkit.cli.session import operations, whoami

    if bool(run) == everything or everything != bool(workflow):
        raise click.UsageError("name a run, or use --all with --workflow NAME")
    names = dict(_pair(one) for one in renamed)
    async with operations() as ops:
        found = await ops.workflows.migrate(
            run=run, workflow=workflow, names=names, dry_run=dry_run, by=whoami(), via="cli"
        )
    rows = [(one.run_id, one.state, ", ".join(one.waits_at), "; ".join(one.reasons)) for one in found]
    out.result(found, Table(("RUN", "RESULT", "WAITS AT", "WHY"), rows, empty="No run of it waits."))
    return EXIT_FAILED if any(one.state == "refused" for one in found) else 0


def _pair(written: str) -> tuple[str, str]:
    old, equals, new = written.partition("=")
    if not (old and equals and new):
        raise click.BadParameter(f"`{written}` is not OLD=NEW", param_hint="--map")
    return old, new
