"""Run a workflow for real, in the sandbox: messages come here, tools and models are the real ones.

Each node is shown as it finishes. Questions and approvals are answered in the terminal, or by the lines of standard
input. Exit codes: 0 it ended, 1 it failed, 3 it waits for somebody.

Examples:

    botkit workflows run orders -m "Where is A-1001?"
    botkit workflows run tickets --trigger webhook --event ticket.created --input @ticket.json
    botkit workflows run thanks --trigger event --from order.paid --input '{"total": 420}'
    botkit workflows run report --input '{"day": "2026-11-20"}' --json
    printf 'A-1001\\ny\\n' | botkit workflows run refund -m "I want my money back" --as carla
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from botkit.cli.command import verb
from botkit.cli.output import Output


@verb
@click.argument("name")
@click.option("-m", "--message", default="", help="What the person says.")
@click.option(
    "--input", "given", default="", metavar="JSON|@FILE", help="Input of a call, or body of a webhook or an event."
)
@click.option("--trigger", type=click.Choice(("message", "webhook", "cron", "api", "event")), help="What begins it.")
@click.option("--event", default="", help="Event of a webhook, such as ticket.created.")
@click.option(
    "--from",
    "source",
    default="",
    metavar="NAME",
    help="Key of the webhook or schedule in bots.yaml; name of an event.",
)
@click.option("--as", "person", default="operator", show_default=True, metavar="PERSON", help="Who is speaking.")
async def command(
    out: Output, name: str, message: str, given: str, trigger: str | None, event: str, source: str, person: str
) -> int:
    from botkit.cli.chat.workflow import try_workflow
    from botkit.cli.session import operations
    from botkit.core.ids import new_id

    value = _input(given)
    kind = trigger or ("message" if message or not given else "api")
    if kind == "message" and not message:
        raise click.UsageError("say something with -m, or begin with --input or --trigger")
    began: dict[str, Any] | None = None
    if kind == "webhook":
        began = {"kind": kind, "name": source, "event": event, "body": value, "headers": {}}
    elif kind == "event":
        began = {"kind": kind, "name": source, "body": value}
    elif kind != "message":
        began = {"kind": kind, "name": source, "input": value if value is not None else {}}
    elif value is not None:
        began = {"input": value}
    async with operations("chat") as ops:
        room = f"workflow-{name}-{new_id('t')[-8:]}"
        return await try_workflow(out, ops, name=name, person=person, room=room, text=message, trigger=began)


def _input(given: str) -> Any:
    import msgspec

    if not given:
        return None
    try:
        text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
        return msgspec.json.decode(text)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise click.BadParameter(f"no JSON in {given[:60]}: {error}", param_hint="--input") from error
