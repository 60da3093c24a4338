"""Show a person: accounts, roles, and with a workspace what they may call there and why.

PERSON is an id, a name, or an account as CHANNEL:USER_ID. The rights are those of the person in the workspace; a bot
can only take away from them.

Examples:

    botkit people show ada
    botkit people show ada --workspace desk
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output, Table


@verb
@click.argument("person")
@click.option("--workspace", default="", metavar="SLUG", help="List each of its tools: allowed or denied, and why.")
async def command(out: Output, person: str, workspace: str) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.people.show(person=person, workspace=workspace)
    accounts = [f"{one} (joined)" if one in found.linked else one for one in found.accounts]
    about = [
        f"{found.name} ({found.id})",
        f"roles: {', '.join(found.roles)}",
        f"accounts: {', '.join(accounts) or 'none yet'}",
    ]
    if found.tags:
        about.append(f"tags: {', '.join(found.tags)}")
    if not workspace:
        return out.result(found, "\n".join(about))
    rows = [
        (one.tool, one.tool_class, "allowed" if one.allowed else "denied", "yes" if one.approve else "", one.why)
        for one in found.tools
    ]
    if not out.json:
        out.note("\n".join(about))
    return out.result(found, Table(("TOOL", "CLASS", "MAY", "APPROVED", "WHY"), rows, empty="It has no tools."))
