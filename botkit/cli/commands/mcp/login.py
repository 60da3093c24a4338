"""Log in to a server that wants tokens of its authorization server (`oauth` in bots.yaml).

Prints an address to open in a browser on this machine, or anywhere when BOTKIT_PUBLIC_URL is set; botkit has to run,
because the login comes back to it. The login is the server's own, for everybody who may call its tools, unless
--workspace or --person says whose it is. `--out` ends it.

Examples:

    botkit mcp login crm
    botkit mcp login crm --person ada
    botkit mcp login crm --out
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("server")
@click.option("--workspace", default="", metavar="NAME", help="Only for calls in this workspace.")
@click.option("--person", default="", metavar="ID", help="Only for calls on behalf of this person.")
@click.option("--out", "log_out", is_flag=True, help="Log out instead: forget the token.")
async def command(out: Output, server: str, workspace: str, person: str, log_out: bool) -> None:
    from botkit.cli.scopes import scope_of
    from botkit.cli.session import operations, whoami

    own = "" if workspace or person else server
    owner = scope_of(workspace=workspace, server=own, person=person)
    async with operations() as ops:
        if log_out:
            await ops.mcp.logout(server=server, owner=owner, by=whoami())
            out.result({"server": server, "owner": owner}, f"The login to {server} is forgotten.")
            return
        url = await ops.mcp.login(server=server, owner=owner, by=whoami())
    out.result({"server": server, "owner": owner, "url": url}, ["Open this address and log in:", url])
