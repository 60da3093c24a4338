"""Add a server reached over HTTP to bots.yaml, and offer it in workspaces. Comments in the file stay.

Examples:

    botkit mcp register https://mcp.example.com/mcp --workspace desk
    botkit mcp register https://crm.example.com/mcp --name crm --bearer CRM_TOKEN --workspace desk
    botkit mcp register http://10.1.2.3:8000/sse --name plant --transport sse --allow-private --allow-insecure
"""

from __future__ import annotations

from typing import Any

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("url")
@click.option(
    "--name", default="", metavar="NAME", help="Its name; the prefix of its tools. Default: from the address."
)
@click.option("--workspace", "workspaces", multiple=True, metavar="NAME", help="Offer it there; may be repeated.")
@click.option("--transport", type=click.Choice(("streamable-http", "sse")), help="`sse` for the first generation.")
@click.option("--bearer", metavar="SECRET", help="Send this secret as Authorization: Bearer.")
@click.option("--header", "headers", multiple=True, metavar="HEADER=SECRET", help="Send a secret as this header.")
@click.option("--query", "queries", multiple=True, metavar="PARAMETER=SECRET", help="Send a secret in the query.")
@click.option("--secret", "secrets", multiple=True, metavar="SECRET", help="Send it as X-Mcp-Secret-NAME.")
@click.option("--description", default="", metavar="TEXT", help="For people: what it is for.")
@click.option("--allow-private", is_flag=True, help="Permit an address in a private network.")
@click.option("--allow-insecure", is_flag=True, help="Permit plain HTTP to another machine.")
async def command(
    out: Output,
    url: str,
    name: str,
    workspaces: tuple[str, ...],
    transport: str | None,
    bearer: str | None,
    headers: tuple[str, ...],
    queries: tuple[str, ...],
    secrets: tuple[str, ...],
    description: str,
    allow_private: bool,
    allow_insecure: bool,
) -> None:
    from botkit.cli.changes import name_of_url, show_added
    from botkit.cli.session import operations, whoami

    rules: list[dict[str, Any]] = [{"secret": bearer, "bearer": True}] if bearer else []
    rules += [_rule("header", word) for word in headers] + [_rule("query", word) for word in queries]
    rules += [{"secret": secret} for secret in secrets]
    server: dict[str, Any] = {
        "url": url,
        **({"description": description} if description else {}),
        **({"transport": transport} if transport else {}),
        **({"inject": rules} if rules else {}),
        **({"allow_private": True} if allow_private else {}),
        **({"allow_insecure": True} if allow_insecure else {}),
    }
    async with operations() as ops:
        change = await ops.mcp.add(name=name or name_of_url(url), server=server, workspaces=workspaces, by=whoami())
    show_added(out, change)


def _rule(place: str, word: str) -> dict[str, Any]:
    target, equals, secret = word.partition("=")
    if not equals or not target or not secret:
        raise click.UsageError(f"--{place} {word!r} is not {place.upper()}=SECRET")
    return {"secret": secret, place: target}
