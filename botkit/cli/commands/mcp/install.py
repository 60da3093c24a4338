"""Add a server that botkit runs as a program: an npm or PyPI package, or any command. Comments in the file stay.

SPEC is `npm:PACKAGE[@VERSION]`, `pypi:PACKAGE[@VERSION]` or a program; what follows are its arguments. Nothing is
downloaded now: `npx` and `uvx` fetch a package at the server's first start.

Examples:

    botkit mcp install pypi:mcp-server-time --name clock --workspace desk
    botkit mcp install npm:@modelcontextprotocol/server-memory@2026.8.31 --workspace desk
    botkit mcp install --name files --env ROOT=/srv -- /usr/local/bin/files-mcp --read-only
"""

from __future__ import annotations

from typing import Any

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("spec")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--name", default="", metavar="NAME", help="Its name; the prefix of its tools. Default: from the package."
)
@click.option("--workspace", "workspaces", multiple=True, metavar="NAME", help="Offer it there; may be repeated.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of its process.")
@click.option("--secret", "secrets", multiple=True, metavar="[VARIABLE=]SECRET", help="A secret in its environment.")
@click.option("--description", default="", metavar="TEXT", help="For people: what it is for.")
async def command(
    out: Output,
    spec: str,
    args: tuple[str, ...],
    name: str,
    workspaces: tuple[str, ...],
    variables: tuple[str, ...],
    secrets: tuple[str, ...],
    description: str,
) -> None:
    from botkit.cli.changes import command_of, name_of_package, show_added
    from botkit.cli.session import operations, whoami

    argv = [*command_of(spec), *args]
    rules: list[dict[str, Any]] = []
    for word in secrets:
        variable, equals, secret = word.partition("=")
        rules.append({"secret": secret, "env": variable} if equals else {"secret": word})
    server: dict[str, Any] = {
        "command": argv[0],
        **({"args": argv[1:]} if argv[1:] else {}),
        **({"description": description} if description else {}),
        **({"env": dict(_pair(word) for word in variables)} if variables else {}),
        **({"inject": rules} if rules else {}),
    }
    async with operations() as ops:
        change = await ops.mcp.add(
            name=name or name_of_package(spec), server=server, workspaces=workspaces, by=whoami()
        )
    show_added(out, change)


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--env {word!r} is not NAME=VALUE")
    return name, value
