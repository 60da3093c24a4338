"""Allow a call that waits for approval.

ID is that of the approval, the beginning of it, or of its run. The run goes on at once where botkit runs, and
otherwise when it starts next.

Examples:

    botkit approvals approve run_0192f3
    botkit approvals approve run_0192f3 --comment "checked with Ada"
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("id", metavar="ID")
@click.option("--comment", default="", help="Kept with the decision, and told to the model.")
async def command(out: Output, id: str, comment: str) -> None:  # noqa: A002 - click names it after the argument
    from botkit.cli.session import operations, whoami

    async with operations() as ops:
        wait = await ops.approvals.decide(wait=id, approved=True, by=whoami(), comment=comment)
    out.result(wait, f"Approved: {wait.tool} for {wait.person or 'somebody'}.")
