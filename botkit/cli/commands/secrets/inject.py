"""Say where a server gets a secret, in bots.yaml. Comments in the file stay.

Without a place: the header X-Mcp-Secret-NAME, and for a program the variable called NAME.

Examples:

    botkit secrets inject github GITHUB_TOKEN --bearer
    botkit secrets inject weather API_KEY --query key
    botkit secrets inject crm CRM_TOKEN --header X-Api-Key
    botkit secrets inject notes NOTES_DB --env DATABASE_URL
"""

from __future__ import annotations

from typing import Any

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("server")
@click.argument("name")
@click.option("--header", metavar="HEADER", help="Send it as this HTTP header.")
@click.option("--query", metavar="PARAMETER", help="Send it as this query parameter.")
@click.option("--bearer", is_flag=True, help="Send it as Authorization: Bearer.")
@click.option("--env", metavar="VARIABLE", help="Put it into this variable of the server's process.")
@click.option("--body", is_flag=True, help="Add it to the request body under `secrets`.")
@click.option("--as", "as_", type=click.Choice(("prefixed", "named")), help="Send it as a header made from its name.")
def command(
    out: Output,
    server: str,
    name: str,
    header: str | None,
    query: str | None,
    bearer: bool,
    env: str | None,
    body: bool,
    as_: str | None,
) -> None:
    from botkit.app.environment import load_environment
    from botkit.core.config.edit import Editor

    places: dict[str, Any] = {
        "header": header,
        "query": query,
        "bearer": bearer or None,
        "env": env,
        "body": body or None,
        "as": as_,
    }
    given = {key: value for key, value in places.items() if value is not None}
    if len(given) > 1:
        raise click.UsageError(f"choose one place: {', '.join('--' + key for key in given)}")
    editor = Editor(load_environment().config)
    written: list[dict[str, Any]] = editor.get(f"servers.{server}.inject") or []
    rules = [rule for rule in written if rule.get("secret") != name]
    editor.set(f"servers.{server}.inject", [*rules, {"secret": name, **given}])
    changed = ", ".join(editor.changed)
    config = editor.save()
    where = next((f"{key} {value}" if value is not True else key for key, value in given.items()), "a header")
    out.result(
        {"server": server, "rules": config.servers[server].model_dump(mode="json", by_alias=True)["inject"]},
        [
            f"{server} gets {name} as {where}: {changed or 'nothing had to change'}.",
            f"Store its value with: botkit secrets set {name}",
        ],
    )
