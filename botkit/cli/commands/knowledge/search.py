"""Look something up, as bots do, in all sources or some.

Examples:

    botkit knowledge search "how long do refunds take"
    botkit knowledge search parking --source shop --json
"""

from __future__ import annotations

import click

from botkit.cli.command import verb
from botkit.cli.options import limit_option
from botkit.cli.output import Output


@verb
@click.argument("query")
@click.option("--source", multiple=True, help="Only here; may be given again.")
@limit_option(5)
async def command(out: Output, query: str, source: tuple[str, ...], limit: int) -> None:
    from botkit.cli.session import operations

    async with operations() as ops:
        found = await ops.knowledge.search(query=query, sources=list(source), limit=limit)
    lines = [f"({found.notice})\n"] if found.notice else []
    for number, one in enumerate(found.passages, 1):
        by = " and ".join(one.found_by)
        lines.append(f"[{number}] {one.citation} ({one.score:.0%}, by {by}, {one.id})\n{one.text}\n")
    out.result(found, "\n".join(lines) if found.passages else "\n".join([*lines, "Nothing was found."]))
