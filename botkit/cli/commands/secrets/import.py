"""Take secrets from a file of `secrets export`. Those that are stored already stay, unless --replace is given.

Examples:

    botkit secrets import secrets.sealed
    botkit secrets import secrets.sealed --replace --passphrase-file passphrase.txt
"""

# ruff: noqa: N999 - commands are named by their file

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output
from botkit.cli.scopes import read_passphrase


@verb
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace values that are stored already.")
@click.option("--passphrase-file", metavar="FILE", help="Read the passphrase from there instead of asking.")
async def command(out: Output, file: str, replace: bool, passphrase_file: str | None) -> None:
    from pathlib import Path

    from botkit.cli.session import operations, whoami

    content = Path(file).read_bytes().decode("utf-8", "replace")  # noqa: ASYNC240 - nothing else runs yet
    passphrase = read_passphrase(passphrase_file)
    async with operations() as ops:
        taken = await ops.secrets.take(content=content, passphrase=passphrase, replace=replace, by=whoami())
    kept = f" {taken.kept} stay as they are; replace them with --replace." if taken.kept else ""
    out.result(taken, f"{taken.stored} secrets are stored.{kept}")
