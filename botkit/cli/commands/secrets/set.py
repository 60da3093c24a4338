"""Store a secret, or replace its value.

Without VALUE it is typed unseen, or read from standard input: a value on the command line can be seen by other
programs of this machine. With three words the first one is the server it is for.

Examples:

    botkit secrets set TELEGRAM_TOKEN
    pass show openai | botkit secrets set OPENAI_API_KEY
    botkit secrets set GITHUB_TOKEN --server github
    botkit secrets set github GITHUB_TOKEN ghp_example
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.output import Output
from botkit.cli.scopes import read_value, scope_of, scope_options


@verb
@click.argument("words", nargs=-1, required=True, metavar="[SERVER] NAME [VALUE]")
@scope_options
async def command(out: Output, words: tuple[str, ...], workspace: str, server: str, person: str) -> None:
    from botkit.cli.session import operations, whoami

    if len(words) > 3:
        raise click.UsageError("give NAME, NAME VALUE, or SERVER NAME VALUE; quote a value that has spaces")
    given = list(words)
    if len(given) == 3:
        if server:
            raise click.UsageError("the server is named twice")
        server = given.pop(0)
    name = given[0]
    scope = scope_of(workspace=workspace, server=server, person=person)
    value = given[1] if len(given) == 2 and given[1] != "-" else read_value(name)
    async with operations() as ops:
        stored = await ops.secrets.set(name=name, value=value, scope=scope, by=whoami())
    out.result(stored, f"{stored.name} is stored for {_whom(stored.scope)} (version {stored.version}).")


def _whom(scope: str) -> str:
    return "the whole instance" if scope == "instance" else scope.replace(":", " ", 1)
