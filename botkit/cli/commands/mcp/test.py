"""Start a server and list its tools; with TOOL, call it with an administrator's rights and show what happened.

Arguments are words NAME=VALUE, whose value is JSON where it can be read as such, or one JSON object in --arguments.
The call has a row in the call log like any other.

Examples:

    botkit mcp test notes
    botkit mcp test notes add text='buy tea'
    botkit mcp test github search --arguments '{"query": "is:open", "limit": 3}'
"""

from __future__ import annotations

from typing import Any, cast

import click

from botkit.cli.command import EXIT_FAILED, verb
from botkit.cli.output import Output


@verb
@click.argument("server")
@click.argument("tool", required=False, default="")
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--arguments", "given", metavar="JSON", help="All arguments as one JSON object.")
@click.option("--workspace", default="", metavar="NAME", help="Call it in this workspace instead of the first one.")
async def command(
    out: Output, server: str, tool: str, words: tuple[str, ...], given: str | None, workspace: str
) -> int:
    from botkit.cli.session import operations, whoami

    arguments = _arguments(words, given)
    async with operations() as ops:
        trial = await ops.mcp.test(server=server, tool=tool, arguments=arguments, workspace=workspace, by=whoami())
    lines = [f"{trial.server} is {trial.state}{': ' + trial.error if trial.error else ''}"]
    if not trial.tool:
        lines += [f"  {name}" for name in trial.tools] or ["  no workspace offers it, or it has no tools"]
        out.result(trial, "\n".join(lines))
        return EXIT_FAILED if trial.error else 0
    lines += [f"  … {news}" for news in trial.progress]
    lines += [
        f"{trial.tool} in {trial.workspace}: {trial.status} after {trial.duration_ms:.0f} ms",
        f"{trial.result_bytes} bytes, trace {trial.trace_id}, call {trial.call_id}",
        "",
        trial.message,
    ]
    out.result(trial, "\n".join(lines))
    return 0 if trial.status in ("ok", "waiting") else EXIT_FAILED


def _arguments(words: tuple[str, ...], given: str | None) -> dict[str, Any]:
    import json

    if given is not None:
        if words:
            raise click.UsageError("give NAME=VALUE words or --arguments, not both")
        try:
            value: Any = json.loads(given)
        except ValueError as error:
            raise click.UsageError(f"--arguments is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise click.UsageError("--arguments is not a JSON object")
        return cast("dict[str, Any]", value)
    arguments: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{word!r} is not NAME=VALUE")
        try:
            arguments[name] = json.loads(text)
        except ValueError:
            arguments[name] = text
    return arguments
