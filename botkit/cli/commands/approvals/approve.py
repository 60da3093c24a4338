"""Allow a call that waits for approval.

ID is that of the approval, the beginning of it, or of its run. The run goes on at once where botkit runs, and
otherwise when it starts next. Values that a workflow lets reviewers change are set with --set.

Examples:

    botkit approvals approve run_0192f3
    botkit approvals approve run_0192f3 --comment "checked with Ada"
    botkit approvals approve run_0192f3 --set amount_cents=4900 --set reason="goodwill"
"""

from __future__ import annotations

from typing import Any

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("id", metavar="ID")
@click.option("--comment", default="", help="Kept with the decision, and told to the model.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a value; JSON, or else text.")
async def command(
    out: Output,
    id: str,  # noqa: A002 - click names it after the argument
    comment: str,
    changes: tuple[str, ...],
) -> None:
    from botkit.cli.session import operations, whoami

    values = dict(_change(change) for change in changes)

    async with operations() as ops:
        wait = await ops.approvals.decide(wait=id, approved=True, by=whoami(), comment=comment, values=values)
    out.result(wait, f"Approved: {wait.tool or wait.title} for {wait.person or 'somebody'}.")


def _change(written: str) -> tuple[str, Any]:
    import msgspec

    name, equals, value = written.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"`{written}` is not NAME=VALUE", param_hint="--set")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value
