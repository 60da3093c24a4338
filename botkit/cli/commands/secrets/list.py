"""List the secrets that are stored, and those bots.yaml asks for, without their values.

Examples:

    botkit secrets list
    botkit secrets list --server github
"""

from __future__ import annotations

from botkit.cli.command import verb
from botkit.cli.output import Output, Table, clock_time
from botkit.cli.scopes import scope_of, scope_options


@verb
@scope_options
async def command(out: Output, workspace: str, server: str, person: str) -> None:
    from botkit.cli.session import operations

    scope = scope_of(workspace=workspace, server=server, person=person) if workspace or server or person else ""
    async with operations() as ops:
        found = await ops.secrets.list(scope=scope)
    rows = [
        (
            info.name,
            info.scope,
            f"version {info.version}" if info.version else "in the environment" if info.in_environment else "missing",
            clock_time(info.updated_at),
            info.used_by,
        )
        for info in found
    ]
    columns = ("NAME", "SCOPE", "STATE", "CHANGED", "USED BY")
    out.result(found, Table(columns, rows, empty="No secret is stored. Store one: botkit secrets set NAME"))
