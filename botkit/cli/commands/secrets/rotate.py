"""Replace a secret's value, or the master key that seals all of them.

The new value is typed unseen, or read from standard input; calls that begin afterwards use it. For the master
key in BOTKIT_MASTER_KEY: set it to NEW,OLD, start botkit again, then rotate, then drop OLD.

Examples:

    botkit secrets rotate OPENAI_API_KEY
    botkit secrets rotate --master-key
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output
from botkit.cli.scopes import read_value, scope_of, scope_options


@verb
@click.argument("name", required=False)
@click.option("--master-key", is_flag=True, help="Rotate the master key; no value changes.")
@scope_options
async def command(out: Output, name: str | None, master_key: bool, workspace: str, server: str, person: str) -> None:
    from botkit.cli.session import operations, whoami
    from botkit.core.errors import NotFound

    if master_key == bool(name):
        raise click.UsageError("give a NAME, or --master-key")
    if name is None:
        async with operations() as ops:
            rotated = await ops.secrets.rotate_master_key(by=whoami())
        records = f" and {rotated.payloads} records of calls" if rotated.payloads else ""
        out.result(
            rotated, f"Master key {rotated.key_id} seals now; {rotated.rewrapped} secrets{records} were wrapped anew."
        )
        return
    scope = scope_of(workspace=workspace, server=server, person=person)
    async with operations() as ops:
        known = {(info.scope, info.name) for info in await ops.secrets.list() if info.version}
        if (scope, name.upper()) not in known:
            raise NotFound(f"there is no secret {name} in {scope}; see `botkit secrets list`")
        stored = await ops.secrets.set(name=name, value=read_value(name), scope=scope, by=whoami())
    out.result(stored, f"{stored.name} has a new value (version {stored.version}).")
