"""Write every stored secret into one file that a passphrase opens, for another machine or a safe.

The passphrase is typed unseen, or read from a file. The file does not need the master key, so keep the passphrase
apart from it. An existing file is not replaced.

Examples:

    botkit secrets export secrets.sealed
    botkit secrets export secrets.sealed --workspace desk
    botkit secrets export secrets.sealed --passphrase-file passphrase.txt
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output
from botkit.cli.scopes import read_passphrase, scope_of, scope_options


@verb
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--passphrase-file", metavar="FILE", help="Read the passphrase from there instead of asking.")
@scope_options
async def command(
    out: Output, file: str, passphrase_file: str | None, workspace: str, server: str, person: str
) -> None:
    import os

    from botkit.cli.session import operations, whoami

    scope = scope_of(workspace=workspace, server=server, person=person) if workspace or server or person else ""
    if os.path.exists(file):  # noqa: ASYNC240, PTH110 - one look, before anything runs
        raise click.UsageError(f"{file} exists already; choose another name or remove it")
    passphrase = read_passphrase(passphrase_file, twice=True)
    async with operations() as ops:
        sealed = await ops.secrets.export(passphrase=passphrase, scope=scope, by=whoami())
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(sealed.content.encode())
    out.result({"file": file, "secrets": sealed.secrets}, f"{sealed.secrets} secrets are in {file}.")
